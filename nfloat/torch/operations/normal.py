"""Norms and softmax over rows in torch's own float64 operations: what `nfloat.nn` computes, in less than half the time.

The steps are those of ``nn/ops/norms.py`` and ``nn/ops/softmax.py``, and so are the bits: float64's +, -, *, / are the
same in any library, exponentials and sums by halves are the same kernels. A few rows are gone through at a time, so
that what is computed between stays in the cache. It is for recipes that round nothing between; others go by `OPS`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from ...kernels.arithmetic import elementary as kernels
from ...kernels.jit import entry_point
from ...nn.precision import Floats

_DOUBLE = torch.float64


class Norm(NamedTuple):
    """What the backward pass of a norm needs: rows, each with the axes that its statistics are taken over."""

    #: (rows, ...) as it is stored
    x: torch.Tensor
    #: float64, of one row (for all of them) or as many
    weight: torch.Tensor | None
    #: float64 (rows,)
    mean: Floats
    inverse: Floats


#: elements that are gone through at a time
_PIECE = 1 << 15


def _pieces(x: torch.Tensor) -> Iterator[slice]:
    """Ranges of a few rows."""
    count, some = x.shape[0], _few(x)
    for start in range(0, count, some):
        yield slice(start, min(start + some, count))


def _few(x: torch.Tensor) -> int:
    return max(1, _PIECE // math.prod(x.shape[1:]))


def _work(x: torch.Tensor, count: int) -> list[torch.Tensor]:
    """Places for a few rows in float64."""
    shape = (min(x.shape[0], _few(x)), *x.shape[1:])
    return [torch.empty(shape, dtype=_DOUBLE) for _ in range(count)]


def _sums(x: torch.Tensor) -> Floats:
    """(rows, ...) -> (rows,): sums by halves over all other axes, the last one first."""
    halve, found = entry_point(kernels.halved_rows), x.numpy()
    for count in reversed(x.shape[1:]):
        rows = found.reshape(-1, count)
        found = rows[:, 0]
        if count > 1:
            found = np.empty(len(rows))
            halve(rows, found)
    return found


def _column(values: Floats, like: torch.Tensor) -> torch.Tensor:
    """One number a row, as it broadcasts."""
    return torch.from_numpy(values).view(-1, *(1,) * (like.dim() - 1))


def _of_rows(own: torch.Tensor, at: slice) -> torch.Tensor:
    return own if own.shape[0] == 1 else own[at]


def norm(
    x: torch.Tensor, weight: torch.Tensor | None, bias: torch.Tensor | None, eps: float, out: torch.Tensor
) -> tuple[Norm, Floats]:
    """(x - mean) / sqrt(variance + eps), times and plus the affine operands, into `out`; the variances."""
    count = math.prod(x.shape[1:])
    mean, variance = np.empty(x.shape[0]), np.empty(x.shape[0])
    inverse = np.empty(x.shape[0])
    off, squares = _work(x, 2)
    for at in _pieces(x):
        v, square = off[: at.stop - at.start], squares[: at.stop - at.start]
        v.copy_(x[at])
        mean[at] = _sums(v) / count
        v -= _column(mean[at], v)
        variance[at] = _sums(torch.mul(v, v, out=square)) / count
        inverse[at] = 1.0 / np.sqrt(variance[at] + eps)
        v *= _column(inverse[at], v)
        if weight is not None:
            v *= _of_rows(weight, at)
        if bias is not None:
            v += _of_rows(bias, at)
        out[at].copy_(v)
    return Norm(x, weight, mean, inverse), variance


def norm_backward(kept: Norm, dy: torch.Tensor, dx: torch.Tensor | None, products: torch.Tensor | None) -> None:
    """The gradient of x into `dx`; what the gradient of the weight is the sum of, dy times the normal form."""
    x, weight, mean, inverse = kept
    count = math.prod(x.shape[1:])
    slopes, normals, between = _work(x, 3)
    for at in _pieces(x):
        g, n, tmp = (each[: at.stop - at.start] for each in (slopes, normals, between))
        g.copy_(dy[at])
        n.copy_(x[at])
        n -= _column(mean[at], n)
        n *= _column(inverse[at], n)
        if products is not None:
            torch.mul(g, n, out=products[at])
        if dx is None:
            continue
        if weight is not None:
            g *= _of_rows(weight, at)
        along = _sums(torch.mul(g, n, out=tmp)) / count
        g -= _column(_sums(g) / count, g)
        n *= _column(along, n)
        g -= n
        g *= _column(inverse[at], g)
        dx[at].copy_(g)


def softmax(x: torch.Tensor, mask: torch.Tensor | None, out: torch.Tensor) -> None:
    """(rows, n): exp(x + mask) / its sum, into `out`; the mask has as many rows, or those of one matrix of several."""
    exp, period = entry_point(kernels.exp_array), len(x) if mask is None else len(mask)
    shifted, exponentials = _work(x, 2)
    some = len(shifted)
    for begin in range(0, len(x), period):
        for start in range(begin, begin + period, some):
            at = slice(start, min(start + some, begin + period))
            v, e = shifted[: at.stop - at.start], exponentials[: at.stop - at.start]
            v.copy_(x[at])
            if mask is not None:
                v += mask[at.start - begin : at.stop - begin]
            v -= v.amax(-1, keepdim=True)
            exp(v.numpy().reshape(-1), e.numpy().reshape(-1))
            out[at].copy_(torch.div(e, _column(_sums(e), e), out=v))


def softmax_backward(y: torch.Tensor, dy: torch.Tensor, dx: torch.Tensor) -> None:
    """(rows, n): products of dy and y, less y times their sum, into `dx`."""
    own, between = _work(y, 2)
    for at in _pieces(y):
        v, products = own[: at.stop - at.start], between[: at.stop - at.start]
        v.copy_(y[at])
        products.copy_(dy[at])
        products *= v
        v *= _column(_sums(products), v)
        dx[at].copy_(products.sub_(v))


def scaled(x: torch.Tensor, factor: float, out: torch.Tensor) -> None:
    """(rows, ...): x times a number, into `out`."""
    (work,) = _work(x, 1)
    for at in _pieces(x):
        v = work[: at.stop - at.start]
        v.copy_(x[at])
        v *= factor
        out[at].copy_(v)


def empty(shape: Any, single: bool) -> torch.Tensor:
    """A place for results: float32, where that is how they are stored, or float64."""
    return torch.empty(tuple(shape), dtype=torch.float32 if single else _DOUBLE)
