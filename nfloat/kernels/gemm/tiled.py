"""GEMM in register tiles: the kernels, one per arithmetic (``roundings.py``) and lane width, each holding all orders.

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


def _bodies(total: type[Any], products: dict[Product, type[Any]], watched: tuple[bool, ...]) -> dict[int, TileBody]:
    """The bodies of a tile kernel for sums rounded by `total`: every order, exact products and those in `products`."""
    table: dict[int, TileBody] = {}
    for product, rounded in {Product.EXACT: None, **products}.items():
        table |= {kind(Order.SEQUENTIAL, product, w): sequential(total, rounded, w) for w in watched}
        table |= {kind(Order.KAHAN, product, w): kahan(total, rounded, w) for w in watched}
        table |= {kind(Order.PAIRWISE, product, w): pairwise(total, rounded, watched=w) for w in watched}
    return table


def _narrow() -> dict[int, TileBody]:
    """The bodies for sums rounded to nearest by the magic constant."""
    direct = {kind(Order.SEQUENTIAL, Product.DIRECT, w): sequential(Direct, None, w) for w in (False, True)}
    direct[kind(Order.SEQUENTIAL, Product.DIRECT_ON_GRID)] = sequential(DirectOnGrid)
    return _bodies(Narrow, {Product.ROUNDED: Narrow}, (False, True)) | direct


def _drawn(total: type[Any]) -> dict[int, TileBody]:
    """The bodies of a tile kernel that draws random words."""
    return {
        kind(Order.SEQUENTIAL, Product.EXACT): sequential(total, domains=(SUM,)),
        kind(Order.SEQUENTIAL, Product.ROUNDED): sequential(total, total, domains=(SUM, PRODUCT)),
    }


def _walk(name: str, bits: int, shape: Shape, bodies: dict[int, TileBody]):
    """All of a kernel: a tile of these bodies, and the walk over tiles."""
    return tile_walk(name, tile_intrinsic(bits, shape, bodies), shape, np.float32 if bits == 32 else np.float64)


_native32 = _walk(
    "native32", 32, NATIVE32, _bodies(Native, {Product.ROUNDED: Narrow, Product.NATIVE: Native}, (False,))
)
_native64 = _walk("native64", 64, TILE64, _bodies(Native, {Product.ROUNDED: Narrow, Product.NATIVE: Native}, (False,)))
_narrow32 = _walk("narrow32", 32, TILE32, _narrow())
_narrow64 = _walk("narrow64", 64, TILE64, _narrow())
_general32 = _walk("general32", 32, TILE32, _bodies(General, {Product.ROUNDED: General}, (False,)))
_general64 = _walk("general64", 64, TILE64, _bodies(General, {Product.ROUNDED: General}, (False,)))
_stochastic32 = _walk("stochastic32", 32, TILE32, _drawn(Stochastic))
_stochastic64 = _walk("stochastic64", 64, TILE64, _drawn(StochasticGeneral))


@kernel(tile_signature("float32"))
def native32(a, b, out, first, last, call, constants, status, row_words, column_words):
    """float32 sums by the hardware, nearest-even."""
    _native32(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float64"))
def native64(a, b, out, first, last, call, constants, status, row_words, column_words):
    """float64 sums by the hardware, nearest-even."""
    _native64(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float32"))
def narrow32(a, b, out, first, last, call, constants, status, row_words, column_words):
    """Nearest-even by the magic constant in float32 lanes."""
    _narrow32(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float64"))
def narrow64(a, b, out, first, last, call, constants, status, row_words, column_words):
    """Nearest-even by the magic constant in float64 lanes."""
    _narrow64(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float32"))
def general32(a, b, out, first, last, call, constants, status, row_words, column_words):
    """Any deterministic mode and policy in float32 lanes."""
    _general32(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float64"))
def general64(a, b, out, first, last, call, constants, status, row_words, column_words):
    """Any deterministic mode and policy in float64 lanes."""
    _general64(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float32"))
def stochastic32(a, b, out, first, last, call, constants, status, row_words, column_words):
    """stochastic in float32 lanes."""
    _stochastic32(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float64"))
def stochastic64(a, b, out, first, last, call, constants, status, row_words, column_words):
    """stochastic with all policies in float64 lanes."""
    _stochastic64(a, b, out, first, last, call, constants, status, row_words, column_words)
