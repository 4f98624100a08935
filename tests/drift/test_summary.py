"""Conclusions drawn from rows that are made up, so that each verdict and each mean is known."""

import math

import pytest

from nfloat.drift import Config
from nfloat.drift.rows import MODEL, Row
from nfloat.drift.summary import recovery, summarise

CONFIG = Config(recipes=("float64", "bf16-pure"), steps=10, every=5)


def rows_of(recipe, *, loss=0.2, reference=0.2, path=0.0, first=2.3, extra=()):
    def row(step, layer, tensor, metric, value):
        return Row(recipe=recipe, step=step, layer=layer, tensor=tensor, metric=metric, value=value)

    return [
        row(0, MODEL, "loss", "train_loss", first),
        row(0, MODEL, "loss", "train_loss_gap", 0.0),
        *(row(*item) for item in extra),
        row(10, MODEL, "weights", "path_distance", path),
        row(10, MODEL, "loss", "train_loss", loss),
        row(10, MODEL, "loss", "train_loss_gap", loss - reference),
        row(10, MODEL, "loss", "test_error", 0.1),
    ]


@pytest.mark.parametrize(
    ("loss", "path", "verdict"),
    [
        (0.2, 0.001, "follows"),
        (0.2 * 1.5, 0.001, "drifts"),
        (0.2 * 0.5, 0.001, "drifts"),
        (0.2, 0.9, "wanders"),
        (2.4, 0.9, "diverged"),
        (math.nan, math.nan, "diverged"),
        (math.inf, 0.1, "diverged"),
    ],
)
def test_verdict(loss, path, verdict):
    (summary,) = summarise(CONFIG, rows_of("bf16-pure", loss=loss, path=path))
    assert summary["verdict"] == verdict


def test_an_unfinished_run_is_incomplete():
    (summary,) = summarise(CONFIG, rows_of("bf16-pure")[:2])
    assert summary["verdict"] == "incomplete"
    assert summary["step"] == 0


def test_figures():
    extra = [
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
        (0, MODEL, "loss", "scale", 65536.0),
        (3, MODEL, "loss", "skipped", 1.0),
        (4, MODEL, "loss", "skipped", 1.0),
    ]
    (summary,) = summarise(CONFIG, rows_of("bf16-pure", loss=0.3, reference=0.2, extra=extra))
    assert summary["stagnation"] == 0.4
    assert summary["grad_error"] == 0.2
    assert summary["grad_cosine"] == 0.8
    assert summary["underflow"] == 0.375
    assert summary["overflow"] == 0.0
    assert summary["skipped"] == 2.0
    assert summary["loss_ratio"] == 0.3 / (0.3 - (0.3 - 0.2))
    assert summary["test_error"] == 0.1


def test_order_is_the_configuration_s():
    summaries = summarise(CONFIG, [*rows_of("bf16-pure"), *rows_of("float64")])
    assert [item["recipe"] for item in summaries] == ["float64", "bf16-pure"]


def test_recovery_needs_both():
    summaries = summarise(CONFIG, rows_of("bf16-pure", loss=0.4))
    assert recovery(summaries, "bf16-pure-sr", "bf16-pure") is None
    assert recovery(summaries, "bf16-pure", "float64") is None
