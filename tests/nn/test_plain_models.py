"""Twenty steps of a convolutional network and of a transformer, bit for bit those of the plain models.

Under every recipe whose operands are rounded number by number, and under one that has a format, a mode or an
accumulator of its own in nearly every field.
"""

import numpy as np
import pytest
from plain_models import PlainConvolutional, PlainTransformer

import nfloat as nf
from nfloat.nn.recipes import BlockCast, Cast

pytestmark = pytest.mark.usefixtures("threads_for_little_work")

MOTLEY = nf.nn.recipe("float32").replace(
    name="motley",
    weights=Cast("e8m13", "stochastic"),
    weight_copy="e6m9",
    activations=Cast("float16", "toward_zero"),
    gemm_inputs="e7m8",
    attention_inputs="bfloat16",
    forward=nf.Accumulator("e8m13", product="e8m14", order="blocked", block=5, promote="float32"),
    backward=nf.Accumulator("tfloat32", rounding="toward_zero", order="pairwise"),
    sums=nf.Accumulator("e8m13", order="interleaved", lanes=3),
    activation_gradients=Cast("e8m9", "nearest_away"),
    weight_gradients="e8m11",
    update="e8m12",
    compensation="bfloat16",
)


def by_number(recipe):
    """Whether every operand is rounded number by number."""
    products = ("forward", "input_gradient", "weight_gradient")
    casts = [recipe.operand(product, which) for product in products for which in ("x", "w", "dy", "a")]
    return not any(isinstance(cast, BlockCast) for cast in casts)


#: scales of a tensor and delayed ones, MX along k, NVFP4 in tiles and behind a Hadamard transform, a head of its own
BLOCKS = MOTLEY.replace(
    name="blocks", weights="e8m13", gemm_inputs=None, weight_gradients="bfloat16",
    forward_x="mxfp8_e4m3", forward_w="nvfp4:tile=16",
    input_gradient_dy="float8_e5m2:delayed=3:margin=1", input_gradient_w="float8_e4m3fn:current",
    weight_gradient_dy="mxfp4:stochastic:hadamard=8", weight_gradient_x="nvfp4:stochastic:hadamard=8",
    layers={"head": {"forward_w": "mxint8", "weight_gradient_dy": "mxfp6_e3m2:rceil", "weight_gradient_x": "e5m5"},
            "4": {"forward_x": "e5m6", "input_gradient_dy": "mxfp8_e5m2:stochastic"}},
)  # fmt: skip

RECIPES = [recipe for recipe in nf.nn.recipes.values() if by_number(recipe)] + [MOTLEY]
SCALED = [recipe for recipe in nf.nn.recipes.values() if not by_number(recipe)] + [BLOCKS]
STEPS, LR, SEED = 20, 0.05, 6


def convolutional():
    model = nf.nn.Sequential(
        nf.nn.Conv2d(1, 3, 3, padding=1), nf.nn.BatchNorm2d(3), nf.nn.ReLU(), nf.nn.MaxPool2d(2),
        nf.nn.Conv2d(3, 4, 3, stride=2, padding=1), nf.nn.ReLU(), nf.nn.Flatten(), nf.nn.Linear(16, 5),
    )  # fmt: skip
    rng = np.random.default_rng(4)
    return model, PlainConvolutional, rng.standard_normal((6, 1, 8, 8)), rng.integers(0, 5, 6), {}


def transformer():
    rng = np.random.default_rng(5)
    model = nf.nn.models.transformer(7, 5, 8, 1, 2)
    return model, PlainTransformer, rng.integers(0, 7, (4, 5)), rng.integers(0, 7, (4, 5)), {"heads": 2}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("recipe", RECIPES + SCALED, ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("make", [convolutional, transformer])
def test_twenty_steps(make, recipe):
    model, plain, x, y, options = make()
    model.init(seed=3)
    values = [{name: t.data for name, t in kept.items()} for kept in (model.parameters(), model.buffers())]
    mine = nf.nn.Trainer(model, nf.nn.SGD(model.parameters(), lr=LR), recipe, seed=SEED)
    theirs = plain(recipe, *values, SEED, LR, **options)
    for step in range(STEPS):
        assert mine.step(x, y).loss == theirs.run(x, y), step
        for name, tensor in model.parameters().items():
            assert np.array_equal(tensor.data, theirs.w[name]), (step, name)
    for name, tensor in model.buffers().items():
        assert "num" in name or np.array_equal(tensor.data, theirs.buffers[name])


def test_the_motley_recipe_differs_in_every_way():
    """Its steps are nobody else's."""
    found = set()
    for recipe in RECIPES:
        model, _, x, y, _ = convolutional()
        model.init(seed=3)
        trainer = nf.nn.Trainer(model, nf.nn.SGD(model.parameters(), lr=LR), recipe, seed=SEED)
        found.add(sum(trainer.step(x, y).loss for _ in range(6)))
    assert len(found) > len(RECIPES) - 3
