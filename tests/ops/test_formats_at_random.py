"""Formats drawn at random.

A part of what ``nfloat check --formats-at-random`` goes through, functions here against MPFR.
"""

from random import Random

import mpfr_oracle
import numpy as np
import pytest

import nfloat as nf
from nfloat.testing import random_calls, random_formats, sweep_random

SEED = 11


def agrees(report):
    assert report.ok, "\n".join(report.mismatches)
    assert report.compared > 1000


@pytest.mark.sampled(10)
@pytest.mark.parametrize("k", range(60))
def test_rounding_and_codes(k):
    agrees(sweep_random.sweep_number(SEED, k, ("codes",))["codes"])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("k", range(16))
def test_arithmetic_float_arrays_and_folds(k):
    agrees(sweep_random.sweep_number(SEED, k, ("operations",))["operations"])


@pytest.mark.sampled(6)
@pytest.mark.parametrize("k", range(16))
@pytest.mark.parametrize("most_precision", [24, 53])
def test_functions_against_mpfr(most_precision, k):
    fmt = random_formats.random_format(Random(f"{SEED} {k}"), most_precision=most_precision)
    report = random_calls.Found(fmt)
    with np.errstate(all="ignore"):
        sweep_random.sweep_functions(fmt, np.random.default_rng([SEED, k]), report, 30, exact=mpfr_oracle.leading)
    agrees(report)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("k", range(8))
def test_functions_for_certain(k):
    agrees(sweep_random.sweep_number(SEED, k, ("functions",))["functions"])


def test_a_failure_is_a_line_that_does_it_again():
    """Every kind of call is told that it is wrong everywhere; each line must give what it says it gives."""

    class Doubting(random_calls.Found):
        def check(self, way, operands, actual, desired):
            super().check(
                way,
                operands,
                actual,
                np.where(np.isnan(desired), 7, desired + 1 if desired.dtype.kind == "f" else desired ^ 1),
            )
            lines.update({(way.name.split("nf.Format")[0], operands[0].ndim): line for line in self.mismatches[:1]})
            self.mismatches.clear()

    lines = {}
    for k in range(5):
        fmt = random_formats.random_format(Random(f"lines {k}"))
        rng, report = np.random.default_rng(k), Doubting(fmt)
        with np.errstate(all="ignore"):
            sweep_random.sweep_codes(fmt, rng, report, 200)
            sweep_random.sweep_operations(fmt, rng, report, 30)
            sweep_random.sweep_functions(fmt, rng, report, 10)
    assert len(lines) > 40
    names = {"nf": nf, "np": np, "nan": np.nan, "inf": np.inf}
    for line in lines.values():
        call, told = line.split("  # gives ")
        with np.errstate(all="ignore"):
            again, wanted = eval(call, names), eval(told.split(", exact is")[0], names)
        assert np.asarray(again).tobytes() == np.asarray(wanted).astype(np.asarray(again).dtype).tobytes() or (
            again != again and wanted != wanted
        ), line
