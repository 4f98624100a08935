"""Swamped additions, against a plain loop that rounds after each of them, and the known stalls of sums of ones."""

import numpy as np
import pytest

import nfloat as nf
from nfloat.drift.swamping import swamped
from nfloat.nn.recipes.sums import as_sums


def counted(a, b, c, fmt, product=None):
    """One output at a time, one term at a time."""
    some = lost = 0
    for i, j in np.ndindex(a.shape[0], b.shape[1]):
        s = float(nf.round(c[i, j], fmt))
        for term in a[i].astype(float) * b[:, j].astype(float):
            term = float(nf.round(term, product)) if product else term
            after = float(nf.add(s, term, fmt))
            some, lost = some + (term != 0), lost + (term != 0 and after == s)
            s = after
    return lost / some


@pytest.mark.parametrize("fmt", ["bfloat16", "float8_e4m3fn", "float16"])
def test_against_a_plain_loop(fmt):
    generator = np.random.default_rng(5)
    a, b = (np.asarray(nf.round(generator.standard_normal(shape), fmt)) for shape in ((4, 60), (60, 3)))
    a[:, ::7] = 0.0
    c = generator.standard_normal((4, 3))
    assert swamped(a, b, c, as_sums(fmt)) == counted(a, b, c, fmt)
    assert swamped(a, b, c, as_sums(f"{fmt}:product={fmt}")) == counted(a, b, c, fmt, fmt)


@pytest.mark.parametrize(
    ("sums", "share"),
    [
        ("bfloat16", 0.75),  # a sum of 1024 ones stands still from 256 on
        ("float32", 0.0),
        ("interleaved:2:bfloat16", 0.5),  # two of 512
        ("blocked:512:bfloat16:float32", 512 / 1026),  # two of 512, and their two sums
        ("split:2:float32:bfloat16", 512 / 1026),
        ("pairwise:bfloat16", 0.0),
        ("exact:bfloat16", None),
        ("kahan:bfloat16", None),
        ("nvidia.hopper.mma.bf16.f32", 0.0),
    ],
)
def test_ones(sums, share):
    ones = np.ones((2, 3, 1024), np.float32)  # a stack, of which one is looked at
    assert swamped(ones, np.swapaxes(ones, 1, 2), None, as_sums(sums)) == share


def test_stochastic_sums_are_swamped_less():
    ones = np.ones((4, 1024), np.float32)
    found = swamped(ones, ones.T, None, as_sums("bfloat16:stochastic"))
    # it grows by one on average: from 256 on to 512 half of 256 terms are lost, then three quarters of 512
    assert found == pytest.approx((128 + 384) / 1024, abs=0.03)


def test_a_matrix_unit_drops_what_its_alignment_cuts_off():
    """FP8 sums of Hopper keep about 14 bits: beside 2^15 a term of 1 is nothing."""
    row = np.ones((1, 64))
    row[0, 0] = 2.0**8
    column = np.ones((64, 1))
    column[0, 0] = 2.0**7
    unit = as_sums("nvidia.hopper.wgmma.e4m3.f32")
    assert swamped(row, column, None, unit) > 0.9
    assert swamped(np.ones((1, 64)), np.ones((64, 1)), None, unit) == 0.0
