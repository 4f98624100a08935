"""Convolution in two dimensions, as one product of matrices for each of its three results.

Forward, y (out, images x places) = w (out, in x kernel) @ columns of x; backward, dw = dy @ columns^T, and dx is the
convolution of dy with the kernel turned over: every sum is one sum of the recipe's accumulator, terms in the order
(channel, kernel row, kernel column); nothing is added outside of it. With a stride, each of the stride's phases of x
meets its own taps of the kernel only, and is a product of its own. Columns are made again for backward: they are as
many times as large as x as the kernel has places.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from ...errors import ShapeError
from ..precision import Floats, Precision, Role
from .op import Example, Gradients, Needs, Op
from .windows import Pair, views


class Geometry(NamedTuple):
    """How a kernel walks over an image: steps, zeros around the image, steps between taps, groups of channels."""

    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1


def conv2d(p: Precision, name: str, x: Floats, w: Floats, *bias: Floats, geometry: Geometry) -> tuple[Floats, Any]:
    """x (n, in, h, w), w (out, in / groups, kh, kw), b (out,) -> (n, out, h', w')."""
    out = _check(x, w, geometry)
    g = geometry.groups
    c = bias[0].reshape(g, -1, 1) if bias else None
    y = _grouped(p, name, "forward", w.reshape(len(w), -1), _columns(x, _taps(w, geometry), geometry.stride, out), c, g)
    return _images(y, len(x), out), (x, w, geometry)


def conv2d_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dx the convolution of dy with w turned over, dw = dy @ columns^T, db the sum of dy over images and places."""
    x, w, geometry = kept
    dx = _input_gradient(p, name, x.shape, w, dy, geometry) if needs[0] else None
    dw = _weight_gradient(p, name, x, w, dy, geometry) if needs[1] else None
    if len(needs) == 2:
        return dx, dw
    return dx, dw, p.sum_rows(name, _channels(dy).T) if needs[2] else None


def _columns(x: Floats, taps: list[list[int]], step: Pair, out: Pair) -> Floats:
    """What each tap of a kernel sees: (channels x taps, n x out) of x (n, channels, h, w), zeros outside of it."""
    n, channels, *size = x.shape
    seen = np.zeros((channels, len(taps[0]), len(taps[1]), n, *out), x.dtype)
    across = x.transpose(1, 0, 2, 3)
    for a, b, to, of in views(size, taps, step, out):
        seen[:, a, b, :, *to] = across[:, :, *of]
    return seen.reshape(channels * len(taps[0]) * len(taps[1]), -1)


def _taps(w: Floats, geometry: Geometry) -> list[list[int]]:
    """Where the taps of a kernel stand, by axis, seen from the place it stands at."""
    walk = zip(w.shape[2:], geometry.dilation, geometry.padding, strict=True)
    return [[i * dilation - padding for i in range(count)] for count, dilation, padding in walk]


def _grouped(
    p: Precision, name: str, part: str, w: Floats, seen: Floats, c: Floats | None, groups: int,
    roles: tuple[Role, Role] = (Role.GEMM_W, Role.GEMM_X),
) -> Floats:  # fmt: skip
    """W @ columns, group by group."""
    if groups == 1:
        return p.gemm(name, part, w, seen, None if c is None else c[0], roles)
    stacked = (groups, -1, w.shape[1]), (groups, w.shape[1], -1)
    y = p.gemm(name, part, w.reshape(stacked[0]), seen.reshape(stacked[1]), c, roles)
    return y.reshape(-1, y.shape[-1])


def _weight_gradient(p: Precision, name: str, x: Floats, w: Floats, dy: Floats, geometry: Geometry) -> Floats:
    g = geometry.groups
    seen, rows = _columns(x, _taps(w, geometry), geometry.stride, dy.shape[2:]), _channels(dy)
    roles = Role.GEMM_DY, Role.GEMM_X
    if g == 1:
        return p.gemm(name, "weight_gradient", rows, seen.T, roles=roles).reshape(w.shape)
    seen = seen.reshape(g, -1, seen.shape[1]).swapaxes(1, 2)
    return p.gemm(name, "weight_gradient", rows.reshape(g, -1, rows.shape[1]), seen, roles=roles).reshape(w.shape)


def _input_gradient(
    p: Precision, name: str, shape: tuple[int, ...], w: Floats, dy: Floats, geometry: Geometry
) -> Floats:
    """For each phase of x, of as many as the stride has, the convolution of dy with the taps that meet it."""
    dx = None
    g = geometry.groups
    # (in, out / g, kh, kw): the kernel as the gradient sees it
    turned = _turned(w, g).reshape(shape[1], -1, *w.shape[2:])
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
        kernel = turned[:, :, *(_walk([i for i, _ in taps]) for taps in met)]
        seen = _columns(dy, [[place for _, place in taps] for taps in met], (1, 1), out)
        part = _grouped(
            p, name, "input_gradient", kernel.reshape(shape[1], -1), seen, None, g, (Role.GEMM_W, Role.GEMM_DY)
        )
        values = _images(part, shape[0], out)
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


def _walk(places: list[int]) -> slice:
    """Places that are equally far from each other, as a slice."""
    return slice(places[0], places[-1] + 1, places[1] - places[0] if len(places) > 1 else 1)


def _count(size: int, first: int, step: int) -> int:
    """How many places first, first + step, ... an axis has."""
    return -(-(size - first) // step)


def _channels(dy: Floats) -> Floats:
    """(n, channels, h, w) -> (channels, n h w)."""
    return dy.transpose(1, 0, 2, 3).reshape(dy.shape[1], -1)


def _images(y: Floats, n: int, out: Pair) -> Floats:
    """(channels, n h w) -> (n, channels, h, w)."""
    return np.ascontiguousarray(y.reshape(-1, n, *out).transpose(1, 0, 2, 3))


def _check(x: Floats, w: Floats, geometry: Geometry) -> Pair:
    """The shape of the result's images, if there is one."""
    g = geometry.groups
    if x.ndim != 4 or w.ndim != 4 or x.shape[1] != w.shape[1] * g or len(w) % g:
        raise ShapeError(
            f"x of shape {x.shape} does not fit a convolution of weight {w.shape} in {g} groups: x must be "
            f"(n, {w.shape[1] * g}, height, width)"
        )
    out = tuple(
        (size + 2 * pad - d * (k - 1) - 1) // s + 1
        for size, k, s, pad, d in zip(x.shape[2:], w.shape[2:], *geometry[:3], strict=True)
    )
    if min(out) < 1:
        raise ShapeError(f"x of shape {x.shape} is smaller than the kernel of a convolution of weight {w.shape}")
    return out[0], out[1]


_IMAGE = (2, 4, 5, 6)

OPS = (
    Op("conv2d", conv2d, conv2d_backward,
       examples=(
           Example((_IMAGE, (3, 4, 3, 2), (3,)), {"geometry": Geometry(padding=(1, 0))}),
           Example((_IMAGE, (6, 2, 3, 3)), {"geometry": Geometry((2, 3), (1, 2), groups=2)}),
           Example((_IMAGE, (4, 1, 2, 2), (4,)), {"geometry": Geometry((3, 1), (0, 1), (2, 3), 4)}),
           Example((_IMAGE, (2, 4, 1, 1)), {"geometry": Geometry((2, 2))}),
       )),
)  # fmt: skip
