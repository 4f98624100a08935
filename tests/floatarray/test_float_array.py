"""FloatArray as an array: construction, attributes, casts, indexing, assignment, copies, text."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pytest

import nfloat as nf


def test_array_rounds_once_and_keeps_what_it_was_told() -> None:
    a = nf.array([0.1, 1 + 2**-8 + 2**-40], "bfloat16")
    assert a.values.tolist() == [0.10009765625, 1.0078125]
    assert (a.format, a.rounding, a.overflow, a.random_bits, a.stream) == (
        nf.bfloat16,
        "nearest_even",
        None,
        None,
        None,
    )
    assert a.codes.dtype == np.uint16
    assert (a.shape, a.ndim, a.size, len(a), a.dtype) == ((2,), 1, 2, 2, np.float32)
    assert nf.array([0.1], "float64").dtype == np.float64
    assert nf.array([1], "e11m3").dtype == np.float64
    down = nf.array([0.1], "bfloat16", "toward_zero", overflow="saturate")
    assert (down.rounding, down.overflow) == ("toward_zero", "saturate")
    assert float((down * 1e38 * 1e38)[0]) == nf.bfloat16.max


def test_values_are_read_only_and_asarray_gives_them() -> None:
    a = nf.array([1.0, 2.0], "float16")
    with pytest.raises(ValueError, match="read-only"):
        a.values[0] = 0.1
    assert np.asarray(a).tolist() == [1.0, 2.0]
    assert np.asarray(a, np.float64).dtype == np.float64
    assert np.array(a).flags.writeable
    assert nf.round(a, "float8_e5m2").tolist() == [1.0, 2.0]


def test_array_copies() -> None:
    x = np.ones(3, np.float32)
    a = nf.array(x, "float16")
    x[0] = 5
    b = nf.array(a, "float16")
    b[1] = 7
    assert a.tolist() == [1, 1, 1]


def test_text_shows_format_and_rounding() -> None:
    a = nf.array([1.0, 300.0], "float8_e4m3fn", "toward_zero", overflow="saturate")
    assert repr(a) == "FloatArray([  1., 288.], format='float8_e4m3fn', rounding='toward_zero', overflow='saturate')"
    assert str(a) == "[  1. 288.]"
    assert "random_bits=8" in repr(nf.array([1.0], "float16", "stochastic_a", random_bits=8, seed=0))


def test_scalars_give_scalars() -> None:
    a = nf.array(0.1, "float16")
    assert a.shape == () and float(a) == 0.0999755859375 == a.item()
    assert (a + a).shape == () and bool(a) and int(a * 30) == 3
    b = nf.array([1.0, 2.0], "float16")
    assert b[0].shape == () and isinstance(b[0], nf.FloatArray)
    assert isinstance(nf.add(1.0, 2.0, "float16"), np.floating)
    with pytest.raises(TypeError):
        len(a)
    with pytest.raises(ValueError, match="ambiguous"):
        bool(b)
    with pytest.raises(TypeError):
        hash(b)


def test_casts_round_once_by_the_new_arithmetic() -> None:
    a = nf.array([1 + 2**-10, 60000.0], "float16")
    assert a.astype("bfloat16").tolist() == [1.0, 59904.0]
    assert a.astype("bfloat16", "toward_positive").tolist() == [1.0078125, 60160.0]
    assert a.astype("float8_e4m3fn", overflow="saturate").tolist() == [1.0, 448.0]
    assert a.astype("float16", "to_odd").rounding == "to_odd"
    b = a.replace(rounding="toward_zero")
    assert b.rounding == "toward_zero" and np.shares_memory(np.asarray(a), np.asarray(b))
    assert nf.array(a, "float8_e5m2").format == nf.float8_e5m2


def test_indexing_gives_views_and_assignment_rounds() -> None:
    a = nf.array(np.arange(12.0).reshape(3, 4), "float8_e4m3fn")
    row = a[1]
    row[0] = 0.3
    assert a[1, 0].item() == 0.3125
    a[a > 8] = 8.4
    assert a[2].tolist() == [8, 8, 8, 8]
    a[:, 0] = np.array([17.0, 19.0, 1000.0])
    assert a[:2, 0].tolist() == [16.0, 20.0] and np.isnan(a[2, 0].item())
    a[0] = nf.array([1 / 3] * 4, "float32")
    assert a[0].tolist() == [0.34375] * 4
    assert a[..., None].shape == (3, 4, 1)
    assert a[[0, 1], [1, 1]].tolist() == [0.34375, 5.0]
    assert [x.item() for x in a[1]] == a[1].tolist()
    assert 5.0 in a and 6.0 not in nf.array([5.0, 5.5], "float8_e4m3fn")
    with pytest.raises(IndexError):
        a[7]


def test_copies_and_pickle_keep_everything() -> None:
    a = nf.array(
        [0.1, 2.0], "e6m9", "stochastic_b", overflow="saturate_finite", random_bits=9, seed=nf.Stream(3).child("x")
    )
    for b in (copy.copy(a), copy.deepcopy(a), pickle.loads(pickle.dumps(a)), a.copy()):
        assert isinstance(b, nf.FloatArray) and b.tolist() == a.tolist()
        assert (b.format, b.rounding, b.overflow, b.random_bits, b.stream) == (
            a.format,
            a.rounding,
            a.overflow,
            a.random_bits,
            a.stream,
        )
        assert not np.shares_memory(np.asarray(a), np.asarray(b))
        assert (b * 1.5).tolist() == (a * 1.5).tolist()


def test_save_and_load() -> None:
    a = nf.array([0.1, -0.0, np.inf], "bfloat16")
    file = io.BytesIO()
    np.save(file, a)
    file.seek(0)
    b = nf.array(np.load(file), a.format)
    assert np.array_equal(b.codes, a.codes)
    assert nf.from_codes(a.codes, a.format).tolist() == a.tolist()


def test_arguments_are_checked() -> None:
    with pytest.raises(nf.FormatError, match="float17"):
        nf.array([1.0], "float17")
    with pytest.raises(nf.RoundingError):
        nf.array([1.0], "float16", "nearest")
    with pytest.raises(nf.SeedError, match="seed"):
        nf.array([1.0], "float16", "stochastic")
    with pytest.raises(nf.SeedError):
        nf.array([1.0], "float16").astype("bfloat16", "stochastic")
    with pytest.raises(nf.RoundingError, match="infinity"):
        nf.array([1.0], "float16", overflow="infinity").astype("float8_e4m3fn")
    with pytest.raises(nf.ArgumentError):
        nf.array(["a"], "float16")
