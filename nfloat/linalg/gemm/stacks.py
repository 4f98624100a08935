"""Stacks of matrices: one product after the other, and small ones by a shorter way.

Attention multiplies hundreds of matrices that take a microsecond each. Where one kernel is right for all of them
(``choice.py``), it, buffers, signatures and constants are looked up once, and threads share the stack instead of the
rows of each matrix. A matrix of which that kernel leaves a tile undone is done again, alone. Sums by the hardware are
one call for all of a thread's matrices (``kernels/gemm/many.py``).
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...kernels.gemm.many import stack_sums
from ...kernels.gemm.pack import pack
from ...kernels.jit import entry_point
from ...ops.threads import NATIVE, over_ranges, thread_count
from ..accumulators import Accumulator
from .choice import Choice, choose
from .dispatch import LANE, NO_WORDS, PACK, multiply, tile_call, tile_constants
from .native_windows import does

_MASK = 2**64 - 1
#: multiply-adds of one matrix from which on its own rows are worth to be shared and packed by parts
_SMALL = 1 << 20


def multiply_stack(
    a: NDArray[Any],
    b: NDArray[Any],
    c: NDArray[Any] | None,
    out: NDArray[Any],
    acc: Accumulator,
    key: int,
    threads: int | None,
) -> None:
    """out[...] = a @ b + c for stacks that broadcast; matrix t of the result draws from `stack_key(key, t)`."""
    if out.ndim == 2:
        multiply(a, b, c, out, acc, key, threads)
        return
    choice = _shared(a, b, c, out, acc)
    if choice is not None and does(choice.candidate) and in_one_call(a, b, c, out, threads):
        return
    left = range(math.prod(out.shape[:-2])) if choice is None else _Stack(choice, a, b, c, out, acc).run(threads)
    for t in left:
        index = tuple(int(i) for i in np.unravel_index(t, out.shape[:-2]))
        first, second = (x[_place(x.shape[:-2], index)] for x in (a, b))
        multiply(first, second, None if c is None else c[index], out[index], acc, stack_key(key, t), threads)


def _place(stack: tuple[int, ...], index: tuple[int, ...]) -> tuple[int, ...]:
    """Where a broadcast stack keeps matrix `index` of the result."""
    return tuple(0 if size == 1 else i for size, i in zip(stack, index[len(index) - len(stack) :], strict=True))


def stack_key(key: int, t: int) -> int:
    """The key of matrix t of a stack; that of the first is the stream's own, so that one matrix is a stack of one."""
    return (key + t * 0x9E3779B97F4A7C15) & _MASK


def _shared(
    a: NDArray[Any], b: NDArray[Any], c: NDArray[Any] | None, out: NDArray[Any], acc: Accumulator
) -> Choice | None:
    """The kernel that does every matrix of a stack of small ones; None: there is none."""
    if out.size == 0 or a.shape[-1] == 0 or out.shape[-2] * out.shape[-1] * a.shape[-1] > _SMALL:
        return None
    choice = choose(a, b, c, a.shape[-1], acc) if out.flags.c_contiguous else None
    if choice is None:
        return None
    width = choice.candidate.bits // 8
    fit = a.itemsize == b.itemsize == out.itemsize == width and (c is None or c.itemsize == width)
    return choice if fit else None


def in_one_call(
    a: NDArray[Any], b: NDArray[Any], c: NDArray[Any] | None, out: NDArray[Any], threads: int | None
) -> bool:
    """The whole stack by the hardware's own sums; whether its axes can be counted as two."""
    one, other = _in_two_axes(a, out.shape[:-2]), _in_two_axes(b, out.shape[:-2])
    if one is None or other is None or one.shape[1] != other.shape[1]:
        return False
    if c is not None:
        out[...] = c
    matrices, run = out.reshape(-1, *out.shape[-2:]), entry_point(stack_sums, 0 if out.itemsize == 4 else 1)
    work = out.shape[-2] * out.shape[-1] * a.shape[-1] // NATIVE
    over_ranges(
        lambda first, last: run(one, other, matrices, first, last, int(c is not None)),
        len(matrices), thread_count(threads, work * len(matrices), len(matrices)), work,
    )  # fmt: skip
    return True


def _in_two_axes(x: NDArray[Any], lead: tuple[int, ...]) -> NDArray[Any] | None:
    """A view of matrices, as a stack `lead`, in two axes: all axes but its last, and that; None: there is none."""
    if x.shape[:-2] != lead:
        x = np.broadcast_to(x, (*lead, *x.shape[-2:]))
    if len(lead) == 2:
        return x
    apart = [axis for axis in zip(lead[:-1], x.strides, strict=False) if axis[0] != 1]
    if any(step != count * each for (_, step), (count, each) in itertools.pairwise(apart)):
        return None
    return x.reshape(math.prod(lead[:-1]), lead[-1], *x.shape[-2:])


class _Stack:
    """The matrices of a stack, one by one, with what they share."""

    def __init__(
        self,
        choice: Choice,
        a: NDArray[Any],
        b: NDArray[Any],
        c: NDArray[Any] | None,
        out: NDArray[Any],
        acc: Accumulator,
    ) -> None:
        (candidate, kind, zeros), stack, (m, n), self._k = choice, out.shape[:-2], out.shape[-2:], a.shape[-1]
        self._shape, self._count = candidate.shape, math.prod(stack)
        self._tiles, self._panels = -(-m // self._shape.rows), -(-n // self._shape.width)
        if c is not None:
            out[...] = c
        self._out = out.reshape(self._count, m, n)
        self._rows, self._columns = _Matrices(a, stack, True), _Matrices(b, stack, False)
        self._product = entry_point(candidate.kernel)
        self._call = tile_call(kind, self._k, acc.terms, False, c is not None, zeros)
        self._constants = tile_constants(acc, candidate.bits)
        self._dtype, self._unconditional = LANE[candidate.bits], candidate.unconditional
        #: matrices that are to be done again
        self._left: list[int] = []

    def run(self, threads: int | None) -> list[int]:
        """All of them, shared among threads; those that are not done."""
        work = self._out.shape[1] * self._out.shape[2] * self._k // (NATIVE if self._unconditional else 1)
        over_ranges(self._range, self._count, thread_count(threads, work * self._count, self._count), work)
        return self._left

    def _range(self, first: int, last: int) -> None:
        rows = np.empty(self._tiles * self._k * self._shape.rows, self._dtype)
        columns = np.empty(self._panels * self._k * self._shape.width, self._dtype)
        status = np.zeros((self._tiles, self._panels), np.uint8)
        places = self._rows.place(), self._columns.place()
        for t in range(first, last):
            self._rows.pack(t, self._shape.rows, rows, self._tiles, places[0])
            self._columns.pack(t, self._shape.width, columns, self._panels, places[1])
            self._product(
                rows, columns, self._out[t], 0, self._tiles, self._call, self._constants, status, NO_WORDS, NO_WORDS
            )
            if not self._unconditional and status.any():
                self._left.append(t)


class _Matrices:
    """An operand's matrices, a^T or b, one for each of the stack; kernels take each in C or Fortran order.

    Where they lie in neither (heads of attention, as they come from one projection) each is copied as it is packed,
    into the same place: a copy of them all would be new memory.
    """

    def __init__(self, x: NDArray[Any], stack: tuple[int, ...], turned: bool) -> None:
        self._all, self._stack = np.broadcast_to(x, (*stack, *x.shape[-2:])), stack[::-1]
        first = self._matrix(0)
        self._copied, self._turned = not (first.flags.c_contiguous or first.flags.f_contiguous), turned
        self._pack = entry_point(pack, PACK[x.itemsize, x.itemsize])

    def _matrix(self, t: int) -> NDArray[Any]:
        at = []
        for count in self._stack:
            t, i = divmod(t, count)
            at.append(i)
        return self._all[tuple(at[::-1])]

    def _one(self, t: int, place: NDArray[Any]) -> NDArray[Any]:
        x = self._matrix(t)
        if self._copied:
            np.copyto(place, x)
            x = place
        return x.T if self._turned else x

    def place(self) -> NDArray[Any]:
        """Where matrices are copied to, of one thread's own."""
        return np.empty(self._all.shape[-2:] if self._copied else (0, 0), self._all.dtype)

    def pack(self, t: int, width: int, out: NDArray[Any], panels: int, place: NDArray[Any]) -> None:
        """Matrix `t` in panels."""
        self._pack(self._one(t, place), width, out, 0, panels)
