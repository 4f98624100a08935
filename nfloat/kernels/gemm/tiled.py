"""GEMM in register tiles: the kernels, two per arithmetic (``roundings.py``) and lane width.

One holds sums of exact products one after the other, blocks of them too, which is what most accumulators ask for; its
`_other` holds rounded products, Kahan's and pairwise sums. Both in one would take twice as long to compile, and the
first product of a process that has no cache waits for that; so does it for sums that the lane may round first, which
are `direct`'s. `tiled_kernel` finds the one that has a body.

What a kernel's arguments are, and the walk over tiles that is the whole of it: ``gemm/walk.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..jit import kernel
from .bodies import Product, kahan, kind, sequential
from .orders import Order
from .pairwise import pairwise
from .roundings import Direct, DirectOnGrid, General, Narrow, Native, Stochastic, StochasticGeneral
from .shapes import NATIVE32, TILE32, TILE64, Shape
from .tile import TileBody, tile_intrinsic
from .walk import tile_signature, tile_walk
from .words import PRODUCT, SUM


def _first(total: type[Any], watched: tuple[bool, ...]) -> dict[int, TileBody]:
    """The bodies for sums of exact products one after the other, rounded by `total`."""
    return {kind(Order.SEQUENTIAL, Product.EXACT, w): sequential(total, None, w) for w in watched}


def _other(total: type[Any], products: dict[Product, type[Any]], watched: tuple[bool, ...]) -> dict[int, TileBody]:
    """The bodies for the other sums rounded by `total`: every order, of exact products and of those in `products`."""
    table: dict[int, TileBody] = {}
    for product, rounded in {Product.EXACT: None, **products}.items():
        if rounded is not None:
            table |= {kind(Order.SEQUENTIAL, product, w): sequential(total, rounded, w) for w in watched}
        table |= {kind(Order.KAHAN, product, w): kahan(total, rounded, w) for w in watched}
        table |= {kind(Order.PAIRWISE, product, w): pairwise(total, rounded, watched=w) for w in watched}
    return table


def _direct() -> dict[int, TileBody]:
    """The bodies for sums of exact products one after the other that the lane may round first."""
    bodies = {kind(Order.SEQUENTIAL, Product.DIRECT, w): sequential(Direct, None, w) for w in (False, True)}
    return bodies | {kind(Order.SEQUENTIAL, Product.DIRECT_ON_GRID): sequential(DirectOnGrid)}


def _drawn(total: type[Any]) -> dict[int, TileBody]:
    """The bodies of a tile kernel that draws random words."""
    return {
        kind(Order.SEQUENTIAL, Product.EXACT): sequential(total, domains=(SUM,)),
        kind(Order.SEQUENTIAL, Product.ROUNDED): sequential(total, total, domains=(SUM, PRODUCT)),
    }


def _walk(name: str, bits: int, shape: Shape, bodies: dict[int, TileBody]):
    """All of a kernel: a tile of these bodies, and the walk over tiles."""
    return tile_walk(name, tile_intrinsic(bits, shape, bodies), shape, np.float32 if bits == 32 else np.float64)


_NATIVE = {Product.ROUNDED: Narrow, Product.NATIVE: Native}
_NARROW, _GENERAL = {Product.ROUNDED: Narrow}, {Product.ROUNDED: General}
_native32_blocked = _walk("native32_blocked", 32, NATIVE32, _first(Native, (False,)))
_native64_blocked = _walk("native64_blocked", 64, TILE64, _first(Native, (False,)))
_native32_other = _walk("native32_other", 32, NATIVE32, _other(Native, _NATIVE, (False,)))
_native64_other = _walk("native64_other", 64, TILE64, _other(Native, _NATIVE, (False,)))
_direct32 = _walk("direct32", 32, TILE32, _direct())
_direct64 = _walk("direct64", 64, TILE64, _direct())
_narrow32 = _walk("narrow32", 32, TILE32, _first(Narrow, (False, True)))
_narrow64 = _walk("narrow64", 64, TILE64, _first(Narrow, (False, True)))
_narrow32_other = _walk("narrow32_other", 32, TILE32, _other(Narrow, _NARROW, (False, True)))
_narrow64_other = _walk("narrow64_other", 64, TILE64, _other(Narrow, _NARROW, (False, True)))
_general32 = _walk("general32", 32, TILE32, _first(General, (False,)))
_general64 = _walk("general64", 64, TILE64, _first(General, (False,)))
_general32_other = _walk("general32_other", 32, TILE32, _other(General, _GENERAL, (False,)))
_general64_other = _walk("general64_other", 64, TILE64, _other(General, _GENERAL, (False,)))
_stochastic32 = _walk("stochastic32", 32, TILE32, _drawn(Stochastic))
_stochastic64 = _walk("stochastic64", 64, TILE64, _drawn(StochasticGeneral))


@kernel(tile_signature("float32"))
def native32_blocked(a, b, out, first, last, call, constants, status, row_words, column_words):
    """float32 sums of blocks by the hardware, nearest-even (others: ``native.py``)."""
    _native32_blocked(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float32"))
def native32_other(a, b, out, first, last, call, constants, status, row_words, column_words):
    """`native32_blocked` for other sums."""
    _native32_other(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float64"))
def native64_blocked(a, b, out, first, last, call, constants, status, row_words, column_words):
    """float64 sums of blocks by the hardware, nearest-even."""
    _native64_blocked(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float64"))
def native64_other(a, b, out, first, last, call, constants, status, row_words, column_words):
    """`native64_blocked` for other sums."""
    _native64_other(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float32"))
def direct32(a, b, out, first, last, call, constants, status, row_words, column_words):
    """`narrow32` where float32's own sum may be rounded as it is."""
    _direct32(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float32"))
def narrow32(a, b, out, first, last, call, constants, status, row_words, column_words):
    """Nearest-even by the magic constant in float32 lanes."""
    _narrow32(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float32"))
def narrow32_other(a, b, out, first, last, call, constants, status, row_words, column_words):
    """`narrow32` for other sums."""
    _narrow32_other(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float64"))
def direct64(a, b, out, first, last, call, constants, status, row_words, column_words):
    """`narrow64` where float64's own sum may be rounded as it is."""
    _direct64(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float64"))
def narrow64(a, b, out, first, last, call, constants, status, row_words, column_words):
    """Nearest-even by the magic constant in float64 lanes."""
    _narrow64(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float64"))
def narrow64_other(a, b, out, first, last, call, constants, status, row_words, column_words):
    """`narrow64` for other sums."""
    _narrow64_other(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float32"))
def general32(a, b, out, first, last, call, constants, status, row_words, column_words):
    """Any deterministic mode and policy in float32 lanes."""
    _general32(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float32"))
def general32_other(a, b, out, first, last, call, constants, status, row_words, column_words):
    """`general32` for other sums."""
    _general32_other(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float64"))
def general64(a, b, out, first, last, call, constants, status, row_words, column_words):
    """Any deterministic mode and policy in float64 lanes."""
    _general64(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float64"))
def general64_other(a, b, out, first, last, call, constants, status, row_words, column_words):
    """`general64` for other sums."""
    _general64_other(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float32"))
def stochastic32(a, b, out, first, last, call, constants, status, row_words, column_words):
    """stochastic in float32 lanes."""
    _stochastic32(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float64"))
def stochastic64(a, b, out, first, last, call, constants, status, row_words, column_words):
    """stochastic with all policies in float64 lanes."""
    _stochastic64(a, b, out, first, last, call, constants, status, row_words, column_words)


_KERNELS = {
    ("native", 32): (native32_blocked, native32_other),
    ("native", 64): (native64_blocked, native64_other),
    ("narrow", 32): (narrow32, narrow32_other),
    ("narrow", 64): (narrow64, narrow64_other),
    ("general", 32): (general32, general32_other),
    ("general", 64): (general64, general64_other),
}


def tiled_kernel(arithmetic: str, bits: int, order: Order, product: Product) -> Any:
    """The kernel of an arithmetic ("native", "narrow", "general") and a lane that has the bodies of these sums."""
    if product in (Product.DIRECT, Product.DIRECT_ON_GRID):
        return direct32 if bits == 32 else direct64
    first = order is Order.SEQUENTIAL and product not in (Product.ROUNDED, Product.NATIVE)
    return _KERNELS[arithmetic, bits][0 if first else 1]
