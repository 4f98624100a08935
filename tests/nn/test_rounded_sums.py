"""Sums that an optimiser rounds, by kernels of their own: those of `nf.round` on float64 sums that are exact."""

import numpy as np
import pytest

import nfloat as nf
from nfloat.kernels.arithmetic.operations import Operation
from nfloat.nn.precision import Precision, Role

RNG = np.random.default_rng(3)
FORMATS = ("bfloat16", "float16", "float8_e4m3fn", "float8_e5m2", "fixed16.8", "e8m13", "tfloat32", "float32:saturate")
MODES = ("nearest_even", "toward_zero", "to_odd", "stochastic", "stochastic_b:random_bits=5", "stochastic_equal")


def numbers(size):
    """So few binades apart that float64 holds every sum."""
    x = RNG.standard_normal(size) * np.exp2(RNG.integers(-14, 14, size))
    x[:4] = (0.0, -0.0, 6e4, np.inf)[: min(size, 4)]
    return x.astype(np.float32)


def same(a, b):
    return a.dtype == b.dtype and np.array_equal(a.view(np.uint32)[a == a], b.view(np.uint32)[a == a]) and not (
        np.isnan(a) ^ np.isnan(b)
    ).any()  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fmt", FORMATS)
def test_exact_and_seen(fmt, mode):
    if ":" in fmt and mode != "nearest_even":
        return
    recipe = nf.nn.recipe("float32").replace(weights=f"{fmt}:{mode}" if ":" not in fmt else fmt)
    cast = recipe.weights
    for size in (1, 7, 40, 1003):
        x, y = numbers(size), numbers(size)[::-1]
        members = tuple(nf.round(v, cast.format) for v in (x, y.copy()))
        for known, (a, b) in ((False, (x, y)), (True, members)):
            seen = []
            watched = Precision(recipe, 5, 2, observer=lambda *row, seen=seen: seen.append(row))
            found = Precision(recipe, 5, 2).add(Role.WEIGHT, "0.weight", a, b, known)
            assert same(found, watched.add(Role.WEIGHT, "0.weight", a, b, known))
            with np.errstate(all="ignore"):
                exact = a.astype(np.float64) + b
            seed = nf.Stream(5).child("0.weight", "", 2, 0) if cast.stochastic else None
            expected = nf.round(
                exact, cast.format, cast.rounding, overflow=cast.overflow, random_bits=cast.random_bits, seed=seed
            )
            assert same(found, np.asarray(expected).astype(np.float32))
            turned = Precision(recipe, 5, 2).add(Role.WEIGHT, "0.weight", a, -b, known, Operation.SUBTRACT)
            assert same(found, turned)
            assert [row[:2] for row in seen] == [("0", "weight")] and np.array_equal(seen[0][2], exact, equal_nan=True)
