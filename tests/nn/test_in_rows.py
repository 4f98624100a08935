"""Norms and softmax in one pass have the bits of their steps, which are array operations, one after the other."""

import numpy as np
import pytest

import nfloat as nf
from nfloat.kernels.jit import entry_point
from nfloat.linalg.reductions import column_sums, middle_sums
from nfloat.nn import elementary
from nfloat.nn.ops import OPS, in_rows
from nfloat.nn.precision import Precision

WIDE, MIXED = (Precision(nf.nn.recipe(name), threads=1) for name in ("float64", "bf16-mixed"))
IMAGES = [(1, 1, 1, 1), (3, 5, 4, 4), (16, 3, 2, 7), (5, 6), (2, 4, 9), (2, 2, 3, 1, 5), (2, 19, 9, 8)]
RUNNING = {"running": (np.array([0.5, -1.0, 3e3]), np.array([0.0, 2.0, 1e-30]))}
CASES = [
    *(("layer_norm", (4, n), (n,), {"axes": 1, "eps": 1e-5}) for n in (1, 2, 7, 8, 15, 16, 17, 32, 35, 64, 197, 999)),
    ("layer_norm", (70, 300), (300,), {"axes": 1, "eps": 1e-5}),
    ("rms_norm", (2, 3, 33), (33,), {"axes": 1, "eps": None}),
    *(("batch_norm", shape, shape[1:2], {"eps": 1e-5}) for shape in IMAGES),
    ("batch_norm", (4, 3, 5, 5), (3,), {"eps": 1e-3, **RUNNING}),
    *(("group_norm", (3, 6, *places), (6,), {"groups": 3, "eps": 1e-5}) for places in ((), (5,), (4, 8))),
    *((name, shape, None, {"axis": axis})
      for name in ("softmax", "log_softmax")
      for shape, axis in (((1,), 0), ((3, 5), -1), ((2, 3, 130), 2), ((4, 5, 6), 1), ((400, 60), -1))),
    *(("softmax", (2, 3, 4, 9), None, {"mask": mask}) for mask in (
        np.where(np.arange(9) > np.arange(4)[:, np.newaxis] + 3, -np.inf, 0.0), np.arange(9.0), np.float64(2.0),
        np.where(np.arange(72).reshape(2, 1, 4, 9) % 5 == 0, -np.inf, 0.25),
    )),
    ("softmax", (2, 40, 40), None, {"mask": np.where(np.arange(40) > np.arange(40)[:, np.newaxis], -np.inf, 0.0)}),
]  # fmt: skip


def numbers(rng, shape, kind, dtype):
    x = rng.standard_normal(shape)
    if kind == "wide":
        x = x * 2.0 ** rng.integers(-140, 125, shape)
    elif kind == "subnormal":
        x = x * 2.0 ** (np.finfo(dtype).minexp - 2.0)
    elif kind == "special":
        x = rng.choice(
            [0.0, -0.0, 1.0, -2.5, np.inf, -np.inf, np.nan], shape, p=[0.2, 0.2, 0.28, 0.28, 0.01, 0.01, 0.02]
        )
    return x.astype(dtype)


def same(found, expected):
    """Whether the bits are the same; NaN is NaN."""
    if found is None or expected is None:
        return found is expected
    with np.errstate(all="ignore"):
        expected = np.asarray(expected).astype(found.dtype)
    equal = (found == expected) & (np.signbit(found) == np.signbit(expected))
    return found.shape == expected.shape and bool(np.all(equal | (np.isnan(found) & np.isnan(expected))))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "shape", "own", "given"), CASES)
def test_one_pass_has_the_bits_of_the_steps(monkeypatch, name, shape, own, given, dtype):
    rng, p = np.random.default_rng(3), MIXED if dtype == np.float32 else WIDE

    def run(x, dy, *affine):
        y, kept = OPS[name].forward(p, "a", x, *affine, **given)
        with np.errstate(all="ignore"):
            kept = (y.astype(dtype), kept[1]) if own is None else kept
        return [y, *OPS[name].backward(p, "a", kept, dy, (True,) * (1 + len(affine)))]

    for kind in ("plain", "wide", "subnormal", "special"):
        arrays = [numbers(rng, shape, kind, dtype), numbers(rng, shape, "plain", dtype)]
        operands = [numbers(rng, own, "wide", dtype) for _ in range(2)] if own else []
        for count in {0, 1, len(operands)} if own else {0}:
            found = run(*arrays, *operands[:count])
            with monkeypatch.context() as patch:
                patch.setattr(in_rows, "is_whole", lambda *_: False)
                expected = run(*arrays, *operands[:count])
            assert all(same(*pair) for pair in zip(found, expected, strict=True)), (kind, count)


@pytest.mark.parametrize("threads", [1, 3])
def test_float32_results_are_rounded_once_on_any_number_of_threads(threads):
    rng, p = np.random.default_rng(0), Precision(nf.nn.recipe("float32"), threads=threads)
    x, dy = rng.standard_normal((2, 1200, 300)).astype(np.float32) * np.float32(1e20)
    for name, given in (("layer_norm", {"axes": 1, "eps": 1e-5}), ("softmax", {})):
        y, kept = OPS[name].forward(p, "a", x, **given)
        wide, _ = OPS[name].forward(p, "a", x, single=False, **given)
        assert y.dtype == np.float32 and wide.dtype == np.float64 and same(y, wide)
        kept = (y, -1) if name == "softmax" else kept
        (dx,) = OPS[name].backward(p, "a", kept, dy, (True,))
        assert same(OPS[name].backward(p, "a", kept, dy, (True,), single=True)[0], dx)
    watched = Precision(nf.nn.recipe("float32"), observer=lambda *_: None)
    assert OPS["softmax"].forward(watched, "a", x[:2])[0].dtype == np.float64


def test_statistics_are_those_of_the_batch():
    x, seen = np.arange(24.0).reshape(2, 3, 4), []
    OPS["batch_norm"].forward(WIDE, "a", x, eps=0.0, seen=lambda *what: seen.append(what))
    ((mean, variance, count),) = seen
    assert mean.tolist() == x.mean((0, 2)).tolist() and np.allclose(variance, x.var((0, 2))) and count == 8


@pytest.mark.parametrize("field", ["softmax", "norms"])
def test_what_a_recipe_rounds_between_is_done_in_steps(field):
    p = Precision(nf.nn.recipe("float32").replace(**{field: "bfloat16"}))
    name, given = ("softmax", {}) if field == "softmax" else ("layer_norm", {"axes": 1, "eps": 1e-5})
    x = np.random.default_rng(0).standard_normal((3, 40)).astype(np.float32)
    found, (exact, _) = OPS[name].forward(p, "a", x, **given)[0], OPS[name].forward(WIDE, "a", x, **given)
    assert not in_rows.is_whole(p, field, "a", x) and not in_rows.is_whole(WIDE, field, "a", x[:0])
    assert 1e-4 < np.abs(found - exact).max() < 0.1


@pytest.mark.parametrize("scale", [0, 30, 140])
def test_columns_of_float64_numbers_are_summed_in_float32(scale):
    rng = np.random.default_rng(scale)
    x = rng.standard_normal((60, 37)) * 2.0 ** rng.integers(-scale, scale + 1, (60, 37))
    x[::2, 5] = 2.0**-24 * (1 + (x[::2, 5] > 0) * 2.0**-50)  # beside ties of float32, by less than float64 shows
    x[0, 5], x[3, 6], x[4, 7], x[5, 7], x[6, 8] = 1.0, np.nan, np.inf, -np.inf, 1e300
    found = column_sums(x, nf.Accumulator("float32"))
    assert found.dtype == np.float64
    assert same(found, nf.matmul(np.ones((1, 60)), x, "float32")[0])


@pytest.mark.parametrize(("dtype", "acc"), [("float32",) * 2, ("float64",) * 2, ("float64", "float32")])
def test_sums_of_a_middle_axis_are_sums_of_columns(dtype, acc):
    rng = np.random.default_rng(1)
    for shape in ((1, 1, 1), (3, 8, 5), (2, 19, 70), (1, 35, 129), (5, 3, 64)):
        x = (rng.standard_normal(shape) * 2.0 ** rng.integers(-30, 31, shape)).astype(dtype)
        expected = column_sums(np.ascontiguousarray(x.swapaxes(1, 2)).reshape(-1, shape[1]), nf.Accumulator(acc))
        found = middle_sums(x, nf.Accumulator(acc))
        assert found.dtype == expected.dtype and found.tobytes() == expected.tobytes()
    assert middle_sums(x, nf.Accumulator("bfloat16")) is None and middle_sums(x[:, :, ::2], nf.Accumulator(acc)) is None


def test_gradients_of_another_precision_are_not_narrowed():
    rng, p = np.random.default_rng(0), Precision(nf.nn.recipe("float32"))
    x, dy = rng.standard_normal((4, 5, 6)).astype(np.float32), rng.standard_normal((4, 5, 6))
    for name, given, own in (("layer_norm", {"axes": 1}, 6), ("batch_norm", {}, 5)):
        affine = np.ones(own, np.float32), np.zeros(own, np.float32)
        kept = OPS[name].forward(p, "a", x, *affine, eps=1e-5, **given)[1]
        wide = OPS[name].forward(WIDE, "a", x.astype(np.float64), *map(np.float64, affine), eps=1e-5, **given)[1]
        for one, other in zip(
            OPS[name].backward(p, "a", kept, dy, (True,) * 3), OPS[name].backward(WIDE, "a", wide, dy, (True,) * 3),
            strict=True,
        ):  # fmt: skip
            assert np.allclose(one, other, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 4, 5, 8, 16, 24, 32, 33, 48, 64, 100, 128, 256, 1000])
def test_halves_are_added_as_they_say(count):
    rng = np.random.default_rng(count)
    x = rng.standard_normal((5, count)) * 10.0 ** rng.integers(-9, 9, (5, count))
    out = np.empty(5)
    entry_point(elementary.kernels.halved_sums)(x, out)
    assert np.array_equal(out, elementary.halved_sums(np.asfortranarray(x), (1,)).ravel())
