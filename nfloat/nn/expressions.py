"""How operations on tensors are written: operators and methods, as NumPy and PyTorch name them.

`Expression` is the part of `Tensor` that records nothing and rounds nothing: each method names an operation of ``ops``.
A Python number beside a tensor is an operand as any other, rounded to the activations' format as it enters; as an
exponent, and in `scale`, it is not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ArgumentError, as_integer, as_number

T = TypeVar("T")
Axes = int | tuple[int, ...] | None


class Expression(ABC, Generic[T]):
    """What can stand in a formula; T is what a formula gives."""

    __slots__ = ()

    # NumPy must not take over ``array + tensor``
    __array_ufunc__ = None

    @abstractmethod
    def _apply(self, name: str, *others: T | ArrayLike, **attributes: Any) -> T:
        """The operation of that name, of this and other operands."""

    @abstractmethod
    def _after(self, name: str, first: ArrayLike) -> T:
        """The operation of that name, of numbers and this operand."""

    def __add__(self, other: T | ArrayLike) -> T:
        return self._apply("add", other)

    def __sub__(self, other: T | ArrayLike) -> T:
        return self._apply("subtract", other)

    def __mul__(self, other: T | ArrayLike) -> T:
        return self._apply("multiply", other)

    def __truediv__(self, other: T | ArrayLike) -> T:
        return self._apply("divide", other)

    # sums and products commute to the bit
    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: ArrayLike) -> T:
        return self._after("subtract", other)

    def __rtruediv__(self, other: ArrayLike) -> T:
        return self._after("divide", other)

    def __neg__(self) -> T:
        return self._apply("negative")

    def __pow__(self, exponent: T | ArrayLike) -> T:
        if isinstance(exponent, int | float) and not isinstance(exponent, bool):
            return self._apply("power", exponent=exponent)
        return self._apply("power", exponent)

    def __matmul__(self, other: T | ArrayLike) -> T:
        return self._apply("matmul", other)

    def __getitem__(self, key: Any) -> T:
        """A part by integers, slices, None and Ellipsis; elements by arrays of numbers or truth values."""
        if all(
            k is None or k is ... or isinstance(k, slice | int) for k in (key if isinstance(key, tuple) else (key,))
        ):
            return self._apply("part", key=key)
        return self._apply("index", key=tuple(map(_plain, key)) if isinstance(key, tuple) else _plain(key))

    def scale(self, factor: float) -> T:
        """The tensor times a number that is not rounded to the activations' format."""
        number = as_number(factor)
        if number is None:
            raise ArgumentError(f"factor={factor!r} must be a number; write x * y for tensors")
        return self._apply("scale", factor=number)

    def exp(self) -> T:
        """e^x."""
        return self._apply("exp")

    def log(self) -> T:
        """The natural logarithm."""
        return self._apply("log")

    def sqrt(self) -> T:
        """The square root."""
        return self._apply("sqrt")

    def erf(self) -> T:
        """The error function."""
        return self._apply("erf")

    def relu(self) -> T:
        """max(x, 0)."""
        return self._apply("relu")

    def tanh(self) -> T:
        """tanh(x)."""
        return self._apply("tanh")

    def sigmoid(self) -> T:
        """1 / (1 + exp(-x))."""
        return self._apply("sigmoid")

    def sum(self, axis: Axes = None, keepdims: bool = False) -> T:
        """The sum over `axis`, of all elements where it is None."""
        return self._apply("sum", axis=axis, keepdims=keepdims)

    def mean(self, axis: Axes = None, keepdims: bool = False) -> T:
        """The mean over `axis`, of all elements where it is None."""
        return self._apply("mean", axis=axis, keepdims=keepdims)

    def max(self, axis: Axes = -1, keepdims: bool = False) -> T:
        """The greatest element over `axis`, of all elements where it is None."""
        return self._apply("max", axis=axis, keepdims=keepdims)

    def reshape(self, *shape: int | Sequence[int]) -> T:
        """The same numbers in another shape."""
        given = shape[0] if len(shape) == 1 else shape
        if not isinstance(given, (tuple, list)) and as_integer(given) is None:
            raise ArgumentError(f"shape: {type(given).__name__} must be an integer or a tuple of integers")
        return self._apply("reshape", shape=given)

    def transpose(self, *axes: int | Sequence[int]) -> T:
        """Axes in another order; in reverse where none is given."""
        given = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return self._apply("transpose", axes=None if isinstance(given, tuple) and not given else given)

    def swapaxes(self, one: int, other: int) -> T:
        """Two axes in each other's place."""
        return self._apply("swapaxes", one=one, other=other)

    @property
    def T(self) -> T:  # noqa: N802 (NumPy's name)
        """Axes in reverse order."""
        return self._apply("transpose")


def _plain(key: Any) -> Any:
    if not isinstance(key, list):
        return key
    array = np.asarray(key)
    return array if array.size else array.astype(np.intp)  # NumPy makes an empty list real numbers
