"""Sizes that nothing can hold: one sentence, before anything is allocated."""

import ml_dtypes
import numpy as np
import pytest

import nfloat as nf

TERABYTES = (1 << 20, 1 << 21)
CALLS = {
    "round": lambda x: nf.round(x, "float16"),
    "encode": lambda x: nf.encode(x, "float16"),
    "add": lambda x: nf.add(x, 1.0, "float16"),
    "add of a row and a column": lambda x: nf.add(x[:, :1].copy(), x[:1].copy(), "float16"),
    "exp": lambda x: nf.exp(x, "float16"),
    "array": lambda x: nf.array(x, "float16"),
    "decode": lambda x: nf.decode(np.broadcast_to(np.uint16(1), x.shape), "float16"),
    "pack": lambda x: nf.pack(np.broadcast_to(np.uint8(1), x.shape), "float4_e2m1fn"),
    "sum": lambda x: nf.sum(x, "float16"),
    "cumsum": lambda x: nf.cumsum(x, "float16"),
}


@pytest.mark.parametrize("name", CALLS)
def test_arrays_beyond_the_memory_are_refused(name):
    with pytest.raises(nf.ShapeError, match=r"GiB .* of memory now free may be used\)"):
        CALLS[name](np.broadcast_to(np.float32(1), TERABYTES))


@pytest.mark.parametrize("shape", [(0, 2**70), (2**62, 0), (0,) * 65, (2**61,)], ids=str)
def test_shapes_that_no_array_has(shape):
    with pytest.raises(nf.ShapeError, match="shape="):
        nf.unpack(b"", "float16", shape)


def test_more_dimensions_than_numpy_broadcasts():
    x = np.ones((1,) * 40)
    assert nf.round(x, "float16").shape == nf.add(x, x, "float16").shape == x.shape
    with pytest.raises(nf.ShapeError, match="x has 40 dimensions; NumPy broadcasts at most 32"):
        nf.add(x, [1.0, 2.0], "float16")


ODD = [np.zeros(1, [("a", "f4")]), np.ones(2, ml_dtypes.bfloat16), ml_dtypes.bfloat16(1), np.zeros(3), object(), [], {}]


@pytest.mark.parametrize("odd", ODD, ids=lambda x: type(x).__name__)
def test_odd_modes_and_policies(odd):
    with pytest.raises(nf.RoundingError, match="rounding="):
        nf.round(1.0, "float16", odd)
    with pytest.raises(nf.RoundingError, match="overflow="):
        nf.round(1.0, "float16", overflow=odd)


def test_a_signalling_nan_is_summed_in_silence():
    x = np.array([0x7FA00000], np.uint32).view(np.float32)
    assert np.isnan(nf.cumsum(x, "float16")).all() and np.isnan(nf.sum(x, "float16"))
