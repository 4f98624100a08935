"""Activations: functions of one number, element by element, and `Softmax` along an axis."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from ...errors import ArgumentError, as_integer, as_number
from ..functional import filled_axis
from ..tape import Tensor, TensorLike, apply, as_tensor
from .layer import Layer


class Activation(Layer):
    """A function of one number, element by element; `operation` is its name in ``ops``."""

    operation: ClassVar[str]

    def __call__(self, x: TensorLike) -> Tensor:
        return apply(self.operation, as_tensor(x), layer=self.name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ReLU(Activation):
    """max(x, 0), element by element.

    Examples
    --------
    >>> ReLU()([-1.0, 2.0]).data
    array([0., 2.])
    """

    operation = "relu"


class Tanh(Activation):
    """tanh(x), element by element.

    Examples
    --------
    >>> Tanh()([0.0, 20.0]).data
    array([0., 1.])
    """

    operation = "tanh"


class Sigmoid(Activation):
    """1 / (1 + exp(-x)), element by element.

    Examples
    --------
    >>> Sigmoid()([0.0, 40.0]).data
    array([0.5, 1. ])
    """

    operation = "sigmoid"


class SiLU(Activation):
    """x / (1 + exp(-x)), element by element: also called swish.

    Examples
    --------
    >>> SiLU()([0.0, 40.0]).data
    array([ 0., 40.])
    """

    operation = "silu"


class LeakyReLU(Activation):
    """x where x > 0, else negative_slope x, element by element.

    Examples
    --------
    >>> LeakyReLU(0.25)([-2.0, 3.0]).data
    array([-0.5,  3. ])
    """

    operation = "leaky_relu"

    def __init__(self, negative_slope: float = 0.01) -> None:
        slope = as_number(negative_slope)
        if slope is None:
            raise ArgumentError(f"negative_slope={negative_slope!r} of LeakyReLU must be a number")
        self.negative_slope = slope

    def __call__(self, x: TensorLike) -> Tensor:
        return apply("leaky_relu", as_tensor(x), layer=self.name, negative_slope=self.negative_slope)


class GELU(Activation):
    """x times the normal distribution's share below x; with approximate="tanh" Hendrycks and Gimpel's tanh form.

    Raises
    ------
    ArgumentError
        If `approximate` is neither "none" nor "tanh".

    Examples
    --------
    >>> GELU()([-1.0, 1.0]).data.round(4), GELU("tanh")([-1.0, 1.0]).data.round(4)
    (array([-0.1587,  0.8413]), array([-0.1588,  0.8412]))
    """

    operation = "gelu"

    def __init__(self, approximate: str = "none") -> None:
        if not isinstance(approximate, str) or approximate not in ("none", "tanh"):
            raise ArgumentError(f"approximate={approximate!r} of GELU must be 'none' or 'tanh'")
        self.approximate = approximate

    def __call__(self, x: TensorLike) -> Tensor:
        return apply("gelu", as_tensor(x), layer=self.name, approximate=self.approximate)


class Softmax(Layer):
    """exp(x) divided by its sum along the axis `dim`.

    Raises
    ------
    ArgumentError
        If `dim` is not an integer.
    ShapeError
        On a call, if x has no such axis, or nothing along it.

    Examples
    --------
    >>> Softmax(dim=-1)([[0.0, 0.0], [0.0, 800.0]]).data.tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """

    def __init__(self, dim: int) -> None:
        if as_integer(dim) is None:
            raise ArgumentError(f"dim={dim!r} of Softmax must be an integer, the axis along which it sums to 1")
        self.dim = dim

    def __call__(self, x: TensorLike) -> Tensor:
        x = as_tensor(x)
        return apply("softmax", x, layer=self.name, axis=filled_axis(x, self.dim))

    def __repr__(self) -> str:
        return f"Softmax(dim={self.dim})"


_ALL: tuple[type[Activation], ...] = (ReLU, Tanh, Sigmoid, SiLU, LeakyReLU, GELU)

#: name of the operation, as configurations have it -> activation layer
ACTIVATIONS: Mapping[str, type[Activation]] = MappingProxyType({c.operation: c for c in _ALL})
