"""Training on the digits, short: what drifts and what does not, in the proportions of Zamirai et al.

2020 and Micikevicius et al. 2018.

The full runs (30 epochs) belong to the studies; here are 8 epochs of the same set-up, 64-64-10, ReLU, SGD 0.02,
batches of 32.
"""

import itertools

import numpy as np
import pytest

from nfloat.errors import ArgumentError, ShapeError
from nfloat.nn import SGD, Linear, ReLU, Sequential, Tensor, Trainer, batches, evaluate, gradients, load_data, mse

STEPS = 8 * 43


class Stagnation:
    """Share of the weights with a gradient that an update left as they were."""

    def __init__(self):
        self.moved = self.stuck = 0

    def __call__(self, update):
        moved = update.gradient != 0
        self.moved += np.count_nonzero(moved)
        self.stuck += np.count_nonzero(moved & (update.before == update.after))

    @property
    def share(self):
        return self.stuck / self.moved


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


@pytest.fixture(scope="module")
def trained(digits):
    """recipe -> (loss over the training images, stagnated share)."""

    def train(name):
        rng, watch = np.random.default_rng(0), Stagnation()
        model = Sequential(Linear(64, 64), ReLU(), Linear(64, 10))
        model.init(seed=rng)
        trainer = Trainer(model, SGD(model.parameters(), lr=0.02), name)
        for batch in itertools.islice(batches(1400, 32, rng), STEPS):
            trainer.step(digits.train_x[batch], digits.train_y[batch], watch=watch)
        return evaluate(model, digits.train_x, digits.train_y).loss, watch.share

    names = ("float64", "bf16-mixed", "fp16-mixed", "tf32", "bf16-pure", "bf16-pure-sr", "bf16-pure-kahan", "fp16-pure")
    return {name: train(name) for name in names}


def test_it_learns(trained):
    assert trained["float64"][0] < 0.9  # log 10 = 2.3 at the start
    assert trained["float64"][1] == 0.0


@pytest.mark.parametrize(
    "name, within",
    [("bf16-mixed", 1e-3), ("fp16-mixed", 1e-4), ("tf32", 1e-4), ("bf16-pure-kahan", 1e-2), ("bf16-pure-sr", 2e-2)],
)
def test_master_weights_compensation_and_stochastic_rounding_stay_with_float64(trained, name, within):
    assert abs(trained[name][0] / trained["float64"][0] - 1) < within


def test_nearest_bfloat16_loses_updates(trained):
    assert trained["bf16-pure"][0] > 1.1 * trained["float64"][0]
    assert trained["bf16-pure"][1] > 0.6
    assert 0.1 < trained["fp16-pure"][1] < 0.5
    assert abs(trained["fp16-pure"][0] / trained["float64"][0] - 1) < 2e-2


def test_evaluate(digits):
    model = Sequential(Linear(64, 10))
    model.init(seed=0)
    result = evaluate(model, digits.test_x, digits.test_y)
    wrong = np.mean(model(digits.test_x).data.argmax(axis=1) != digits.test_y)
    assert result.accuracy == 1 - wrong or abs(result.accuracy - (1 - wrong)) < 1e-12
    model.parameters()["0.bias"].data = np.full(10, np.nan)
    assert evaluate(model, digits.test_x, digits.test_y).accuracy == 0.0


def test_gradients_do_not_depend_on_the_scale_in_float64(digits):
    model = Sequential(Linear(64, 10))
    model.init(seed=0)
    x, y = digits.train_x[:32], digits.train_y[:32]
    (loss, plain), (same, scaled) = gradients(model, x, y), gradients(model, x, y, scale=1024.0)
    assert loss == same
    assert all(np.array_equal(plain[name], scaled[name]) for name in plain)


def test_regression_with_another_loss():
    rng = np.random.default_rng(0)
    x, slope = rng.standard_normal((64, 3)), np.array([[1.0, -2.0, 0.5]])
    model = Sequential(Linear(3, 1))
    model.init(seed=0)
    trainer = Trainer(model, SGD(model.parameters(), lr=0.1), "bf16-mixed", loss=mse)
    losses = [trainer.step(x, x @ slope.T).loss for _ in range(200)]
    assert losses[-1] < 1e-4 * losses[0]
    assert np.isnan(evaluate(model, x, x @ slope.T, loss=mse).accuracy)


def test_a_parameter_the_loss_does_not_reach_has_no_gradient():
    model = Sequential(Linear(2, 2))
    model.init(seed=0)
    with pytest.raises(ArgumentError, match="requires_grad"):
        Trainer(model, SGD(model.parameters(), lr=0.1), loss=lambda result, y: Tensor([1.0]).sum()).step(
            [[1.0, 2.0]], [0]
        )


def test_a_batch_that_does_not_fit():
    model = Sequential(Linear(2, 2))
    model.init(seed=0)
    with pytest.raises(ShapeError, match=r"\(\.\.\., 2\)"):
        Trainer(model, SGD(model.parameters(), lr=0.1)).step(np.ones((4, 3)), np.zeros(4, int))
