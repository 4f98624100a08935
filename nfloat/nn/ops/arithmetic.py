"""Arithmetic element by element: operands broadcast, and gradients of what was broadcast are summed.

Computed in float64, exact enough for one rounding to a format of up to 24 bits; powers are correctly rounded. The sums
of gradients are the recipe's, of unrounded products.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ShapeError
from ...kernels.arithmetic.operations import Operation
from ...ops.functions import power as nf_power
from .. import elementary
from ..precision import Floats, Precision
from .op import RESULT, Example, Gradients, Needs, Op, quiet, summed_to, wide


def _check_broadcast(x: Floats, y: Floats, condition: NDArray[np.bool_] | None = None) -> None:
    shapes = {"x": x.shape, "y": y.shape} | ({} if condition is None else {"condition": condition.shape})
    try:
        np.broadcast_shapes(*shapes.values())
    except (ValueError, RuntimeError):  # RuntimeError: NumPy's loops know 32 axes
        said = " and ".join(f"{name} of shape {shape}" for name, shape in shapes.items())
        raise ShapeError(f"{said} cannot be broadcast together") from None


@quiet
def add(p: Precision, name: str, x: Floats, y: Floats) -> tuple[Floats, Any]:
    """x + y."""
    _check_broadcast(x, y)
    return wide(x) + y, (x.shape, y.shape)


def add_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """Both gradients are the result's, summed where an operand was broadcast."""
    return tuple(summed_to(p, name, dy, shape) if need else None for shape, need in zip(kept, needs, strict=True))


@quiet
def subtract(p: Precision, name: str, x: Floats, y: Floats) -> tuple[Floats, Any]:
    """x - y."""
    _check_broadcast(x, y)
    return wide(x) - y, (x.shape, y.shape)


def subtract_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dx = dy, dy = -dy."""
    return add_backward(p, name, kept[:1], dy, needs[:1]) + add_backward(p, name, kept[1:], -dy, needs[1:])


@quiet
def multiply(p: Precision, name: str, x: Floats, y: Floats) -> tuple[Floats, Any]:
    """x * y."""
    _check_broadcast(x, y)
    return wide(x) * y, (x, y)


def multiply_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dx = dy * y and the other way round; summed, unrounded products where an operand was broadcast."""
    x, y = kept
    dx = summed_to(p, name, wide(dy) * y, x.shape) if needs[0] else None
    return dx, summed_to(p, name, wide(dy) * x, y.shape) if needs[1] else None


@quiet
def divide(p: Precision, name: str, x: Floats, y: Floats) -> tuple[Floats, Any]:
    """x / y."""
    _check_broadcast(x, y)
    return wide(x) / y, (x, y)


def divide_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dx = dy / y, dy = -(dy / y) (x / y)."""
    x, y = kept
    ratio = wide(dy) / y
    dx = summed_to(p, name, ratio, x.shape) if needs[0] else None
    return dx, summed_to(p, name, -ratio * (wide(x) / y), y.shape) if needs[1] else None


@quiet
def power(p: Precision, name: str, x: Floats, *other: Floats, exponent: float = 0.0) -> tuple[Floats, Any]:
    """x^y, or x^exponent where there is no y: that of a number is not rounded to the activations' format."""
    y = np.asarray(exponent, np.float64) if not other else wide(other[0])
    _check_broadcast(x, y)
    return _power(wide(x), y), (x, y)


def power_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dx = dy y x^(y - 1), dy = dy x^y log(x)."""
    x, y = kept
    dx = summed_to(p, name, wide(dy) * (y * _power(wide(x), y - 1.0)), x.shape) if needs[0] else None
    if len(needs) == 1:
        return (dx,)
    return dx, summed_to(p, name, wide(dy) * (_power(wide(x), y) * elementary.log(wide(x))), y.shape) if needs[
        1
    ] else None


def _power(x: Floats, y: Floats) -> Floats:
    if y.ndim == 0 and y in (1.0, 2.0):
        return x * x if y == 2.0 else x  # the correctly rounded square, a hundred times as fast
    return np.asarray(nf_power(x, y, "float64"))


@quiet
def scale(p: Precision, name: str, x: Floats, factor: float) -> tuple[Floats, Any]:
    """x times a number, which is not rounded to the activations' format."""
    return wide(x) * factor, factor


def scale_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """The gradient times the number."""
    return (wide(dy) * kept,)


def negative(p: Precision, name: str, x: Floats) -> tuple[Floats, Any]:
    """-x; not exact in a format without negative numbers."""
    return -x, None


def negative_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """The gradient's negative."""
    return (-dy,)


@quiet
def exp(p: Precision, name: str, x: Floats) -> tuple[Floats, Any]:
    """e^x."""
    return elementary.exp(wide(x)), RESULT


def exp_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dy e^x, from the stored e^x."""
    return (wide(dy) * kept,)


@quiet
def log(p: Precision, name: str, x: Floats) -> tuple[Floats, Any]:
    """The natural logarithm of x."""
    return elementary.log(wide(x)), x


def log_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dy / x."""
    return (wide(dy) / kept,)


@quiet
def sqrt(p: Precision, name: str, x: Floats) -> tuple[Floats, Any]:
    """The square root of x."""
    return np.sqrt(wide(x)), RESULT


def sqrt_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dy / (2 sqrt(x)), from the stored root."""
    return (wide(dy) / (2.0 * wide(kept)),)


@quiet
def erf(p: Precision, name: str, x: Floats) -> tuple[Floats, Any]:
    """The error function of x."""
    return elementary.erf(wide(x)), x


def erf_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dy 2 / sqrt(pi) exp(-x^2)."""
    x = wide(kept)
    return (dy * (elementary.TWO_OVER_ROOT_PI * elementary.exp(-x * x)),)


def where(p: Precision, name: str, x: Floats, y: Floats, condition: NDArray[np.bool_]) -> tuple[Floats, Any]:
    """x where the condition holds, else y; all three broadcast."""
    _check_broadcast(x, y, condition)
    return np.where(condition, x, y), (condition, x.shape, y.shape)


def where_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """The gradient where an operand was taken, else 0; summed where it was broadcast."""
    condition, *shapes = kept
    zero = dy.dtype.type(0)
    parts = (np.where(condition, dy, zero), np.where(condition, zero, dy))
    return tuple(
        summed_to(p, name, part, shape) if need else None
        for part, shape, need in zip(parts, shapes, needs, strict=True)
    )


_PAIR = (Example(((3, 4), (4,))),)
_POSITIVE = (Example(positive=True),)

OPS = (
    Op("add", add, add_backward, combined=Operation.ADD, examples=_PAIR),
    Op("subtract", subtract, subtract_backward, combined=Operation.SUBTRACT, examples=_PAIR),
    Op("multiply", multiply, multiply_backward, examples=_PAIR),
    Op("divide", divide, divide_backward, examples=_PAIR),
    Op("power", power, power_backward,
       examples=(Example(((3, 4), (4,)), positive=True), Example(attributes={"exponent": 3}),
                 Example(attributes={"exponent": -0.5}, positive=True))),
    Op("scale", scale, scale_backward, examples=(Example(attributes={"factor": 0.3}),)),
    Op("negative", negative, negative_backward),
    Op("exp", exp, exp_backward),
    Op("log", log, log_backward, examples=_POSITIVE),
    Op("sqrt", sqrt, sqrt_backward, examples=_POSITIVE),
    Op("erf", erf, erf_backward),
    Op("where", where, where_backward, exact=True,
       examples=(Example(((3, 4), (4,)), {"condition": np.arange(12).reshape(3, 4) % 3 == 0}),)),
)  # fmt: skip
