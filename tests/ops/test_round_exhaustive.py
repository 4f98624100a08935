"""Round, encode and decode against the exact oracle, bit for bit.

A part of what ``nfloat check --exhaustive`` goes through.

Here: every named format, every P3109 format to 6 bits and at 8, some at 16, and formats with odd properties; all their
numbers (beyond 8 bits one in seven), midpoints, the float32 and float64 neighbours of both, random inputs; every mode;
every policy; both carriers.
"""

import pytest

import nfloat as nf
from nfloat.testing import families, sweep

NAMED = families.families()
P3109 = [
    name for name in families.p3109_names() if name.startswith(("binary3", "binary4", "binary5", "binary6", "binary8"))
]
SIXTEEN = ["binary16p8se", "binary11p1uf", "binary13p13ue"]
SPELLED = ["e6m9", "e11m4", "e2m9", "e4m3", "fixed16.8", "fixed8.-3", "int2", "int12", "e3m1", "e9m4"]
FLUSHED = [fmt for fmt in NAMED["flushed"] if fmt.bits == 8 or fmt.name in ("float16-flush", "bfloat16-flush_output")]
WIDE = [
    "e7m21",
    "e7m22",
    "e8m21",
    "e8m22",
    "e11m48",
    "e11m50",
    "e10m50",
    "e10m51",
    "e10m52",
    "fixed32.16",
    "fixed54.20",
]


def everything(fmt, random=2_000):
    short = nf.get_format(fmt).bits <= 8
    report = sweep.sweep(nf.get_format(fmt), random=random, thorough=short, stride=1 if short else 7)
    assert report.ok, "\n".join(report.mismatches)
    assert report.compared > 5 * report.inputs  # it did go through the modes and policies


@pytest.mark.parametrize("fmt", NAMED["catalogue"], ids=str)
def test_every_named_format_to_16_bits(fmt):
    everything(fmt)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("fmt", [*NAMED["catalogue, more than 16 bits"], *map(nf.get_format, WIDE)], ids=str)
def test_wider_formats_around_every_power_of_two(fmt):
    everything(fmt)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", [*SPELLED, *SIXTEEN])
def test_formats_spelled_on_the_fly(name):
    everything(name)


@pytest.mark.sampled(10)
@pytest.mark.parametrize("name", P3109)
def test_every_p3109_format(name):
    everything(name, random=500)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("fmt", [*families.UNNAMED, *FLUSHED], ids=str)
def test_formats_with_odd_properties(fmt):
    everything(fmt, random=2_000)


@pytest.mark.parametrize(
    "name",
    [
        "float8_e4m3fn",
        "float4_e2m1fn",
        "binary8p3se",
        "binary8p1uf",
        "float8_e8m0fnu",
        "fixed8.4",
        "float16",
        "bfloat16",
    ],
)
def test_every_random_word_of_up_to_eight_bits(name, whole):
    """Of up to six bits, and of up to eight by --whole; of 16-bit formats up to five."""
    most = 8 if whole or nf.get_format(name).bits < 8 else 6
    report = sweep.sweep_words(nf.get_format(name), most_bits=most if nf.get_format(name).bits <= 8 else 5)
    assert report.ok, "\n".join(report.mismatches)
