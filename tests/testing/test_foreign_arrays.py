"""What assertions take: FloatArrays, block arrays, ml_dtypes arrays, codes, and other libraries' arrays by DLPack."""

import ctypes

import ml_dtypes
import numpy as np
import pytest

import nfloat as nf
from nfloat.testing import assert_bits_equal, assert_matmul, assert_representable, assert_ulp, assert_unbiased
from nfloat.testing.arrays import as_values

X = np.array([[1.0, -2.5, 0.375], [448.0, -0.0, 2.0**-6]])


class Tensor:
    """Another library's array: nothing but DLPack, of a type code that NumPy does not know where one is given."""

    def __init__(self, array, code=None, device=None):
        self.array, self.code, self.device = array, code, device

    def __dlpack_device__(self):
        return self.device or (1, 0)

    def __dlpack__(self, **_):
        if self.code == "gradient":
            raise BufferError("it requires a gradient; call .detach()")
        capsule = self.array.__dlpack__()
        if self.code is not None:
            pointer = ctypes.pythonapi.PyCapsule_GetPointer
            pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
            ctypes.c_uint8.from_address(pointer(capsule, b"dltensor") + 20).value = self.code
        return capsule


LAYOUTS = {
    "C": lambda a: a,
    "Fortran": np.asfortranarray,
    "reversed": lambda a: a[::-1, ::-1],
    "steps": lambda a: np.repeat(a, 3, axis=1)[:, ::3],
    "scalar": lambda a: a[0, 0],
    "empty": lambda a: a[:0],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("code", "fmt"), [(None, None), (4, "bfloat16"), (10, "float8_e4m3fn"), (12, "float8_e5m2")])
def test_dlpack(layout, code, fmt):
    values = X if fmt is None else nf.round(X, fmt)
    array = np.array(LAYOUTS[layout](X if fmt is None else nf.encode(X, fmt)), copy=None)
    array = np.asarray(array)
    got = as_values(Tensor(array, code), "x")
    assert got.shape == np.shape(LAYOUTS[layout](values))
    assert_bits_equal(got, np.array(LAYOUTS[layout](values)))


def test_what_dlpack_cannot_hand_over():
    for tensor, message in (
        (Tensor(X, device=(2, 0)), "lies on a device"),
        (Tensor(X, "gradient"), "requires a gradient"),
        (Tensor(X.astype(complex)), "not real numbers"),
    ):
        with pytest.raises(nf.ArgumentError, match=message):
            assert_ulp(tensor, X, "float16")


def test_every_assertion_takes_every_kind():
    values = nf.round(X, "bfloat16")
    codes = nf.encode(X, "bfloat16")
    kinds = [values, nf.array(X, "bfloat16"), values.astype(ml_dtypes.bfloat16), Tensor(codes, 4), values.tolist()]
    for kind in kinds:
        assert_ulp(kind, values, "bfloat16", 0)
        assert_bits_equal(kind, values, "bfloat16")
        assert_representable(kind, "bfloat16")
        assert_unbiased([values], kind, "bfloat16")
        if not isinstance(kind, Tensor):
            d = nf.matmul(values, values.T, "float32")
            assert_matmul(d, kind, values.T, "float32")
    assert_matmul(Tensor(nf.matmul(values, values.T, "float32")), Tensor(codes, 4), values.T, "float32")
    assert_representable(nf.quantize(np.ones(32), nf.mxfp4), "float4_e2m1fn")


def test_codes():
    codes = nf.encode(X, "bfloat16")
    values = nf.decode(codes, "bfloat16")
    assert_ulp(codes, values, "bfloat16", 0, codes=True)
    assert_ulp(codes, codes, "bfloat16", 0, codes=True)
    assert_bits_equal(codes, values, "bfloat16", codes=True)
    assert_unbiased(codes[None], values, "bfloat16", codes=True)
    with pytest.raises(AssertionError, match="2 ulp"):
        assert_ulp(np.uint16([0x3F82]), 1.0, "bfloat16", codes=True)
    with pytest.raises(nf.ArgumentError, match="needs fmt"):
        assert_bits_equal([1.0], np.uint8([1]), codes=True)


def test_lines_that_reproduce_hold_every_bit():
    from nfloat.testing.failures import numbers_argument, packed, unpacked

    rng = np.random.default_rng(0)
    for shape in ((3, 4), (1, 100), (100, 1), ()):
        x = np.array(rng.standard_normal(shape))
        assert np.array_equal(eval(numbers_argument(x), {"nf": nf}), x)
        assert np.array_equal(unpacked(packed(np.atleast_1d(x))), np.atleast_1d(x))
    assert numbers_argument(rng.standard_normal((1, 5000))) is None
    with pytest.raises(nf.ArgumentError, match="copy its whole line"):
        unpacked("3:???")


def test_an_array_on_no_device_of_dlpacks():
    class Meta:
        def __dlpack__(self, **_):
            raise AssertionError

        def __dlpack_device__(self):
            raise ValueError("Unknown device type meta")

    with pytest.raises(nf.ArgumentError, match="actual: Meta gives no DLPack array"):
        nf.testing.assert_ulp(Meta(), 1.0, "float16")
