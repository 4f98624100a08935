"""Operations that only move numbers: shapes, axes, parts, joints. Nothing is rounded, forward or backward.

`index` alone adds gradients, where it has taken an element more than once: ``gather.py`` says how.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ShapeError, as_integer
from ..precision import Floats, Precision
from .op import Example, Gradients, Needs, Op, Part


def reshape(p: Precision, name: str, x: Floats, shape: tuple[int, ...]) -> tuple[Floats, Any]:
    """The same numbers in another shape."""
    try:
        return x.reshape(shape), x.shape
    except TypeError:
        raise ShapeError(
            f"shape: {type(shape).__name__} is not integers; x of shape {x.shape} cannot take it"
        ) from None
    except (ValueError, OverflowError):
        raise ShapeError(f"x of shape {x.shape} has {x.size} elements and cannot take shape={shape!r}") from None


def reshape_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """Back to the operand's shape."""
    return (dy.reshape(kept),)


def transpose(p: Precision, name: str, x: Floats, axes: Sequence[int] | None = None) -> tuple[Floats, Any]:
    """Axes in another order; in reverse without `axes`."""
    given = range(x.ndim)[::-1] if axes is None else axes if isinstance(axes, Sequence) else ()
    found = [a + x.ndim if a is not None and a < 0 else a for a in map(as_integer, given)]
    order = [a for a in found if a is not None]
    if len(order) < len(found) or sorted(order) != list(range(x.ndim)):
        raise ShapeError(f"axes={axes!r} must be an order of the {x.ndim} axes of x, of shape {x.shape}")
    return x.transpose(order), np.argsort(order)


def transpose_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """Back again."""
    return (dy.transpose(kept),)


def swapaxes(p: Precision, name: str, x: Floats, one: int, other: int) -> tuple[Floats, Any]:
    """Two axes in each other's place."""
    if not all((number := as_integer(a)) is not None and -x.ndim <= number < x.ndim for a in (one, other)):
        raise ShapeError(f"axes {one!r} and {other!r} must be axes of x, of shape {x.shape}")
    return x.swapaxes(one, other), (one, other)


def swapaxes_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """Back again."""
    return (dy.swapaxes(*kept),)


def part(p: Precision, name: str, x: Floats, key: Any) -> tuple[Floats, Any]:
    """x[key] by integers, slices, None and Ellipsis."""
    try:
        return x[key], (x.shape, key)
    except IndexError as error:
        raise ShapeError(f"x of shape {x.shape} has no part {key!r}: {error}") from None


def part_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """The gradient in its place, 0 elsewhere."""
    shape, key = kept
    return (Part(shape, key, dy),)


def concatenate(p: Precision, name: str, *arrays: Floats, axis: int = 0) -> tuple[Floats, Any]:
    """Arrays joined along an axis that they have."""
    try:
        return np.concatenate(arrays, axis), ([x.shape[axis] for x in arrays], axis)
    except ValueError:
        raise ShapeError(f"arrays of shapes {[x.shape for x in arrays]} cannot be joined along axis={axis}") from None


def concatenate_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """The gradient's parts."""
    sizes, axis = kept
    parts = np.split(dy, np.cumsum(sizes)[:-1], axis)
    return tuple(x if need else None for x, need in zip(parts, needs, strict=True))


def stack(p: Precision, name: str, *arrays: Floats, axis: int = 0) -> tuple[Floats, Any]:
    """Arrays of one shape along a new axis."""
    try:
        return np.stack(arrays, axis), axis
    except ValueError:
        raise ShapeError(f"arrays of shapes {[x.shape for x in arrays]} cannot be stacked along axis={axis}") from None


def stack_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """The gradient's parts."""
    parts = np.moveaxis(dy, kept, 0)
    return tuple(x if need else None for x, need in zip(parts, needs, strict=True))


_CUBE = ((2, 3, 4),)
_EXACT: dict[str, Any] = {"exact": True, "exact_backward": True}

OPS = (
    Op("reshape", reshape, reshape_backward, **_EXACT, examples=(Example(attributes={"shape": (2, 6)}),)),
    Op("transpose", transpose, transpose_backward, **_EXACT,
       examples=(Example(), Example(_CUBE, {"axes": (1, -1, 0)}))),
    Op("swapaxes", swapaxes, swapaxes_backward, **_EXACT, examples=(Example(_CUBE, {"one": -1, "other": 0}),)),
    Op("part", part, part_backward, **_EXACT,
       examples=(Example(attributes={"key": 1}), Example(_CUBE, {"key": (slice(None), None, slice(2, 0, -1), ...)}))),
    Op("concatenate", concatenate, concatenate_backward, **_EXACT,
       examples=(Example(((2, 3), (1, 3))), Example(((2, 3), (2, 1)), {"axis": -1}))),
    Op("stack", stack, stack_backward, **_EXACT, examples=(Example(((2, 3), (2, 3)), {"axis": 1}),)),
)  # fmt: skip
