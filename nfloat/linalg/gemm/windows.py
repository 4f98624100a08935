"""Products with matrices of windows: convolutions, without the matrix that holds every window of every image.

Column j of such a matrix is what a kernel's taps see where it stands; it is packed into panels straight from the
images, some images at a time, with the zeros around them. `window_product` is w @ windows (a convolution, or the
gradient of its input), `window_gradient` dy @ windows^T (that of the weights), whose k are the places of all images.

Every sum is one sum of the accumulator, k ascending, as of the whole matrix. Columns of a product do not know of each
other, so images may be cut apart in `window_product`. In `window_gradient` they are cut only where sums go on from the
stored ones as they would have gone on in registers: in the order "sequential", whose state between two terms is the sum
alone, a number of the kernel's lane (Kahan's carries an error, pairwise sums carry levels, and blocks would have to end
with an image). The kernel is chosen once, by what is known of all images; that some of the zeros on the way may lack
their sign matters only to a sum that is zero at its end, where it is asked.

Not for random bits, half lanes, or where an element lies beyond what the chosen kernel knows: then None.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels.gemm.orders import Order
from ...kernels.gemm.pack import pack
from ...kernels.gemm.windows import pack_windows
from ...kernels.jit import entry_point
from ...ops.memory import aligned
from ...ops.rounder import Rounded, Rounder, round_into
from ...ops.threads import NATIVE, over_ranges, thread_count
from ..accumulators import Accumulator
from .choice import Choice, choose
from .dispatch import LANE, NO_WORDS, PACK, contiguous, packable, tile_call, tile_constants
from .facts import layout_of

Floats = NDArray[np.floating]
Indices = NDArray[np.int64]
Pair = tuple[int, int]
#: elements of packed windows at a time: they, and the images that they are made of, stay in the second cache
_SOME = 1 << 17
#: bytes of an image's sums that are worth to be formed in their place
_ALONE = 1 << 16


class Walk(NamedTuple):
    """How taps walk over images: where they stand seen from the kernel's place, its steps, its places; by axis."""

    taps: tuple[tuple[int, ...], tuple[int, ...]]
    step: Pair
    out: Pair

    @property
    def places(self) -> int:
        """Of one image."""
        return self.out[0] * self.out[1]


@lru_cache(maxsize=256)
def _around(walk: Walk, size: Pair) -> tuple[Pair, Pair]:
    """How many zeros are seen before and behind an image of that size, by axis."""
    before = [max(0, -min(taps)) for taps in walk.taps]
    ends = [(out - 1) * step + max(taps) + 1 for taps, step, out in zip(walk.taps, walk.step, walk.out, strict=True)]
    behind = [max(0, end - n) for end, n in zip(ends, size, strict=True)]
    return (before[0], behind[0]), (before[1], behind[1])


@lru_cache(maxsize=256)
def _offsets(walk: Walk, channels: int, all_channels: int, size: Pair, images: int) -> tuple[Indices, Indices]:
    """Where taps and places stand in so many images with zeros around, flat: image[taps[k] + places[j]]."""
    (top, _), (left, _) = _around(walk, size)
    height, width = _padded(walk, size)
    rows, columns = (np.array(taps, np.int64) for taps in walk.taps)
    down, along = (step * np.arange(out) for step, out in zip(walk.step, walk.out, strict=True))
    taps = _sums(height * width * np.arange(channels), width * (rows + top), columns + left)
    places = _sums(all_channels * height * width * np.arange(images), width * down, along)
    return taps, places


def _padded(walk: Walk, size: Pair) -> Pair:
    """The size of an image with the zeros that are seen."""
    (top, bottom), (left, right) = _around(walk, size)
    return size[0] + top + bottom, size[1] + left + right


def _sums(*lines: Indices) -> Indices:
    """All sums of a number of each, the last one's going fastest."""
    found = np.zeros(1, np.int64)
    for line in lines:
        found = np.add.outer(found, line).reshape(-1)
    found.flags.writeable = False
    return found


class _Images:
    """Images as windows see them: some at a time, zeros around them, rounded, in a lane's type."""

    def __init__(self, x: Floats, walk: Walk, some: int, how: Rounder | None, dtype: type) -> None:
        self._x, self._how, self._dtype = x, how, np.dtype(dtype)
        (top, _), (left, _) = _around(walk, x.shape[2:])
        height, width = _padded(walk, x.shape[2:])
        self._inside = (..., slice(top, top + x.shape[2]), slice(left, left + x.shape[3]))
        plain = (height, width) == x.shape[2:] and x.dtype == dtype and x.flags.c_contiguous and x.flags.aligned
        kind = x.dtype if how is not None else dtype
        self._around = None if plain else np.zeros((some, x.shape[1], height, width), kind)

    def flat(self, first: int, last: int) -> Floats:
        """Images first .. last - 1."""
        found = self._x[first:last]
        if self._around is not None:
            found, images = self._around[: last - first], found
            found[self._inside] = images
        found = found.reshape(-1)
        if self._how is not None:
            found, raw = np.empty_like(found), found
            round_into(self._how, raw, found)
        return found.astype(self._dtype, copy=False)


class _Kernel:
    """The kernel that does a product of these facts, if there is one: its shape, constants, calls."""

    def __init__(self, choice: Choice, acc: Accumulator) -> None:
        candidate, self._kind, self._zeros = choice
        self.shape, self.dtype, self._acc = candidate.shape, LANE[candidate.bits], acc
        self.unconditional = candidate.unconditional
        self.constants, self.run = tile_constants(acc, candidate.bits), entry_point(candidate.kernel)
        self.windows = entry_point(pack_windows, 0 if self.dtype is np.float32 else 1)

    def call(self, k: int, start: bool, last: bool = True) -> NDArray[np.int64]:
        """What it is asked to do; `last`: no terms will follow."""
        return tile_call(self._kind, k, self._acc.terms, False, start, self._zeros and last)

    def tiles(self, rows: int) -> int:
        return -(-rows // self.shape.rows)

    def panels(self, columns: int) -> int:
        return -(-columns // self.shape.width)

    def packed(self, x: Floats) -> Floats:
        """The rows of a matrix (m, k) in tiles."""
        turned = packable(contiguous(x).T, self.dtype)
        out = _buffer(self.tiles(len(x)) * self.shape.rows * x.shape[1], self.dtype)
        to_panels = entry_point(pack, PACK[turned.itemsize, np.dtype(self.dtype).itemsize] + layout_of(turned))
        to_panels(turned, self.shape.rows, out, 0, self.tiles(len(x)))
        return out

    def multiply(self, rows: Floats, columns: Floats, out: Floats, call: NDArray[np.int64]) -> bool:
        """Packed rows times packed columns into out (m, n); whether every tile is done."""
        status = np.zeros((self.tiles(len(out)), self.panels(out.shape[1])), np.uint8)
        self.run(rows, columns, out, 0, len(status), call, self.constants, status, NO_WORDS, NO_WORDS)
        return self.unconditional or not status.any()


def _buffer(size: int, dtype: Any) -> Floats:
    """Numbers that may be anything, where vectors begin."""
    return aligned(size * np.dtype(dtype).itemsize).view(dtype)


def _kernel(a: Floats, b: Floats, c: Floats | None, k: int, acc: Accumulator, rounded: Rounded) -> _Kernel | None:
    """The first kernel that is right for the operands; of operands that are still to be rounded, for any."""
    choice = choose(a, b, c, k, acc, known=rounded == (None, None))
    return None if choice is None else _Kernel(choice, acc)


def _result_type(acc: Accumulator, *operands: Floats | None) -> type:
    single = acc.result_format.fits_float32 and all(x is None or x.itemsize == 4 for x in operands)
    return np.float32 if single else np.float64


# ------------------------------------------------------------------ w @ windows
def window_product(
    w: Floats, x: Floats, c: Floats | None, walk: Walk, acc: Accumulator, rounded: Rounded, threads: int | None
) -> Floats | None:
    """w (groups, m, k) @ windows of x (n, groups channels, h, w) + c (groups, m): (n, groups m, *walk.out), or None.

    `rounded`: how w and x are rounded first, as in `small_product`.

    Examples
    --------
    >>> x = np.arange(6.0).reshape(1, 1, 2, 3)
    >>> walk = Walk(((0,), (-1, 0)), (1, 1), (2, 3))
    >>> window_product(np.array([[[1.0, 10.0]]]), x, None, walk, Accumulator("float64"), (None, None), 1)[0, 0]
    array([[ 0., 10., 21.],
           [30., 43., 54.]])
    """
    kernel = _kernel(w, x, c, w.shape[2], acc, rounded)
    if kernel is None:
        return None
    if rounded[0] is not None:
        w = rounded[0].apply(np.ascontiguousarray(w), 0)
    y = np.empty((len(x), w.shape[0] * w.shape[1], *walk.out), _result_type(acc, w, x, c))
    task = _Product(kernel, w, x, c, walk, rounded[1], y)
    work = w.shape[0] * w.shape[1] * w.shape[2] * walk.places // (NATIVE if kernel.unconditional else 1)
    pieces = -(-len(x) // task.some)
    done: list[bool] = []
    over_ranges(
        lambda first, last: done.append(task.range(first, last)),
        pieces, thread_count(threads, work * len(x), pieces), work * task.some,
    )  # fmt: skip
    return y if all(done) else None


class _Product:
    """What the pieces of one `window_product` share."""

    def __init__(
        self, kernel: _Kernel, w: Floats, x: Floats, c: Floats | None, walk: Walk, how: Rounder | None, y: Floats
    ) -> None:
        self._kernel, self._x, self._c, self._walk, self._how = kernel, x, c, walk, how
        self._groups, self._m, self._k = w.shape
        self._rows = [kernel.packed(one) for one in w]
        self._y = y.reshape(len(x), self._groups, self._m, walk.places)
        #: images of a piece: one where its sums are so many that to move them would cost more than calls
        alone = self._m * walk.places * np.dtype(kernel.dtype).itemsize >= _ALONE
        self.some = 1 if alone else max(1, min(len(x), _SOME // (self._k * walk.places)))

    def range(self, first: int, last: int) -> bool:
        """Pieces first .. last - 1; whether all is done."""
        seen = _Images(self._x, self._walk, self.some, self._how, self._kernel.dtype)
        most = self._kernel.panels(self.some * self._walk.places)
        panels = most if self.some > 1 else min(most, max(1, _SOME // (self._k * self._kernel.shape.width)))
        packed = _buffer(panels * self._k * self._kernel.shape.width, self._kernel.dtype)
        for piece in range(first, last):
            start = piece * self.some
            images = seen.flat(start, min(len(self._x), start + self.some))
            if not all(self._group(group, start, images, panels, packed) for group in range(self._groups)):
                return False
        return True

    def _group(self, group: int, start: int, images: Floats, panels: int, packed: Floats) -> bool:
        """A group's channels of some images, some panels at a time."""
        count = min(self.some, len(self._x) - start)
        channels = self._x.shape[1] // self._groups
        taps, places = _offsets(self._walk, channels, self._x.shape[1], self._x.shape[2:], count)
        own = images[group * channels * (images.size // (count * self._x.shape[1])) :]
        kernel, width = self._kernel, self._kernel.shape.width
        call = kernel.call(self._k, self._c is not None)
        for at in range(0, places.size, panels * width):
            some = places[at : at + panels * width]
            kernel.windows(own, taps, some, width, packed, 0, kernel.panels(some.size))
            target = self._y[start : start + count, group, :, at : at + some.size]
            whole = target[0] if count == 1 and target[0].flags.c_contiguous and target.dtype == kernel.dtype else None
            out = np.empty((self._m, some.size), kernel.dtype) if whole is None else whole
            if self._c is not None:
                out[...] = self._c[group][:, np.newaxis]
            if not kernel.multiply(self._rows[group], packed, out, call):
                return False
            if whole is None:
                target[...] = out.reshape(self._m, count, -1).swapaxes(0, 1)
        return True


# ------------------------------------------------------------------ dy @ windows^T
def window_gradient(
    dy: Floats, x: Floats, walk: Walk, groups: int, acc: Accumulator, rounded: Rounded, threads: int | None
) -> Floats | None:
    """dy (n, groups m, *walk.out) times the windows of x (n, groups channels, h, w), summed: (groups m, k).

    Over all places of all images, in this order; None: see the module. `rounded`: how dy and x are rounded first.

    Examples
    --------
    >>> x = np.arange(6.0).reshape(1, 1, 2, 3)
    >>> walk = Walk(((0,), (-1, 0)), (1, 1), (2, 3))
    >>> window_gradient(np.ones((1, 1, 2, 3)), x, walk, 1, Accumulator("float64"), (None, None), 1)
    array([[ 8., 15.]])
    """
    kernel = _kernel(dy, x, None, len(x) * walk.places, acc, rounded) if len(x) else None
    if kernel is None:
        return None
    task = _Gradient(kernel, dy, x, walk, groups, rounded, acc.order is Order.SEQUENTIAL)
    pieces = groups * task.blocks
    work = task.work // (NATIVE if kernel.unconditional else 1)
    done: list[bool] = []
    over_ranges(
        lambda first, last: done.append(task.range(first, last)),
        pieces, thread_count(threads, work * pieces, pieces), work,
    )  # fmt: skip
    return task.dw.astype(_result_type(acc, dy, x), copy=False) if all(done) else None


class _Gradient:
    """What the pieces of one `window_gradient` share: a piece is some columns of one group."""

    def __init__(
        self, kernel: _Kernel, dy: Floats, x: Floats, walk: Walk, groups: int, rounded: Rounded, cut: bool
    ) -> None:
        self._kernel, self._dy, self._x, self._walk, self._rounded = kernel, dy, x, walk, rounded
        self._groups, self._m, self._channels = groups, dy.shape[1] // groups, x.shape[1] // groups
        self._taps, _ = _offsets(walk, self._channels, self._channels, x.shape[2:], 1)
        #: images of a piece of k
        self._some = max(1, min(len(x), _K // walk.places)) if cut else len(x)
        k = self._some * walk.places
        self._panels = max(1, min(kernel.panels(self._taps.size), _SOME // (k * kernel.shape.width)))
        #: pieces of a group
        self.blocks = -(-self._taps.size // (self._panels * kernel.shape.width))
        #: multiply-adds of a piece
        self.work = self._m * len(x) * walk.places * self._panels * kernel.shape.width
        self.dw = np.empty((groups * self._m, self._taps.size), kernel.dtype)

    def range(self, first: int, last: int) -> bool:
        """Pieces first .. last - 1; whether all is done."""
        for group in range(first // self.blocks, -(-last // self.blocks)):
            begin, end = max(first - group * self.blocks, 0), min(last - group * self.blocks, self.blocks)
            if not self._group(group, begin, end):
                return False
        return True

    def _group(self, group: int, begin: int, end: int) -> bool:
        """Blocks begin .. end - 1 of a group's columns: for some images after the other, all blocks."""
        kernel, size = self._kernel, self._panels * self._kernel.shape.width
        blocks = [self._taps[at * size : (at + 1) * size] for at in range(begin, end)]
        sums = [np.empty((self._m, taps.size), kernel.dtype) for taps in blocks]
        x = self._x[:, group * self._channels : (group + 1) * self._channels]
        seen = _Images(x, self._walk, self._some, self._rounded[1], kernel.dtype)
        packed = _buffer(size * self._some * self._walk.places, kernel.dtype)
        for start in range(0, len(x), self._some):
            stop = min(len(x), start + self._some)
            images, rows = seen.flat(start, stop), self._dy_rows(group, start, stop)
            _, places = _offsets(self._walk, self._channels, self._channels, x.shape[2:], stop - start)
            call = kernel.call(places.size, start > 0, stop == len(x))
            for taps, out in zip(blocks, sums, strict=True):
                kernel.windows(images, places, taps, kernel.shape.width, packed, 0, kernel.panels(taps.size))
                if not kernel.multiply(rows, packed, out, call):
                    return False
        for at, out in zip(range(begin, end), sums, strict=True):
            self.dw[group * self._m : (group + 1) * self._m, at * size : at * size + out.shape[1]] = out
        return True

    def _dy_rows(self, group: int, start: int, stop: int) -> Floats:
        """dy of some images and a group's channels, (m, places), in tiles."""
        part = self._dy[start:stop, group * self._m : (group + 1) * self._m]
        rows = np.ascontiguousarray(part.swapaxes(0, 1)).reshape(self._m, -1)
        return self._kernel.packed(rows if self._rounded[0] is None else self._rounded[0].apply(rows, 0))


#: places of images that are summed before the next ones are looked at
_K = 512
