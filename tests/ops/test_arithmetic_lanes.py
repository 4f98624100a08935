"""The lanes' forms are bit-equal to the plain rule: any format, mode and operands, members of the format or not."""

from __future__ import annotations

import numpy as np
import pytest
from every_mode import DIRECTED

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.kernels.arithmetic.operations import Operation
from nfloat.ops.compute import compute, compute_plainly
from nfloat.ops.rounder import rounder
from nfloat.testing.sweep import differs
from nfloat.testing.sweep_arithmetic import all_pairs, hard_pairs

OPERATIONS = [
    Operation.ADD,
    Operation.SUBTRACT,
    Operation.MULTIPLY,
    Operation.DIVIDE,
    Operation.SQRT,
    Operation.RECIPROCAL,
    Operation.FMA,
]
FORMATS = [
    "float8_e4m3fn",
    "float8_e5m2",
    "float8_e4m3fnuz",
    "binary8p4se",
    "binary8p3uf",
    "float6_e3m2fn",
    "float8_e8m0fnu",
    "int8",
    "float16",
    "bfloat16",
    "tfloat32",
    "e7m3",
    "e8m3",
    "e8m1",
    "e5m10",
    "dlfloat16",
    "fixed16.8",
    "pxr24",
    "amdfp24",
    "float32",
    "e11m3",
    "e11m48",
    "e10m52",
    "float64",
]


def _operands(fmt: nf.Format, rng: np.random.Generator) -> list[tuple[np.ndarray, ...]]:
    """Members of the format, then any numbers: over the carrier's range, next to the format's numbers and midpoints."""
    dtype = np.float32 if fmt.fits_float32 else np.float64
    n, low, high = 4000, *((-150, 128) if dtype == np.float32 else (-1074, 1023))
    if fmt.bits <= 8:
        members = all_pairs(fmt)
    elif fmt.bits <= 16:
        members = hard_pairs(fmt, 10_000, 3)
    else:
        members = tuple(
            nf.round(
                np.ldexp(rng.uniform(1, 2, 2 * n), rng.integers(max(fmt.emin, -80) - 3, min(fmt.emax, 60), 2 * n)), fmt
            )
            for _ in "xy"
        )
    with np.errstate(all="ignore"):
        x, y = (np.ldexp(rng.standard_normal(n), rng.integers(low, high, n)) for _ in "xy")
        base = nf.round(np.ldexp(rng.uniform(1, 2, n), rng.integers(max(fmt.emin, -90), min(fmt.emax, 90) + 1, n)), fmt)
        beside = np.nextafter(
            base.astype(dtype) * (1 + 2.0**-fmt.precision), rng.choice([-np.inf, np.inf], n), dtype=dtype
        )
        other = base * rng.choice([2.0**-60, 2.0**-20, 1.0, -1.0, -0.0, np.inf, np.nan, 3.0], n)
        pairs = [members, (x, y), (beside, other)]
        return [tuple(np.ascontiguousarray(v, dtype) for v in (*pair, rng.permutation(pair[1]))) for pair in pairs]


@pytest.mark.sampled(7)
@pytest.mark.parametrize("name", FORMATS)
def test_every_operation_and_mode_equals_the_plain_rule(name: str) -> None:
    fmt = nf.get_format(name)
    for k, (x, y, z) in enumerate(_operands(fmt, np.random.default_rng(9))):
        for mode in (m for m in Rounding if not m.is_stochastic):
            how = rounder(fmt, mode, None, None)
            for op in OPERATIONS:
                operands = (x, y, z)[: {Operation.SQRT: 1, Operation.RECIPROCAL: 1, Operation.FMA: 3}.get(op, 2)]
                with np.errstate(all="ignore"):
                    got = compute(op, operands, x.size, how, 0, members=k == 0)
                wanted = compute_plainly(op, operands, 0, how, 0)
                bad = np.flatnonzero(differs(got, wanted))
                assert bad.size == 0, (
                    f"{name} {mode} {op.name}: {bad.size}; {[o[bad[:3]] for o in operands]}: {got[bad[:3]]}, "
                    f"{wanted[bad[:3]]}"
                )


@pytest.mark.parametrize("size", [1, 7, 31, 32, 33, 63, 100, (1 << 15) + 5])
def test_ragged_ends_and_single_elements(size: int) -> None:
    rng = np.random.default_rng(size)
    x = rng.standard_normal(size).astype(np.float32)
    y = nf.round(x, "float16")
    for mode in ("nearest_even", "toward_negative"):
        whole = nf.add(x, 0.5, "float16", mode)
        assert np.array_equal(whole, [nf.add(float(v), 0.5, "float16", mode) for v in x])
        a = nf.array(y, "float16", mode)
        assert np.array_equal(np.asarray(a * a), nf.multiply(y, y, "float16", mode))
        assert np.array_equal(np.asarray(3 / a), nf.divide(3, y, "float16", mode))


def test_results_that_float32_would_round_to_a_midpoint_below_its_normal_numbers() -> None:
    """3 (1 - 2^-18) 2^-137 is below the midpoint 1.5 of tfloat32's least number.

    float32 has no more than 3 2^-137 of it.
    """
    x, y = (
        nf.array(np.full(40, v, np.float32), "tfloat32")
        for v in (3 * (1 + 2.0**-9) * 2.0**-67, (1 - 2.0**-9) * 2.0**-70)
    )
    assert (np.asarray(x * y) == 2.0**-136).all()
    assert (nf.multiply(np.asarray(x), np.asarray(y), "tfloat32") == 2.0**-136).all()


@pytest.mark.parametrize("name", ["e11m48", "e11m49", "e8m20", "e8m21", "bfloat16"])
def test_quotients_of_opposite_operands_are_the_same(name: str) -> None:
    """Which of two neighbours is odd depends on the signs of the remainder and of the divisor."""
    rng = np.random.default_rng(1)
    carrier = np.float32 if nf.get_format(name).fits_float32 else np.float64
    x, y = (nf.round(rng.uniform(1, 2, 4000).astype(carrier), name) for _ in "xy")
    for mode in DIRECTED:
        nf.testing.assert_bits_equal(nf.divide(x, y, name, mode), nf.divide(-x, -y, name, mode))


def test_promotion_and_shapes() -> None:
    single, double = np.ones((3, 1), np.float32), np.ones(4)
    assert nf.add(single, single, "float16").dtype == np.float32
    assert nf.add(single, 0.1, "float16").dtype == np.float32
    assert nf.add(single, 0.1, "float64").dtype == np.float64
    assert nf.add(single, double, "bfloat16").dtype == np.float64
    assert nf.add(single, double, "bfloat16").shape == (3, 4)
    assert isinstance(nf.add(1, 2, "float16"), np.float64)
    assert nf.add(np.float16(1), np.float16(2), "float16").dtype == np.float32
    assert nf.add([], [], "float16").shape == (0,)
    assert (
        nf.add(single, 2.0**-11 + 2.0**-40, "float16")[0, 0] == 1 + 2.0**-10
    )  # the number is not rounded to float32 first
    with pytest.raises(nf.ShapeError, match=r"x \(3,\), y \(4,\)"):
        nf.add(np.ones(3), np.ones(4), "float16")
    with pytest.raises(nf.ArgumentError, match="y"):
        nf.add(1.0, 1j, "float16")
    with pytest.raises(nf.SeedError):
        nf.add(1.0, 1.0, "float16", "stochastic")
