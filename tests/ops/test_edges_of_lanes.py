"""Formats on both sides of every inequality of ``formats/lanes.py``, swept as formats at random are."""

import numpy as np
import pytest

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.kernels.rounding.given_words import round_with_words
from nfloat.ops.rounder import rounder
from nfloat.streams import Stream
from nfloat.testing import random_calls, sweep, sweep_random
from nfloat.testing.exact_cut import cut_results, round_cuts
from nfloat.testing.exact_results import exact_result
from nfloat.testing.grid import stream_words


def fixed(p, emax):
    return nf.Format(
        name=f"fixed {p} {emax}",
        precision=p,
        emin=emax,
        emax=emax,
        bits=p + 1,
        has_inf=False,
        nan="none",
        twos_complement=True,
    )


def floating(p, emin, emax, **parts):
    return nf.Format(
        name=" ".join([f"{p} {emin} {emax}", *map(str, parts.values())]), precision=p, emin=emin, emax=emax, **parts
    )


#: what decides the rounding kernels: p, the least unit, the greatest C, the lane's own exponents, powers of two
NARROW = [
    *(floating(p, -20, 20) for p in (21, 22, 23, 24, 50, 51, 52, 53)),
    *(floating(5, emin, 0) for emin in (-120, -121, -122, -123, -1016, -1017, -1018, -1019)),
    *(floating(8, 0, emax) for emax in (111, 112, 978, 979)),
    *(floating(8, 0, emax, max_significand=128) for emax in (111, 112)),
    *(fixed(p, emax) for p, emax in ((10, 113), (10, 114), (10, 126), (10, 127), (8, 978), (8, 979), (10, 1022),
                                     (22, 21), (23, 22), (5, -121), (5, -122), (5, -126), (1, 0), (1, -126))),
    *(floating(p, -20, 20, subnormals="flush_input") for p in (8, 30)),
    *(floating(p, -126, 127, subnormals="flush") for p in (8, 23, 24)),
    *(floating(p, -1022, 1023, subnormals="flush_output") for p in (8, 52, 53)),
    floating(8, -126, 200), floating(8, -127, 100), floating(8, -126, 20, has_inf=False, nan="negative_zero"),
    *(floating(1, emin, emin + 9) for emin in (-125, -126, -127, -135, -136, -1021, -1022, -1031, -1032)),
    *(floating(1, -140, emax) for emax in (-126, -127)), *(floating(1, -1060, emax) for emax in (-1022, -1023)),
]  # fmt: skip

#: what decides how codes are made: their width, heads of the carriers, numbers that are all normal ones
CODES = [
    *(floating(4, -20, -1, bits=bits) for bits in (9, 16, 17, 31, 32, 33, 40, 63, 64)),
    *(floating(4, -6, 7, signed=False, bits=bits) for bits in (15, 16, 30, 31, 32, 33, 63)),
    *(floating(1, -20, 9, bits=bits) for bits in (31, 32, 33)),
    *(floating(3, -20, 9, bits=bits, lowest_binade="normal", signed=False) for bits in (30, 31, 32, 33)),
    *(floating(8, -126, 127, bits=bits) for bits in (16, 17, 32, 33)),
    *(floating(24, -126, 127, bits=bits) for bits in (32, 33)),
    *(floating(11, -1022, 1023, bits=bits) for bits in (22, 23, 64)),
    *(floating(24, -126, 127, **parts) for parts in (
        {"has_inf": False}, {"overflow": "saturate"}, {"overflow": "saturate_finite"}, {"nan": "none"},
        {"max_significand": 2**24 - 2},
        {"subnormals": "flush_input"}, {"nan": "negative_zero"}, {"lowest_binade": "zero_first"})),
    *(floating(8, -126, emax, max_significand=top) for emax, top in ((127, 254), (126, 255), (127, 255))),
    *(floating(23, emin, 20, **parts) for emin in (-20, -126, -127) for parts in ({}, {"lowest_binade": "zero_first"},
                                                                                  {"subnormals": "flush_output"})),
    *(floating(1, emin, -100, lowest_binade=lowest) for emin in (-126, -127, -128) for lowest in ("subnormal",
                                                                                                  "zero_first")),
    *(floating(1, emin, -100, lowest_binade="normal", signed=False) for emin in (-126, -127, -128)),
    *(floating(5, emin, emin + 40, **parts) for emin in (-1023, -1022) for parts in ({},
                                                                                     {"lowest_binade": "zero_first"})),
]  # fmt: skip


def swept(fmt, which, *more):
    report = random_calls.Found(fmt)
    with np.errstate(all="ignore"):
        which(fmt, np.random.default_rng(7), report, *more)
    assert report.ok, "\n".join(report.mismatches)


@pytest.mark.parametrize("fmt", NARROW, ids=str)
def test_rounding_on_both_sides_of_every_edge(fmt, whole):
    swept(fmt, sweep_random.sweep_codes, 600 if whole else 300)


@pytest.mark.parametrize("fmt", CODES, ids=str)
def test_codes_on_both_sides_of_every_edge(fmt, whole):
    swept(fmt, sweep_random.sweep_codes, 300 if whole else 150)


#: what decides the lanes of arithmetic: p, and whether the hardware's own operation is the answer
ARITHMETIC = [
    *(f for f in NARROW if f.precision in (22, 23, 51, 52) or f.twos_complement),
    *(
        floating(p, emin, 1 - emin, **parts)
        for p, emin in ((24, -126), (53, -1022))
        for parts in ({}, {"overflow": "saturate_finite"})
    ),
]  # fmt: skip


@pytest.mark.parametrize("fmt", ARITHMETIC, ids=str)
def test_arithmetic_on_both_sides_of_every_edge(fmt, whole):
    swept(fmt, sweep_random.sweep_operations, 40 if whole else 20)


@pytest.mark.parametrize("p", [11, 12])
def test_short_numbers_whose_quotients_and_sums_lie_beside_a_tie(p):
    """q + 2^-p / 2 less what float32 does not show, for as many as there are.

    P = 12 has some that a second rounding gets wrong.
    """
    fmt = floating(p, -14, 15)
    y = np.arange(2 ** (p - 1), 2**p) / 2 ** (p - 1)
    tie = 1 + np.random.default_rng(p).integers(0, 2 ** (p - 1), y.size) / 2 ** (p - 1) + 2.0**-p
    x = np.asarray(nf.round(y * tie, fmt), np.float64)
    far = 2.0 ** -np.arange(p - 1, 15).repeat(100)
    one = 1 + np.random.default_rng(1).integers(0, 2 ** (p - 1), far.size) / 2 ** (p - 1)
    for name, a, b in (
        ("divide", x, y),
        ("add", one, far * (1 + 2.0 ** (1 - p))),
        ("add", one, far * (1 - 2.0**-p)),
        ("subtract", one, far),
    ):
        b = np.asarray(nf.round(b, fmt), np.float64)
        results = [exact_result(name, fmt, *row) for row in zip(a.tolist(), b.tolist(), strict=True)]
        exact = round_cuts(cut_results(results, fmt), fmt, Rounding.NEAREST_EVEN, None)
        got = np.asarray(getattr(np, name)(nf.array(a, fmt), nf.array(b, fmt)))
        assert not sweep.differs(got, exact).any()


@pytest.mark.parametrize("name", ["add", "subtract", "multiply"])
def test_results_that_float64_does_not_hold_in_any_element(name):
    """A stochastic mode needs the whole rest: a small term that float64 drops, a product of 24 and 53 bits.

    Whichever operand it is.
    """
    fmt, rng, seed = floating(51, -20, 20), np.random.default_rng(3), 5
    long = 1 + rng.integers(1, 2**52, 300) * 2.0**-52
    short = {"multiply": (1 + rng.integers(1, 2**23, 300) * 2.0**-23)}.get(name, 2.0**-53 * rng.uniform(0.5, 0.9, 300))
    for operands in ((long, short), (short, long)):
        results = [exact_result(name, fmt, *row) for row in zip(*(a.tolist() for a in operands), strict=True)]
        words = stream_words(Stream(seed).key, 300)
        for mode, bits in ((Rounding.STOCHASTIC, None), (Rounding.STOCHASTIC_A, 60)):
            exact = round_cuts(cut_results(results, fmt), fmt, mode, None, bits, words)
            assert not sweep.differs(getattr(nf, name)(*operands, fmt, mode, random_bits=bits, seed=seed), exact).any()


@pytest.mark.parametrize(("fmt", "dtype"), [("e4m17", np.float32), ("e4m6", np.float32), ("e9m45", np.float64)])
def test_subnormal_numbers_that_the_first_random_bits_leave_in_doubt(fmt, dtype):
    """Of few bits below the unit, as lanes see them, one number in a few is in doubt; the others must be sure."""
    how = rounder(fmt, "stochastic", None, None)
    x = np.random.default_rng(len(fmt)).standard_normal(1 << 16) * 2.0 ** (how.format.emin - 2)
    x, want, stream = x.astype(dtype), np.empty(x.size), Stream(7)
    round_with_words(x.astype(np.float64), want, how.spec_array, stream_words(stream.key, x.size))
    assert np.array_equal(nf.round(x, fmt, "stochastic", seed=stream).astype(np.float64), want)


@pytest.mark.parametrize(
    "fmt",
    ["float8_e4m3fn", "float8_e3m4", "float4_e2m1fn", "float8_e4m3b11fnuz", floating(8, -6, 7), floating(8, 3, 3)],
)
def test_numbers_that_with_their_random_bits_come_next_to_a_number_of_the_format(fmt):
    """Sums within two last places of where rounding changes, as lanes of formats of 8 bits at most see them.

    They lie so far apart that each is the only reason to refuse its block.
    """
    how, rng, stream, n = rounder(fmt, "stochastic", None, None), np.random.default_rng(5), Stream(8), 1 << 20
    words, drop, last = stream_words(stream.key, n), 24 - how.format.precision, 2.0 ** (how.format.emin - 23)
    first = (words >> np.uint64(64 - drop)).astype(np.int64)
    x = 2.0**how.format.emin * rng.uniform(1, 1.5, n)
    near = (rng.integers(1, 2 ** max(21 - drop, 0) + 1, n) << drop) - first + rng.integers(-16, 17, n) / 8
    x[64::2048] = last * near[64::2048]
    below = (words << np.uint64(drop)) * 2.0**-64  # of the word, below the last place of 2^emin
    x = np.where(first == 2**drop - 1, last * (1 - below) * (1 + 2.0**-20), x)
    x = (x * rng.choice([-1.0, 1.0], n)).astype(np.float32)
    want = np.empty(n)
    round_with_words(x.astype(np.float64), want, how.spec_array, words)
    assert not sweep.differs(nf.round(x, fmt, "stochastic", seed=stream).astype(np.float64), want).any()
    assert np.array_equal(nf.round(np.zeros(n, np.float32), fmt, "stochastic", seed=stream), np.zeros(n))
