"""Operations that are no tensor's method: joints, choices, softmax.

nf.nn.concatenate([x, y], axis=-1)      nf.nn.where(x.data > 0, x, y)      nf.nn.softmax(x, axis=-1)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ArgumentError
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
    return apply("concatenate", *_several(tensors), axis=axis)


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
    return apply("stack", *_several(tensors), axis=axis)


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
    chosen = np.asarray(condition.data if isinstance(condition, Tensor) else condition)
    if chosen.dtype != np.bool_:
        raise ArgumentError(f"condition of type {chosen.dtype} must be made of truth values, such as x.data > 0")
    return apply("where", as_tensor(x), as_tensor(y), condition=chosen)


def softmax(x: TensorLike, axis: int = -1) -> Tensor:
    """exp(x) divided by its sum along an axis.

    Examples
    --------
    >>> softmax([0.0, 0.0]).data
    array([0.5, 0.5])
    """
    return apply("softmax", as_tensor(x), axis=axis)


def log_softmax(x: TensorLike, axis: int = -1) -> Tensor:
    """The logarithm of `softmax`.

    Examples
    --------
    >>> log_softmax([0.0, 0.0]).data
    array([-0.69314718, -0.69314718])
    """
    return apply("log_softmax", as_tensor(x), axis=axis)


def _several(tensors: Sequence[TensorLike]) -> list[Tensor]:
    if isinstance(tensors, Tensor) or not len(tensors):
        raise ArgumentError(f"tensors={tensors!r} must be a sequence of at least one tensor")
    return [as_tensor(x) for x in tensors]
