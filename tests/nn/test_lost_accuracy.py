"""Least squares, one example a step: what rounding forward and backward costs, through a recipe alone.

Zamirai et al. 2020 (arXiv:2010.06192), section 3: the weights' updates hurt, not forward and backward. An independent
model gives 0.35 to 0.38 for the loss that forward sees with predictions and gradients in bfloat16, and 0.25 to 0.27 in
float64. Operands are not rounded: with bfloat16 copies of the weights it is 0.57, with examples that are no bfloat16
numbers 0.69.
"""

import numpy as np

import nfloat as nf

STEPS, LAST = 3000, 2000


def loss(recipe):
    """The mean over the last steps, 10 features, weights in 0..100, noise 0.5."""
    rng = np.random.default_rng(1)
    wanted = 100.0 * rng.random(10)
    x = nf.round(rng.standard_normal((STEPS, 1, 10)), "bfloat16")
    y = x @ wanted + 0.5 * rng.standard_normal((STEPS, 1))
    model = nf.nn.Linear(10, 1, bias=False)
    model.init(seed=0)
    trainer = nf.nn.Trainer(model, nf.nn.SGD(model.parameters(), lr=0.005), recipe, loss=nf.nn.mse)
    found = [trainer.step(one, other[:, np.newaxis]).loss for one, other in zip(x, y, strict=True)]
    return np.mean(found[-LAST:])


def test_rounding_forward_and_backward_costs_little():
    passes = nf.nn.recipe("float32").replace(activations="bfloat16", activation_gradients="bfloat16")
    assert 0.23 < loss("float64") < 0.30 < 0.32 < loss(passes) < 0.42
    assert loss("bf16-pure") > 1.5  # every update rounded as well
