"""The bodies that ``bench/instructions.py`` counts and ``bench/shapes.py`` times, each alone with its tile."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from llvmlite import ir
from numba import types

from nfloat.kernels.gemm.bodies import kahan, rows_at_once, sequential
from nfloat.kernels.gemm.cut import Cut, GridCut
from nfloat.kernels.gemm.direction import Direction
from nfloat.kernels.gemm.half import HalfLanes
from nfloat.kernels.gemm.odd import DirectedOddCut, GridOddCut, OddCut
from nfloat.kernels.gemm.pairwise import pairwise
from nfloat.kernels.gemm.roundings import HAS_DIRECTED, Direct, DirectOnGrid, General, Narrow, Native, Stochastic
from nfloat.kernels.gemm.shapes import SHAPES, Shape
from nfloat.kernels.gemm.tile import TileBody, tile_intrinsic
from nfloat.kernels.gemm.words import SUM
from nfloat.kernels.lanes import Lanes
from nfloat.kernels.machine import HERE, Directed

_I64 = ir.IntType(64)


@dataclass(frozen=True)
class Body:
    """A body, the kind of its tile (``gemm/shapes.py``), and the width of its lanes."""

    body: TileBody
    tile: str
    bits: int
    #: how the CPU's register says that all of it is rounded
    direction: Direction | None = None
    #: numbers that a sum carries from step to step
    states: int = 1

    @property
    def shape(self) -> Shape:
        """Its tile on this machine."""
        return Shape(*SHAPES[HERE.name][self.tile], HERE.lanes(self.bits))

    def intrinsic(self, shape: Shape) -> Any:
        """The intrinsic of a tile of that shape with this one body, number 0."""
        lanes = HalfLanes if self.bits == 16 else Lanes
        return tile_intrinsic(self.bits, shape, {0: self.body}, lanes, self.direction)

    def vectors(self, shape: Shape) -> int:
        """Vectors of sums in its inner loop."""
        return rows_at_once(shape, self.states) * shape.vectors


def bodies() -> dict[str, Body]:
    """Those that this machine's products run in, by name."""
    table = {
        "float32 fused": Body(sequential(Native), "native", 32),
        "products and sums, float32 lanes": Body(sequential(Narrow, Narrow), "single", 32),
        "fused directly, float32 lanes": Body(sequential(Direct), "single", 32),
        "fused directly, float64 lanes": Body(sequential(Direct), "double", 64),
        "fused directly on the grid, float64 lanes": Body(sequential(DirectOnGrid), "double", 64),
        "fused to odd, float32 lanes": Body(sequential(Narrow), "single", 32),
        "kahan to odd, float32 lanes": Body(kahan(Narrow), "single", 32, states=2),
        "general, float32 lanes": Body(sequential(General), "single", 32),
        "stochastic by code, float32 lanes": Body(sequential(Stochastic, domains=(SUM,)), "single", 32),
    }
    if HERE.directed is not Directed.NONE:
        zero, down = (None, None) if HAS_DIRECTED else (Direction.ZERO, Direction.DOWN)
        table["stochastic by cutting, float64 lanes"] = Body(sequential(GridCut, domains=(SUM,)), "double", 64, zero)
        table["toward zero, float64 lanes"] = Body(sequential(GridCut), "double", 64, zero)
        table["toward zero off the grid, float64 lanes"] = Body(sequential(Cut), "double", 64, zero)
        table["any products, float64 lanes"] = Body(sequential(GridOddCut, None, True), "double", 64, down)
        table["any products off the grid, float64 lanes"] = Body(sequential(OddCut, None, True), "double", 64, down)
        table["any mode and products, float64 lanes"] = Body(
            sequential(DirectedOddCut, DirectedOddCut, True), "double", 64, down
        )
    if HERE.half:
        table["float16 fused, half lanes"] = Body(sequential(Native), "half", 16)
        table["float16 products and sums, half lanes"] = Body(sequential(Native, Native), "half", 16)
    return table


#: bodies whose loops over steps lie in loops over rows: timed, not counted
NESTED = {"pairwise, float32 lanes": Body(pairwise(Narrow), "single", 32)}


def module_of(body: Body, triple: str) -> str:
    """The text of a module whose one function does a tile of the body, without Numba's part in it."""
    number = {16: types.uint16, 32: types.float32, 64: types.float64}[body.bits]
    element = {16: ir.IntType(16), 32: ir.FloatType(), 64: ir.DoubleType()}[body.bits]
    first = (types.uint32, ir.IntType(32)) if body.bits == 16 else (number, element)
    kinds = [first, (number, element), (number, element), *[(types.int32, ir.IntType(32))] * 2, (types.int64, _I64)]
    arrays = [types.Array(kind, 1, "C") for kind, _ in kinds]
    pointers = [kind.as_pointer() for _, kind in kinds]
    order = (None, 0, None, 1, None, 2, 3, 4, 5, None, None)
    given = [types.int64 if i is None else arrays[i] for i in order]
    signature, codegen = body.intrinsic(body.shape)._defn(None, *given)
    module = ir.Module("bodies")
    module.triple = triple
    kind = ir.FunctionType(_I64, [_I64 if i is None else pointers[i] for i in order])
    function = ir.Function(module, kind, "counted")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    context: Any = SimpleNamespace(make_array=lambda kind: lambda context, builder, value: SimpleNamespace(data=value))
    builder.ret(codegen(context, builder, signature, [_I64(0), *function.args[1:]]))
    return re.sub(r"(?m)^target datalayout.*$", "", str(module))
