"""Activations: functions of one number that layers are named after.

Computed in float64 from the functions of ``elementary.py`` and rounded once; those whose derivative is a function of
their result take it from the stored one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...kernels.arithmetic.elementary import where_positive
from ...kernels.jit import entry_point
from .. import elementary
from ..precision import Floats, Precision
from .op import RESULT, Example, Gradients, Needs, Op, quiet, selected, wide

#: of GELU's tanh form: sqrt(2 / pi), and the cubic's factor (Hendrycks and Gimpel 2016, arXiv:1606.08415)
_ROOT_2_OVER_PI, _CUBIC = 0.7978845608028654, 0.044715


def relu(p: Precision, name: str, x: Floats) -> tuple[Floats, Any]:
    """max(x, 0); NaN stays NaN."""
    return np.maximum(x, x.dtype.type(0)), RESULT


def relu_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dy where x > 0, else 0 (also at x = 0, and where x is NaN)."""
    if kept.dtype is not dy.dtype or not (kept.flags.c_contiguous and dy.flags.c_contiguous):
        return (selected(kept > 0, dy),)
    out = np.empty_like(dy)
    entry_point(where_positive, 0 if dy.itemsize == 4 else 1)(kept.ravel(), dy.ravel(), out.ravel())
    return (out,)


@quiet
def leaky_relu(p: Precision, name: str, x: Floats, negative_slope: float = 0.01) -> tuple[Floats, Any]:
    """x where x > 0, else negative_slope x."""
    return np.where(x > 0, x, wide(x) * negative_slope), (x, negative_slope)


def leaky_relu_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dy where x > 0, else negative_slope dy."""
    x, negative_slope = kept
    return (np.where(x > 0, dy, wide(dy) * negative_slope),)


def tanh(p: Precision, name: str, x: Floats) -> tuple[Floats, Any]:
    """tanh(x)."""
    return elementary.tanh(wide(x)), RESULT


def tanh_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dy (1 - tanh^2), from the stored tanh."""
    y = wide(kept)
    return (dy * (1.0 - y * y),)


def sigmoid(p: Precision, name: str, x: Floats) -> tuple[Floats, Any]:
    """1 / (1 + exp(-x))."""
    return elementary.sigmoid(wide(x)), RESULT


def sigmoid_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dy y (1 - y), from the stored y."""
    y = wide(kept)
    return (dy * (y * (1.0 - y)),)


@quiet
def silu(p: Precision, name: str, x: Floats) -> tuple[Floats, Any]:
    """x / (1 + exp(-x)), as x times `sigmoid`; -inf gives NaN, as -inf times 0 does."""
    return wide(x) * elementary.sigmoid(wide(x)), x


@quiet
def silu_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dy (s + x s (1 - s)), s being the sigmoid of x."""
    x = wide(kept)
    s = elementary.sigmoid(x)
    return (dy * (s + x * s * (1.0 - s)),)


@quiet
def gelu(p: Precision, name: str, x: Floats, approximate: str = "none") -> tuple[Floats, Any]:
    """x (1 + erf(x / sqrt(2))) / 2, or with approximate="tanh" x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2."""
    v = wide(x)
    share = elementary.sigmoid(_twice_inner(v)) if approximate == "tanh" else elementary.normal_cdf(v)
    return v * share, (x, approximate)


def _twice_inner(x: Floats) -> Floats:
    """2 u: (1 + tanh(u)) / 2 is the sigmoid of that."""
    return 2.0 * _ROOT_2_OVER_PI * (x + _CUBIC * (x * x * x))


@quiet
def gelu_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dy (c + x c'), c being the second factor: c' is the normal density, or what the tanh form makes of it."""
    x, approximate = wide(kept[0]), kept[1]
    if approximate == "tanh":
        s = elementary.sigmoid(_twice_inner(x))
        slope = s * (1.0 - s) * (2.0 * _ROOT_2_OVER_PI * (1.0 + 3.0 * _CUBIC * (x * x)))
        return (dy * (s + x * slope),)
    density = 0.5 * elementary.ROOT_HALF * elementary.TWO_OVER_ROOT_PI * elementary.exp(-0.5 * (x * x))
    return (dy * (elementary.normal_cdf(x) + x * density),)


OPS = (
    Op("relu", relu, relu_backward, exact=True, exact_backward=True),
    Op("leaky_relu", leaky_relu, leaky_relu_backward, examples=(Example(attributes={"negative_slope": 0.2}),)),
    Op("tanh", tanh, tanh_backward),
    Op("sigmoid", sigmoid, sigmoid_backward),
    Op("silu", silu, silu_backward),
    Op("gelu", gelu, gelu_backward, examples=(Example(), Example(attributes={"approximate": "tanh"}))),
)
