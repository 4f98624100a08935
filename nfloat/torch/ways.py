"""`Ways`: what follows from a recipe and a name alone, looked up once: values and operands that need no rounding.

Most results of a recipe that stores float32 are such values, and so are the operands of most products. What is told a
trace of them is known beforehand; everything else goes through `nfloat.nn.precision.Precision`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..linalg.accumulators import Accumulator
from ..nn.precision import Precision, Role
from ..nn.recipes.sums import described
from .known import Kind
from .tracing import NEAREST


class Exact(NamedTuple):
    """What needs no rounding: of which type (None: nothing does without), and its row in a trace."""

    dtype: np.dtype[Any] | None
    layer: str
    tensor: str
    format: str


class Ways:
    """The ways of one recipe."""

    def __init__(self) -> None:
        self._exact: tuple[dict[str, Exact], ...] = tuple({} for _ in Kind)
        self._products: dict[tuple[str, str, str, str], tuple[Accumulator | None, str]] = {}

    def exact(self, p: Precision, kind: Kind, role: Role, name: str) -> Exact:
        """Which results of that kind and name need no rounding."""
        found = self._exact[kind].get(name)
        if found is None:
            cast = getattr(p.at(role.layer(name)), role.field)
            whole = cast is not None and p.carrier in cast.exact_in and cast.edge is None
            found = Exact(p.carrier if whole else None, *role.label(name), "" if cast is None else cast.label)
            self._exact[kind][name] = found
        return found

    def product(self, p: Precision, name: str, which: str, roles: tuple[Role, Role]) -> tuple[Accumulator | None, str]:
        """The accumulator of a product whose operands are not rounded and that draws nothing, as a trace has it."""
        key = name, which, roles[0].operand, roles[1].operand
        found = self._products.get(key)
        if found is None:
            own = p.at(name)
            sums, drawn = own.summation[which]
            found = None, ""
            if own.operands(which, *key[2:]) == (None, None) and not drawn and isinstance(sums, Accumulator):
                text, mode = described(sums)
                found = sums, text if mode in NEAREST else f"{text}:{mode}"
            self._products[key] = found
        return found
