"""`Op`: what an operation is; and what every family of them uses.

``forward(p, name, *arrays, **attributes)`` returns the result and what backward needs of it (`RESULT`: the result
itself, as it was stored, that is, rounded); ``backward(p, name, kept, gradient, needs)`` returns one gradient per
array (None where `needs` says that nobody asks). `p` is the `Precision` in force, `name` the layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels.arithmetic.operations import Operation
from ..precision import Floats, Precision

Needs = Sequence[bool]


class Part(NamedTuple):
    """A gradient that is 0 but for a part of an array of that shape: so that many parts cost as much as the whole."""

    shape: tuple[int, ...]
    key: Any
    values: Floats


Gradients = tuple[Floats | Part | None, ...]


class _Result:
    """The type of `RESULT`."""


#: in the place of what backward needs: the stored result
RESULT = _Result()


@dataclass(frozen=True)
class Example:
    """Operands and attributes on which the gradient check tries an operation.

    Examples
    --------
    >>> Example(((2, 3), (3,)), {"axis": -1}).shapes
    ((2, 3), (3,))
    """

    shapes: tuple[tuple[int, ...], ...] = ((3, 4),)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    #: whether the operands must be positive
    positive: bool = False


@dataclass(frozen=True)
class Op:
    """A differentiable operation.

    A pair of functions, whether their results need rounding, examples for the check.

    Parameters
    ----------
    name : str
        The operation's name in `OPS` and for `apply`.
    forward, backward : callable
        As the module says.
    exact : bool
        The result is made of numbers of the operands and needs no rounding.
    loss : bool
        The result is a loss: kept in the carrier, not rounded to the activations' format.
    exact_backward : bool
        Gradients are made of numbers of the result's gradient.
    late : bool
        Parameters that are matrices may come as `Late`.
    own_gradients : bool
        Every gradient that backward gives is a new array, of which nothing else is known.
    combined : Operation, optional
        The result is x + y, or x - y, and what backward needs are their shapes: of activations of one shape that
        nobody watches it is formed and rounded in one pass.
    examples : tuple of Example
        What the gradient check tries.

    Examples
    --------
    >>> def doubled(p, name, x):
    ...     return 2 * x, None
    >>> def doubled_backward(p, name, kept, dy, needs):
    ...     return (2 * dy,)
    >>> Op("doubled", doubled, doubled_backward).name
    'doubled'
    """

    name: str
    forward: Callable[..., tuple[Floats, Any]]
    backward: Callable[..., Gradients]
    exact: bool = False
    loss: bool = False
    exact_backward: bool = False
    late: bool = False
    own_gradients: bool = False
    combined: Operation | None = None
    examples: tuple[Example, ...] = (Example(),)


#: infinities and NaN are results here, not accidents
quiet = np.errstate(all="ignore")


def wide(x: Floats) -> Floats:
    """float64, in which elementwise results are computed before their one rounding."""
    return x.astype(np.float64, copy=False)


def selected(mask: NDArray[np.bool_], x: Floats) -> Floats:
    """x where the mask is true, else +0: by bits, which takes a quarter of the time of `numpy.where`."""
    words = np.dtype(f"u{x.dtype.itemsize}")
    chosen = np.asarray(mask).view(np.uint8).astype(words)
    np.negative(chosen, out=chosen)  # 1 -> all bits
    chosen &= np.ascontiguousarray(x).view(words).reshape(x.shape)
    return chosen.view(x.dtype)


def inner(p: Precision, field: str, name: str, x: Floats) -> Floats:
    """A number on the way to a result, as the recipe's `field` rounds it (mostly not at all), to be computed with."""
    return wide(p.inner(field, name, x))


#: elements that are gone through at a time, so that what is computed between stays in the cache
_PIECE = 1 << 14


def pieces(count: int, elements: int) -> Iterator[slice]:
    """Ranges of 0..count - 1, each of so many that they have few elements in all, of `elements` each."""
    some = max(1, _PIECE // max(1, elements))
    for start in range(0, count, some):
        yield slice(start, min(count, start + some))


def size(shape: Sequence[int], axes: Sequence[int]) -> int:
    """How many elements those axes span."""
    return math.prod(shape[i] for i in axes)


def summed_to(p: Precision, name: str, gradient: Floats, shape: tuple[int, ...]) -> Floats:
    """The gradient of an operand that was broadcast from `shape`: summed over what was repeated."""
    if gradient.shape == shape:
        return gradient
    lead = gradient.ndim - len(shape)
    repeated = [i for i in range(gradient.ndim) if i < lead or (shape[i - lead] == 1 != gradient.shape[i])]
    return summed_over(p, name, gradient, repeated).reshape(shape)


def summed_over(p: Precision, name: str, x: Floats, axes: Sequence[int]) -> Floats:
    """The sum over some axes, their elements in C order, in the recipe's accumulator for sums."""
    others = [i for i in range(x.ndim) if i not in axes]
    behind = size(x.shape, range(others[-1] + 1, x.ndim)) if others else 1
    if behind > 1 and others[-1] - others[0] < len(others) and [*axes] == sorted(axes):
        middle = np.ascontiguousarray(x).reshape(size(x.shape, range(others[0])), size(x.shape, others), behind)
        return p.sum_middle(name, middle).reshape([x.shape[i] for i in others])
    rows = x.transpose(*axes, *others).reshape(size(x.shape, axes), size(x.shape, others))
    return p.sum_rows(name, np.ascontiguousarray(rows)).reshape([x.shape[i] for i in others])
