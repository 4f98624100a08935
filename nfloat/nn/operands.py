"""Operands of products: each source rounded once for every way of rounding it, however often it is used.

An array that is used again, as it is, transposed or in another shape, is known by its memory: by the array that owns
all of it, or by address and size. `Operands` keeps what was made of it (and the array itself, so that the memory cannot
become another's) until the precision ends; what needs no random bits only until its second use, since a tensor of a
step has two. Arrays must not change meanwhile.

What is rounded is the array in the order of its memory: that is the order in which elements draw random bits. What has
one scale, or none, is the same for all products; blocks run along k, so that an operand of two products is cut twice
from the same source, and not kept where that needs no random bits; except in square tiles.

`AmaxHistory` is what delayed scaling remembers from step to step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..blocks.array import BlockArray
from ..blocks.delayed import scaled_elements
from ..blocks.hadamard import hadamard
from ..blocks.quantize import quantize
from ..errors import ArgumentError, check_kind
from ..linalg.blocks import exact_values
from ..ops.blocks.plan import block_plan
from ..ops.codes import encode
from ..ops.rounder import Rounder
from ..ops.rounding import round as nf_round
from ..streams import Stream
from .recipes import BlockCast

Floats = NDArray[np.floating]


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

    __slots__ = ("_copy", "_make", "how", "values")

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


def owner(x: Floats) -> Floats | None:
    """The array whose memory x is, all of it and in its order; None where x is a part, or shares another's memory."""
    base = x.base
    if base is None:
        return x if x.flags.c_contiguous else None
    if type(base) is not np.ndarray or base.base is not None or base.size != x.size or base.dtype is not x.dtype:
        return None
    flags = x.flags
    return base if base.flags.c_contiguous and (flags.c_contiguous or flags.f_contiguous) else None


class Operands:
    """What was made of which array."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        #: how an array is known -> itself, and what was made of it
        self._kept: dict[tuple[Any, ...], tuple[Floats, Any]] = {}

    def once(self, x: Source, how: tuple[Any, ...], stochastic: bool, make: Callable[[], Any]) -> Any:
        """``make()``, unless it was made of this memory in this way before."""
        if not x.known:
            return make()
        key = (x.array.__array_interface__["data"][0], x.array.size, x.array.dtype.char, *how)
        kept = self._kept.get(key)
        if kept is not None:
            if not stochastic:
                del self._kept[key]
            return kept[1]
        made = make()
        self._kept[key] = x.array, made
        return made

    def rounded(self, x: Floats, how: Rounder, make: Callable[[Floats], Floats]) -> Floats | None:
        """x as ``make`` rounds its `owner`, unless that was rounded in this way before; None where it has none."""
        of = owner(x)
        if of is None:
            return None
        key = (id(of), id(how))
        found = self._kept.pop(key, None)
        if found is None or how.stochastic:
            found = self._kept[key] = found or (of, make(of))
        made: Floats = found[1]
        if made.shape == x.shape and (of is x or x.flags.c_contiguous):
            return made
        return made.reshape(x.shape) if x.flags.c_contiguous else made.reshape(x.shape[::-1]).T

    def drop(self, x: Floats) -> None:
        """Forget what was made of an array that nobody uses again."""
        address = x.__array_interface__["data"][0]
        for key in [key for key, (of, _) in self._kept.items() if of.__array_interface__["data"][0] == address]:
            del self._kept[key]

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()


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


def quantised(cast: BlockCast, x: Floats, axis: int, tile: int, seed: Stream | None, apart: bool) -> Operand:
    """An array in blocks along an axis (of tiles: their columns; `tile` is the axis of their rows).

    `apart`: elements and scales apart, as a block-scaled matrix unit takes them; else their products, exact. A scale of
    the whole is left to the product's result.
    """
    f = cast.format
    at: Any = (tile, axis) if f.is_tile else axis
    given: dict[str, Any] = {"axis": at, "random_bits": cast.random_bits, "seed": seed}
    if not f.tensor_scale and not apart and f.element.precision + f.scale.precision <= 24:
        return Operand(np.asarray(nf_round(x, f, cast.rounding, **given)))
    found = quantize(x, f, cast.rounding, **given)
    alone = replace(found, tensor_scale=1.0)
    if apart and f.is_tile:
        alone = _rows_of_tiles(alone, axis, tile)
    return Operand(alone if apart else np.asarray(exact_values(alone)), found.tensor_scale)


def in_blocks(cast: BlockCast, x: Floats, axis: int, tile: int) -> BlockArray:
    """What `quantised` makes of an array, elements and scales apart, to nearest: for whoever looks at the scales."""
    f = cast.format
    seed = 0 if f.scale_rounding.is_stochastic else None
    return quantize(x, f, axis=(tile, axis) if f.is_tile else axis, seed=seed)


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
