"""What a recipe does to the operands of products: rounds them one by one, in blocks, or under one scale.

Which source is rounded how often, and in which order it draws random bits: ``operands.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ..blocks.array import BlockArray
from ..blocks.delayed import greatest_magnitude
from ..linalg.blocks import exact_values, is_block_scaled
from ..ops.blocks.run import WHOLE, Excerpt
from .casting import Casting, Floats, Witness
from .operands import (
    Operand,
    Source,
    as_one_block,
    in_blocks,
    packed,
    quantised,
    source,
    transformed,
    under_one_scale,
    unpacked,
)
from .recipes import BlockCast, Cast
from .roles import Role

AnyCast: TypeAlias = Cast | BlockCast | None


class OperandCasting(Casting):
    """A recipe at work on one step: what it does to operands of products. The products stand in `Precision`."""

    __slots__ = ()

    def rounded(self, name: str, product: str, a: Floats, b: Floats, roles: tuple[Role, Role]) -> tuple[Floats, Floats]:
        """Operands of a product that are rounded number by number, as `gemm` rounds them."""
        r = self.recipe.at(name) if self.recipe.layers else self.recipe
        first, second = r.operands(product, roles[0].operand, roles[1].operand)
        return (
            self._rounded(first, roles[0], name, a) if isinstance(first, Cast) else a,
            self._rounded(second, roles[1], name, b) if isinstance(second, Cast) else b,
        )

    def _certain(self, name: str, product: str, roles: tuple[Role, Role]) -> tuple[AnyCast, AnyCast] | None:
        """The casts of a product's operands; None where they or its sums draw random bits, or somebody looks."""
        r = self.recipe.at(name) if self.recipe.layers else self.recipe
        casts = r.operands(product, roles[0].operand, roles[1].operand)
        drawn = r.summation[product][1] or any(cast is not None and cast.stochastic for cast in casts)
        return None if drawn or self.observed else casts

    def in_parts(self, name: str, product: str, roles: tuple[Role, Role]) -> tuple[AnyCast, AnyCast] | None:
        """The casts of a product whose second operand may be rounded in parts, each with some products of its own.

        To the same bits: its lines along k do not look at each other, but for one number that is known of all. None
        where its sums, numbers or scales draw random bits (elements in blocks may), or somebody looks.
        """
        r = self.recipe.at(name) if self.recipe.layers else self.recipe
        casts, drawn = r.operands(product, roles[0].operand, roles[1].operand), r.summation[product][1]
        second = casts[1]
        if isinstance(second, BlockCast):
            apart = isinstance(second.format.block, int) and not second.format.scale_rounding.is_stochastic
            # k are places of all images there, and rows of windows here: what is transformed, or numbered, along it
            fits = apart and (not second.stochastic if product == "weight_gradient" else second.hadamard is None)
        else:
            fits = second is None or not second.stochastic
        return casts if fits and not drawn and not self.observed else None

    def apart(self, name: str, product: str) -> bool:
        """Whether a product takes elements and scales apart."""
        return is_block_scaled(self.at(name).summed(product))

    def greatest_transformed(self, cast: BlockCast, x: Floats, k: int) -> float:
        """The greatest magnitude of an operand whose axis `k` is summed over, after its transform."""
        here = source(x)
        assert cast.hadamard is not None, "there is a transform"
        return greatest_magnitude(transformed(here.array, cast.hadamard, self.seed, here.axis(k)))

    def under_scales(
        self, name: str, product: str, a: Floats, b: Floats, largest: Callable[[], float], roles: tuple[Role, Role]
    ) -> tuple[Floats, Floats, float] | None:
        """Operands of a product as `gemm` rounds them, b before a walk lays it out, and the scale of their sums.

        `largest`: the greatest magnitude of b that the walk sees. None where b is not under one scale, a in blocks,
        random bits are drawn or somebody looks. Nothing is kept: no other product takes these operands.
        """
        casts = self._certain(name, product, roles)
        if casts is None or is_block_scaled(self.recipe.at(name).summed(product)):
            return None
        first, second = casts
        if not isinstance(second, BlockCast) or not (_is_elementwise(first) and _is_elementwise(second)):
            return None
        left = self._alone(first, roles[0], name, a)
        right = self._one_scale(second, roles[1], name, b, largest())
        return np.asarray(left.values), np.asarray(right.values), left.scale * right.scale

    def _alone(self, cast: AnyCast, role: Role, name: str, x: Floats) -> Operand:
        """An operand that is rounded element by element, and not kept."""
        if isinstance(cast, BlockCast):
            return self._one_scale(cast, role, name, x)
        return Operand(x if cast is None else self.round(cast, role, name, x))

    def operand(
        self, cast: AnyCast, role: Role, name: str, product: str, x: Floats, k: int, apart: bool, part: Excerpt = WHOLE
    ) -> Operand:
        """An operand whose axis `k` is summed over, or a `part` of one that is in blocks without random bits."""
        if cast is None:
            return Operand(x)
        if isinstance(cast, Cast):
            return Operand(self._rounded(cast, role, name, x))
        here = source(x)
        if cast.one_scale and cast.hadamard is None:
            return self._kept_under_one_scale(cast, role, name, here)
        return self._blocks(cast, role, name, product, here, k, apart, part)

    def _kept_under_one_scale(self, cast: BlockCast, role: Role, name: str, here: Source) -> Operand:
        """Elements under one scale, which all products take."""
        fresh: list[Operand] = []

        def make() -> Operand:
            fresh.append(self._one_scale(cast, role, name, here.array))
            return packed(cast, fresh[0])

        kept = self._operands.once(here, (cast,), cast.stochastic, make)
        found = fresh[0] if fresh else unpacked(cast, kept, here.array)
        return Operand(here.seen(found.values), found.scale)

    def _rounded(self, cast: Cast, role: Role, name: str, x: Floats) -> Floats:
        """An operand rounded number by number; kept only where once more would draw, report or count once more."""
        if x.dtype in cast.exact_in and not self.observed:
            return x
        here = source(x)

        def make() -> Floats:
            return self.round(cast, role, name, here.array)

        if not (cast.stochastic or self.observed or cast.edge is not None):
            return here.seen(make())
        made = self._operands.once(here, (cast,), cast.stochastic, make)
        return here.seen(made.reshape(here.array.shape))

    def _blocks(
        self, cast: BlockCast, role: Role, name: str, product: str, here: Source, k: int, apart: bool, part: Excerpt
    ) -> Operand:
        """An operand whose scales are those of blocks along `k`, transformed before where the recipe says so."""
        axis, tile = here.axis(k), here.axis(-1 if k == -2 else -2)
        square = cast.format.is_tile and cast.format.sizes == cast.format.sizes[::-1]  # type: ignore[index]
        way = (cast, here.array.shape, frozenset((axis, tile)) if square else axis, apart)

        def make() -> Operand:
            x = here.array
            if cast.hadamard is not None:
                x = transformed(x, cast.hadamard, self.seed, axis)
                self._trace(name, f"{role.tensor}.hadamard", x.dtype.name, "nearest_even", x.size)
            if cast.one_scale:
                return self._one_scale(cast, role, name, x)
            seed = self.stream(name, f"{role.tensor}.{product}") if cast.stochastic else None
            made = quantised(cast, x, axis, tile, seed, apart, part)
            self._report_blocks(role, name, x, made, cast)
            if isinstance(self.observer, Witness):
                self.observer.scaled(*role.label(name), x, in_blocks(cast, x, axis, tile))
            return made

        again = square or cast.stochastic  # else this tensor's other product has its blocks along the other axis
        made = self._operands.once(here, way, cast.stochastic, make) if again else make()
        values = made.values if apart else np.asarray(exact_values(made.values))
        return Operand(here.seen(values), made.scale)

    def _one_scale(self, cast: BlockCast, role: Role, name: str, x: Floats, own: float | None = None) -> Operand:
        """Elements under one scale, from this tensor (`own`: its greatest magnitude) or those before it."""
        own = amax = greatest_magnitude(x) if own is None else own
        if cast.delayed is not None:
            amax = self.scales.amax(f"{name} {role.tensor}", self.step, own, cast.delayed)
        seed = self.stream(name, role.tensor) if cast.stochastic else None
        made = under_one_scale(cast, x, amax, seed)
        self._report_blocks(role, name, x, made, cast)
        if isinstance(self.observer, Witness):
            self.observer.scaled(*role.label(name), x, as_one_block(cast, made))
        return made

    def _report_blocks(self, role: Role, name: str, before: Floats, made: Operand, cast: BlockCast) -> None:
        if self.observer is not None or self.tracer is not None:
            values = made.values.dequantize() if isinstance(made.values, BlockArray) else made.values
            with np.errstate(all="ignore"):
                self.report(role, name, "", before, (values * made.scale).astype(values.dtype), cast)

    def _trace(self, *row: Any) -> None:
        if self.tracer is not None:
            self.tracer(*row)


def _is_elementwise(cast: AnyCast) -> bool:
    """Whether elements are rounded without a look at the others, but for one scale of all."""
    return not isinstance(cast, BlockCast) or (cast.one_scale and cast.hadamard is None)
