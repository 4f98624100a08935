"""Operands of products: what was made of an array, which another product may take again.

An array that is used again, as it is, transposed or in another shape, is known by its memory: by address and size.
`Operands` keeps what was made of it as long as the array lives, and until a walk back ends at most: what is summed over
a sequence finds its weights rounded, and what no record holds any more leaves nothing behind. Arrays must not change
meanwhile. Elements that share scales are kept as codes, a quarter of their size.

What is rounded is the array in the order of its memory: that is the order in which elements draw random bits. What has
one scale, or none, is the same for all products; blocks run along k, so that an operand of two products is cut twice
from the same source; except in square tiles. Nothing is kept that is as quickly made again (`OperandCasting`).

`AmaxHistory` is what delayed scaling remembers from step to step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from ..blocks.array import BlockArray
from ..blocks.delayed import scaled_elements
from ..blocks.hadamard import hadamard
from ..blocks.quantize import quantize, quantize_part
from ..errors import ArgumentError, check_kind
from ..ops.blocks.plan import block_plan
from ..ops.blocks.run import WHOLE, Excerpt
from ..ops.codes import decode, encode
from ..ops.rounder import Rounder
from ..ops.rounding import round as nf_round
from ..streams import Stream
from .recipes import BlockCast

Floats = NDArray[np.floating]
Copy = TypeVar("Copy")


class Operand(NamedTuple):
    """An operand as a product takes it, and the scale that is applied to the product's result."""

    values: Floats | BlockArray
    scale: float = 1.0


class Source(NamedTuple):
    """An array in the order of its memory: C-contiguous, its axes in `order` (None: as they are)."""

    array: Floats
    order: tuple[int, ...] | None
    known: bool

    def seen(self, made: Any) -> Any:
        """What was made of it, with its axes as the array that was given has them."""
        if self.order is None:
            return made
        return made.T if len(self.order) == 2 else made.transpose(*np.argsort(self.order).tolist())

    def axis(self, axis: int) -> int:
        """Where an axis of the array that was given lies."""
        axis %= self.array.ndim
        return axis if self.order is None else self.order.index(axis)


def source(x: Floats) -> Source:
    """The array in the order of its memory, or a copy where it has gaps or repeats."""
    flags = x.flags
    if flags.c_contiguous:
        return Source(x, None, True)
    if x.ndim == 2 and flags.f_contiguous:
        return Source(x.T, (1, 0), True)
    order = tuple(sorted(range(x.ndim), key=lambda axis: -x.strides[axis]))
    moved = x.transpose(order)
    if moved.flags.c_contiguous:
        return Source(moved, order, True)
    return Source(np.ascontiguousarray(x), None, False)


class Late:
    """A parameter's copy that is made where something cannot do without: products round it as they pack it.

    Of a cast without random bits, so that both are the same numbers.
    """

    __slots__ = ("__weakref__", "_copy", "_make", "how", "values")

    def __init__(self, values: Floats, how: Rounder, make: Callable[[], Floats], copy: list[Floats]) -> None:
        #: the parameter or its transpose, and how it is rounded
        self.values, self.how = values, how
        #: what makes the copy of the parameter, and that copy, if it was made: for the transpose too
        self._make, self._copy = make, copy

    @property
    def shape(self) -> tuple[int, ...]:
        """The copy's shape."""
        return self.values.shape

    @property
    def T(self) -> Late:  # noqa: N802 (NumPy's name)
        """The transpose's."""
        return Late(self.values.T, self.how, self._make, self._copy)

    def made(self) -> Floats:
        """The copy."""
        if not self._copy:
            self._copy.append(self._make())
        copy = self._copy[0]
        return copy if self.values.flags.c_contiguous else copy.T


class Operands:
    """What was made of which array, for as long as that array lives.

    Whether memory lives that is not NumPy's (a PyTorch tensor's) cannot be asked: what was made of it holds it, until
    the second use where no random bits were drawn, since a tensor of a step has two.
    """

    __slots__ = ("_copies", "_kept")

    def __init__(self) -> None:
        #: how an array is known -> the array that owns its memory (or holds it), and what was made of it
        self._kept: dict[tuple[Any, ...], tuple[ref[Floats] | Floats, Any]] = {}
        #: identity of a parameter's values and of their rounding -> those values, and their copy
        self._copies: dict[tuple[int, int], tuple[ref[Floats], ref[Any]]] = {}

    def once(self, x: Source, how: tuple[Any, ...], stochastic: bool, make: Callable[[], Any]) -> Any:
        """``make()``, unless it was made of this memory in this way before."""
        if not x.known:
            return make()
        kept, key = self._kept, (x.array.__array_interface__["data"][0], x.array.size, x.array.dtype.char, *how)
        found = kept.get(key)
        if found is not None:
            if not (stochastic or isinstance(found[0], ref)):
                del kept[key]
            return found[1]
        made = make()
        own = x.array if x.array.base is None else x.array.base
        watched = isinstance(own, np.ndarray) and own.base is None
        kept[key] = (ref(own, lambda _: kept.pop(key, None)) if watched else x.array), made
        return made

    def copy(self, values: Floats, how: Rounder, make: Callable[[], Copy]) -> Copy:
        """``make()``, a parameter's copy, unless a record of this step still holds one."""
        key = (id(values), id(how))
        known = self._copies.get(key)
        if known is not None and known[0]() is values:
            copy: Copy | None = known[1]()
            if copy is not None:
                return copy
        made = make()
        self._copies[key] = ref(values), ref(made)
        return made

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self._copies.clear()


class AmaxHistory:
    """The greatest magnitude of every tensor that has a delayed scale, step by step.

    A scale follows from the entries of the steps before; without any, from the tensor itself. Tensors of one place in
    one step (its micro-batches, a recurrence) share an entry.

    Examples
    --------
    >>> history = AmaxHistory()
    >>> [history.amax("0 gemm.x", step, own, length=2) for step, own in enumerate((4.0, 2.0, 1.0, 1.0))]
    [4.0, 4.0, 4.0, 2.0]
    """

    def __init__(self, entries: Mapping[str, list[tuple[int, float]]] | None = None) -> None:
        #: place and tensor -> (step, greatest magnitude), the latest step last
        self.entries: dict[str, list[tuple[int, float]]] = {}
        given = {} if entries is None else entries
        check_kind("entries", given, Mapping, "a mapping: place -> [(step, magnitude), ...]")
        try:
            for key, found in given.items():
                self.entries[str(key)] = [(int(step), float(amax)) for step, amax in found]
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"entries: each must be pairs of a step and a magnitude ({error})") from None

    def amax(self, place: str, step: int, own: float, length: int) -> float:
        """The magnitude from which a tensor's scale follows; remembers the tensor's own."""
        found = self.entries.setdefault(place, [])
        past = [amax for when, amax in found if when < step][-length:]
        if found and found[-1][0] == step:
            found[-1] = (step, max(found[-1][1], own))
        else:
            found.append((step, own))
        del found[: -length - 1]
        return max(past) if past else own


def quantised(
    cast: BlockCast, x: Floats, axis: int, tile: int, seed: Stream | None, apart: bool, part: Excerpt = WHOLE
) -> Operand:
    """An array, or a `part` of one, in blocks along an axis (of tiles: their columns; `tile`: the axis of their rows).

    `apart`: elements and scales apart, as a block-scaled matrix unit takes them; else their products, exact, where they
    come at once, and what `exact_values` makes them of where not. A scale of the whole is left to the product's result.
    """
    f = cast.format
    at: Any = (tile, axis) if f.is_tile else axis
    if part == WHOLE and not (f.tensor_scale or apart) and f.element.precision + f.scale.precision <= 24:
        return Operand(np.asarray(nf_round(x, f, cast.rounding, axis=at, random_bits=cast.random_bits, seed=seed)))
    found = quantize_part(x, block_plan(f, cast.rounding, None, cast.random_bits), at, seed, part)
    alone = replace(found, tensor_scale=1.0)
    if apart and f.is_tile:
        alone = _rows_of_tiles(alone, axis, tile)
    return Operand(alone, found.tensor_scale)


def in_blocks(cast: BlockCast, x: Floats, axis: int, tile: int) -> BlockArray:
    """What `quantised` makes of an array, elements and scales apart, to nearest: for whoever looks at the scales."""
    f = cast.format
    seed = 0 if f.scale_rounding.is_stochastic else None
    return quantize(x, f, axis=(tile, axis) if f.is_tile else axis, seed=seed)


def packed(cast: BlockCast, made: Operand) -> Operand:
    """Elements under one scale as they are kept: their codes, which say all of them."""
    return made._replace(values=np.asarray(encode(made.values, cast.format.element))) if _has_codes(cast) else made


def unpacked(cast: BlockCast, kept: Operand, like: Floats) -> Operand:
    """The inverse of `packed`, in the shape and, where they are kept as codes, the type of an array."""
    values = np.asarray(kept.values)
    if _has_codes(cast):
        values = np.asarray(decode(values, cast.format.element)).astype(like.dtype, copy=False)
    return kept._replace(values=values.reshape(like.shape))


def _has_codes(cast: BlockCast) -> bool:
    """Whether every value that an element may be has a code: a NaN, a zero with a sign."""
    element = cast.format.element
    return element.has_nan and element.has_negative_zero


def as_one_block(cast: BlockCast, made: Operand) -> BlockArray:
    """Elements under one scale as an array of one block."""
    elements, kind = np.asarray(made.values), np.float32 if cast.format.scale.fits_float32 else np.float64
    codes = np.asarray(encode(elements, cast.format.element))
    return BlockArray(codes, np.asarray(made.scale, kind), 1.0, cast.format, None, elements.dtype)


def _rows_of_tiles(q: BlockArray, axis: int, tile: int) -> BlockArray:
    """The same numbers in blocks along an axis: every row of a tile has the tile's scale."""
    rows, size = q.format.sizes or (None, None)
    height = q.shape[tile]
    scales = np.repeat(q.scales, rows or height, axis=tile).take(range(height), axis=tile)
    return replace(q, scales=scales, format=q.format.replace(block=size, name=f"rows of {q.format.name}"), axis=axis)


def under_one_scale(cast: BlockCast, x: Floats, amax: float, seed: Stream | None) -> Operand:
    """Elements, and the scale that follows from a greatest magnitude."""
    plan = block_plan(cast.format, cast.rounding, None, cast.random_bits)
    elements, scale = scaled_elements(x, plan, amax * 2.0**cast.margin, seed, cast.random_bits)
    return Operand(elements, scale)


def transformed(x: Floats, size: int, seed: Stream, axis: int) -> Floats:
    """The random Hadamard transform along an axis, which zeros fill up to whole groups."""
    missing = -x.shape[axis] % size
    if missing:
        x = np.pad(x, [(0, missing if a == axis % x.ndim else 0) for a in range(x.ndim)])
    return hadamard(x, size, seed, axis)
