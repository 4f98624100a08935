"""The integers' oracle against the rational one, number by number.

And the exact results of operations against fractions.
"""

from fractions import Fraction
from random import Random

import numpy as np
import pytest

from nfloat.formats.rounding import Rounding
from nfloat.testing import exact_cut, exact_results, oracle, random_calls, random_formats, sweep


@pytest.mark.sampled(10)
@pytest.mark.parametrize("k", range(60))
def test_cuts_round_as_the_definition_reads(k):
    fmt, rng = random_formats.random_format(Random(f"cut {k}")), np.random.default_rng(k)
    with np.errstate(all="ignore"):
        x = rng.choice(random_calls.inputs(fmt, rng, 300), 40)
    whole = [float(v) if v == 0 or not np.isfinite(v) else (v < 0, *integer_parts(abs(float(v))), False) for v in x]
    words = rng.integers(0, 2**64, x.size, np.uint64)
    for mode in Rounding:
        bits = int(rng.integers(1, 61)) if mode.needs_random_bits else None
        for policy in sweep.policies(fmt):
            wanted = np.array(
                [oracle.round_exact(float(v), fmt, mode, policy, bits, int(w)) for v, w in zip(x, words, strict=True)]
            )
            cuts = [exact_cut.cut_numbers(x, fmt)] + (
                [exact_cut.cut_results(whole, fmt)] if not fmt.flushes_input else []
            )
            for cut in cuts:
                got = exact_cut.round_cuts(cut, fmt, mode, policy, bits, words)
                assert not sweep.differs(got, wanted).any(), (fmt, mode, policy, bits)


def integer_parts(x):
    m, d = x.as_integer_ratio()
    return m, 1 - d.bit_length()


def test_exact_results_are_those_of_fractions():
    rng = np.random.default_rng(0)
    fmt = random_formats.random_format(Random(0), accept=lambda f: f.has_negative_zero and not f.flushes_input)
    x, y, z = (np.ldexp(rng.integers(-40, 40, 400) / 8, rng.integers(-70, 70, 400)) for _ in range(3))
    forms = {
        "add": lambda a, b: a + b,
        "subtract": lambda a, b: a - b,
        "multiply": lambda a, b: a * b,
        "divide": lambda a, b: a / b,
        "remainder": lambda a, b: a % b,
        "fmod": lambda a, b: abs(a) % abs(b) * (1 if a > 0 else -1),
        "ieee_remainder": lambda a, b: a - round(a / b) * b,
        "fma": lambda a, b, c: a * b + c,
    }
    for name, form in forms.items():
        for row in zip(*(v[(x != 0) & (y != 0)].tolist() for v in (x, y, z)), strict=True):
            row = row[: exact_results.EXACT[name][0]]
            result, wanted = exact_results.exact_result(name, fmt, *row), form(*map(Fraction, row))
            negative, n, q, more = result if isinstance(result, tuple) else (False, 0, 0, False)
            found = Fraction(n) * Fraction(2) ** q * (-1 if negative else 1)
            assert (0 < abs(wanted) - abs(found) < Fraction(2) ** q) if more else found == wanted, (name, row)


@pytest.mark.parametrize("name", ["sqrt", "rsqrt", "hypot"])
def test_roots_lie_between_two_squares(name):
    rng = np.random.default_rng(1)
    fmt = random_formats.random_format(Random(0), accept=lambda f: f.has_negative_zero and not f.flushes_input)
    for x, y in np.ldexp(rng.integers(1, 40, (300, 2)) / 8, rng.integers(-70, 70, (300, 2))).tolist():
        _, n, q, more = exact_results.exact_result(name, fmt, *((x, y) if name == "hypot" else (x,)))
        square = {"sqrt": Fraction(x), "rsqrt": 1 / Fraction(x), "hypot": Fraction(x) ** 2 + Fraction(y) ** 2}[name]
        low, high = ((n + k) ** 2 * Fraction(4) ** q for k in (0, 1))
        assert low <= square < high and more == (low != square)
