"""Views between codes and the dtypes of NumPy and ml_dtypes: the same memory, the same bits."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

import nfloat as nf

WITH_DTYPE = [name for name in nf.FORMATS if name != "int8" and (hasattr(ml_dtypes, name) or hasattr(np, name))]


@pytest.mark.parametrize("name", WITH_DTYPE)
def test_round_trip_shares_memory(name):
    fmt = nf.get_format(name)
    codes = nf.encode(np.array([[0.5, 1.0], [2.0, 4.0]]), fmt)
    array = nf.view_dtype(codes, fmt)
    back, found = nf.view_codes(array)
    assert found is fmt
    assert np.shares_memory(back, codes)
    assert np.array_equal(back, codes)
    assert np.array_equal(np.asarray(array, np.float64), nf.decode(codes, fmt).astype(np.float64))


@pytest.mark.parametrize("name", [n for n in WITH_DTYPE if nf.get_format(n).bits <= 16])
def test_every_code_has_the_value_the_other_library_gives_it(name):
    fmt = nf.get_format(name)
    codes = np.arange(2**fmt.bits, dtype=np.uint8 if fmt.bits <= 8 else np.uint16)
    theirs = np.asarray(nf.view_dtype(codes, fmt), np.float32)
    ours = nf.decode(codes, fmt)
    assert np.array_equal(np.isnan(ours), np.isnan(theirs))
    assert np.array_equal(ours.view(np.uint32)[~np.isnan(ours)], theirs.view(np.uint32)[~np.isnan(ours)])


def test_strided_views_stay_views():
    array = np.arange(8, dtype=np.float16)[::2]
    codes, _ = nf.view_codes(array)
    codes[0] = 0x3C00
    assert array[0] == 1.0


def test_refusals_name_the_argument():
    with pytest.raises(nf.ArgumentError, match=r"array: list is not a NumPy array"):
        nf.view_codes([1.0])
    with pytest.raises(nf.ArgumentError, match=r"array: dtype int32"):
        nf.view_codes(np.arange(3, dtype=np.int32))
    with pytest.raises(nf.ArgumentError, match=r"other order"):
        nf.view_codes(np.zeros(2, np.dtype(np.float16).newbyteorder()))
    with pytest.raises(nf.FormatError, match=r"e6m9.*has no dtype"):
        nf.numpy_dtype("e6m9")
    with pytest.raises(nf.ArgumentError, match=r"codes: must be an array of uint16"):
        nf.view_dtype(np.zeros(2, np.uint8), "bfloat16")
    with pytest.raises(nf.ArgumentError, match=r"codes: code 16 is not in 0\.\.15"):
        nf.view_dtype(np.array([16], np.uint8), "e2m1")
