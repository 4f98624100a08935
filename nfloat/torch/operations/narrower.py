"""Operations in a narrower type than a reference recipe's: torch's own.

Under a recipe that rounds nothing (float64), a model may still cast itself: GPT-2 computes its loss, Llama its norms in
float32. What it computes there is float32 arithmetic by its own wish, which no recipe describes; so torch does it, and
the run is the one that torch gives without emulation. Likewise an optimiser (Muon) that computes in bfloat16, under
float64 and float32.
"""

from __future__ import annotations

from typing import Any

import torch

from ...nn.recipes import Cast, Recipe
from ...nn.recipes.sums import described
from ..known import WEIGHTS, Kind, bits
from ..machine import Machine
from ..refusals import check_type
from ..tensors import TYPES, name_of
from .moves import members
from .table import schema

#: types narrower than both references
_SHORT = (torch.bfloat16, torch.float16)


def reference(recipe: Recipe) -> torch.dtype | None:
    """The type in which a recipe computes everything, and rounds nothing else: float64, float32, or None."""
    dtype = recipe.carrier
    exact = all(isinstance(cast, Cast) and dtype in cast.exact_in for cast in recipe.casts)
    sums = (recipe.forward, recipe.backward, recipe.sums)
    exact = exact and not recipe.layers and all(described(each)[0] == dtype.name for each in sums)
    return TYPES[dtype] if exact else None


def narrower(machine: Machine, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[torch.Tensor]:
    """The operands of real numbers, if all are of a type narrower than the reference, and so is the result; else none.

    In an optimiser's step float32 is not narrower than float64, but for counts and rates: it may be a parameter's own
    type.
    """
    if kwargs.get("dtype") is machine.reference:
        return []
    found = [t for value in (*args, *kwargs.values()) for t in members(value)]
    if machine.stepping:
        own = [t.dtype in _SHORT or (machine.reference is torch.float64 and _is_beside(t)) for t in found]
        return found if all(own) else []
    return [] if any([t.dtype is torch.float64 for t in found]) else found


def _is_beside(t: torch.Tensor) -> bool:
    """Whether a tensor may be a number that an optimiser keeps beside its states: float32 of no axes."""
    return t.dtype is torch.float32 and not t.dim()


#: kinds that a recipe stores in tensors of any type
_STORED = WEIGHTS | bits(Kind.WEIGHT_GRADIENT, Kind.STATE)


def as_torch(
    machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], operands: list[torch.Tensor]
) -> Any:
    """What torch gives; NotImplemented where an operand is a parameter, or a type that is not emulated."""
    known = machine.operands(operands, bool(schema(operation).written))
    if any([k.bit & _STORED for k in known]):
        return NotImplemented
    found = operation(*args, **kwargs)
    counts = [t.numel() for t in operands]
    for t in members(found):
        if t.is_complex():
            check_type(t.dtype, machine.trace.operation)
        part = machine.part(known, counts, t.numel())
        machine.trace.count(part.layer, "in its own type", name_of(t.dtype), "", t.numel())
        machine.learned(t, part)
    return found
