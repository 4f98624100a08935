"""FloatArrays in files: numbers, format and everything else come back."""

import io
import os
from functools import cache

import ml_dtypes
import numpy as np
import pytest

import nfloat as nf

OWN = nf.Format(name="mine", precision=5, emin=-6, emax=9)
NAMES = ("plain", "policy", "drawn", "own", "number", "none", "wide")


@cache
def arrays() -> dict[str, nf.FloatArray]:
    """One of each kind; not at import, since every process that collects tests would compile for it."""
    return {
        "plain": nf.array([[0.1, -0.0, np.inf]], "bfloat16"),
        "policy": nf.array([0.1, 1000.0], "float8_e4m3fn", "toward_zero", overflow="saturate"),
        "drawn": nf.array([0.1, 0.2], "e5m7", "stochastic_a", random_bits=5, seed=nf.Stream(3).child("w", 7)) * 1.5,
        "own": nf.array([0.1, 3.0, np.nan], OWN),
        "number": nf.array(0.1, "float16"),
        "none": nf.array(np.zeros((0, 3)), "float64"),
        "wide": nf.array([0.1], "float64"),
    }


def same(a: nf.FloatArray, b: nf.FloatArray) -> None:
    assert type(b) is nf.FloatArray and b.shape == a.shape and np.array_equal(a.codes, b.codes)
    for key in ("format", "rounding", "overflow", "random_bits", "stream", "dtype"):
        assert getattr(a, key) == getattr(b, key)


@pytest.mark.parametrize("name", NAMES)
def test_npy_keeps_the_format_and_np_load_gives_the_values(name, tmp_path):
    a, file = arrays()[name], tmp_path / "a.npy"
    nf.save(file, a)
    same(a, nf.load(file))
    np.save(file, a)
    same(a, nf.load(file))
    values = np.load(file)
    assert type(values) is np.ndarray and values.dtype == a.dtype and np.array_equal(values, a.values, equal_nan=True)
    if a.size:
        assert np.array_equal(np.load(file, mmap_mode="r"), a.values, equal_nan=True)


def test_several_in_one_open_file_and_suffixes(tmp_path):
    file = io.BytesIO()
    for a in arrays().values():
        np.save(file, a)
    file.seek(0)
    for a in arrays().values():
        assert np.array_equal(np.load(file), a.values, equal_nan=True)
    np.save(tmp_path / "b", arrays()["plain"])
    same(arrays()["plain"], nf.load(tmp_path / "b.npy"))


@pytest.mark.parametrize("kind", ["safetensors", "npz", "np.savez", "np.savez_compressed"])
def test_many(kind, tmp_path):
    plain = np.arange(3.0)
    if kind.startswith("np."):
        file = tmp_path / "a.npz"
        getattr(np, kind[3:])(tmp_path / "a", plain=plain, **{f"_{k}": v for k, v in arrays().items()})
        assert np.array_equal(np.load(file)["_own"], arrays()["own"].values, equal_nan=True)
    else:
        file = tmp_path / f"a.{kind}"
        nf.save(file, {"plain": plain, **{f"_{k}": v for k, v in arrays().items()}})
    loaded = nf.load(file)
    assert set(loaded) == {"plain", *(f"_{k}" for k in arrays())} and type(loaded["plain"]) is np.ndarray
    assert np.array_equal(loaded["plain"], plain)
    for key, a in arrays().items():
        same(a, loaded[f"_{key}"])


def test_positional_arrays_are_named_as_numpy_names_them(tmp_path):
    np.savez(tmp_path / "a.npz", arrays()["plain"], x=np.ones(2))
    assert set(nf.load(tmp_path / "a.npz")) == {"arr_0", "x"}
    with pytest.raises(nf.ArgumentError, match="named arr_0"):
        np.savez(tmp_path / "a.npz", arrays()["plain"], arr_0=np.ones(2))


def test_safetensors_types(tmp_path):
    from nfloat.blocks.safetensors import read

    nf.save(tmp_path / "a", {"a": arrays()["plain"], "b": arrays()["drawn"], "q": nf.quantize(np.eye(32), nf.mxfp4)})
    tensors, _ = read(tmp_path / "a")
    assert tensors["a"].kind == "BF16" and tensors["a"].shape == (1, 3) and tensors["b"].kind == "U8"
    stored = np.frombuffer(tensors["a"].data, ml_dtypes.bfloat16).astype(np.float32)
    assert np.array_equal(stored, arrays()["plain"].values.reshape(-1))
    assert type(nf.load(tmp_path / "a")["q"]) is nf.BlockArray


def test_a_pipe_stays_one(tmp_path):
    """As root, a file that is put in the place of /dev/null breaks the system."""
    pipe, copy = tmp_path / "pipe", tmp_path / "copy.safetensors"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    nf.save(pipe, {"a": arrays()["plain"]})
    assert pipe.is_fifo()
    copy.write_bytes(os.read(reader, 4096))
    os.close(reader)
    same(arrays()["plain"], nf.load(copy)["a"])


def test_a_link_stays_one(tmp_path):
    file, link, loop = (tmp_path / name for name in ("a.safetensors", "link", "loop"))
    link.symlink_to(file.name)
    loop.symlink_to(loop)
    for value in (arrays()["plain"], arrays()["drawn"]):  # led to no file, and to one
        nf.save(link, {"a": value})
        assert link.is_symlink() and not file.is_symlink()
        same(value, nf.load(file)["a"])
    with pytest.raises(OSError, match="link"):
        nf.save(loop, {"a": arrays()["plain"]})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.safetensors", "link", "loop"]


def test_refusals(tmp_path):
    file = tmp_path / "a.npy"
    file.write_bytes(b"\x93NUMPY\x02\x00\xff\xff\xff\xffnothing")
    for name in ("a.npy", "a.npz"):
        (tmp_path / name).write_bytes(b"\x93NUMPY\x02\x00\xff\xff\xff\xffnothing")
        with pytest.raises(nf.ArgumentError, match=f"{name}.* cannot be read as an array"):
            nf.load(tmp_path / name)
    with pytest.raises(nf.ArgumentError, match="an .npy file has one FloatArray"):
        nf.save(file, {"a": arrays()["plain"]})
    with pytest.raises(nf.ArgumentError, match="pass a dict of names and arrays"):
        nf.save(tmp_path / "a", arrays()["plain"])


def test_astype_takes_dtypes():
    a = nf.array([0.1, 2.5], "float64", "toward_zero")
    single = a.astype(np.float32)
    assert (single.format, single.rounding) == (nf.float32, a.rounding) and single.tolist() == nf.round(
        a.values, "float32", "toward_zero"
    ).tolist()
    assert a.astype(np.dtype("float16")).format is nf.float16 and a.astype(float).format is nf.float64
    assert a.astype(ml_dtypes.bfloat16).format is nf.bfloat16
    for dtype in (int, bool, complex, np.int8):
        cast = a.astype(dtype)
        assert type(cast) is np.ndarray and cast.dtype == dtype and cast.tolist() == a.values.astype(dtype).tolist()
    with pytest.raises(nf.ArgumentError, match="no rounding goes with it"):
        a.astype(int, "toward_zero")
    with pytest.raises(nf.FormatError, match="neither a format nor a dtype"):
        a.astype(ValueError)
