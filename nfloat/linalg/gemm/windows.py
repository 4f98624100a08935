"""Products with matrices of windows: convolutions, without the matrix that holds every window of every image.

Column j of such a matrix is what a kernel's taps see where it stands; it is packed into panels straight from the
images, some images at a time, which lie as ``images.py`` says. `window_product` is w @ windows (a convolution, or the
gradient of its input), `window_gradient` dy @ windows^T (that of the weights), whose k are the places of all images.

Every sum is one sum of the accumulator, k ascending, as of the whole matrix. Columns of a product do not know of each
other, so images may be cut apart in `window_product`. In `window_gradient` they are cut only where sums go on from the
stored ones as they would have gone on in registers: in the order "sequential", whose state between two terms is the sum
alone, a number of the kernel's lane (Kahan's carries an error, pairwise sums carry levels, and blocks would have to end
with an image). The kernel is chosen once, by what is known of all images; that some of the zeros on the way may lack
their sign matters only to a sum that is zero at its end, where it is asked. The hardware's own sums, which ask nothing,
go through all images in one call (``native_windows.py``).

Not for random bits, half lanes, or where an element lies beyond what the chosen kernel knows: then None.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...kernels.gemm.orders import Order
from ...kernels.gemm.pack import pack
from ...kernels.gemm.windows import pack_windows
from ...kernels.jit import entry_point
from ...ops.memory import aligned
from ...ops.rounder import Rounded, Rounder
from ...ops.threads import NATIVE, over_ranges, thread_count
from ..accumulators import Accumulator
from . import native_windows
from .choice import Choice, choose
from .dispatch import LANE, NO_WORDS, PACK, contiguous, packable, tile_call, tile_constants
from .images import SLACK, Floats, Images, Walk, WindowLayout, for_gradients, for_products

#: elements of packed windows at a time: they, and the images that they are made of, stay in the second cache
_SOME = 1 << 17
#: bytes of an image's sums that are worth to be formed in their place
_ALONE = 1 << 16


class _Kernel:
    """The kernel that does a product of these facts, if there is one: its shape, constants, calls."""

    def __init__(self, choice: Choice, acc: Accumulator) -> None:
        candidate, self._kind, self._zeros = choice
        self.shape, self.dtype, self._acc = candidate.shape, LANE[candidate.bits], acc
        self.unconditional = candidate.unconditional
        self.constants, self.run = tile_constants(acc, candidate.bits), entry_point(candidate.kernel)
        self._windows = entry_point(pack_windows, 0 if self.dtype is np.float32 else 1)
        self._native = native_windows.does(candidate)

    def is_native(self, *operands: Floats) -> bool:
        """Whether its sums are the hardware's own, and the operands what they are sums of."""
        return self._native and all(x.dtype == self.dtype for x in operands)

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
        to_panels = entry_point(pack, PACK[turned.itemsize, np.dtype(self.dtype).itemsize])
        to_panels(turned, self.shape.rows, out, 0, self.tiles(len(x)))
        return out

    def see(self, images: Floats, base: int, layout: WindowLayout, out: Floats, first: int, last: int) -> None:
        """Panels first .. last - 1 of a layout's columns, as a group sees them whose numbers begin at `base`."""
        runs, width = layout.runs(self.shape.width, 8 * out.itemsize), self.shape.width
        self._windows(images, base, layout.rows, *runs, layout.columns.size, width, out, first, last)

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
    if kernel.is_native(w, x, y):
        native_windows.product(w, x, c, walk, rounded[1], y, threads)
        return y
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
        seen = Images(self._x, self._layout(self.some), self.some, self._how, self._kernel.dtype)
        most = self._kernel.panels(self.some * self._walk.places)
        panels = most if self.some > 1 else min(most, max(1, _SOME // (self._k * self._kernel.shape.width)))
        packed = _buffer(panels * self._k * self._kernel.shape.width + SLACK, self._kernel.dtype)
        for piece in range(first, last):
            start = piece * self.some
            images = seen.flat(start, min(len(self._x), start + self.some))
            if not all(self._group(group, start, images, panels, packed) for group in range(self._groups)):
                return False
        return True

    def _layout(self, images: int) -> WindowLayout:
        return for_products(self._walk, self._x.shape[1] // self._groups, self._groups, self._x.shape[2:], images)

    def _group(self, group: int, start: int, images: Floats, panels: int, packed: Floats) -> bool:
        """A group's channels of some images, some panels at a time."""
        count = min(self.some, len(self._x) - start)
        layout, kernel, width = self._layout(count), self._kernel, self._kernel.shape.width
        call, places = kernel.call(self._k, self._c is not None), count * self._walk.places
        for first in range(0, kernel.panels(places), panels):
            at, last = first * width, min(first + panels, kernel.panels(places))
            size = min(places, last * width) - at
            kernel.see(images, group * layout.group, layout, packed, first, last)
            target = self._y[start : start + count, group, :, at : at + size]
            whole = target[0] if count == 1 and target[0].flags.c_contiguous and target.dtype == kernel.dtype else None
            out = np.empty((self._m, size), kernel.dtype) if whole is None else whole
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
    if kernel.is_native(dy, x):
        sums = native_windows.gradient(dy, x, walk, groups, rounded, threads)
    else:
        task = _Gradient(kernel, dy, x, walk, groups, rounded, acc.order is Order.SEQUENTIAL)
        pieces = groups * task.blocks
        work = task.work // (NATIVE if kernel.unconditional else 1)
        done: list[bool] = []
        over_ranges(
            lambda first, last: done.append(task.range(first, last)),
            pieces, thread_count(threads, work * pieces, pieces), work,
        )  # fmt: skip
        if not all(done):
            return None
        sums = task.sums
    # channels went fastest
    channels = x.shape[1] // groups
    dw = sums.reshape(dy.shape[1], -1, channels).swapaxes(1, 2).reshape(dy.shape[1], -1)
    return dw.astype(_result_type(acc, dy, x), copy=False)


class _Gradient:
    """What the pieces of one `window_gradient` share: a piece is some columns of one group."""

    def __init__(
        self, kernel: _Kernel, dy: Floats, x: Floats, walk: Walk, groups: int, rounded: Rounded, cut: bool
    ) -> None:
        self._kernel, self._dy, self._x, self._walk, self._rounded = kernel, dy, x, walk, rounded
        self._m, self._channels = dy.shape[1] // groups, x.shape[1] // groups
        #: images of a piece of k
        self._some = max(1, min(len(x), _K // walk.places)) if cut else len(x)
        k, self._columns = self._some * walk.places, self._layout(1).columns.size
        self._panels = max(1, min(kernel.panels(self._columns), _SOME // (k * kernel.shape.width)))
        #: pieces of a group
        self.blocks = -(-self._columns // (self._panels * kernel.shape.width))
        #: multiply-adds of a piece
        self.work = self._m * len(x) * walk.places * self._panels * kernel.shape.width
        self.sums = np.empty((groups * self._m, self._columns), kernel.dtype)

    def _layout(self, images: int) -> WindowLayout:
        """Of a group's channels alone: what lies beside them, the other pieces look at."""
        return for_gradients(self._walk, self._channels, 1, self._x.shape[2:], images)

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
        parts = [slice(at * size, min(self._columns, (at + 1) * size)) for at in range(begin, end)]
        sums = [np.empty((self._m, part.stop - part.start), kernel.dtype) for part in parts]
        own = self._x[:, group * self._channels : (group + 1) * self._channels]
        seen = Images(own, self._layout(self._some), self._some, self._rounded[1], kernel.dtype)
        packed = _buffer(size * self._some * self._walk.places + SLACK, kernel.dtype)
        for start in range(0, len(own), self._some):
            stop = min(len(own), start + self._some)
            images, rows, layout = seen.flat(start, stop), self._dy_rows(group, start, stop), self._layout(stop - start)
            call = kernel.call(layout.rows.size, start > 0, stop == len(own))
            for part, out in zip(parts, sums, strict=True):
                first = part.start // kernel.shape.width
                kernel.see(images, 0, layout, packed, first, first + kernel.panels(out.shape[1]))
                if not kernel.multiply(rows, packed, out, call):
                    return False
        for part, out in zip(parts, sums, strict=True):
            self.sums[group * self._m : (group + 1) * self._m, part] = out
        return True

    def _dy_rows(self, group: int, start: int, stop: int) -> Floats:
        """dy of some images and a group's channels, (m, places), in tiles."""
        part = self._dy[start:stop, group * self._m : (group + 1) * self._m]
        rows = np.ascontiguousarray(part.swapaxes(0, 1)).reshape(self._m, -1)
        return self._kernel.packed(rows if self._rounded[0] is None else self._rounded[0].apply(rows, 0))


#: places of images that are summed before the next ones are looked at
_K = 512
