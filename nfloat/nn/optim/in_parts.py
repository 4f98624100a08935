"""`in_parts`: the step of a large parameter, some elements at a time, so that nothing on its way is as large.

Of optimisers whose formulas are `elementwise`, where nothing draws random bits but a kernel that is told which elements
it sees (``one_pass.py``). The bits are those of the whole. Momenta stay in the memory where they are: they are the
optimiser's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np

from ...ops.arguments import CARRAY, LAYOUT
from ..precision import Floats, Precision
from ..recipes import Recipe
from .one_pass import StepKernel

Function = TypeVar("Function", bound=Callable[..., object])
#: f(some weights, their gradients, their momenta, number of the first): the new weights; momenta are brought up to date
Stepped = Callable[[Floats, Floats, dict[str, Floats], int], Floats]
#: elements of a part: its temporaries stay in the second cache
_PART = 1 << 15


def elementwise(direction: Function) -> Function:
    """Mark an optimiser's `direction` as one that looks at no other element: a step may be taken in parts."""
    direction.elementwise = True  # type: ignore[attr-defined]
    return direction


def goes_in_parts(
    direction: Callable[..., object], p: Precision, own: Recipe, way: StepKernel | None, arrays: Mapping[str, Floats]
) -> bool:
    """Whether `in_parts` may take the step of these weights, gradient and momenta, of which nobody is told."""
    first = next(iter(arrays.values()))
    if first.size <= _PART or not getattr(direction, "elementwise", False):
        return False
    casts = [own.scalars, own.arithmetic, own.state, *dict(own.states).values()]
    if way is None:
        casts += [own.update, own.weights, own.compensation]
    drawn = any(cast is not None and cast.stochastic for cast in casts)
    return not drawn and all(
        x.dtype is p.carrier and x.flags.num & LAYOUT == CARRAY and x.shape == first.shape for x in arrays.values()
    )


def in_parts(w: Floats, g: Floats, state: dict[str, Floats], stepped: Stepped) -> Floats:
    """The weights after a step; `state` is brought up to date."""
    out, past = np.empty(w.shape, w.dtype), dict(state)
    for first in range(0, w.size, _PART):
        part = slice(first, first + _PART)
        some = {key: x.reshape(-1)[part] for key, x in past.items()}
        out.reshape(-1)[part] = stepped(w.reshape(-1)[part], g.reshape(-1)[part], some, first)
        for key, values in some.items():
            if key not in state:
                state[key] = np.empty(w.shape, values.dtype)
            state[key].reshape(-1)[part] = values
    return out
