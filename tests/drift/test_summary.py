"""Conclusions drawn from rows that are made up, so that each verdict, interval and mean is known."""

import math

import pytest

from nfloat.drift import Config
from nfloat.drift.members import TWIN, null_name
from nfloat.drift.rows import MODEL, Row
from nfloat.drift.summary import recovery, summarise

CONFIG = Config(recipes=("float64", "bf16-pure"), steps=10, every=5, seeds=3)
NULL = null_name(8)
#: float64's losses at three seeds, and factors that scatter a little
LOSSES, SCATTER = (0.2, 0.21, 0.19), (1.0, 1.001, 0.999)
NAN, INF = math.nan, math.inf


def row(recipe, seed, step, tensor, metric, value, layer=MODEL):
    return Row(recipe=recipe, seed=seed, step=step, layer=layer, tensor=tensor, metric=metric, value=value)


def run_of(recipe, seed, loss, *, reference=0.2, path=0.01, first=2.3):
    return [
        row(recipe, seed, 0, "loss", "train_loss", first),
        row(recipe, seed, 0, "loss", "train_loss_gap", 0.0),
        row(recipe, seed, 10, "weights", "path_distance", path),
        row(recipe, seed, 10, "loss", "train_loss", loss),
        row(recipe, seed, 10, "loss", "train_loss_gap", loss - reference),
        row(recipe, seed, 10, "loss", "test_error", 0.1),
    ]


def rows_of(factors, *, paths=(0.01, 0.011, 0.009), null=SCATTER, twin=LOSSES):
    """The rows of bf16-pure, whose loss is so many times float64's at each seed, and of what it is compared with."""
    rows = []
    for seed, (loss, factor, path, pushed) in enumerate(zip(twin, factors, paths, null, strict=True)):
        rows += run_of(TWIN, seed, loss, path=0.0) + run_of(NULL, seed, loss * pushed, path=0.01)
        rows += run_of("bf16-pure", seed, loss * factor, reference=loss, path=path)
    return rows


@pytest.mark.parametrize(
    ("factors", "verdict"),
    [
        ((1.001, 0.999, 1.0), "not distinguishable"),
        ((1.3, 0.8, 1.05), "not distinguishable"),  # twice as far at one seed, the other way at another
        ((1.0, 1.0, 1.0), "not distinguishable"),
        ((1.5, 1.501, 1.5), "worse"),
        ((0.5, 0.499, 0.5), "better"),
        ((1.5, 20.0, 1.5), "diverged"),  # ended above its start at one seed
        ((1.5, NAN, 1.5), "diverged"),
        ((INF, INF, INF), "diverged"),
    ],
)
def test_verdict(factors, verdict):
    (summary,) = summarise(CONFIG, rows_of(factors))
    assert summary["verdict"] == verdict


def test_a_wide_null_hides_an_effect():
    """Where float64 itself scatters by a third, half as much again is no finding; where it does not, it is one."""
    factors = (1.5, 1.501, 1.5)
    assert summarise(CONFIG, rows_of(factors))[0]["verdict"] == "worse"
    assert summarise(CONFIG, rows_of(factors, null=(0.7, 1.5, 0.6)))[0]["verdict"] == "not distinguishable"


def test_the_interval_holds_the_effect_and_its_power_is_said():
    (summary,) = summarise(CONFIG, rows_of((1.5, 1.501, 1.5)))
    assert summary["low"] < summary["effect"] < summary["high"]
    assert summary["effect"] == pytest.approx(0.5, abs=0.002)
    assert 0.0 < summary["p_value"] < 0.01
    # the effect that would be found is wider than half the interval, since power is above a half
    assert summary["detectable"] > (summary["high"] - summary["low"]) / 3


def test_where_float64_diverges_too_nothing_is_decided():
    (summary,) = summarise(CONFIG, rows_of((1.0, NAN, NAN), twin=(0.2, NAN, NAN)))
    assert (summary["verdict"], summary["effect"]) == ("undecided", None)


def test_one_seed_decides_nothing():
    rows = [item for item in rows_of((1.5, 1.5, 1.5)) if item["seed"] == 0]
    assert summarise(CONFIG.replace(seeds=1), rows)[0]["verdict"] == "undecided"
    assert summarise(CONFIG, rows)[0]["verdict"] == "incomplete"


def test_the_path_is_a_statement_of_its_own():
    near, far, close = (
        summarise(CONFIG, rows_of((1.001, 0.999, 1.0), paths=paths))[0]
        for paths in ((0.01, 0.011, 0.009), (0.2, 0.21, 0.2), (0.0001, 0.00011, 0.0001))
    )
    assert [item["verdict"] for item in (near, far, close)] == ["not distinguishable"] * 3
    assert near["path_verdict"] == "as far as the null"
    assert far["path_verdict"] == "farther than the null"
    assert close["path_verdict"] == "nearer than the null"
    assert far["path_low"] < far["path_ratio"] < far["path_high"]
    assert far["path_ratio"] == pytest.approx(20.3, abs=0.2)


def test_an_unfinished_run_is_incomplete():
    (summary,) = summarise(CONFIG, run_of("bf16-pure", 0, 0.3)[:2])
    assert summary["verdict"] == "incomplete"
    assert summary["step"] == 0


def measured(*extra):
    return [row("bf16-pure", 0, step, tensor, metric, value, layer) for step, layer, tensor, metric, value in extra]


def test_figures():
    rows = measured(
        (0, MODEL, "weights", "stagnation", 0.2),
        (5, MODEL, "weights", "stagnation", 0.6),
        (0, MODEL, "weights.grad", "relative_error", 0.1),
        (5, MODEL, "weights.grad", "relative_error", 0.3),
        (0, MODEL, "weights.grad", "cosine", 0.9),
        (5, MODEL, "weights.grad", "cosine", 0.8),
        (0, "0", "activation.grad", "underflow", 0.5),
        (5, "0", "activation.grad", "underflow", 0.25),
        (0, "2", "activation.grad", "underflow", 0.0),
        (0, "0", "activation", "overflow", 0.0),
        (3, MODEL, "loss", "skipped", 1.0),
        (4, MODEL, "loss", "skipped", 1.0),
    )
    (summary,) = summarise(CONFIG, [*rows, *run_of("bf16-pure", 0, 0.3)])
    assert summary["stagnation"] == 0.4
    assert summary["grad_error"] == 0.2
    assert summary["grad_cosine"] == 0.8
    assert summary["underflow"] == 0.375
    assert summary["overflow"] == 0.0
    assert summary["skipped"] == 2.0
    assert summary["left_out"] == 0
    assert summary["loss_ratio"] == 0.3 / (0.3 - (0.3 - 0.2))
    assert summary["test_error"] == 0.1


@pytest.mark.parametrize("order", [(0.1, NAN, 0.3, 0.2), (NAN, 0.3, 0.2, 0.1), (0.3, 0.2, 0.1, NAN)])
def test_nan_is_left_out_and_counted_wherever_it_stands(order):
    rows = measured(
        *((step, MODEL, "weights.grad", "relative_error", value) for step, value in enumerate(order)),
        *((step, MODEL, "weights.grad", "cosine", value) for step, value in enumerate(order)),
        *((step, "0", "activation", "underflow", value) for step, value in enumerate(order)),
    )
    (summary,) = summarise(CONFIG, [*rows, *run_of("bf16-pure", 0, NAN)])
    assert (summary["grad_error"], summary["grad_cosine"], summary["left_out"]) == (0.2, 0.1, 1)
    assert summary["underflow"] == pytest.approx(0.2)


def test_order_is_the_configuration_s():
    rows = [*run_of("bf16-pure", 0, 0.3), *run_of("float64", 0, 0.2)]
    assert [item["recipe"] for item in summarise(CONFIG, rows)] == ["float64", "bf16-pure"]


def test_recovery_needs_a_loss_that_was_given_away():
    worse = {"recipe": "a", "effect": 0.2, "verdict": "worse"}
    repaired = {"recipe": "a-sr", "effect": 0.02, "verdict": "not distinguishable"}
    assert recovery([worse, repaired], "a-sr", "a") == 0.9
    assert recovery([{**worse, "effect": -0.2, "verdict": "better"}, repaired], "a-sr", "a") is None
    assert recovery([{**worse, "verdict": "not distinguishable"}, repaired], "a-sr", "a") is None
    assert recovery([worse], "a-sr", "a") is None
    assert recovery([repaired], "a-sr", "a") is None
