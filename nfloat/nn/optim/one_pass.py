"""`in_one_pass`: a parameter's step, its rounding and its addition to the weights, all in one call of a kernel.

For the steps that nobody watches, and the sums of watched ones, in the commonest formats: sums in the carrier's own
format; steps, weights and remainders of one format of p <= 11 to nearest-even; such steps added by a stochastic mode.
The bits are those of the long way (``optimizer.py``), and so are the random words.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels.arithmetic.updates import step_compensated, step_drawn, step_native, step_short
from ...kernels.jit import entry_point
from ...kernels.rounding.arrays import round_drawn64
from ...ops.arguments import CARRAY, LAYOUT
from ...ops.rounder import LARGE, Rounder, large_pieces
from ..precision import Floats, Precision, Role
from ..recipes import Recipe

_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


class Scaled(NamedTuple):
    """An optimiser's step: a factor (None: 1) times a direction, the product rounded as its formulas are."""

    factor: float | None
    direction: Floats


class StepKernel(NamedTuple):
    """How a parameter takes a step: a compiled function, the constants of its formats, what else it is given."""

    kernel: Callable[..., None]
    constants: tuple[NDArray[np.float64], ...]
    compensated: bool = False
    drawn: Rounder | None = None


def step_kernel(own: Recipe, carrier: np.dtype[Any]) -> StepKernel | None:
    """How parameters take a step under a recipe, if there is a kernel that does it all."""
    if own.arithmetic is not None:
        return None
    compensation = own.compensation
    return _way(own.update.rounder, own.weights.rounder, compensation and compensation.rounder, carrier)


def in_one_pass(
    p: Precision, way: StepKernel, name: str, w: Floats, step: Scaled, state: dict[str, Floats]
) -> Floats | None:
    """The weights after a step (and the remainder in `state`), or None: the long way must do it."""
    values = step.direction
    if w.dtype is not p.carrier or values.dtype is not p.carrier or w.shape != values.shape:
        return None
    if w.flags.num & values.flags.num & LAYOUT != CARRAY:
        return None
    return take_step(way, w, step, state, drawn_key(p, way, name))


def drawn_key(p: Precision, way: StepKernel, name: str) -> int | None:
    """The key of a step's random bits, if it draws any."""
    return None if way.drawn is None else way.drawn.key(p.stream(name, Role.WEIGHT.tensor))


def take_step(
    way: StepKernel, w: Floats, step: Scaled, state: dict[str, Floats], key: int | None, first: int = 0
) -> Floats:
    """The weights w after a step, and the remainder in `state`; w[0] is number `first` of them all."""
    factor, out = 1.0 if step.factor is None else step.factor, np.empty(w.shape, w.dtype)
    arrays: tuple[Floats, ...] = (w, step.direction, out)
    if way.compensated:
        rest = state["remainder"] if "remainder" in state else np.zeros_like(w)
        left = state["remainder"] = np.empty(w.shape, w.dtype)
        arrays = (w, step.direction, rest, out, left)
    if w.ndim != 1:
        arrays = tuple([a.ravel() for a in arrays])
    if w.size <= LARGE:
        _call(way, arrays, factor, key, first)
    else:
        for piece in large_pieces(w.size):
            _call(way, tuple(a[piece] for a in arrays), factor, key, first + piece.start)
    return out


def _call(way: StepKernel, arrays: tuple[Floats, ...], factor: float, key: int | None, first: int) -> None:
    """The kernel on flat arrays, whose first element has this number; `key`: of its random bits, if there are any."""
    drawn = () if key is None else (key, first)
    way.kernel(*arrays[:2], factor, *arrays[2:], *way.constants, *drawn)


@lru_cache(maxsize=256)
def _way(update: Rounder, weights: Rounder, compensation: Rounder | None, carrier: np.dtype[Any]) -> StepKernel | None:
    """The way of an update under these roundings, if there is one."""
    if compensation is None and _is_whole(update, carrier) and _is_whole(weights, carrier):
        return StepKernel(entry_point(step_native, 0 if carrier is _SINGLE else 1), ())
    if carrier is not _SINGLE or not update.is_short:
        return None
    constants = update.spec_array
    if compensation is not None:
        same = weights is compensation is update
        return StepKernel(entry_point(step_compensated), (constants,), compensated=True) if same else None
    if weights is update:
        return StepKernel(entry_point(step_short), (constants,))
    drawn = weights.round64 is round_drawn64 and weights.format == update.format and weights.format.has_negative_zero
    return StepKernel(entry_point(step_drawn), (constants, weights.spec_array), drawn=weights) if drawn else None


def _is_whole(how: Rounder, carrier: np.dtype[Any]) -> bool:
    """Whether every number of the carrier stays as it is."""
    return how.single == (carrier is _SINGLE) and (how.round32 if carrier is _SINGLE else how.round64) is None
