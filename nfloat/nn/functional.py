"""Operations that are no tensor's method: joints, choices, softmax.

nf.nn.concatenate([x, y], axis=-1)      nf.nn.where(x.data > 0, x, y)      nf.nn.softmax(x, axis=-1)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ArgumentError, ShapeError, as_integer
from ..ops.arguments import as_array
from .tape import Tensor, TensorLike, apply, as_tensor


def concatenate(tensors: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Tensors joined along an axis that they have; gradients reach all of them.

    Raises
    ------
    ArgumentError
        If there is no tensor.
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> concatenate([[1.0], [2.0, 3.0]]).data
    array([1., 2., 3.])
    """
    found = _several(tensors)
    return apply("concatenate", *found, axis=_axis(axis, len(found[0].shape)))


def stack(tensors: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Tensors of one shape along a new axis; gradients reach all of them.

    Raises
    ------
    ArgumentError
        If there is no tensor.
    ShapeError
        If the shapes differ.

    Examples
    --------
    >>> stack([[1.0, 2.0], [3.0, 4.0]], axis=1).data.tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    """
    found = _several(tensors)
    return apply("stack", *found, axis=_axis(axis, len(found[0].shape) + 1))


def where(condition: ArrayLike, x: TensorLike, y: TensorLike) -> Tensor:
    """x where the condition holds, else y; all three broadcast, and no gradient reaches the condition.

    Raises
    ------
    ArgumentError
        If the condition is not made of truth values.
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> where([True, False], [1.0, 2.0], 0.0).data
    array([1., 0.])
    """
    chosen = as_array(condition.data if isinstance(condition, Tensor) else condition, "condition")
    if chosen.dtype != np.bool_:
        raise ArgumentError(f"condition of type {chosen.dtype} must be made of truth values, such as x.data > 0")
    return apply("where", as_tensor(x), as_tensor(y), condition=chosen)


def softmax(x: TensorLike, axis: int = -1) -> Tensor:
    """exp(x) divided by its sum along an axis.

    Raises
    ------
    ShapeError
        If x has no such axis, or nothing along it.

    Examples
    --------
    >>> softmax([0.0, 0.0]).data
    array([0.5, 0.5])
    """
    x = as_tensor(x)
    return apply("softmax", x, axis=filled_axis(x, axis))


def log_softmax(x: TensorLike, axis: int = -1) -> Tensor:
    """The logarithm of `softmax`.

    Raises
    ------
    ShapeError
        If x has no such axis, or nothing along it.

    Examples
    --------
    >>> log_softmax([0.0, 0.0]).data
    array([-0.69314718, -0.69314718])
    """
    x = as_tensor(x)
    return apply("log_softmax", x, axis=filled_axis(x, axis))


def _axis(axis: int, count: int) -> int:
    number = as_integer(axis)
    if not count:
        raise ShapeError(f"axis={axis!r}: x of shape () has no axes")
    if number is None or not -count <= number < count:
        raise ShapeError(f"axis={axis!r} must be an integer in {-count}..{count - 1}, one of {count} axes")
    return number


def filled_axis(x: Tensor, axis: int) -> int:
    """The axis of x that is meant; there must be something along it."""
    found = _axis(axis, len(x.shape))
    if not x.shape[found]:
        raise ShapeError(f"x of shape {x.shape} has nothing along axis={axis}, so there is no share of it")
    return found


def _several(tensors: Sequence[TensorLike]) -> list[Tensor]:
    if not isinstance(tensors, list | tuple) or not tensors:
        raise ArgumentError(f"tensors={tensors!r} must be a sequence of at least one tensor")
    return [as_tensor(x) for x in tensors]
