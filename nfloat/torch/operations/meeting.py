"""Moves by which several numbers may meet in one place: there they are added, by the rule in ``wide``.

Where none can meet they are moves like others. The gradient of windows that overlap and of rows that are taken twice
comes here, as does what a model accumulates itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..machine import Machine
from .moves import move
from .table import Compute, row, rows
from .wide import wide


def _unless(meets: Callable[..., bool]) -> Compute:
    """A move, unless its arguments say that numbers may meet."""

    def compute(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return (wide if meets(*args, **kwargs) else move)(machine, operation, args, kwargs)

    return compute


def _overlap(dy: Any, x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, *_: Any, **__: Any) -> bool:
    """Whether windows may have a place in common; a single number is that of all axes."""
    each_axis = [[*given] * (3 if len(given) == 1 else 1) for given in (kernel, stride or kernel, dilation)]
    return any([gap * (size - 1) >= step for size, step, gap in zip(*each_axis, strict=False)])


def _accumulates(t: Any, indices: Any, values: Any, accumulate: bool = False, *_: Any, **__: Any) -> bool:
    return accumulate


rows(_unless(_overlap), "max_pool2d_with_indices_backward max_pool3d_with_indices_backward")
rows(_unless(_accumulates), "index_put _index_put_impl put _unsafe_index_put")
# parts of an adaptive pool share places where sizes do not divide; the others add, multiply or round
row("adaptive_max_pool2d_backward", "adaptive_max_pool3d_backward")(wide)
row("scatter.reduce", "scatter.value_reduce", "scatter_.reduce", "scatter_.value_reduce")(wide)
row("round.decimals", "round_.decimals")(wide)
