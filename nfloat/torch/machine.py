"""Operands read and results stored, each by what is known of it: how a recipe reaches tensors.

A `Machine` serves one emulation. Operations (``operations/``) ask it for arrays and hand values back; what these are
and where they belong is told by ``knowledge``, how they are rounded by `nfloat.nn.precision.Precision`.

* A parameter is read as its copy (`weight_copy`), kept until it changes; in an optimiser's step as it is stored.
* What comes from outside is cast as it enters, as an activation; the program's own numbers (masks, positions,
  buffers) and losses stay numbers of the carrier.
* A parameter that is changed in place is read, and stored, as weights are; so is a module's buffer, unless all that it
  is changed by are the program's own numbers.
"""

from __future__ import annotations

from contextvars import copy_context
from typing import Any

import numpy as np
import torch

from ..formats.format import Format
from ..linalg.gemm.small import small_product
from ..nn.precision import Floats, Precision, Role
from .knowledge import APART, Knowledge
from .known import CARRIED, ROLE_OF, Kind, Known, bits, is_whole, learn, learn_buffer
from .parts import Part
from .places import Places
from .tensors import SHARED, array_of, number_by_number, strided, tensor_of
from .tracing import Trace
from .ways import Ways

_task = torch._C._current_graph_task_id
#: kinds that are read as they lie in memory, wherever that is done
_PLAIN = bits(Kind.GRADIENT, Kind.LOSS, Kind.WEIGHT)
_ACTIVATION, _OUTSIDE = bits(Kind.ACTIVATION), bits(Kind.OUTSIDE)
_ENTERING = bits(Kind.CONSTANT, Kind.SCALAR)


class Machine(Knowledge):
    """Reads operands and stores results under one recipe."""

    def __init__(self, places: Places, trace: Trace) -> None:
        super().__init__(places, trace)
        #: whether nobody looks and all layers are alike; calls that are alike, and how they are done (``plans.py``)
        self.plain, self.keeps, self._carrier_name = False, False, ""
        self.plans: dict[tuple[Any, ...], Any] = {}
        #: calls a function so that NumPy does not warn: infinities and NaN are results
        self.quietly = copy_context().run
        self.quietly(np.seterr, all="ignore")
        #: the dispatch mode, while one is at work, for operations that are made of others, and what it does with one
        self.mode: Any = None
        self.handle: Any = None
        #: whether NumPy has been told that infinities and NaN are results (for all of a backward pass)
        self.hushed = False
        #: the type in which the recipe computes everything, and rounds nothing else
        self.reference: torch.dtype | None = None
        #: what is the same in all steps
        self.ways = Ways()

    def begin(self, p: Precision) -> None:
        """Take a step's precision."""
        self.p, self.plain = p, p.observer is None and not p.recipe.layers
        self.keeps = self.plain and not p.recipe.keeps_operands
        self._carrier_name = p.carrier.name

    # ---------------------------------------------------------------- operands
    def read(self, t: torch.Tensor, known: Known | None = None, product: bool = False) -> Floats:
        """An operand's values as the recipe has them; `product` says that the program's own numbers are cast too."""
        known = self.known(t) if known is None else known
        bit = known.bit
        if bit & _PLAIN or (bit & _ACTIVATION and not self.p.recipe.layers):
            return array_of(t)
        if known.kind is Kind.PARAMETER:
            return self.parameter(t, known)
        if known.pending:
            self.settle(t, known)
        if self.books or self.updating:
            return array_of(t)
        if bit & _OUTSIDE or (product and bit & _ENTERING):
            return self.enter(t)
        if bit & APART and self.places.depth and not self.is_backward():
            return self.enter(t)  # computed outside of the model: from outside, for it
        if bit & _ACTIVATION and known.format is not self._format(self.layer()):
            return self.enter(t)
        return array_of(t)

    def enter(self, t: torch.Tensor) -> Floats:
        """The values of a tensor from outside, as an activation."""
        p, layer = self.p, self.layer()
        cast = p.at(layer).activations.nearest
        if p.observer is not None:
            return p.round(cast, Role.INPUT, layer, array_of(t))
        return number_by_number(lambda x: p.round(cast, Role.INPUT, layer, x), array_of(t))

    def parameter(self, t: torch.Tensor, known: Known) -> Floats:
        """A parameter's values, or those of a view of it: of its copy, but where it is read as it is stored."""
        owner = self._stored(known)
        if self.books or (self.stepping and self.updating) or self.recipe(Role.WEIGHT, known.name).weight_copy is None:
            return array_of(t)
        if known.copy is None or known.seen is None:
            if not owner.is_contiguous():
                return self.p.cast(Role.WEIGHT_COPY, known.name, array_of(t))
            known.copy = self.cast(Kind.PARAMETER, Role.WEIGHT_COPY, known.name, array_of(owner))
            known.seen = {}
        place = t.shape, t.stride(), t.storage_offset()
        found = known.seen.get(place)
        if found is None:
            found = known.seen[place] = strided(known.copy, t, place[2] - known.offset)
        return found

    # ---------------------------------------------------------------- results
    def round(self, values: Floats, part: Part) -> Floats:
        """Values as the recipe stores results of that part."""
        p, role = self.p, ROLE_OF[part.kind]
        if role is None:
            values = np.asarray(values, p.carrier)
            self.trace.count(part.layer, CARRIED.get(part.kind, "carrier"), self._carrier_name, "", values.size)
            return values
        return self.cast(part.kind, role, part.name, values)

    def cast(self, kind: Kind, role: Role, name: str, values: Floats) -> Floats:
        """`Precision.cast`, by a shorter way where there is one."""
        p = self.p
        if p.observer is None and type(values) is np.ndarray:
            way = self.ways.stored(p, kind, role, name)
            if values.dtype is way.exact:
                self.trace.count(way.layer, way.tensor, way.format, "", values.size)
                return values
            rounded = way.apply(values)
            if rounded is not None:
                self.trace.count(way.layer, way.tensor, way.rounded, "", values.size)
                return rounded
        return p.cast(role, name, values)

    def gemm(self, name: str, which: str, x: Floats, y: Floats, c: Floats | None, roles: tuple[Role, Role]) -> Floats:
        """`Precision.gemm`; small products of operands that are not rounded by a shorter way."""
        sums, text = self.ways.product(self.p, name, which, roles)
        if sums is not None and self.p.observer is None:
            found = small_product(x, y, c, sums)
            if found is not None:
                self.trace.count(name, f"{which}.sum", "", text, found.size)
                return found
        return self.p.gemm(name, which, x, y, c, roles)

    def result(self, values: Floats, part: Part, dtype: torch.dtype, wide: Any = None) -> torch.Tensor:
        """A new tensor of the values, rounded as the recipe stores results of that part; `wide` as `Known` has it."""
        return self.learned(tensor_of(self.round(values, part), dtype, self.keeps), part, wide)

    def _format(self, layer: str) -> Format:
        return self.p.at(layer).activations.format

    def learned(self, t: torch.Tensor, part: Part, wide: Any = None) -> torch.Tensor:
        """A tensor that needs no rounding, as a result of that part."""
        known = self.of(part)
        if wide is not None:
            known.wide = wide
        t.untyped_storage()._nfloat = known  # `learn`, without the call
        return t

    def of(self, part: Part) -> Known:
        """What is known of a result of that part."""
        known = Known(self, part.kind, part.name)
        if self.p.recipe.layers and part.kind is Kind.ACTIVATION:
            known.format = self._format(part.name)
        return known

    def is_single(self, part: Part) -> bool:
        """Whether results of that part may be given as float32 numbers, which is how they are stored."""
        return self.p.observer is None and self.exact_in(torch.float32, part)

    def exact_in(self, dtype: torch.dtype, part: Part) -> bool:
        """Whether results of that part are stored as a type's own arithmetic rounds them."""
        role, own = ROLE_OF[part.kind], SHARED.get(dtype)
        if role is None:
            return own == self.p.carrier
        cast = getattr(self.recipe(role, part.name), role.field)
        return own in cast.native_in

    # ---------------------------------------------------------------- changed in place
    def change(self, t: torch.Tensor, known: Known, values: Floats, part: Part) -> torch.Tensor:
        """Put a result into the memory of one of its operands, rounded as that is stored."""
        if known.kind is Kind.PARAMETER:
            self.write(t, self.p.cast(Role.WEIGHT, known.name, values))
            self.written(known)
        elif known.buffer and (known.kind is Kind.CONSTANT or is_whole(t)):
            plain = part.kind is Kind.CONSTANT
            self.write(t, self.round(values, part) if plain else self.p.cast(Role.WEIGHT, known.buffer, values))
            if known.kind is not Kind.CONSTANT:
                learn_buffer(t, self, known.buffer)
        elif known.kind is Kind.STATE:
            self.trace.count(*Role.ARITHMETIC.label(known.name), self._carrier_name, "", values.size)
            self.write(t, np.asarray(values, self.p.carrier))
            known.pending = True
        else:
            if known.kind is not Kind.WEIGHT_GRADIENT:
                new = Known(self, Kind.OUTSIDE if self.books and known.kind is Kind.OUTSIDE else part.kind, part.name)
            elif part.kind is not known.kind or part.name == known.name:
                new = known
            else:
                new = Known(self, part.kind, "")  # those of several parameters
            self.write(t, self.round(values, part._replace(kind=new.kind, name=new.name or part.name)))
            self.relearn(t, known, new)
        return t

    def relearn(self, t: torch.Tensor, known: Known, new: Known) -> None:
        """Say what was written into a tensor's memory; a mixture is rounded when it is read, as if from outside."""
        if known.kind is not new.kind and _task() == -1 and not self.updating and not is_whole(t):
            new = Known(self, Kind.OUTSIDE, new.name)
        if known.buffer:
            new.buffer = known.buffer
            new.name = known.buffer if new.kind is Kind.CONSTANT else new.name
        learn(t, new)

    def written(self, known: Known) -> None:
        """Say that a parameter's memory holds what the recipe stores (the operation's own count of it comes later)."""
        owner = known.owner
        assert owner is not None, "parameters have an owner"
        known.version, known.copy, known.seen = owner._version, None, None

    def settle(self, t: torch.Tensor, known: Known) -> None:
        """Round a state that several operations of one formula have made."""
        known.pending = False
        values = array_of(t)
        stored = self.p.cast(Role.STATE, known.name, values)
        if stored is not values:
            self.write(t, stored)
