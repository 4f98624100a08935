"""What is known of a tensor's memory: its part in a step, and whether it holds numbers of the recipe's format.

The knowledge hangs on the storage, as an attribute: views and whatever autograd has saved share it, and it goes when
the memory goes.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import torch

from ..formats.format import Format
from ..nn.precision import Role


class Kind(IntEnum):
    """The part of a tensor in a training step."""

    #: a batch, or anything else that was not computed here: rounded as it enters
    OUTSIDE = 0
    #: made of numbers of the program alone (masks, positions, buffers): a number of the carrier
    CONSTANT = 1
    PARAMETER = 2
    ACTIVATION = 3
    #: a loss, and what is computed from one: a number of the carrier
    LOSS = 4
    GRADIENT = 5
    WEIGHT_GRADIENT = 6
    #: an optimiser's state
    STATE = 7
    #: computed from gradients, states or weights outside of the model (a norm, a step): a number of the carrier
    SCALAR = 8


#: the role by which results of a kind are rounded; kinds that are not here stay in the carrier
ROLES = {
    Kind.ACTIVATION: Role.ACTIVATION,
    Kind.GRADIENT: Role.ACTIVATION_GRADIENT,
    Kind.WEIGHT_GRADIENT: Role.WEIGHT_GRADIENT,
    Kind.STATE: Role.STATE,
}
#: one bit a kind, so that the kinds of several operands are one number
BITS = tuple(1 << kind for kind in Kind)


def bits(*kinds: Kind) -> int:
    """A set of kinds as one number."""
    return sum(BITS[kind] for kind in kinds)


#: gradients, in the backward pass
GRADIENTS = bits(Kind.WEIGHT_GRADIENT, Kind.GRADIENT, Kind.LOSS)
#: how a trace calls numbers of the carrier
CARRIED = {Kind.CONSTANT: "constant", Kind.LOSS: "loss", Kind.SCALAR: "scalar", Kind.OUTSIDE: "outside"}


class Known:
    """What is known of one storage.

    `run` is the emulation that knows it; `bit` its kind as one bit; `name` the parameter's, or the layer's that made it. `copy` is a parameter as
    forward and backward see it (all of its storage); `wide` what a later operation wants that belongs to the same
    formula (a loss's parts, an unrounded product); `pending` says that a state holds a number not yet rounded.
    """

    __slots__ = ("bit", "copy", "format", "kind", "name", "owner", "pending", "run", "state", "version", "wide")

    def __init__(self, run: object, kind: Kind, name: str) -> None:
        self.run = run
        self.kind = kind
        self.bit = BITS[kind]
        self.name = name
        self.owner: torch.Tensor | None = None
        self.copy: torch.Tensor | None = None
        #: of an activation under a recipe with layers of their own: its format
        self.format: Format | None = None
        self.wide: Any = None
        self.pending = False
        #: of a parameter: momenta and remainders that torch's own state has no place for; its memory's version
        self.state: dict[str, Any] | None = None
        self.version = 0


def lookup(t: torch.Tensor, run: object) -> Known | None:
    """What `run` knows of a tensor's memory."""
    known = getattr(t.untyped_storage(), "_nfloat", None)
    return known if known is not None and known.run is run else None


def learn(t: torch.Tensor, known: Known) -> None:
    """Attach knowledge to a tensor's memory."""
    t.untyped_storage()._nfloat = known
