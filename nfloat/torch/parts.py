"""`Part`: what a result is in a step: of which kind and layer, under which name it is rounded, in which pass."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from .known import WEIGHTS, Kind, Known
from .places import Origin


class Part(NamedTuple):
    """The part of a result in a step: its kind, the name under which it is rounded, the layer, and which pass it is."""

    kind: Kind
    name: str
    layer: str
    backward: bool
    #: of the backward pass: what is differentiated
    origin: Origin | None = None


@lru_cache(maxsize=4096)
def forward_part(kind: Kind, layer: str) -> Part:
    """The part of a result of the forward pass."""
    return Part(kind, layer, layer, False)


#: the part of what an optimiser computes
STEP = Part(Kind.SCALAR, "", "", False)


def gradient_of(operand: Known, layer: str) -> Part:
    """The part of the gradient of an operand that backward is given."""
    if operand.bit & WEIGHTS:
        return Part(Kind.WEIGHT_GRADIENT, operand.name, layer, True)
    kind = Kind.LOSS if operand.kind is Kind.LOSS else Kind.GRADIENT
    return Part(kind, operand.name, layer, True)


def beside(weight: Known, layer: str) -> Part:
    """The part of the gradient of a bias, which backward is not given: it is a parameter if the weight is one."""
    if not weight.bit & WEIGHTS:
        return gradient_of(weight, layer)
    name = weight.name.rpartition(".")[0]
    return Part(Kind.WEIGHT_GRADIENT, f"{name}.bias" if name else "bias", layer, True)
