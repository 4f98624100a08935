"""Arguments within a float64 step of a number or midpoint, where the result is closer still.

Which side it is on counts.

sin x < x < tan x and the like tell on which side; the exact result lies between x and its float64 neighbour, so that
neither of them may stand for it. Found by arguments that no short format holds.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from mpfr_oracle import near_right_angles, rounded_to_odd

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.testing.grid import Grid, prepare, round_grid
from nfloat.testing.sweep import differs

DETERMINISTIC = [m for m in Rounding if not m.is_stochastic]
CASES = {
    # name: binary exponents of arguments whose result is as good as the argument (or 1, or 1/2)
    **dict.fromkeys(("sin", "tan", "sinh", "tanh", "arcsin", "arctan"), (-40, -100)),
    **dict.fromkeys(("expm1", "log1p"), (-60, -100)),
    "softplus": (6, 6),
    "gelu": (4, 4),
    **dict.fromkeys(("exp", "exp2", "cos", "cosh", "sigmoid"), (-70, -100)),
}
FORMATS = [
    nf.get_format("bfloat16"),
    nf.get_format("tfloat32"),
    nf.get_format("float32"),
    nf.get_format("e11m22"),
    nf.get_format("e11m49"),
    nf.get_format("float8_e8m0fnu"),
    nf.Format(name="one bit", precision=1, emin=-120, emax=120),
]


def check(name: str, x: np.ndarray, fmt: nf.Format) -> None:
    """The function in every deterministic mode against the oracle's rounding of its value."""
    z = rounded_to_odd(name, x)
    n = prepare(z, Grid(fmt))
    for mode in DETERMINISTIC:
        got, wanted = getattr(nf, name)(x, fmt, mode), round_grid(z, n, fmt, mode, None)
        bad = np.flatnonzero(differs(got, wanted))
        where = [float(v).hex() for v in x[bad[:3]]]
        assert bad.size == 0, f"{name} {mode}: {bad.size}, at {where}: {got[bad[:3]]}, not {wanted[bad[:3]]}"


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.name)
@pytest.mark.parametrize("name", CASES)
def test_next_to_numbers_and_midpoints(name: str, fmt: nf.Format) -> None:
    rng, (high, low) = np.random.default_rng(31), CASES[name]
    half_steps = rng.integers(2**fmt.precision, 2 ** (fmt.precision + 1), 60).astype(float)  # numbers and midpoints
    c = np.ldexp(half_steps, rng.integers(low, high + 1, 60) - fmt.precision)
    x = np.concatenate([np.nextafter(c, 0), c, np.nextafter(c, np.inf), np.nextafter(np.nextafter(c, np.inf), np.inf)])
    x = x if name in ("softplus", "gelu") else np.concatenate([x, -x])
    check(name, x, fmt)


@pytest.mark.parametrize("fmt", ["float16", "float32", "e11m40"])
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_next_to_multiples_of_a_right_angle(name: str, fmt: str) -> None:
    """The reduction of a large argument cancels all of its bits; the worst of float32 and float64 are among these."""
    f = nf.get_format(fmt)
    wide = np.append(near_right_angles(53, range(-40, 970, 61)), math.ldexp(6381956970095103, 797))
    single = np.append(near_right_angles(24, range(-12, 104, 11)), math.ldexp(16367173, 72)).astype(np.float32)
    for x in (wide, single):
        check(name, x, f)


@pytest.mark.parametrize("name", ["exp", "exp2", "cosh"])
def test_a_stochastic_rounding_of_next_to_nothing_above_one_stays_at_one(name: str) -> None:
    """The fraction is 2^-100 and less: a bound at the next float64 number would go up once in 2^12 times in e11m40."""
    x = np.full(40_000, 2.0**-200)
    assert (getattr(nf, name)(x, "e11m40", "stochastic", seed=1) == 1.0).all()


def test_results_of_formats_that_flush_inputs_are_not_flushed() -> None:
    daz = nf.Format(name="daz", precision=11, emin=-14, emax=15, subnormals="flush_input")
    both = daz.replace(name="both", subnormals="flush")
    assert nf.exp(-15.0, daz) == nf.exp(-15.0, "float16") != 0.0
    assert nf.multiply(2.0**-10, 2.0**-10, daz) == 2.0**-20 != 0.0
    assert nf.exp(-15.0, both) == 0.0
    x = np.linspace(-20, 20, 1000)
    assert np.array_equal(nf.exp(x, daz), nf.exp(x, "float16"))
    tiny = 2.0**-20
    assert nf.expm1(tiny, daz) == 0.0 and nf.exp(tiny, daz, "toward_positive") == 1.0  # the operand counts as zero


def test_powers_whose_exponent_underflows_know_their_side() -> None:
    below, y = math.nextafter(1.0, 0.0), 5e-324
    for x, sign, side in ((below, 1, -1), (below, -1, 1), (2.0, 1, 1), (2.0, -1, -1), (math.nextafter(1.0, 2.0), 1, 1)):
        up, down = (nf.power(x, sign * y, "float16", mode) for mode in ("toward_positive", "toward_negative"))
        assert (up, down) == ((1 + 2.0**-10, 1.0) if side > 0 else (1.0, 1 - 2.0**-11)), (x, sign)
