"""Operations in a narrower type than a reference recipe's: torch's own.

Under a recipe that rounds nothing (float64), a model may still cast itself: GPT-2 computes its loss, Llama its norms in
float32. What it computes there is float32 arithmetic by its own wish, which no recipe describes; so torch does it, and
the run is the one that torch gives without emulation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ...nn.recipes import Cast, Recipe
from ...nn.recipes.sums import described
from ..known import WEIGHTS, Kind
from ..machine import Machine
from ..tensors import name_of
from .moves import members
from .table import schema

_DOUBLE = np.dtype(np.float64)


def is_reference(recipe: Recipe) -> bool:
    """Whether a recipe computes everything in float64 and rounds nothing."""
    exact = all(isinstance(cast, Cast) and _DOUBLE in cast.exact_in for cast in recipe.casts)
    sums = (recipe.forward, recipe.backward, recipe.sums)
    return exact and not recipe.layers and all(described(each)[0] == "float64" for each in sums)


def narrower(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[torch.Tensor]:
    """The operands of real numbers, if all are of a type narrower than float64, and so is the result; else none."""
    if kwargs.get("dtype") is torch.float64:
        return []
    found = [t for value in (*args, *kwargs.values()) for t in members(value)]
    return [] if any([t.dtype is torch.float64 for t in found]) else found


def as_torch(
    machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], operands: list[torch.Tensor]
) -> Any:
    """What torch gives; NotImplemented where an operand is a parameter, or a type that is not emulated."""
    known = machine.operands(operands, bool(schema(operation).written))
    if machine.stepping or any([k.bit & WEIGHTS or k.kind is Kind.WEIGHT_GRADIENT for k in known]):
        return NotImplemented
    found = operation(*args, **kwargs)
    counts = [t.numel() for t in operands]
    for t in members(found):
        part = machine.part(known, counts, t.numel())
        machine.trace.count(part.layer, "in its own type", name_of(t.dtype), "", t.numel())
        machine.learned(t, part)
    return found
