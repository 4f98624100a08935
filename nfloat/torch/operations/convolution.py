"""Convolutions: in two dimensions (and one) as `nfloat.nn` computes them; others in the same way.

A transposed convolution, and one in three dimensions, is a product of the kernel with columns of the image too, terms
in the order (channel, places of the kernel): of an image with zeros between its places, where it is transposed.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...nn.ops import OPS
from ...nn.ops.convolution import Geometry
from ...nn.precision import Floats, Role
from ..known import Known
from ..machine import Machine
from ..parts import beside, gradient_of
from ..tensors import laid_as
from .table import row


class Walk(NamedTuple):
    """How a kernel walks over an image, axis by axis."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    transposed: bool
    output_padding: tuple[int, ...]
    groups: int


def _walk(args: tuple[Any, ...], axes: int) -> Walk:
    stride, padding, dilation, transposed, output_padding, groups = args

    def each(values: Any) -> tuple[int, ...]:
        return tuple(values) * axes if len(values) == 1 else tuple(values)

    return Walk(each(stride), each(padding), each(dilation), transposed, each(output_padding), groups)


def _layer(machine: Machine, weight: Known, layer: str) -> str:
    return weight.name.rpartition(".")[0] if "." in weight.name else layer


@row("convolution")
def convolution(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """w * x + b."""
    t, weight, bias = args[:3]
    walk = _walk(args[3:9], t.dim() - 2)
    tensors = [t, weight] if bias is None else [t, weight, bias]
    known = [machine.known(x) for x in tensors]
    part = machine.part(known, [x.numel() for x in tensors], t.numel())
    x, w, *b = (machine.read(each, k, product=True) for each, k in zip(tensors, known, strict=True))
    layer = _layer(machine, known[1], part.layer)
    if not walk.transposed and x.ndim in (3, 4):
        values, _ = OPS["conv2d"].forward(machine.p, layer, _flat(x), _flat(w), *b, geometry=_geometry(walk))
        values = values.reshape(*values.shape[:2], *values.shape[4 - (x.ndim - 2) :])
    else:
        values = _forward(machine, layer, x, w, b[0] if b else None, walk)
    return machine.result(laid_as(np.ascontiguousarray(values), t, weight), part._replace(name=layer), t.dtype)


def _flat(x: Floats) -> Floats:
    """A row of an image as an image."""
    return x[:, :, np.newaxis] if x.ndim == 3 else x


def _geometry(walk: Walk) -> Geometry:
    if len(walk.stride) == 2:
        return Geometry(walk.stride, walk.padding, walk.dilation, walk.groups)  # type: ignore[arg-type]  # pairs
    return Geometry((1, *walk.stride), (0, *walk.padding), (1, *walk.dilation), walk.groups)  # type: ignore[arg-type]


@row("convolution_backward")
def convolution_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The gradients of x, w and b, where the mask wants them."""
    gradient, t, weight = args[:3]
    walk, wanted = _walk(args[4:10], t.dim() - 2), list(args[10])
    known = [machine.known(t), machine.known(weight)]
    layer = _layer(machine, known[1], machine.layer())
    dy, x, w = machine.read(gradient), machine.read(t, known[0], product=True), machine.read(weight, known[1])
    if not walk.transposed and x.ndim in (3, 4):
        kept = _flat(x), _flat(w), _geometry(walk)
        found = OPS["conv2d"].backward(machine.p, layer, kept, _flat(dy), wanted)
    else:
        found = tuple(_backward(machine, layer, x, w, dy, walk, wanted))
    parts = [gradient_of(k, layer) for k in known]
    bias = beside(known[1], layer)
    shapes = (t.shape, weight.shape, (-1,))
    results: list[Any] = []
    for values, part, shape in zip(found, (*parts, bias), shapes, strict=True):
        if values is None:
            results.append(None)
            continue
        array = np.ascontiguousarray(np.asarray(values).reshape(shape))
        results.append(machine.result(array if results else laid_as(array, t, weight), part, t.dtype))
    return tuple(results)


# ---------------------------------------------------------------- any number of axes, transposed too
def _columns(x: Floats, kernel: tuple[int, ...], walk: Walk, out: tuple[int, ...]) -> Floats:
    """(n, channels, image) -> (channels x places of the kernel, n x places of the result)."""
    axes = len(kernel)
    steps = x.strides[2:]
    shape = (*x.shape[:2], *kernel, *out)
    inner = tuple(s * d for s, d in zip(steps, walk.dilation, strict=True))
    outer = tuple(s * t for s, t in zip(steps, walk.stride, strict=True))
    seen = np.lib.stride_tricks.as_strided(x, shape, (*x.strides[:2], *inner, *outer))
    order = (1, *range(2, 2 + axes), 0, *range(2 + axes, 2 + 2 * axes))
    return np.ascontiguousarray(seen.transpose(order)).reshape(x.shape[1] * math.prod(kernel), -1)


def _padded(x: Floats, before: tuple[int, ...], after: tuple[int, ...]) -> Floats:
    return np.pad(x, ((0, 0), (0, 0), *zip(before, after, strict=True)))


def _grouped(
    machine: Machine, layer: str, which: str, w: Floats, seen: Floats, start: Floats | None, groups: int,
    roles: tuple[Role, Role],
) -> Floats:  # fmt: skip
    """(out, in / groups x places) @ (in x places, n x places of the result), group by group."""
    stacked = w.reshape(groups, -1, w.shape[-1]), seen.reshape(groups, w.shape[-1], -1)
    c = None if start is None else start.reshape(groups, -1, 1)
    found = machine.p.gemm(layer, which, *stacked, c, roles)
    return found.reshape(-1, found.shape[-1])


def _turned(w: Floats, groups: int) -> Floats:
    """(a, b / groups, kernel) -> (b, a / groups, kernel turned over)."""
    split = w.reshape(groups, -1, *w.shape[1:]).swapaxes(1, 2)
    over: tuple[Any, ...] = (..., *(slice(None, None, -1) for _ in w.shape[2:]))
    flipped = split[over]
    return np.ascontiguousarray(flipped.reshape(-1, *split.shape[2:]))


def _along(
    machine: Machine, layer: str, which: str, x: Floats, w: Floats, start: Any, walk: Walk, roles: Any
) -> Floats:
    """The plain convolution of x with w."""
    seen = _padded(x, walk.padding, walk.padding)
    spread = [d * (k - 1) + 1 for d, k in zip(walk.dilation, w.shape[2:], strict=True)]
    out = tuple((n - s) // t + 1 for n, s, t in zip(seen.shape[2:], spread, walk.stride, strict=True))
    columns = _columns(seen, w.shape[2:], walk, out)
    y = _grouped(machine, layer, which, w.reshape(len(w), -1), columns, start, walk.groups, roles)
    return y.reshape(-1, len(x), *out).swapaxes(0, 1)


def _against(
    machine: Machine, layer: str, which: str, x: Floats, w: Floats, start: Any, walk: Walk, out: tuple[int, ...],
    roles: Any,
) -> Floats:  # fmt: skip
    """The transposed one, to an image of the size `out`: of x with zeros between its places, and w turned over."""
    spread = [d * (k - 1) for d, k in zip(walk.dilation, w.shape[2:], strict=True)]
    wide = np.zeros((*x.shape[:2], *((n - 1) * s + 1 for n, s in zip(x.shape[2:], walk.stride, strict=True))), x.dtype)
    places: tuple[Any, ...] = (..., *(slice(None, None, s) for s in walk.stride))
    wide[places] = x
    before = [s - p for s, p in zip(spread, walk.padding, strict=True)]
    after = [o - n - b + s for o, n, b, s in zip(out, wide.shape[2:], before, spread, strict=True)]
    wide = _padded(wide, tuple(max(b, 0) for b in before), tuple(max(a, 0) for a in after))
    cut = (slice(max(-b, 0), n - max(-a, 0)) for b, a, n in zip(before, after, wide.shape[2:], strict=True))
    flat = walk._replace(stride=(1,) * len(out), padding=(0,) * len(out))
    inside: tuple[Any, ...] = (..., *cut)
    seen = np.ascontiguousarray(wide[inside])
    return _along(machine, layer, which, seen, _turned(w, walk.groups), start, flat, roles)


_W_X, _W_DY = (Role.GEMM_W, Role.GEMM_X), (Role.GEMM_W, Role.GEMM_DY)


def _forward(machine: Machine, layer: str, x: Floats, w: Floats, bias: Floats | None, walk: Walk) -> Floats:
    if not walk.transposed:
        return _along(machine, layer, "forward", x, w, bias, walk, _W_X)
    sizes = zip(x.shape[2:], w.shape[2:], walk.stride, walk.padding, walk.dilation, walk.output_padding, strict=True)
    out = tuple((n - 1) * s - 2 * p + d * (k - 1) + o + 1 for n, k, s, p, d, o in sizes)
    return _against(machine, layer, "forward", x, w, bias, walk, out, _W_X)


def _backward(
    machine: Machine, layer: str, x: Floats, w: Floats, dy: Floats, walk: Walk, wanted: list[bool]
) -> list[Floats | None]:
    found: list[Floats | None] = [None, None, None]
    if wanted[0] and walk.transposed:
        found[0] = _along(machine, layer, "input_gradient", dy, w, None, walk, _W_DY)
    elif wanted[0]:
        found[0] = _against(machine, layer, "input_gradient", dy, w, None, walk, x.shape[2:], _W_DY)
    if wanted[1]:
        found[1] = _weight_gradient(machine, layer, x, w, dy, walk)
    if wanted[2]:
        rows = dy.swapaxes(0, 1).reshape(dy.shape[1], -1).T
        found[2] = machine.p.sum_rows(layer, np.ascontiguousarray(rows))
    return found


def _weight_gradient(machine: Machine, layer: str, x: Floats, w: Floats, dy: Floats, walk: Walk) -> Floats:
    """(rows of the smaller image) @ (columns of the larger one)^T."""
    larger, smaller = (dy, x) if walk.transposed else (x, dy)
    roles = (Role.GEMM_X, Role.GEMM_DY) if walk.transposed else (Role.GEMM_DY, Role.GEMM_X)
    columns = _columns(_padded(larger, walk.padding, walk.padding), w.shape[2:], walk, smaller.shape[2:])
    rows = np.ascontiguousarray(smaller.swapaxes(0, 1)).reshape(walk.groups, smaller.shape[1] // walk.groups, -1)
    seen = columns.reshape(walk.groups, -1, columns.shape[1]).swapaxes(1, 2)
    return machine.p.gemm(layer, "weight_gradient", rows, seen, roles=roles).reshape(w.shape)
