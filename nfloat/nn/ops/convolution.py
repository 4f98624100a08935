"""Convolution in two dimensions, as one product of matrices for each of its three results.

Forward, y (out, images x places) = w (out, in x kernel) @ windows of x; backward, dw = dy @ windows^T, and dx is the
convolution of dy with the kernel turned over: every sum is one sum of the recipe's accumulator, terms in the order
(channel, kernel row, kernel column), or (image, row, column); nothing is added outside of it. With a stride, each of
the stride's phases of x meets its own taps of the kernel only, and is a product of its own. How such a product is made
without all windows in memory: ``windows.py``.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from ...errors import ShapeError
from ...linalg.gemm.images import Walk
from ..precision import Floats, Precision, Role
from .columns import Pair
from .op import Example, Gradients, Needs, Op
from .windows import channel_sums, windowed, windowed_gradient

W_X, W_DY, DY_X = (Role.GEMM_W, Role.GEMM_X), (Role.GEMM_W, Role.GEMM_DY), (Role.GEMM_DY, Role.GEMM_X)


class Geometry(NamedTuple):
    """How a kernel walks over an image: steps, zeros around the image, steps between taps, groups of channels.

    `after`: zeros behind the image where they are not as many as before it.
    """

    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    after: Pair | None = None


def conv2d(p: Precision, name: str, x: Floats, w: Floats, *bias: Floats, geometry: Geometry) -> tuple[Floats, Any]:
    """x (n, in, h, w), w (out, in / groups, kh, kw), b (out,) -> (n, out, h', w')."""
    walk, g = _walk(x, w, geometry), geometry.groups
    c = bias[0].reshape(g, -1) if bias else None
    return windowed(p, name, "forward", w.reshape(g, len(w) // g, -1), x, c, walk, W_X), (x, w, geometry)


def conv2d_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dx the convolution of dy with w turned over, dw = dy @ windows^T, db the sum of dy over images and places."""
    x, w, geometry = kept
    dx = _input_gradient(p, name, x.shape, w, dy, geometry) if needs[0] else None
    dw = None
    if needs[1]:
        walk = _walk(x, w, geometry)
        dw = windowed_gradient(p, name, dy, x, walk, geometry.groups, DY_X).reshape(w.shape)
    if len(needs) == 2:
        return dx, dw
    return dx, dw, channel_sums(p, name, dy) if needs[2] else None


def _input_gradient(
    p: Precision, name: str, shape: tuple[int, ...], w: Floats, dy: Floats, geometry: Geometry
) -> Floats:
    """For each phase of x, of as many as the stride has, the convolution of dy with the taps that meet it."""
    dx = None
    g = geometry.groups
    # (groups, in / g, out / g, kh, kw): the kernel as the gradient sees it
    turned = _turned(w, g).reshape(g, w.shape[1], -1, *w.shape[2:])
    for phase in product(*(range(min(s, n)) for s, n in zip(geometry.stride, shape[2:], strict=True))):
        met = [
            [(i, (r + pad - i * d) // s) for i in range(k) if (r + pad - i * d) % s == 0]
            for r, k, s, pad, d in zip(
                phase, w.shape[2:], geometry.stride, geometry.padding, geometry.dilation, strict=True
            )
        ]
        if not all(met):
            continue
        out = _count(shape[2], phase[0], geometry.stride[0]), _count(shape[3], phase[1], geometry.stride[1])
        kernel = turned[:, :, :, *(_equally_far([i for i, _ in taps]) for taps in met)]
        rows, columns = (tuple(place for _, place in taps) for taps in met)
        walk, matrix = Walk((rows, columns), (1, 1), out), kernel.reshape(g, w.shape[1], -1)
        values = windowed(p, name, "input_gradient", matrix, dy, None, walk, W_DY)
        if geometry.stride == (1, 1):
            return values
        dx = np.zeros(shape, values.dtype) if dx is None else dx
        dx[:, :, phase[0] :: geometry.stride[0], phase[1] :: geometry.stride[1]] = values
    return np.zeros(shape, p.carrier) if dx is None else dx


def _turned(w: Floats, groups: int) -> Floats:
    """(out, in / groups, kh, kw) -> (groups, in / groups, out / groups, kernel).

    A kernel is moved as one item, some at a time, which takes a quarter of the time of NumPy's own copy.
    """
    kernel = math.prod(w.shape[2:])
    items = np.ascontiguousarray(w).reshape(-1, kernel).view(f"V{kernel * w.itemsize}")
    split = items.reshape(groups, -1, w.shape[1])
    turned = np.empty((groups, w.shape[1], split.shape[1]), split.dtype)
    for i, j in product(range(0, split.shape[1], _BLOCK), range(0, w.shape[1], _BLOCK)):
        turned[:, j : j + _BLOCK, i : i + _BLOCK] = split[:, i : i + _BLOCK, j : j + _BLOCK].swapaxes(1, 2)
    return turned.view(w.dtype).reshape(*turned.shape, kernel)


#: rows and columns of kernels that are turned over together
_BLOCK = 64


def _equally_far(places: list[int]) -> slice:
    """Places that are equally far from each other, as a slice."""
    return slice(places[0], places[-1] + 1, places[1] - places[0] if len(places) > 1 else 1)


def _count(size: int, first: int, step: int) -> int:
    """How many places first, first + step, ... an axis has."""
    return -(-(size - first) // step)


def _walk(x: Floats, w: Floats, geometry: Geometry) -> Walk:
    """How the kernel walks over the images, if it fits them."""
    g = geometry.groups
    if x.ndim != 4 or w.ndim != 4 or x.shape[1] != w.shape[1] * g or len(w) % g:
        raise ShapeError(
            f"x of shape {x.shape} does not fit a convolution of weight {w.shape} in {g} groups: x must be "
            f"(n, {w.shape[1] * g}, height, width)"
        )
    axes = list(zip(x.shape[2:], w.shape[2:], *geometry[:3], strict=True))
    behind = geometry.padding if geometry.after is None else geometry.after
    spans = (size + pad - d * (k - 1) - 1 for size, k, _, pad, d in axes)
    rows, columns = ((span + end) // s + 1 for span, end, s in zip(spans, behind, geometry.stride, strict=True))
    if min(rows, columns) < 1:
        raise ShapeError(f"x of shape {x.shape} is smaller than the kernel of a convolution of weight {w.shape}")
    down, along = (tuple(i * d - pad for i in range(k)) for _, k, _, pad, d in axes)
    return Walk((down, along), geometry.stride, (rows, columns))


_IMAGE = (2, 4, 5, 6)

OPS = (
    Op("conv2d", conv2d, conv2d_backward, own_gradients=True,
       examples=(
           Example((_IMAGE, (3, 4, 3, 2), (3,)), {"geometry": Geometry(padding=(1, 0))}),
           Example((_IMAGE, (6, 2, 3, 3)), {"geometry": Geometry((2, 3), (1, 2), groups=2)}),
           Example((_IMAGE, (4, 1, 2, 2), (4,)), {"geometry": Geometry((3, 1), (0, 1), (2, 3), 4)}),
           Example((_IMAGE, (2, 4, 1, 1)), {"geometry": Geometry((2, 2))}),
           Example((_IMAGE, (2, 4, 2, 4)), {"geometry": Geometry(padding=(0, 1), after=(1, 2))}),
       )),
)  # fmt: skip
