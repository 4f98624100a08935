"""`identify` and `predict_matmul`: somebody else's kernel, named by what it gives for a few numbers."""

import warnings

import numpy as np
import pytest

import nfloat as nf
from nfloat.testing import identify, predict_matmul, probe_inputs

A = nf.Accumulator
K = 64
#: what the kernel multiplies, how it sums, and what comes with it
KERNELS = [
    *(("float16", A("float16", order=order), {}) for order in ("sequential", "pairwise", "kahan", "exact")),
    *(("bfloat16", A("bfloat16", order=order), {}) for order in ("sequential", "pairwise", "exact")),
    *(("bfloat16", A("float32", order=order), {}) for order in ("sequential", "pairwise", "kahan", "exact")),
    *(("bfloat16", A("float32", order="interleaved", lanes=lanes), {}) for lanes in (2, 3, 4, 8, 16, 32)),
    ("float16", A("float16", product="float16"), {}),
    ("bfloat16", A("bfloat16", product="bfloat16"), {}),
    ("float16", A("float16", product="float16", order="interleaved", lanes=8), {}),
    ("bfloat16", A("float32", product="bfloat16"), {}),
    ("bfloat16", A("float32", rounding="toward_zero"), {}),
    ("bfloat16", A("bfloat16", rounding="nearest_away"), {}),
    ("float8_e4m3fn", A("float16"), {}),
    ("float8_e4m3fn", A("float32"), {}),
    *(("bfloat16", A("bfloat16", order="blocked", block=block, promote="float32"), {}) for block in (8, 16, 24)),
    ("float16", A("float16", order="blocked", block=32), {}),
    ("bfloat16", A("float32", order="blocked", block=16), {"split_k": 4}),
    ("bfloat16", A("float32", order="interleaved", lanes=8), {"split_k": 4}),
    ("float16", A("float16", order="interleaved", lanes=4), {"split_k": 2}),
    ("bfloat16", A("float32"), {"split_k": 4, "promote": "bfloat16"}),
    ("bfloat16", A("e8m9", order="pairwise"), {}),
    ("float16", "nvidia.volta.mma.f16.f32", {}),
    ("float16", "nvidia.ampere.mma.f16.f32", {}),
    ("float16", "nvidia.hopper.mma.f16.f32", {}),
    ("float16", "nvidia.hopper.mma.f16.f16", {}),
    ("bfloat16", "nvidia.ampere.mma.bf16.f32", {}),
    ("float8_e4m3fn", "nvidia.hopper.wgmma.e4m3.f32", {}),
    ("float8_e4m3fn", "nvidia.ada.mma.e4m3.f32", {}),
    ("float16", "amd.cdna3.mfma.f16.f32", {}),
    ("bfloat16", "intel.amx.tdpbf16ps", {}),
    ("bfloat16", "arm.bfdot", {}),
    ("float16", "nvidia.hopper.mma.f16.f32", {"split_k": 2, "split_tile": 16}),
]


def quietly(a, b, acc, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return predict_matmul(a, b, acc, **options)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("inputs", "acc", "options"), KERNELS, ids=lambda value: str(value) or "-")
def test_names_the_right_one_of_many(inputs, acc, options):
    """And what else agrees, gives the same on other inputs of the kind too: only the same arithmetic is beside it."""
    a, b = probe_inputs(inputs, K, 8)
    assert a.size + b.size <= 4096
    found = [match for match in identify(a, b, quietly(a, b, acc, **options)) if match.share == 1.0]
    name = acc if isinstance(acc, A) else nf.units[acc].name
    right = [m for m in found if m.how == name and m.split_k == options.get("split_k", 1) and m.output is None]
    if options and not right and isinstance(acc, A):  # the same said otherwise
        right = found[:1]
    assert right, [str(match) for match in found[:5]]
    more = probe_inputs(inputs, K, 8, seed=1)
    wanted = quietly(*more, acc, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        best = np.asarray(found[0].predict(*more))
    assert np.mean((best == wanted) | np.isnan(wanted)) > 0.9
    if not options and (isinstance(acc, A) or ("nvidia" in acc and inputs == "bfloat16")):
        assert found[0].how == name


def test_there_are_forty():
    assert len(KERNELS) >= 40


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", [
    "noise", "rounded noise", "half of it", "a relative error", "a tail dropped", "transposed", "twice",
    "other operands",
])  # fmt: skip
def test_nothing_for_noise_and_wrong_kernels(name):
    a, b = probe_inputs("bfloat16", K)
    right = nf.matmul(a, b, "float32")
    rng = np.random.default_rng(0)
    wrong = {
        "noise": rng.standard_normal((8, 8)),
        "rounded noise": nf.round(rng.standard_normal((8, 8)), "bfloat16"),
        "half of it": np.where(np.arange(64).reshape(8, 8) % 2, right, 1.5 * right),
        "a relative error": right * (1 + 2.0**-20 * rng.standard_normal((8, 8))),
        "a tail dropped": nf.matmul(a[:, :-1], b[:-1], "float32"),
        "transposed": right.T,
        "twice": 2 * right + 1e-3,
        "other operands": nf.matmul(b.T, a.T[:, ::-1], "float32"),
    }
    assert identify(a, b, wrong[name]) == []


def test_nearly():
    """One wrong element: the arithmetic is named all the same, with the share."""
    a, b = probe_inputs("bfloat16", K)
    d = nf.matmul(a, b, A("float32", order="interleaved", lanes=4))
    d[3, 3] *= 1.5
    best = identify(a, b, d)[0]
    assert best == (A("float32", order="interleaved", lanes=4), 63 / 64)
    how, share = best
    assert (best.how, best.share) == (how, share)


def test_inputs_and_outputs_that_are_rounded():
    rng = np.random.default_rng(3)
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((8, 24), (24, 8)))
    best = identify(a, b, nf.matmul(a, b, A("float32"), inputs="tfloat32"))[0]
    assert best.how == A("float32") and best.inputs == nf.tfloat32 and "operands rounded to tfloat32" in str(best)
    c = nf.round(rng.standard_normal((8, 8)), "bfloat16")
    x, y = nf.round(a, "float16"), nf.round(b, "float16")
    found = identify(x, y, nf.matmul(x, y, A("float16"), c), c)
    assert found[0].how == A("float16")
    with_output = nf.matmul(x, y, A("float16", order="pairwise"), output="float8_e5m2")
    assert any(
        m.how == A("float16", order="pairwise") and m.output == nf.float8_e5m2 for m in identify(x, y, with_output)
    )


def test_vectors_many_elements_and_mistakes():
    rng = np.random.default_rng(4)
    a, b = (nf.round(rng.standard_normal(shape), "bfloat16") for shape in ((70, 12), (12, 70)))
    assert identify(a, b, nf.matmul(a, b, "float32"))[0].how == A("float32")
    assert identify(a[0], b[:, 0], nf.matmul(a[0], b[:, 0], "float32"))[0].how == A("float32")
    for args, message in (
        ((a, a, a), "must be matrices"),
        ((a, b, a), "shape of a @ b"),
        ((a[:, :0], b[:0], np.zeros((70, 70))), "nothing to tell"),
    ):
        with pytest.raises(nf.ArgumentError, match=message):
            identify(*args)


def test_predictions():
    a, b = probe_inputs("bfloat16", 48)
    blocked = A("bfloat16", order="blocked", block=16, promote="float32")
    assert np.array_equal(predict_matmul(a, b, "bfloat16", 3, "float32"), nf.matmul(a, b, blocked))
    c = np.full((8, 8), 0.3)
    assert np.array_equal(predict_matmul(a, b, "bfloat16", 3, "float32", c=c), nf.matmul(a, b, blocked, c))
    fp8 = probe_inputs("float8_e4m3fn", 256)
    unit = "nvidia.hopper.wgmma.e4m3.f32"
    assert np.array_equal(predict_matmul(*fp8, unit, 1, 128), nf.matmul(*fp8, f"{unit}@promote=128"))
    split = nf.matmul(*fp8, f"{unit}@split_k=2")
    assert np.array_equal(predict_matmul(*fp8, unit, 2), split)
    one = predict_matmul(a[0], b[:, 0], "float32", 2, output="bfloat16")
    assert np.ndim(one) == 0 and one == nf.round(one, "bfloat16")


def test_predictions_refuse_shapes_that_do_not_fit():
    a, b = np.ones((4, 3)), np.ones((3, 2))
    for arguments, c in (((a, a), None), ((np.float64(3), b), None), ((a, b), np.ones((5, 4, 2)))):
        with pytest.raises(nf.ShapeError):
            predict_matmul(*arguments, "float16", 2, c=c)


@pytest.mark.parametrize("inputs", ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", ("float8_e4m3fn", "e5m2")])
def test_probe_inputs_are_numbers_of_the_formats(inputs):
    formats = inputs if isinstance(inputs, tuple) else (inputs, inputs)
    for k, lines in ((256, 8), (7, 3)):
        a, b = probe_inputs(inputs, k, lines)
        assert a.shape == (lines, k) and b.shape == (k, lines)
        for x, fmt in zip((a, b), formats, strict=True):
            nf.testing.assert_representable(x, fmt)
            assert np.isfinite(x).all()
        assert np.array_equal(a, probe_inputs(inputs, k, lines)[0])
        assert not np.array_equal(a, probe_inputs(inputs, k, lines, seed=5)[0])


def test_probe_inputs_refuses():
    with pytest.raises(nf.FormatError, match="no negative numbers"):
        probe_inputs("float8_e8m0fnu")
    with pytest.raises(nf.ArgumentError, match="k=0"):
        probe_inputs("float16", 0)
