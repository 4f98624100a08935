"""reduce, accumulate, outer and at: sequential, every step rounded; NumPy's arguments mean what they mean there."""

from __future__ import annotations

import numpy as np
import pytest

import nfloat as nf

RNG = np.random.default_rng(1)


def _fold(name: str, values: np.ndarray, fmt: str, start: float | None = None, mode: str = "nearest_even") -> float:
    s = start
    for v in values.reshape(-1):
        s = float(v) if s is None else float(getattr(nf, name)(s, float(v), fmt, mode))
    return s


def _equal(a: object, b: object) -> None:
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


@pytest.mark.parametrize("fmt", ["float16", "bfloat16", "float8_e5m2", "float64"])
@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.subtract, np.divide, np.hypot], ids=lambda u: u.__name__)
def test_reduce_is_the_plain_loop(ufunc: np.ufunc, fmt: str) -> None:
    a = nf.array(RNG.uniform(0.7, 1.5, (6, 5)), fmt)
    x = np.asarray(a)
    _equal(ufunc.reduce(a), [_fold(ufunc.__name__, x[:, j], fmt) for j in range(5)])
    _equal(ufunc.reduce(a, axis=-1), [_fold(ufunc.__name__, row, fmt) for row in x])
    _equal(ufunc.reduce(a, axis=None), _fold(ufunc.__name__, x, fmt))
    down = a.replace(rounding="toward_negative")
    _equal(ufunc.reduce(down, axis=1), [_fold(ufunc.__name__, row, fmt, mode="toward_negative") for row in x])


def test_sums_stall_where_they_must() -> None:
    assert np.add.reduce(nf.array(np.ones(4096), "float16")).item() == 2048
    assert np.sum(nf.array(np.ones(1000), "bfloat16")).item() == 256
    assert nf.array(np.ones(600), "float8_e4m3fn").sum().item() == 16
    assert nf.sum(np.ones(1000), nf.Accumulator("bfloat16", order="pairwise")) == 1000


def test_axis_keepdims_initial_where_and_out() -> None:
    a = nf.array(RNG.standard_normal((2, 3, 4)), "float16")
    x = np.asarray(a)
    assert np.add.reduce(a, axis=(0, 2)).shape == (3,)
    _equal(np.add.reduce(a, axis=(0, 2))[1], _fold("add", x[:, 1, :], "float16"))
    assert np.add.reduce(a, axis=(0, 2), keepdims=True).shape == (1, 3, 1)
    assert np.add.reduce(a, axis=()).shape == a.shape
    assert a.sum(axis=1, keepdims=True).shape == (2, 1, 4)
    _equal(np.add.reduce(a, axis=2, initial=5.0)[0, 0], _fold("add", x[0, 0], "float16", 5.0))
    mask = RNG.random((2, 3, 4)) < 0.5
    mask[0, 0] = False
    chosen = np.add.reduce(a, axis=2, where=mask)
    assert chosen[0, 0].item() == 0
    _equal(chosen[1, 2], _fold("add", x[1, 2][mask[1, 2]], "float16") if mask[1, 2].any() else 0.0)
    _equal(np.maximum.reduce(a, axis=0), x.max(axis=0))
    _equal(np.minimum.reduce(a, axis=None, initial=-9.0), -9.0)
    out = nf.array(np.zeros((3, 4)), "float16")
    assert np.add.reduce(a, out=out) is out
    _equal(out, nf.add(x[0], x[1], "float16"))
    assert np.logical_and.reduce(a > -100, axis=None)
    with pytest.raises(ValueError, match="axis"):
        np.add.reduce(a, axis=3)
    with pytest.raises(ValueError, match="axis"):
        np.add.reduce(a, axis=(0, 0))
    with pytest.raises(nf.ArgumentError, match="dtype"):
        np.add.reduce(a, dtype=float)
    with pytest.raises(nf.ArgumentError, match="not defined"):
        np.power.reduce(a)
    with pytest.raises(nf.ArgumentError, match="reduceat"):
        np.add.reduceat(a, [0, 1])


def test_where_chooses_elements_of_every_row() -> None:
    a = nf.array(np.arange(1.0, 13.0).reshape(3, 4), "float16")
    mask = np.array([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 1]], bool)
    for ufunc in (np.add, np.multiply):
        _equal(ufunc.reduce(a, axis=1, where=mask), ufunc.reduce(np.asarray(a), axis=1, where=mask))


def test_nothing_to_reduce() -> None:
    empty = nf.array(np.ones((0, 3)), "float16")
    assert np.add.reduce(empty).tolist() == [0, 0, 0]
    assert np.multiply.reduce(empty).tolist() == [1, 1, 1]
    assert np.add.reduce(empty, axis=1).shape == (0,)
    with pytest.raises(nf.ArgumentError, match="initial"):
        np.subtract.reduce(empty)
    with pytest.raises(ValueError, match="identity"):
        np.maximum.reduce(empty)
    assert np.signbit(np.asarray(np.add.reduce(nf.array([-0.0], "float16"))))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_accumulate_keeps_every_partial_result(axis: int) -> None:
    a = nf.array(RNG.standard_normal((4, 5)), "bfloat16")
    sums = np.add.accumulate(a, axis)
    assert sums.shape == a.shape
    x, s = np.moveaxis(np.asarray(a), axis, -1), np.moveaxis(np.asarray(sums), axis, -1)
    for row, partial in zip(x, s, strict=True):
        _equal(partial, [_fold("add", row[: k + 1], "bfloat16") for k in range(row.size)])
    _equal(np.cumsum(a, axis), sums)
    _equal(np.cumsum(a)[-1], _fold("add", np.asarray(a), "bfloat16"))
    _equal(np.cumprod(a, axis), np.multiply.accumulate(a, axis))
    _equal(np.maximum.accumulate(a, axis), np.maximum.accumulate(np.asarray(a), axis))


def test_outer() -> None:
    a, b = nf.array(RNG.standard_normal((2, 3)), "float16"), nf.array(RNG.standard_normal(4), "float16")
    product = np.multiply.outer(a, b)
    assert product.shape == (2, 3, 4)
    _equal(product, nf.multiply(np.asarray(a)[..., None], np.asarray(b), "float16"))
    _equal(np.outer(b, b), np.multiply.outer(b, b))
    _equal(np.subtract.outer([1.0, 2.0], b), nf.subtract([[1.0], [2.0]], np.asarray(b), "float16"))


def test_at_adds_one_after_the_other() -> None:
    a = nf.array([1024.0, 1.0, 0.0], "bfloat16")
    np.add.at(a, [0, 0, 1, 0], [1.0, 2.0, 0.5, 4.0])  # at 1024 a step is 8: 1 and 2 are lost one by one, 4 is a tie
    assert a.tolist() == [1024.0, 1.5, 0.0]
    np.multiply.at(a, np.array([False, True, True]), 3.0)
    assert a.tolist() == [1024.0, 4.5, 0.0]
    b = nf.array(np.zeros((2, 2)), "float16")
    np.add.at(b, ([0, 1, 1], [1, 0, 0]), nf.array([1.0, 2.0, 3.0], "float16"))
    assert b.tolist() == [[0, 1], [5, 0]]
    with pytest.raises(nf.ArgumentError, match="not a FloatArray"):
        np.add.at(np.zeros(3), [0], a[0])
    with pytest.raises(nf.ArgumentError, match="not defined"):
        np.exp.at(a, [0])


def test_mean_divides_the_rounded_sum_by_the_exact_count() -> None:
    a = nf.array(np.arange(20.0), "float8_e4m3fn")
    assert a.mean().item() == nf.divide(a.sum().item(), 20.0, "float8_e4m3fn")
    assert np.mean(nf.array(np.ones((2, 1000)), "float16"), axis=1).tolist() == [
        1,
        1,
    ]  # 1000 need not be a number of the format
    assert np.mean(a, keepdims=True).shape == (1,)


@pytest.mark.parametrize("rounding", ["nearest_even", "stochastic"])
def test_pieces_of_large_arrays_give_the_same_bits(monkeypatch: pytest.MonkeyPatch, rounding: str) -> None:
    x = RNG.standard_normal((6, 40))
    mask = RNG.random((6, 40)) < 0.3
    mask[2, :30], mask[3] = False, False

    def results() -> list[nf.FloatArray]:
        a = nf.array(x, "float8_e4m3fn", rounding, seed=3)
        added = nf.array(np.zeros(3), "float8_e4m3fn", rounding, seed=4)
        np.add.at(added, np.arange(240) % 3, a.reshape(-1))
        folds = [np.add.reduce(a, axis=axis) for axis in (0, 1, None)]
        folds += [np.add.reduce(a, axis=1, where=mask, initial=start) for start in (None, 2.0)]
        return [*folds, np.add.accumulate(a, axis=1), np.subtract.accumulate(a, axis=0), added]

    want = results()
    for large in (1, 7, 80):
        monkeypatch.setattr("nfloat.floatarray.folds.LARGE", large)
        monkeypatch.setattr("nfloat.ops.rounder.LARGE", large)
        assert [r.values.tobytes() for r in results()] == [w.values.tobytes() for w in want]
    with pytest.raises(nf.ArgumentError, match="nothing to reduce"):
        np.divide.reduce(nf.array(x, "float8_e4m3fn"), axis=1, where=mask)
