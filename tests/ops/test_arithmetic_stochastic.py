"""Stochastic modes of arithmetic use the exact result's remainder, to 64 bits, and the element number's random bits."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import nfloat as nf
from nfloat.ops import compute
from nfloat.testing.grid import stream_words

EXACT = {
    "add": lambda x, y, z: x + y,
    "subtract": lambda x, y, z: x - y,
    "multiply": lambda x, y, z: x * y,
    "divide": lambda x, y, z: x / y,
    "fma": lambda x, y, z: x * y + z,
}


def _expected(value: Fraction, p: int, emin: int, word: int) -> Fraction:
    """The neighbour that floor(v 2^64) + R >= 2^64 chooses."""
    a = abs(value)
    exponent = max(a.numerator.bit_length() - a.denominator.bit_length() - 1, emin)
    while a >= Fraction(2) ** (exponent + 1):
        exponent += 1
    unit = Fraction(2) ** (exponent - p + 1)
    low, rest = divmod(a, unit)
    up = int(rest / unit * 2**64) + word >= 2**64
    return (low + up) * unit * (-1 if value < 0 else 1)


@pytest.mark.parametrize("fmt", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", EXACT)
def test_the_exact_fraction_decides(name: str, fmt: str) -> None:
    f, rng, stream = nf.get_format(fmt), np.random.default_rng(3), nf.Stream(11)
    x, y, z = (np.ldexp(rng.uniform(1, 2, 400), rng.integers(-5, 6, 400)) * rng.choice([-1, 1], 400) for _ in range(3))
    operands = (x, y, z) if name == "fma" else (x, y)
    got = getattr(nf, name)(*operands, fmt, "stochastic", seed=stream)
    words = stream_words(stream.key, x.size)
    for i in range(x.size):
        exact = EXACT[name](Fraction(x[i]), Fraction(y[i]), Fraction(z[i]))
        assert Fraction(got[i]) == _expected(exact, f.precision, f.emin, int(words[i])), (
            f"{name} {x[i]!r} {y[i]!r} {z[i]!r}"
        )


@pytest.mark.parametrize("mode", ["stochastic", "stochastic_a", "stochastic_b", "stochastic_c"])
@pytest.mark.parametrize(
    "fmt", ["float16", "bfloat16", "float32", "float8_e4m3fnuz", "dlfloat16", "binary8p1sf", "int8", "e11m20", "e5m1"]
)
def test_exact_results_in_float64_have_the_bits_of_the_plain_rule(
    fmt: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums that float64 holds and does not, next to each other and in long runs; special values, single operands."""
    how = {"rounding": mode, "seed": 6, "random_bits": None if mode == "stochastic" else 9}
    rng = np.random.default_rng(1)
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 2.0**-149, 2.0**127, 1e-30, 3.0])
    x, y, z = (np.ldexp(rng.standard_normal(5000), rng.integers(-12, 12, 5000)) for _ in range(3))
    for a in (x, y, z):
        a[1000:2000] = np.ldexp(a[1000:2000], rng.integers(-110, 110, 1000))  # far from each other
        a[3000:3500] = rng.choice(special, 500)
        a[rng.integers(0, 5000, 30)] = np.ldexp(1.0, rng.integers(-100, 100, 30))
    cases = [
        (name, carrier, operands)
        for name in ("add", "subtract", "multiply", "fma")
        for carrier in (np.float32, np.float64)
        for operands in ((x, y, z), (x, y[7:8], z), (x[:33], y[:33], z[:33]))
    ]

    def results() -> list[np.ndarray]:
        return [
            getattr(nf, name)(*(v.astype(c) for v in (ops if name == "fma" else ops[:2])), fmt, **how)
            for name, c, ops in cases
        ]

    got = results()
    monkeypatch.setattr(compute, "_may_be_exact", lambda op, how: False)
    for (name, carrier, _), a, b in zip(cases, got, results(), strict=True):
        try:
            nf.testing.assert_bits_equal(a, b)
        except AssertionError as error:
            raise AssertionError(f"{name} of {carrier.__name__}: {error}") from None


def test_a_root_rounds_up_as_often_as_its_fraction_says() -> None:
    n = 200_000
    got = nf.sqrt(np.full(n, 2.0), "float8_e5m2", "stochastic", seed=4)
    share = np.mean(got == 1.5)
    assert abs(share - (2**0.5 - 1.25) / 0.25) < 5 * (0.25 / n) ** 0.5
    assert set(np.unique(got)) == {1.25, 1.5}


@pytest.mark.parametrize("mode", ["stochastic", "stochastic_a", "stochastic_b", "stochastic_c"])
def test_results_do_not_depend_on_layout_or_carrier(mode: str) -> None:
    bits = None if mode == "stochastic" else 11
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 300, 200)).astype(np.float32)
    whole = nf.multiply(x, y, "bfloat16", mode, random_bits=bits, seed=1)
    assert np.array_equal(whole, nf.multiply(x.astype(float), y, "bfloat16", mode, random_bits=bits, seed=1))
    assert np.array_equal(whole, nf.multiply(np.asfortranarray(x), y, "bfloat16", mode, random_bits=bits, seed=1))
    assert not np.array_equal(whole, nf.multiply(x, y, "bfloat16", mode, random_bits=bits, seed=2))


def test_functions_are_unbiased_too() -> None:
    n = 100_000
    got = nf.exp(np.full(n, 0.3), "float8_e4m3fn", "stochastic", seed=5)
    low, high = np.unique(got)
    assert (low, high) == (1.25, 1.375)
    assert abs(np.mean(got == high) - (np.exp(0.3) - 1.25) / 0.125) < 5 * (0.25 / n) ** 0.5
