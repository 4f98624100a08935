"""What is known of a tensor's memory: its part in a step, and whether it holds numbers of the recipe's format.

The knowledge hangs on the storage, as an attribute: views and whatever autograd has saved share it, and it goes when
the memory goes. Python's collector cannot look through a tensor: so what is known holds no tensor of that memory and no
emulation that does.
"""

from __future__ import annotations

import weakref
from enum import IntEnum
from typing import Any, Protocol

import torch

from ..formats.format import Format
from ..nn.precision import Floats, Role
from ..nn.roles import at_hand


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
    #: a parameter's numbers, as forward sees them, in other places (transposed and copied, several side by side)
    WEIGHT = 9


at_hand(Kind)

#: the role by which results of a kind are rounded; kinds that are not here stay in the carrier
ROLES = {
    Kind.ACTIVATION: Role.ACTIVATION,
    Kind.GRADIENT: Role.ACTIVATION_GRADIENT,
    Kind.WEIGHT_GRADIENT: Role.WEIGHT_GRADIENT,
    Kind.STATE: Role.STATE,
}
#: the same by the kind's number
ROLE_OF = tuple(ROLES.get(kind) for kind in Kind)
#: one bit a kind, so that the kinds of several operands are one number
BITS = tuple(1 << kind for kind in Kind)


def bits(*kinds: Kind) -> int:
    """A set of kinds as one number."""
    return sum(BITS[kind] for kind in kinds)


#: parameters, where they lie and moved
PARAMETER, WEIGHTS = bits(Kind.PARAMETER), bits(Kind.PARAMETER, Kind.WEIGHT)
#: kinds of which a parameter's name says more
_NAMED = WEIGHTS | bits(Kind.STATE)
#: gradients, in the backward pass
GRADIENTS = bits(Kind.WEIGHT_GRADIENT, Kind.GRADIENT, Kind.LOSS)
#: how a trace calls numbers of the carrier
CARRIED = {Kind.CONSTANT: "constant", Kind.LOSS: "loss", Kind.SCALAR: "scalar", Kind.OUTSIDE: "outside"}


class Run(Protocol):
    """An emulation, as far as knowledge goes."""

    #: what stands for it in all that it knows
    token: object


class Known:
    """What is known of one storage.

    `run` stands for the emulation that knows it (`Run.token`); `bit` is its kind as one bit; `name` the parameter, or
    the layer that made it. `copy` is a parameter as forward and backward see it (all of its storage); `wide` what a
    later operation wants that belongs to the same formula (a loss's parts, an unrounded product); `pending` says that a
    state holds a number not yet rounded. `parts` are parameters that lie side by side in one storage.
    """

    # what few have stands in the class, since one is made for every result
    _owner: weakref.ref[torch.Tensor] | None = None
    copy: Floats | None = None
    #: of an activation under a recipe with layers of their own: its format
    format: Format | None = None
    wide: Any = None
    parts: list[Known] | None = None
    pending = False
    #: of a module's buffer, whatever it holds: its name; what changes all of it in place is stored as weights are
    buffer = ""
    #: of a parameter: momenta and remainders that torch's own state has no place for; its memory's version
    state: dict[str, Any] | None = None
    version = 0
    #: how it lay in its memory when it was met; arrays of its copy, by how they lie there
    shape: torch.Size | None = None
    offset = 0
    seen: dict[Any, Floats] | None = None

    def __init__(self, run: Run, kind: Kind, name: str) -> None:
        self.run = run.token
        self.kind = kind
        self.bit = BITS[kind]
        self.name = name
        #: what calls that are alike have in common (`plans`); None: they have nothing
        self.mark: Any = (self.bit, name) if self.bit & _NAMED else self.bit

    @property
    def owner(self) -> torch.Tensor | None:
        """The parameter, as it lay in memory when it was met."""
        return None if self._owner is None else self._owner()

    def plain(self) -> Known:
        """This without what a later operation wants: for who only asks what it is."""
        if self.wide is None:
            return self
        found = Known.__new__(Known)
        found.run, found.kind, found.bit, found.name, found.mark = self.run, self.kind, self.bit, self.name, self.mark
        return found


def lookup(t: torch.Tensor, run: Run) -> Known | None:
    """What `run` knows of a tensor's memory."""
    known: Known | None = getattr(t.untyped_storage(), "_nfloat", None)
    if known is None or known.run is not run.token:
        return None
    return known if known.parts is None else _part(known, t)


def _part(known: Known, t: torch.Tensor) -> Known:
    start, count = t.storage_offset(), t.numel()
    for part in known.parts or ():
        owner = part.owner
        assert owner is not None, "parameters have an owner"
        first, size = owner.storage_offset(), owner.numel()
        if first <= start and start + count <= first + size:
            return part
    return known


def learn(t: torch.Tensor, known: Known) -> None:
    """Attach knowledge to a tensor's memory."""
    t.untyped_storage()._nfloat = known


def learn_buffer(t: torch.Tensor, run: Run, name: str) -> None:
    """Take a module's buffer in: the program's own numbers."""
    known = Known(run, Kind.CONSTANT, name)
    known.buffer = name
    learn(t, known)


def is_whole(t: torch.Tensor) -> bool:
    """Whether a tensor is all that its memory holds."""
    return t.numel() * t.itemsize == t.untyped_storage().nbytes()


def own(parameter: torch.Tensor, known: Known, run: Run) -> torch.Tensor:
    """Attach a parameter's knowledge to its memory, which it may share with others; its owner, for `run` to hold."""
    owner = parameter.detach()
    known._owner, known.shape, known.offset = weakref.ref(owner), owner.shape, owner.storage_offset()
    if is_whole(parameter):
        learn(parameter, known)
        return owner
    around = _around(parameter, run)
    start, end = parameter.storage_offset(), parameter.storage_offset() + parameter.numel()
    kept = [p for p in around.parts or () if p.owner is not None and not _meets(p.owner, start, end)]
    found = Known(run, around.kind, around.name)
    found.parts, found.mark = [*kept, known], None
    learn(parameter, found)
    return owner


def _around(t: torch.Tensor, run: Run) -> Known:
    """What is known of the whole of a tensor's memory."""
    known: Known | None = getattr(t.untyped_storage(), "_nfloat", None)
    return known if known is not None and known.run is run.token else Known(run, Kind.OUTSIDE, "")


def _meets(t: torch.Tensor, start: int, end: int) -> bool:
    return t.storage_offset() < end and start < t.storage_offset() + t.numel()


def is_owner(known: Known, parameter: torch.Tensor) -> bool:
    """Whether that is known of this parameter, and not of something else that lay in its memory."""
    return known.shape == parameter.shape and known.offset == parameter.storage_offset()
