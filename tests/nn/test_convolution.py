"""Convolution by panels packed from images has the bits of the matrix of all windows, which an observer makes it form.

And so has a product of some images' windows at a time, where no such panels are; greatest numbers of windows.
"""

import tracemalloc

import numpy as np
import pytest

import nfloat as nf
from nfloat.nn.ops import windows
from nfloat.nn.ops.convolution import Geometry
from nfloat.nn.ops.pooling import Window, max_pool2d, max_pool2d_backward
from nfloat.nn.precision import Precision

RECIPES = (
    "float64", "float32", "tf32", "bf16-mixed", "fp16-mixed", "mxfp8", "mxfp4", "nvfp4", "bf16-pure-sr",
    "nvfp4+forward_x=nvfp4:stochastic+weight_gradient_x=nvfp4+weight_gradient_dy=mxfp4:stochastic",
    "tf32+gemm_inputs=bfloat16:stochastic", "tf32+gemm_inputs=float8_e4m3fn:saturate",
    "bf16-mixed+forward=bfloat16+backward=bfloat16", "bf16-mixed+forward=float8_e5m2+backward=float16",
    "bf16-mixed+forward=kahan:bfloat16+backward=bfloat16:stochastic", "tf32+backward=pairwise:float32+sums=bfloat16",
    "bf16-mixed+forward=nvidia.hopper.mma.bf16.f32+backward=split:2:float32:bfloat16",
)  # fmt: skip
GEOMETRIES = (
    ((3, 6, 7, 5), (4, 6, 3, 2), Geometry(padding=(1, 0))),
    ((2, 6, 5, 6), (6, 3, 3, 3), Geometry((2, 3), (1, 2), groups=2)),
    ((4, 4, 5, 6), (4, 1, 2, 2), Geometry((3, 1), (0, 1), (2, 3), 4)),
    ((5, 3, 4, 4), (2, 3, 1, 1), Geometry((2, 2))),
    ((0, 3, 4, 4), (2, 3, 2, 2), Geometry()),
)


def results(recipe, x, w, b, geometry, observer=None):
    """Result and gradients."""
    operands = [nf.nn.Tensor(v, requires_grad=True, parameter=v is not x) for v in (x, w, b)]
    with nf.nn.precision(recipe, seed=3, observer=observer, threads=1):
        y = nf.nn.apply("conv2d", *operands, geometry=geometry)
        y.backward(np.random.default_rng(2).standard_normal(y.shape).astype(y.data.dtype))
    return [y.data, *(operand.grad for operand in operands)]


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_whole_matrix_has_the_same_bits(recipe, monkeypatch):
    rng = np.random.default_rng(1)
    for shape, weight, geometry in GEOMETRIES:
        x, w, b = (rng.standard_normal(s).astype(np.float32) for s in (shape, weight, weight[:1]))
        whole = results(recipe, x, w, b, geometry, lambda *what: None)
        for most in (1, 300, 1 << 20):
            monkeypatch.setattr(windows, "_MOST", most)
            monkeypatch.setattr(windows, "_MOST_ROUNDED", most)
            for one, other in zip(results(recipe, x, w, b, geometry), whole, strict=True):
                assert one.dtype == other.dtype and one.tobytes() == other.tobytes()


@pytest.mark.parametrize("recipe, most", [("float64", 1.3), ("bf16-mixed", 1.3), ("mxfp8", 1.35), ("fp8-hybrid", 1.35)])
def test_memory_of_a_step(recipe, most):
    """At most 1.3 times what lives: parameters, gradients, what is kept for backward; with dy in blocks 1.35."""
    model, rng = nf.nn.models.cnn((1, 28, 28), 10, width=32), np.random.default_rng(0)
    model.init(seed=0)
    trainer = nf.nn.Trainer(model, nf.nn.SGD(model.parameters(), lr=0.01), recipe, threads=1)
    x, y = rng.standard_normal((32, 1, 28, 28)).astype(trainer.recipe.carrier), rng.integers(0, 10, 32)
    trainer.step(x, y)
    channels = 32 * (1 + 2 * 32 * (1 + 1 / 4) + 64 * 2 / 4 + 64 / 16)  # convolutions and relus, pooled
    live = (channels * 784 + 2 * sum(p.data.size for p in model.parameters().values())) * x.itemsize
    tracemalloc.start()
    trainer.step(x, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= most * live


def greatest(x, window):
    """The greatest numbers and the places of the first of them in x, a window at a time."""
    best = np.full((*x.shape[:2], *window.out(x.shape)), -np.inf, x.dtype)
    place = np.full((*best.shape, 2), -1)
    for *image, i, j in np.ndindex(*best.shape):
        for row in window.taps[0]:
            for column in window.taps[1]:
                y, z = i * window.stride[0] + row, j * window.stride[1] + column
                if not (0 <= y < x.shape[2] and 0 <= z < x.shape[3]):
                    continue
                so_far, at = best[*image, i, j], place[*image, i, j]
                if at[0] < 0 or x[*image, y, z] > so_far or (np.isnan(x[*image, y, z]) and not np.isnan(so_far)):
                    best[*image, i, j], place[*image, i, j] = x[*image, y, z], (y, z)
    return best, place


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_greatest_numbers_of_windows(dtype):
    rng = np.random.default_rng(4)
    for window in (
        Window((2, 2), (2, 2)), Window((3, 2), (2, 1), (1, 1)), Window((2, 3), (1, 2), (0, 1), (2, 1)),
        Window((1, 1), (3, 2)), Window((17, 16), (2, 1), (8, 8)),
    ):  # fmt: skip
        for height, width in ((17, 21), (18, 16), (17, 17)):
            x = rng.integers(-3, 4, (2, 1, height, width)).astype(dtype)
            for share, value in ((0.1, -0.0), (0.05, np.nan), (0.4, -np.inf)):
                x[rng.random(x.shape) < share] = value
            best, place = greatest(x, window)
            found, kept = max_pool2d(None, "", x, window)
            assert found.tobytes() == best.tobytes()
            dy = rng.standard_normal(best.shape).astype(dtype)
            dx = np.zeros(x.shape, np.float64 if window.overlaps else dtype)
            for *image, i, j in list(np.ndindex(*best.shape))[::-1]:
                dx[*image, *place[*image, i, j]] += dy[*image, i, j]
            assert max_pool2d_backward(None, "", kept, dy, [True])[0].tobytes() == dx.tobytes()


@pytest.mark.parametrize("name", ["mxfp8", "mxfp8+forward_x=mxfp4:rceil+weight_gradient_dy=mxint8", "mxfp4", "nvfp4"])
@pytest.mark.parametrize("groups", [1, 2])
def test_windows_that_share_scales_are_taken_some_at_a_time(name, groups, monkeypatch):
    """Blocks run along k, so that it changes no bit how many windows are in memory."""
    rng = np.random.default_rng(0)
    x, seen = rng.standard_normal((5, 4, 7, 6)), []
    for most in (1, 1 << 17):
        monkeypatch.setattr(windows, "_MOST_ROUNDED", most)
        layer = nf.nn.Conv2d(4, 6, 3, padding=1, groups=groups)
        layer.init(seed=1)
        with nf.nn.precision(name, seed=3):
            operand = nf.nn.Tensor(x, requires_grad=True)
            layer(operand).backward(np.ones((5, 6, 7, 6)))
        seen.append((operand.grad, layer.weight.grad, layer.bias.grad))
    assert all(map(np.array_equal, *seen))


@pytest.mark.parametrize("name", ["fp8-current", "fp8-hybrid", "fp8-current+forward=blocked:16:bfloat16:float32"])
@pytest.mark.parametrize(
    "kernel, options",
    [(3, {"padding": 1}), (1, {"stride": 2}), (2, {"stride": 3, "groups": 2}), (3, {"stride": 2, "dilation": 2})],
)
def test_one_scale_is_of_what_windows_see(name, kernel, options, monkeypatch):
    """Images are rounded before they are laid out: bits, and the scale, as of the whole matrix of windows."""
    rng = np.random.default_rng(0)
    x, found = rng.standard_normal((3, 4, 8, 9)).astype(np.float32), []
    x[:, :, -1], x[:, :, :, -1] = 100, 50  # rows and columns that not every walk sees
    for way in (Precision.under_scales, lambda *_: None):
        monkeypatch.setattr(Precision, "under_scales", way)
        layer, scales = nf.nn.Conv2d(4, 6, kernel, **options), nf.nn.AmaxHistory()
        layer.init(seed=1)
        for step in range(3):
            with nf.nn.precision(name, seed=3, step=step, scales=scales):
                operand = nf.nn.Tensor(x * (step + 1), requires_grad=True)
                y = layer(operand)
                y.backward(np.ones(y.shape))
            found.append((y.data, operand.grad, layer.weight.grad, layer.bias.grad, scales.entries.copy()))
    for one, other in zip(found[:3], found[3:], strict=True):
        assert all(map(np.array_equal, one[:4], other[:4])) and one[4] == other[4]
