"""The rule alone, against the exact oracle.

Every mode on every quarter of a unit, at both ends of the range, in formats that lack something.

(Everything else is proven equal to the rule; this is the one test of it that compiles nothing but it.)
"""

import numpy as np
import pytest

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.formats.spec import rounding_spec
from nfloat.kernels.rounding.given_words import round_with_words
from nfloat.testing.oracle import round_exact

FORMATS = [
    nf.get_format("float8_e4m3fn"),
    nf.get_format("float4_e2m1fn"),
    nf.get_format("float8_e8m0fnu"),
    nf.get_format("binary6p1se"),
    nf.get_format("fixed6.2"),
    nf.get_format("e3m3"),
    nf.get_format("binary6p3ue"),
    *(
        nf.Format(name=how, precision=3, emin=-2, emax=3, subnormals=how)
        for how in ("flush", "flush_input", "flush_output")
    ),
    nf.Format(name="no zero", precision=3, emin=-2, emax=3, signed=False, has_inf=False, lowest_binade="normal"),
    nf.Format(name="powers", precision=1, emin=3, emax=9, lowest_binade="zero_first"),
    nf.Format(name="saturates", precision=4, emin=-3, emax=3, max_significand=11, overflow="saturate_finite"),
    nf.Format(name="least float64 numbers", precision=5, emin=-1070, emax=-1000),
    nf.Format(name="long", precision=52, emin=-1022, emax=1023),
]


def inputs(fmt):
    """Quarters of a unit about zero, the least normal number and the largest, powers of two, and their neighbours."""
    least, last = 2.0 ** max(fmt.emin - fmt.precision + 1, -1072), 2.0 ** (fmt.emax - fmt.precision + 1)
    x = np.concatenate(
        [least * np.arange(1, 37) / 4, 2.0**fmt.emin + least * np.arange(-6, 7) / 4, 2.0 ** np.arange(-3, 5)]
    )
    with np.errstate(over="ignore"):
        x = np.concatenate([x, fmt.max + last * np.arange(-8, 9) / 4, [fmt.max * 2]])
        x = np.concatenate([x, np.nextafter(x, np.inf), np.nextafter(x, 0.0), [0.0, np.inf, np.nan]])
    return np.concatenate([x, -x])


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_the_rule_is_the_exact_model(fmt):
    x = inputs(fmt)
    words = np.zeros(x.size, np.uint64)
    for mode in (m for m in Rounding if not m.is_stochastic):
        out = np.empty_like(x)
        round_with_words(x, out, rounding_spec(fmt, mode), words)
        want = [round_exact(v, fmt, mode) for v in x.tolist()]
        nf.testing.assert_bits_equal(out, np.array(want))
