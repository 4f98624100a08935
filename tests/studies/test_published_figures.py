"""The published figures, restated here: each study at its published set-up, or the part of it that has figures."""

import dataclasses

import numpy as np
import pytest

from nfloat.studies import STUDIES, loss_scaling
from nfloat.studies.selection import number, where

FIGURES = []


def figures(check):
    """One study's."""
    FIGURES.append(check)
    return check


def run(name, **changes):
    study = STUDIES[name]
    rows = study.run(dataclasses.replace(study.params, **changes), 0)
    checks = study.checks(rows)
    assert [(c.figure, c.measured, c.expected) for c in checks if not c.ok] == []
    return rows, checks


def one(rows, column, **coordinates):
    (row,) = where(rows, **coordinates)
    return number(row, column)


HARMONIC = {
    "float32": (15.403682708740234, 2_097_152),
    "float16": (7.0859375, 513),
    "tfloat32": (7.0859375, 513),
    "bfloat16": (5.0625, 65),
    "e6m9": (6.40625, 257),
    "float8_e4m3fn": (3.0, 9),
    "float8_e5m2": (2.0, 5),
    "float6_e2m3fn": (2.5, 7),
    "float6_e3m2fn": (2.0, 5),
    "float4_e2m1fn": (2.0, 4),
}


@figures
def stagnation():
    rows, checks = run("stagnation", repeats=100)
    for fmt, (limit, first) in HARMONIC.items():
        assert one(rows, "result", sum="harmonic", format=fmt, rounding="nearest_even") == limit
        assert one(rows, "first_unchanged", sum="harmonic", format=fmt, rounding="nearest_even") == first
    ones = {
        "float32": 2**24,
        "float16": 2048,
        "tfloat32": 2048,
        "bfloat16": 256,
        "e6m9": 1024,
        "float8_e4m3fn": 16,
        "float8_e5m2": 8,
    }
    for fmt, stop in ones.items():
        assert one(rows, "result", sum="ones", format=fmt) == stop
    assert one(rows, "result", sum="small", format="float16") == 0.25
    assert one(rows, "result", sum="small", format="bfloat16") == 0.03125
    assert one(rows, "result", sum="drip", format="bfloat16", rounding="nearest_even") == 1.0
    assert one(rows, "result", sum="drip", format="bfloat16", rounding="stochastic") == pytest.approx(1.998, abs=0.034)
    assert one(rows, "exact", sum="harmonic", format="float16", n=16_384) == pytest.approx(10.281, abs=2e-3)
    assert len(checks) == 42


@figures
def swamping():
    rows, checks = run("swamping", growth_repeats=25)
    naive = {
        "e6m9": (0.999, 0.920, 0.497, 0.250, 0.0626),
        "float16": (1.0, 0.998, 0.918, 0.501, 0.125),
        "bfloat16": (0.499, 0.25, 0.125, 0.063, 0.016),
    }
    for fmt, ratios in naive.items():
        for n, ratio in zip((2048, 4096, 8192, 16_384, 65_536), ratios, strict=True):
            assert one(rows, "ratio", data="mean_one", format=fmt, method="nearest", n=n) == pytest.approx(
                ratio, abs=0.02
            )
            if n < 65_536 or fmt != "float16":  # where float16 does not overflow
                assert one(rows, "ratio", data="mean_one", format=fmt, method="stochastic", n=n) == pytest.approx(
                    1.0, abs=0.05
                )
    assert one(rows, "ratio", data="mean_one", format="e6m9", method="chunk64", n=65_536) == pytest.approx(
        1.0, abs=0.02
    )
    assert one(rows, "ratio", data="mean_one", format="bfloat16", method="chunk32", n=65_536) == pytest.approx(
        0.25, abs=0.02
    )
    assert one(rows, "ratio", data="mean_one", format="bfloat16", method="chunk64", n=65_536) == pytest.approx(
        0.5, abs=0.02
    )
    for fmt in ("float16", "bfloat16"):
        short, long = (
            one(rows, "error_u", data="positive", format=fmt, method="fabsum32", n=n) for n in (1000, 100_000)
        )
        assert long < short / 5
    assert len(checks) == 76


@figures
def long_products():
    rows, checks = run("long-gemm", k=(4096,), repeats=8)
    largest = {
        "14 bits": 0.0053,
        "14 bits truncating": 0.070,
        "14 bits promoted": 7.8e-5,
        "14 bits truncating promoted": 7.5e-4,
        "24 bits": 4e-7,
        "Hopper": 0.070,
    }
    for name, error in largest.items():
        assert one(rows, "max_error", data="positive", accumulator=name) == pytest.approx(error, rel=0.1)
    for name in ("14 bits", "14 bits truncating", "Hopper"):
        plain, promoted = (one(rows, "max_error", data="positive", accumulator=n) for n in (name, f"{name} promoted"))
        assert plain >= 50 * promoted
        assert 0.003 <= plain <= 0.08
    assert len(checks) == 17


@figures
def input_formats():
    rows, checks = run("input-formats")
    for k in (64, 256, 1024):
        bf16, tf32, fp16 = (one(rows, "frobenius", format=f, k=k) for f in ("bfloat16", "tfloat32", "float16"))
        assert bf16 / tf32 == pytest.approx(8.0, rel=0.01)
        assert fp16 == pytest.approx(tf32, rel=1e-3)
        assert bf16 == pytest.approx(2.35e-3, rel=0.02)
    assert one(rows, "sqnr_db", format="bfloat16", k=64) == pytest.approx(55.6, abs=0.1)
    assert one(rows, "sqnr_db", format="tfloat32", k=64) == pytest.approx(73.7, abs=0.1)
    assert len(checks) == 36


@figures
def error_of_products():
    rows, checks = run("gemm-error", k=(16, 512, 2048), size=8)
    assert all(number(row, "error_over_bound") <= 1.0 for row in rows)
    for fmt in ("bfloat16", "float16", "float32"):
        # compensation beats a plain sum on 8 x 512 x 8
        plain, kahan = (
            one(rows, "error_max", data="positive", format=fmt, order=o, k=512) for o in ("sequential", "kahan")
        )
        assert kahan < plain / 4
    assert len(checks) == 65


@figures
def gradient_drift():
    rows, checks = run("gradient-drift", depths=(8,), bits=(8, 11), runs=3, trained=(1,), training_runs=1, steps=60)
    # a bit halves a smooth network's error, of ReLUs it takes two
    for network, factor in (("tanh, critical", 8.0), ("tanh, chaotic", 8.0), ("relu", 8.0**0.5)):
        errors = [
            sum(number(row, "error") for row in where(rows, what="gradient", network=network, depth=8, bits=bits))
            for bits in (8, 11)
        ]
        assert errors[0] / errors[1] == pytest.approx(factor, rel=0.2)
    paths = [
        sum(number(row, "path") for row in where(rows, what="path", network="tanh, critical", bits=bits))
        for bits in (8, 11)
    ]
    assert paths[0] / paths[1] == pytest.approx(8.0, rel=0.3)
    assert len(checks) == 6


@figures
def a_dynamic_scale_and_what_float16_loses():
    """P5 b and d; what float16 makes zero is what NumPy's conversion does."""
    small = {"shifts": (), "formats": ("float64", "float16"), "counted": (0, 7), "counted_after": 40}
    rows, _ = run("loss-scaling", **small)
    (dynamic,) = where(rows, kind="dynamic")
    assert number(dynamic, "last_scale") == 65536.0 / 2.0 ** number(dynamic, "skipped") < 65536.0
    gradients = loss_scaling._gradients("digits", 8, 40, 0)
    for scale in (0, 7):
        lost = np.mean((gradients * 2.0**scale).astype(np.float16) == 0)
        assert one(rows, "lost", kind="gradients", depth=8, scale=scale) == lost
    assert one(rows, "lost", kind="gradients", depth=8, scale=7) < 0.5 * one(
        rows, "lost", kind="gradients", depth=8, scale=0
    )


@figures
def regularisation():
    rows, checks = run("regularisation", recipes=("bf16-pure",), runs=3)
    # updates that are lost leave both losses higher, and that is no regularisation
    for row in where(rows, recipe="bf16-pure"):
        assert number(row, "train_loss") > 1.2 * number(row, "float64_train")
        assert number(row, "test_loss") > 1.02 * number(row, "float64_test")
    assert len(checks) == 2


@figures
def convergence():
    recipes = ("null", "bf16-mixed", "float8_e4m3fn", "float8_e5m2", "float8_e5m2:stochastic")
    rows, checks = run("convergence", models=("mlp",), recipes=recipes)
    shares = {row["recipe"]: number(row, "share") for row in rows}
    assert shares["float8_e4m3fn"] == pytest.approx(0.59, abs=0.15)
    assert shares["float8_e5m2"] == pytest.approx(0.33, abs=0.15)
    assert shares["float8_e5m2:stochastic"] == pytest.approx(1.0, abs=0.05)
    assert len(checks) == 5


@figures
def what_a_rounded_pass_sees_is_not_what_its_weights_are_worth():
    rows, checks = run("lost-updates", schemes=("float64", "bf16 passes"), steps=6000, recipes=())
    weights, seen = (one(rows, key, scheme="bf16 passes") for key in ("loss", "seen"))
    assert one(rows, "seen", scheme="float64") == one(rows, "loss", scheme="float64")
    assert seen > 2 * weights
    assert len(checks) == 2


@pytest.mark.sampled(3)
@pytest.mark.parametrize("check", FIGURES, ids=lambda check: check.__name__)
def test_published(check):
    check()
