"""First trouble: which row it is, by hand."""

import math

import pytest

import nfloat as nf
from nfloat.drift import Config, Result
from nfloat.drift.rows import MODEL, Row
from nfloat.drift.trouble import Trouble, first_trouble
from nfloat.errors import ArgumentError


def row(step, layer, tensor, metric, value, *, recipe="a", seed=0):
    return Row(recipe=recipe, seed=seed, step=step, layer=layer, tensor=tensor, metric=metric, value=value)


def test_the_first_step_then_the_order_of_the_computation():
    rows = [
        row(2, MODEL, "loss", "batch_loss", math.nan),
        row(2, "0", "weight", "stagnation", 0.9),
        row(2, "0", "weight.state.v", "underflow", 0.4),
        row(2, "2", "weight.update", "overflow", 0.1),
        row(4, "0", "activation", "nan", 1.0),
        row(0, "0", "activation", "underflow", 0.05),
        row(0, "0", "weight", "stagnation", 0.9, recipe="b"),
        row(0, "0", "weight", "stagnation", 0.9, seed=1),
    ]
    assert first_trouble(rows, "a", 0) == Trouble(2, "0", "weight.state.v", "underflow", 0.4)
    assert first_trouble(rows, "c", 0) is None


@pytest.mark.parametrize(
    ("tensor", "metric", "value", "is_trouble"),
    [
        ("activation", "nan", 0.001, True),
        ("activation", "overflow", 0.0, False),
        ("weight.grad", "overflow", 0.001, True),
        ("weight.grad", "underflow", 0.1, False),
        ("weight.grad", "underflow", 0.11, True),
        ("weight.state.v", "underflow", 0.02, True),
        ("weight.compensation", "underflow", 1.0, False),
        ("weight.compensation", "overflow", 0.5, True),
        ("weight", "stagnation", 0.5, False),
        ("weight.grad", "cosine", 0.95, False),
        ("weight.grad", "cosine", math.nan, False),
        ("loss", "batch_loss", math.inf, True),
    ],
)
def test_thresholds(tensor, metric, value, is_trouble):
    assert (first_trouble([row(0, "0", tensor, metric, value)], "a", 0) is not None) == is_trouble


def test_weights_that_stay_are_no_trouble_where_nothing_is_lost():
    rows = [row(0, "0", "weight", "stagnation", 0.9), row(0, MODEL, "weights", "stagnation", 0.9)]
    for name, is_trouble in (("bf16-pure", True), ("bf16-pure-sr", False), ("bf16-pure-kahan", False)):
        assert (first_trouble(rows, "a", 0, nf.nn.recipe(name)) is not None) == is_trouble


def test_a_recipe_that_is_not_there():
    result = Result(Config(recipes=("tf32",)), [])
    assert result.first_trouble("tf32") is None
    with pytest.raises(ArgumentError, match="'tf3' is none of this run; did you mean 'tf32'"):
        result.first_trouble("tf3")


def test_a_learning_rate_of_zero_loses_no_update():
    """The first step of a warm-up; where rounding leaves nothing of a step, all of it is lost."""
    quick = Config(data="blobs", recipes=("float64",), steps=2, every=1, width=4, seeds=1, ablate="none")
    warm = nf.drift.run(quick.replace(optimizer="sgd+warm_up=2", attribute=False))
    lost = [(r["step"], r["value"]) for r in warm.rows if r["metric"] == "stagnation" and r["layer"] == MODEL]
    assert lost == [(1, 0.0)] and warm.first_trouble("float64") is None
    gone = nf.drift.run(quick.replace(recipes=("float64+update=e4m3",), lr=1e-9, attribute=False))
    assert {r["value"] for r in gone.rows if r["metric"] == "stagnation" and r["layer"] == MODEL} == {1.0}


def test_what_the_engine_calls_its_tensors():
    """Names of the state are the optimiser's own: each momentum is told from the other."""
    seen = set()
    model = nf.nn.Sequential(nf.nn.Linear(3, 2))
    model.init(seed=0)
    trainer = nf.nn.Trainer(model, nf.nn.Adam(model.parameters(), lr=0.01), "bf16-pure-kahan")
    trainer.step([[1.0, 2.0, 3.0]], [1], observer=lambda layer, tensor, *_: seen.add(tensor))
    assert {"weight.state.m", "weight.state.v", "weight.compensation", "weight", "input"} <= seen
