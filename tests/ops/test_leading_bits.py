"""`leading_bits` against MPFR: all 128 leading bits, and whether anything follows."""

from __future__ import annotations

import math
import random

import gmpy2
import pytest
from gmpy2 import mpfr
from mpfr_oracle import UNARY

from nfloat.ops import bigreal
from nfloat.ops.leading_bits import Leading, leading_bits

#: those without a function of MPFR's own as they are written down: its bits are enough here
FUNCTIONS = {
    **UNARY,
    "sigmoid": lambda x: 1 / (1 + gmpy2.exp(-x)),
    "softplus": lambda x: gmpy2.log1p(gmpy2.exp(x)),
    "gelu": lambda x: x * gmpy2.erfc(-x / gmpy2.sqrt(mpfr(2))) / 2,
}
#: beyond this MPFR's 4000 bits cannot tell the result from its limit
MODERATE = dict.fromkeys(("expm1", "tanh", "sigmoid", "softplus", "cosh", "sinh", "exp"), 1300.0) | {
    "erf": 45.0,
    "gelu": 55.0,
}
BITS = 4000


def _inputs(seed: int, count: int) -> list[float]:
    rng = random.Random(seed)
    wide = [rng.choice([-1, 1]) * rng.random() * 2.0 ** rng.randint(-1060, 1000) for _ in range(count // 3)]
    usual = [rng.choice([-1, 1]) * rng.random() * 2.0 ** rng.randint(-30, 12) for _ in range(count // 3)]
    return (
        wide + usual + [rng.choice([-1, 1]) * rng.randint(1, 40) * 2.0 ** rng.randint(-6, 6) for _ in range(count // 3)]
    )


def _into_domain(name: str, x: float) -> float:
    if name.startswith("log"):
        return abs(x)
    return x if name not in ("arcsin", "arccos") or abs(x) < 1 else math.fmod(x, 1.0) or 0.5


def _agrees(leading: Leading, z: mpfr) -> bool:
    if (z < 0) != leading.negative:
        return False
    a = abs(z)
    if leading.q == -3000:
        return a < gmpy2.exp2(mpfr(-1150))
    if leading.q == 3000:
        return a > gmpy2.exp2(mpfr(1030))
    scaled = a / gmpy2.exp2(mpfr(leading.q))
    whole = gmpy2.floor(scaled)
    return (
        int(whole) == leading.N
        and leading.more == (whole != scaled)
        and (not leading.more or leading.N.bit_length() >= 126)
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_leading_bits(name: str) -> None:
    with gmpy2.context(precision=BITS, emin=-(10**9), emax=10**9):
        for x in _inputs(1, 150):
            x = _into_domain(name, x)
            if x in (0.0, 1.0) or abs(x) > MODERATE.get(name, math.inf):
                continue
            z = FUNCTIONS[name](mpfr(x))
            leading = leading_bits(name, x)
            assert _agrees(leading, z) or (gmpy2.is_infinite(z) and leading.q == 3000), f"{name}({x!r}): {leading}"


@pytest.mark.parametrize("name", ["power", "arctan2"])
def test_leading_bits_of_two_arguments(name: str) -> None:
    with gmpy2.context(precision=BITS, emin=-(10**9), emax=10**9):
        for x, y in zip(_inputs(2, 240), _inputs(3, 240), strict=True):
            x = abs(x) if name == "power" else x
            z = mpfr(x) ** mpfr(y) if name == "power" else gmpy2.atan2(mpfr(x), mpfr(y))
            leading = leading_bits(name, x, y)
            assert (
                _agrees(leading, z) or (gmpy2.is_infinite(z) and leading.q == 3000) or (z == 0 and leading.q == -3000)
            ), f"{name}({x!r}, {y!r}): {leading}"


@pytest.mark.sampled(10)
@pytest.mark.parametrize("w", [64, 300, 900])
@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n != "arctan"])
def test_the_error_bound_of_every_form(name: str, w: int) -> None:
    with gmpy2.context(precision=BITS, emin=-(10**9), emax=10**9):
        for x in _inputs(4, 60):
            x = _into_domain(name, x)
            if x in (0.0, 1.0) or abs(x) > min(MODERATE.get(name, 1200.0), 1200.0) or abs(x) < 2.0**-100:
                continue
            n, d = x.as_integer_ratio()
            v, q = getattr(bigreal, name)(n, 1 - d.bit_length(), w)
            error = abs(mpfr(v) * gmpy2.exp2(mpfr(q)) - FUNCTIONS[name](mpfr(x))) / gmpy2.exp2(mpfr(q))
            assert error < bigreal.ERROR, f"{name}({x!r}) at {w} bits: off by {float(error)} units"


def test_exact_results_are_marked_as_such() -> None:
    assert leading_bits("exp2", -7.0) == Leading(False, 1, False, -7)
    assert leading_bits("log2", 0.125) == Leading(True, 3, False, 0)
    assert leading_bits("log10", 1e22) == Leading(False, 22, False, 0)
    assert leading_bits("power", 2.25, -0.5).more  # 2/3
    assert leading_bits("power", 2.25, 1.5) == Leading(False, 27, False, -3)
    assert leading_bits("power", -3.0, 3.0) == Leading(True, 27, False, 0)
    assert leading_bits("power", 0.0625, -0.25) == Leading(False, 1, False, 1)
