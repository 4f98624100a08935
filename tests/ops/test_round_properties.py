"""What must hold for any format, mode and input: found by hypothesis, which shrinks a failure to the smallest code."""

import math

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.testing import oracle
from nfloat.testing import strategies as nst

settings.register_profile("nfloat", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("nfloat")

MIRROR = {Rounding.TOWARD_POSITIVE: Rounding.TOWARD_NEGATIVE, Rounding.TOWARD_NEGATIVE: Rounding.TOWARD_POSITIVE}


@st.composite
def cases(draw, stochastic=False):
    """(format, mode, keywords, input)."""
    fmt = draw(nst.formats())
    mode = draw(nst.roundings(stochastic=stochastic))
    how = {"random_bits": draw(st.integers(1, 60))} if mode.needs_random_bits else {}
    if mode.is_stochastic:
        how["seed"] = draw(st.integers(0, 2**64 - 1))
    return fmt, mode, how, draw(nst.reals(fmt))


def same(a, b):
    return (a == b and math.copysign(1, a) == math.copysign(1, b)) or (math.isnan(a) and math.isnan(b))


@given(cases())
def test_equals_the_exact_oracle(case):
    fmt, mode, how, x = case
    assert same(float(nf.round(x, fmt, mode, **how)), oracle.round_exact(x, fmt, mode))


@given(cases(stochastic=True))
def test_idempotent(case):
    fmt, mode, how, x = case
    once = nf.round(x, fmt, mode, **how)
    assume(not (math.isinf(once) and not fmt.has_inf))
    assert same(float(nf.round(once, fmt, mode, **how)), float(once)) or (not fmt.has_zero and once == 0)


@given(st.data())
def test_monotone(data):
    fmt, mode, how, x = data.draw(cases())
    y = data.draw(nst.reals(fmt))
    assume(not (math.isnan(x) or math.isnan(y)))
    low, high = nf.round(np.array(sorted((x, y))), fmt, mode, overflow="saturate_finite", **how)
    assert low <= high


@given(cases())
def test_symmetric_in_sign(case):
    fmt, mode, how, x = case
    assume(fmt.signed and not fmt.twos_complement)
    positive = nf.round(x, fmt, mode, **how)
    negative = nf.round(-x, fmt, MIRROR.get(mode, mode), **how)
    assert same(float(negative), -float(positive)) or (positive == 0 and negative == 0 and not fmt.has_negative_zero)


@given(cases(stochastic=True))
def test_result_is_a_neighbour(case):
    """round(x) is the number of the format below or above x (where small results are not flushed)."""
    fmt, mode, how, x = case
    assume(math.isfinite(x) and fmt.has_zero and fmt.min <= x <= fmt.max and not fmt.flushes_output)
    below, above = (
        oracle.round_exact(x, fmt, side, "saturate_finite") for side in ("toward_negative", "toward_positive")
    )
    result = float(nf.round(x, fmt, mode, overflow="saturate_finite", **how))
    assert below <= x <= above
    assert result in (below, above)


@given(st.data())
def test_code_of_a_decoded_code(data):
    fmt = data.draw(nst.formats())
    code = data.draw(nst.codes(fmt))
    value = nf.decode(code, fmt)
    assert same(float(value), oracle.decode_exact(code, fmt))
    assume(not math.isnan(value))
    assert nf.encode(value, fmt, overflow="saturate_finite") == code


@given(st.data())
def test_a_larger_code_is_a_larger_number(data):
    fmt = data.draw(nst.formats())
    assume(not fmt.twos_complement)
    a, b = (data.draw(st.integers(0, fmt.max_code)) for _ in range(2))
    x, y = nf.decode([a, b], fmt)
    assert (a < b) == (x < y)


@given(st.data())
def test_pack_and_unpack(data):
    fmt = data.draw(nst.formats())
    codes = data.draw(st.lists(nst.codes(fmt), max_size=40))
    buffer = nf.pack(np.array(codes, np.uint64), fmt)
    assert buffer.size == -(-len(codes) * fmt.bits // 8)
    assert nf.unpack(buffer, fmt, len(codes)).tolist() == codes
    assert nf.unpack(bytes(buffer), fmt, len(codes)).tolist() == codes
    whole = sum(code << (i * fmt.bits) for i, code in enumerate(codes))
    assert bytes(buffer) == whole.to_bytes(buffer.size, "little")


@given(st.data())
def test_float32_and_float64_carriers_agree(data):
    fmt, mode, how, x = data.draw(cases(stochastic=True))
    with np.errstate(all="ignore"):
        single = np.float32(x)
    wide, narrow = nf.round(np.float64(single), fmt, mode, **how), nf.round(single, fmt, mode, **how)
    assert same(float(wide), float(narrow))
    assert narrow.dtype == (np.float32 if fmt.fits_float32 else np.float64)
