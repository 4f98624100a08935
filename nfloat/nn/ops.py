"""Operations: forward and backward side by side, as pairs in one table, `OPS`.

Arrays only; the graph stands in ``tape.py``.

``forward(p, name, *arrays, **attributes)`` returns the result and what backward needs of it (`RESULT`: the result
itself, as it was stored, that is, rounded); ``backward(p, name, kept, gradient, needs)`` returns one gradient per
array (None where `needs` says that nobody asks). `p` is the `Precision` in force, `name` the layer. Neither rounds
its results: the tape does, by the row's flags. GEMMs and sums go through `p`.

What is elementwise is computed by +, -, *, /, sqrt and comparisons in float64; exp, log, tanh and the sums of losses
are those of ``elementary.py``. So everything gives the same bits on any machine.

To add an operation: write the pair, add a row with the shapes of a small example; the gradient check runs over the
table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ShapeError
from . import elementary
from .precision import Floats, Precision, Role

Gradients = tuple[Floats | None, ...]
Needs = Sequence[bool]


class _Result:
    """The type of `RESULT`."""


#: in the place of what backward needs: the stored result
RESULT = _Result()


@dataclass(frozen=True)
class Op:
    """A differentiable operation.

    A pair of functions, whether their results need rounding, an example for the check.
    """

    name: str
    forward: Callable[..., tuple[Floats, Any]]
    backward: Callable[..., Gradients]
    #: the result is made of numbers of the operands and needs no rounding
    exact: bool = False
    #: the result is a loss: kept in the carrier, not rounded to the activations' format
    loss: bool = False
    #: gradients are made of numbers of the result's gradient
    exact_backward: bool = False
    #: shapes and attributes of an example
    shapes: tuple[tuple[int, ...], ...] = ((3, 4),)
    attributes: Mapping[str, Any] = field(default_factory=dict)


#: infinities and NaN are results here, not accidents
_quiet = np.errstate(all="ignore")


def _wide(x: Floats) -> Floats:
    """float64, in which elementwise results are computed before their one rounding."""
    return x.astype(np.float64, copy=False)


# ---------------------------------------------------------------- products
def linear(p: Precision, name: str, x: Floats, w: Floats, *bias: Floats) -> tuple[Floats, Any]:
    """x W^T + b: x (batch, in), w (out, in), b (out,)."""
    _check_linear(x, w)
    return p.gemm(name, "forward", x, w.T, bias[0] if bias else None), (x, w)


def linear_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dx = dy W, dW = dy^T x, db = the sum of dy over the batch."""
    x, w = kept
    dx = p.gemm(name, "input_gradient", dy, w, roles=(Role.GEMM_DY, Role.GEMM_W)) if needs[0] else None
    dw = p.gemm(name, "weight_gradient", dy.T, x, roles=(Role.GEMM_DY, Role.GEMM_X)) if needs[1] else None
    if len(needs) == 2:
        return dx, dw
    return dx, dw, p.sum_rows(name, dy) if needs[2] else None


def _check_linear(x: Floats, w: Floats) -> None:
    if x.ndim != 2 or w.ndim != 2 or x.shape[1] != w.shape[1]:
        raise ShapeError(
            f"x of shape {x.shape} does not fit a linear layer of weight {w.shape}: x must be (batch, {w.shape[-1]})"
        )


def product(p: Precision, name: str, a: Floats, b: Floats) -> tuple[Floats, Any]:
    """a @ b: (m, k) @ (k, n)."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise ShapeError(
            f"a of shape {a.shape} and b of shape {b.shape} cannot be multiplied: they must be (m, k) and (k, n)"
        )
    return p.gemm(name, "forward", a, b), (a, b)


def product_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """da = dy b^T, db = a^T dy."""
    a, b = kept
    da = p.gemm(name, "input_gradient", dy, b.T, roles=(Role.GEMM_DY, Role.GEMM_W)) if needs[0] else None
    db = p.gemm(name, "weight_gradient", a.T, dy, roles=(Role.GEMM_X, Role.GEMM_DY)) if needs[1] else None
    return da, db


# ---------------------------------------------------------------- elementwise, two arrays
def _reduced(p: Precision, name: str, gradient: Floats, shape: tuple[int, ...]) -> Floats:
    """The gradient of an operand that was broadcast from `shape`: summed over what was repeated."""
    if gradient.shape == shape:
        return gradient
    lead = gradient.ndim - len(shape)
    repeated = [i for i in range(gradient.ndim) if i < lead or (shape[i - lead] == 1 and gradient.shape[i] > 1)]
    others = [i for i in range(gradient.ndim) if i not in repeated]
    rows = gradient.transpose(*repeated, *others).reshape(
        _size(gradient.shape, repeated), _size(gradient.shape, others)
    )
    return p.sum_rows(name, np.ascontiguousarray(rows)).reshape(shape)


def _size(shape: tuple[int, ...], axes: list[int]) -> int:
    return math.prod(shape[i] for i in axes)


def _check_broadcast(x: Floats, y: Floats) -> None:
    try:
        np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        raise ShapeError(f"x of shape {x.shape} and y of shape {y.shape} cannot be broadcast together") from None


@_quiet
def add(p: Precision, name: str, x: Floats, y: Floats) -> tuple[Floats, Any]:
    """x + y."""
    _check_broadcast(x, y)
    return _wide(x) + y, (x.shape, y.shape)


def add_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """Both gradients are the result's, summed where an operand was broadcast."""
    return tuple(_reduced(p, name, dy, shape) if need else None for shape, need in zip(kept, needs, strict=True))


@_quiet
def subtract(p: Precision, name: str, x: Floats, y: Floats) -> tuple[Floats, Any]:
    """x - y."""
    _check_broadcast(x, y)
    return _wide(x) - y, (x.shape, y.shape)


def subtract_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dx = dy, dy = -dy."""
    return add_backward(p, name, kept[:1], dy, needs[:1]) + add_backward(p, name, kept[1:], -dy, needs[1:])


@_quiet
def multiply(p: Precision, name: str, x: Floats, y: Floats) -> tuple[Floats, Any]:
    """x * y."""
    _check_broadcast(x, y)
    return _wide(x) * y, (x, y)


def multiply_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dx = dy * y and the other way round; summed, unrounded products where an operand was broadcast."""
    x, y = kept
    dx = _reduced(p, name, _wide(dy) * y, x.shape) if needs[0] else None
    return dx, _reduced(p, name, _wide(dy) * x, y.shape) if needs[1] else None


# ---------------------------------------------------------------- elementwise, one array
def relu(p: Precision, name: str, x: Floats) -> tuple[Floats, Any]:
    """max(x, 0); NaN stays NaN."""
    return np.maximum(x, x.dtype.type(0)), RESULT


def relu_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dy where x > 0, else 0 (also at x = 0, and where x is NaN)."""
    return (_selected(kept > 0, dy),)


def _selected(mask: NDArray[np.bool_], x: Floats) -> Floats:
    """x where the mask is true, else +0: by bits, which takes a quarter of the time of `numpy.where`."""
    words = np.dtype(f"u{x.dtype.itemsize}")
    chosen = np.asarray(mask).view(np.uint8).astype(words)
    np.negative(chosen, out=chosen)  # 1 -> all bits
    chosen &= np.ascontiguousarray(x).view(words).reshape(x.shape)
    return chosen.view(x.dtype)


def tanh(p: Precision, name: str, x: Floats) -> tuple[Floats, Any]:
    """tanh(x)."""
    return elementary.tanh(_wide(x)), RESULT


def tanh_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dy (1 - tanh^2), from the stored tanh."""
    y = _wide(kept)
    return (dy * (1.0 - y * y),)


def sigmoid(p: Precision, name: str, x: Floats) -> tuple[Floats, Any]:
    """1 / (1 + exp(-x)), as (1 + tanh(x / 2)) / 2, which cannot overflow."""
    return 0.5 + 0.5 * elementary.tanh(0.5 * _wide(x)), RESULT


def sigmoid_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dy y (1 - y), from the stored y."""
    y = _wide(kept)
    return (dy * (y * (1.0 - y)),)


@_quiet
def silu(p: Precision, name: str, x: Floats) -> tuple[Floats, Any]:
    """x / (1 + exp(-x)), with `sigmoid`'s form of the second factor; -inf gives NaN, as -inf times 0 does."""
    return _wide(x) * (0.5 + 0.5 * elementary.tanh(0.5 * _wide(x))), x


@_quiet
def silu_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dy (s + x s (1 - s)), s being the sigmoid of x."""
    x = _wide(kept)
    s = 0.5 + 0.5 * elementary.tanh(0.5 * x)
    return (dy * (s + x * s * (1.0 - s)),)


# ---------------------------------------------------------------- shape and reductions
def reshape(p: Precision, name: str, x: Floats, shape: tuple[int, ...]) -> tuple[Floats, Any]:
    """The same numbers in another shape."""
    try:
        return x.reshape(shape), x.shape
    except ValueError:
        raise ShapeError(f"x of shape {x.shape} has {x.size} elements and cannot take shape={shape!r}") from None


def reshape_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """Back to the operand's shape."""
    return (dy.reshape(kept),)


def transpose(p: Precision, name: str, x: Floats) -> tuple[Floats, Any]:
    """Axes in reverse order."""
    return x.T, None


def transpose_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """Back again."""
    return (dy.T,)


def total(p: Precision, name: str, x: Floats) -> tuple[Floats, Any]:
    """The sum of all elements, row by row, in the recipe's accumulator for sums."""
    return p.sum_rows(name, x.reshape(-1, 1)).reshape(()), x.shape


def total_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """The gradient, for every element."""
    return (np.full(kept, dy),)


def mean(p: Precision, name: str, x: Floats) -> tuple[Floats, Any]:
    """The sum divided by the number of elements."""
    return _wide(p.sum_rows(name, x.reshape(-1, 1)).reshape(())) / x.size, x.shape


def mean_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """The gradient divided by the number of elements, for every element."""
    return (np.full(kept, _wide(dy) / _size(kept, list(range(len(kept))))),)


# ---------------------------------------------------------------- losses: computed in float64, gradients rounded by
# the tape
@_quiet
def cross_entropy(p: Precision, name: str, logits: Floats, labels: Any) -> tuple[Floats, Any]:
    """Mean over the batch of log(sum(exp(z))) - z[label]; z (batch, classes)."""
    z = _wide(logits)
    z = z - z.max(axis=1, keepdims=True)
    exponentials = elementary.exp(z)
    sums = elementary.sums(exponentials)[:, np.newaxis]
    rows = np.arange(len(labels))
    loss = elementary.total(elementary.log(sums[:, 0]) - z[rows, labels]) / len(labels)
    return np.asarray(loss, p.carrier), (exponentials, sums, rows, labels)


def cross_entropy_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """(softmax(z) - onehot(label)) / batch, times the loss's gradient (the loss scale)."""
    exponentials, sums, rows, labels = kept
    gradient = exponentials / sums
    gradient[rows, labels] -= 1.0
    return (gradient * (float(dy) / len(labels)),)


@_quiet
def squared_error(p: Precision, name: str, prediction: Floats, target: Any) -> tuple[Floats, Any]:
    """Mean over all elements of (prediction - target)^2."""
    error = _wide(prediction) - target
    return np.asarray(elementary.total(error * error) / error.size, p.carrier), error


def squared_error_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """2 (prediction - target) / elements."""
    return (kept * (2.0 * float(dy) / kept.size),)


_MATRIX = ((3, 4),)
_PAIR = ((3, 4), (4,))

_ROWS = (
    Op("linear", linear, linear_backward, shapes=((3, 4), (2, 4), (2,))),
    Op("matmul", product, product_backward, shapes=((3, 4), (4, 2))),
    Op("add", add, add_backward, shapes=_PAIR),
    Op("subtract", subtract, subtract_backward, shapes=_PAIR),
    Op("multiply", multiply, multiply_backward, shapes=_PAIR),
    Op("relu", relu, relu_backward, exact=True, exact_backward=True),
    Op("tanh", tanh, tanh_backward),
    Op("sigmoid", sigmoid, sigmoid_backward),
    Op("silu", silu, silu_backward),
    Op("reshape", reshape, reshape_backward, exact=True, exact_backward=True, attributes={"shape": (2, 6)}),
    Op("transpose", transpose, transpose_backward, exact=True, exact_backward=True),
    Op("sum", total, total_backward, exact_backward=True),
    Op("mean", mean, mean_backward),
    Op("cross_entropy", cross_entropy, cross_entropy_backward, loss=True, attributes={"labels": (1, 0, 3)}),
    Op("mse", squared_error, squared_error_backward, loss=True, attributes={"target": ((0.5, -1.0, 2.0, 0.0),) * 3}),
)

#: name -> Op, every operation (read-only)
OPS: Mapping[str, Op] = MappingProxyType({op.name: op for op in _ROWS})
