"""Formats at random: every property that a fast path may rest on comes up, and a draw can be written down."""

from functools import cache
from random import Random

import pytest

import nfloat as nf
from nfloat.testing.random_formats import random_format


@cache
def drawn():
    return [random_format(Random(seed)) for seed in range(4000)]


PROPERTIES = {
    "one bit": lambda f: f.precision == 1,
    "float64's precision": lambda f: f.precision == 53,
    "one binade": lambda f: f.emin == f.emax and not f.twos_complement,
    "fixed point with negative fraction bits": lambda f: f.twos_complement and f.bias < 0,
    "fixed point below one": lambda f: f.twos_complement and f.bias > f.precision,
    "codes wider than needed": lambda f: f.bits > f.replace(bits=0).bits and not f.twos_complement,
    "codes of 64 bits": lambda f: f.bits == 64,
    "unsigned": lambda f: not f.signed,
    "no zero": lambda f: not f.has_zero,
    "zero first": lambda f: f.lowest_binade is nf.formats.format.LowestBinade.ZERO_FIRST,
    "NaN at -0": lambda f: f.nan is nf.formats.format.NaNCodes.NEGATIVE_ZERO,
    "no NaN, no infinity": lambda f: not f.has_nan and not f.has_inf,
    "top cut short": lambda f: f.max_significand < 2**f.precision - 1,
    "top cut to a power": lambda f: f.precision > 2 and f.max_significand == 2 ** (f.precision - 1),
    "flushes": lambda f: f.flushes_input and f.flushes_output,
    "a policy of its own": lambda f: f.overflow is nf.formats.rounding.Overflow.SATURATE and f.has_inf,
    "emin where float32's constants overflow": lambda f: (
        f.precision <= 11 and f.emin > f.precision + 103 and f.emax <= 127
    ),
    "emin where half's constants overflow": lambda f: f.precision <= 5 and f.precision + 4 < f.emin and f.emax <= 15,
    "subnormal in float32": lambda f: f.fits_float32 and f.emin < -126,
    "float32's emin, a low emax": lambda f: f.emin == -126 and f.emax < 0,
    "float64's least numbers": lambda f: f.emin - f.precision + 1 == -1074,
    "float64's largest": lambda f: f.emax == 1023,
}


@pytest.mark.parametrize("name", PROPERTIES)
def test_every_property_comes_up(name):
    assert sum(map(PROPERTIES[name], drawn())) >= 2


def test_draws_are_a_function_of_the_state_and_can_be_written_down():
    for seed, fmt in enumerate(drawn()[:300]):
        assert random_format(Random(seed)) == fmt
        assert eval(repr(fmt), {"Format": nf.Format}) == fmt


def test_conditions_are_kept():
    rng = Random(0)
    assert all(random_format(rng, most_precision=8, accept=lambda f: f.signed).precision <= 8 for _ in range(200))
    assert all(random_format(rng, accept=lambda f: f.signed).signed for _ in range(200))
