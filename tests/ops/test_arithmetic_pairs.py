"""Pairs of 8-bit formats, hard pairs of 16-bit ones: every operation in every mode equals the exact oracle.

All pairs of the named formats, one in five of the P3109 ones; ``nfloat check --exhaustive`` takes all.
"""

from __future__ import annotations

import pytest
from every_mode import FAMILIES

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.testing.sweep_arithmetic import all_pairs, hard_pairs, sweep_pairs

NAMED = [f.name for f in nf.FORMATS.values() if f.bits <= 8]
P3109 = [f"binary8p{p}{s}{e}" for p in range(1, 9) for s in "su" for e in "ef" if p < 8 or s == "u"]
SOME = (*FAMILIES, Rounding.TOWARD_NEGATIVE, Rounding.STOCHASTIC_C)


def _check(report) -> None:
    assert report.ok, "\n".join(report.mismatches)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", NAMED)
def test_every_pair_of_a_named_format_in_every_mode(name: str) -> None:
    _check(sweep_pairs(nf.get_format(name)))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", P3109)
def test_pairs_of_a_p3109_format(name: str) -> None:
    fmt = nf.get_format(name)
    x, y = all_pairs(fmt)
    _check(sweep_pairs(fmt, modes=SOME, pairs=(x[::5], y[::5])))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["float16", "bfloat16", "dlfloat16", "binary16p11se", "e6m9", "fixed16.8"])
def test_hard_pairs_of_sixteen_bits_in_every_mode(name: str) -> None:
    fmt = nf.get_format(name)
    _check(sweep_pairs(fmt, pairs=hard_pairs(fmt, 8_000, seed=1)))


def test_many_hard_pairs_of_float16() -> None:
    fmt = nf.float16
    _check(
        sweep_pairs(
            fmt,
            modes=(Rounding.NEAREST_EVEN,),
            names=("add", "multiply", "divide"),
            pairs=hard_pairs(fmt, 200_000, seed=2),
        )
    )
