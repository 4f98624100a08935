"""float16 sums in the CPU's own half arithmetic (AVX512-FP16, Arm FP16).

Twice the lanes, and no rounding to be emulated.

Numba has no half type on CPUs, so arrays hold the numbers' codes (``gemm/half_pack.py``) and pointers are cast here.
Where a CPU lacks the instructions, LLVM computes half operations in float32, which is right for a sum or a product (24
>= 2 x 11 + 2) and wrong for a multiply-add (two roundings): there these kernels do not exist, and the magic constant
gives the same bits.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from ..bits import lesser
from ..jit import device, kernel
from ..lanes import Lanes, Value
from .bodies import Product, kahan, kind, sequential
from .half_pack import HAS_HALF, half_code, half_value, pack_half
from .orders import Order
from .roundings import Narrow, Native
from .shapes import HALF
from .tile import tile_intrinsic, tile_move, tile_request

_R, _W = HALF.rows, HALF.width


class HalfLanes(Lanes):
    """Lanes of half precision: what `Native` needs of them. Elements of a come in pairs, as words."""

    def __init__(self, builder: ir.IRBuilder, count: int) -> None:
        super().__init__(builder, count, 32)
        self.bits, self.digits = 16, 11
        self.scalar_float, self.scalar_int = ir.HalfType(), ir.IntType(16)
        self.float = ir.VectorType(self.scalar_float, count)
        self.int = ir.VectorType(self.scalar_int, count)
        self.broadcast = ir.IntType(32)
        self.sign_mask, self.magnitude_mask, self.exponent_mask = (self.word(mask) for mask in (0x8000, 0x7FFF, 0x7C00))

    def splat(self, scalar: Value) -> Value:
        if scalar.type == self.scalar_int:
            return super().splat(scalar)
        return self.as_float(Lanes(self.builder, self.count // 2).splat(scalar))

    def call(self, name: str, *args: Value) -> Value:
        kind = args[0].type
        function = ir.FunctionType(kind, [a.type for a in args])
        full = f"llvm.{name}.v{self.count}{'f16' if kind == self.float else 'i16'}"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, function, full), args)


_ORDERS = ((Order.SEQUENTIAL, sequential), (Order.KAHAN, kahan))
_PRODUCTS = {Product.EXACT: None, Product.NATIVE: Native}
_tile = tile_intrinsic(
    16,
    HALF,
    {kind(order, p): make(Native, form) for order, make in _ORDERS for p, form in _PRODUCTS.items()},
    HalfLanes,
)
_NARROW = {Product.EXACT: None, Product.ROUNDED: Narrow}
_narrow_tile = tile_intrinsic(
    16,
    HALF,
    {
        kind(order, p, w): make(Narrow, form, w)
        for order, make in _ORDERS
        for p, form in _NARROW.items()
        for w in (False, True)
    },
    HalfLanes,
)

_values, _request = tile_move(HALF), tile_request(HALF)


@device
def _load(c, scratch, row, column):
    """The tile at (row, column) of c as codes into scratch; whether float16 holds it."""
    exact = True
    for r in range(lesser(_R, c.shape[0] - row)):
        for j in range(lesser(_W, c.shape[1] - column)):
            scratch[r * _W + j], same = half_code(c[row + r, column + j])
            exact &= same
    return exact


@device
def _store(out, scratch, row, column):
    """The values of the tile in scratch to (row, column) of out."""
    high, wide = lesser(_R, out.shape[0] - row), lesser(_W, out.shape[1] - column)
    if high == _R and wide == _W:
        _values(scratch, 0, _W, out, row * out.shape[1] + column, out.shape[1])
    else:
        for r in range(high):
            for j in range(wide):
                out[row + r, column + j] = half_value(scratch[r * _W + j])


_F = "Array(float32, 2, '{}', readonly=True)"


@kernel(
    *(
        f"boolean({_F.format(layout)}, uint16[::1], {_F.format('C')}, float32[:, ::1], int64, int64[::1], int64, "
        "int64, int64)"
        for layout in "CF"
    ),
    possible=HAS_HALF,
)
def half16(a, b, c, out, form, constants, some, first, last):
    """Tiles of out = a.T b + c, rows from `first` to last - 1.

    `some` tiles at a time; b in panels; c of size 0: none; constants of size 0: float16 sums.

    Returns False if an element of a or c is no float16 number, or a sum passed its format's limit: then `out` holds
    nothing of worth.
    """
    k = a.shape[0]
    words = np.empty(some * _R * k + 16, np.uint32)
    scratch = np.empty(2 * _R * _W, np.uint16)
    none = np.zeros(1, np.int32)
    exact = True
    for start in range(first, last, some):
        end = lesser(last, start + some)
        for tile in range(start, end):
            exact &= pack_half(a, tile * _R, _R, words, (tile - start) * _R * k)
        for panel in range((out.shape[1] + _W - 1) // _W):
            for tile in range(start, end):
                scratch[:] = 0
                _request(out, tile * _R * out.shape[1] + panel * _W, out.shape[1])
                if c.size > 0:
                    exact &= _load(c, scratch, tile * _R, panel * _W)
                if constants.size > 0:
                    exact &= (
                        _narrow_tile(
                            form,
                            words,
                            (tile - start) * _R * k,
                            b,
                            panel * _W * k,
                            scratch,
                            none,
                            none,
                            constants,
                            k,
                            0,
                        )
                        == 0
                    )
                else:
                    _tile(form, words, (tile - start) * _R * k, b, panel * _W * k, scratch, none, none, constants, k, 0)
                _store(out, scratch, tile * _R, panel * _W)
        if not exact:
            return False
    return True
