"""`Ways`: what follows from a recipe and a name alone, looked up once: how results are stored, products formed.

Most results need no rounding or one that nothing but their numbers has a part in, and most products have operands that
are not rounded. What is told a trace of them is known beforehand; everything else (random bits, clamped gradients,
blocks) goes through `nfloat.nn.precision.Precision`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..linalg.accumulators import Accumulator
from ..nn.precision import Floats, Precision, Role
from ..nn.recipes import Cast
from ..nn.recipes.sums import described
from ..ops.arguments import CARRAY, LAYOUT
from ..ops.rounder import Rounder
from .known import Kind
from .tensors import as_it_lies
from .tracing import NEAREST

_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


class Stored(NamedTuple):
    """How results are stored whose numbers alone say what comes out, and their row in a trace.

    `exact`: the type whose numbers stay as they are. `how`: what rounds others. None: there is no such way.
    """

    exact: np.dtype[Any] | None
    how: Rounder | None
    carrier: np.dtype[Any]
    #: whether NumPy's conversion of float64 to float32 is that rounding
    native: bool
    layer: str
    tensor: str
    format: str
    #: of what was rounded: with the mode
    rounded: str

    def apply(self, x: Floats) -> Floats | None:
        """The numbers rounded into a new array of the carrier's type, or None where this way is not for them."""
        how, dtype = self.how, x.dtype
        if how is None:
            return None
        if x.flags.num & LAYOUT != CARRAY:
            return None if x.flags.c_contiguous else as_it_lies(self.apply, x)
        if dtype is _DOUBLE:
            after = x.astype(_SINGLE) if self.native else how.apply(x, 0)
            return after if after.dtype is self.carrier else after.astype(self.carrier)
        return how.apply(x, 0) if dtype is _SINGLE is self.carrier else None


def _stored(p: Precision, cast: Cast | None, layer: str, tensor: str) -> Stored:
    """The way of a cast; nothing is rounded where there is none, and a clamped gradient is counted elsewhere."""
    if cast is None or cast.edge is not None:
        return Stored(None, None, p.carrier, False, layer, tensor, "" if cast is None else cast.label, "")
    mode = cast.rounding.value
    return Stored(
        p.carrier if p.carrier in cast.exact_in else None,
        None if cast.stochastic else cast.rounder,
        p.carrier,
        _SINGLE in cast.native_in,
        layer,
        tensor,
        cast.label,
        cast.label if mode in NEAREST else f"{cast.label}:{mode}",
    )


def _text(sums: Accumulator) -> str:
    """An accumulator as a trace has it."""
    text, mode = described(sums)
    return text if mode in NEAREST else f"{text}:{mode}"


class Ways:
    """The ways of one recipe."""

    def __init__(self) -> None:
        self._stored: tuple[dict[str, Stored], ...] = tuple({} for _ in Kind)
        #: (operation, kind of its result, kinds of its operands) -> whether float32 may form it before it is rounded
        self.single: dict[tuple[str, Kind, Kind, Kind], bool] = {}
        self._descents: dict[str, tuple[tuple[str, str, str], ...] | None] = {}
        self._products: dict[tuple[str, str, str, str], tuple[Accumulator | None, str]] = {}

    def stored(self, p: Precision, kind: Kind, role: Role, name: str) -> Stored:
        """How results of that kind and name are stored."""
        found = self._stored[kind].get(name)
        if found is None:
            cast = getattr(p.at(role.layer(name)), role.field)
            found = self._stored[kind][name] = _stored(p, cast, *role.label(name))
        return found

    def descent(self, p: Precision, name: str) -> tuple[tuple[str, str, str], ...] | None:
        """A trace's rows (layer, tensor, format) of a parameter's step that is one product and one sum of the carrier.

        None: the recipe has more to it.
        """
        if name not in self._descents:
            own, carrier = p.at(Role.WEIGHT.layer(name)), p.carrier
            plain = own.arithmetic is own.scalars is own.compensation is None
            native = carrier in own.update.native_in and carrier in own.weights.native_in
            formats = (carrier.name, own.update.label, own.weights.label)
            roles = (Role.ARITHMETIC, Role.UPDATE, Role.WEIGHT)
            rows = tuple((*role.label(name), fmt) for role, fmt in zip(roles, formats, strict=True))
            self._descents[name] = rows if plain and native and not own.stochastic else None
        return self._descents[name]

    def sums(self, p: Precision, name: str) -> tuple[Accumulator | None, str]:
        """The accumulator of sums, as a trace has it too; None where that draws random bits, or is a matrix unit."""
        found, drawn = p.at(name).summation["sums"]
        return (found, _text(found)) if isinstance(found, Accumulator) and not drawn else (None, "")

    def product(self, p: Precision, name: str, which: str, roles: tuple[Role, Role]) -> tuple[Accumulator | None, str]:
        """The accumulator of a product whose operands are not rounded and that draws nothing, as a trace has it."""
        key = name, which, roles[0].operand, roles[1].operand
        found = self._products.get(key)
        if found is None:
            own = p.at(name)
            sums, drawn = own.summation[which]
            found = None, ""
            if own.operands(which, *key[2:]) == (None, None) and not drawn and isinstance(sums, Accumulator):
                found = sums, _text(sums)
            self._products[key] = found
        return found
