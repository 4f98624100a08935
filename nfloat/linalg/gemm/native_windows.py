"""Products with windows by the hardware's own sums: all images in one call (``kernels/gemm/many.py``).

They ask nothing of the operands and leave nothing undone. Bits are those of ``windows.py``.
"""

from __future__ import annotations

import numpy as np

from ...kernels.gemm.many import window_gradients, window_sums
from ...kernels.gemm.native import NATIVE as KERNELS
from ...kernels.gemm.pack import pack
from ...kernels.gemm.shapes import MANY32, MANY64, Shape
from ...kernels.jit import entry_point
from ...ops.memory import aligned
from ...ops.rounder import Rounded, Rounder
from ...ops.threads import NATIVE, over_ranges, thread_count
from .candidate import Candidate
from .dispatch import PACK, contiguous, packable
from .images import Floats, Images, Walk, for_gradients, for_products

#: numbers of images that are laid out at a time, and of places that are summed before the next images are looked at
_SOME, _PLACES = 1 << 18, 512


def does(candidate: Candidate) -> bool:
    """Whether a candidate's sums are the hardware's own, one after the other."""
    return candidate.unconditional and candidate.kernel is KERNELS.get(candidate.bits)


def shape_of(x: Floats) -> Shape:
    """The tile of sums of such numbers."""
    return MANY32 if x.itemsize == 4 else MANY64


def product(
    w: Floats, x: Floats, c: Floats | None, walk: Walk, how: Rounder | None, y: Floats, threads: int | None
) -> None:
    """y = w (rounded before) @ windows of x + c, as `window_product` has them; x is rounded by `how` first.

    Examples
    --------
    >>> x, y = np.arange(6.0).reshape(1, 1, 2, 3), np.empty((1, 1, 1, 2))
    >>> product(np.array([[[1.0, 10.0]]]), x, None, Walk(((0,), (0, 1)), (1, 1), (1, 2)), None, y, 1)
    >>> y
    array([[[[10., 21.]]]])
    """
    (groups, m, k), shape = w.shape, shape_of(y)
    layout = for_products(walk, x.shape[1] // groups, groups, x.shape[2:], 1)
    runs, packed = layout.runs(shape.width, 8 * y.itemsize), _packed(w, shape, y.dtype)
    run, out = entry_point(window_sums, 0 if y.itemsize == 4 else 1), y.reshape(len(x), groups * m, walk.places)
    if c is not None:
        out[...] = c.reshape(-1, 1)

    def task(first: int, last: int) -> None:
        some = max(1, min(last - first, _SOME // layout.image))
        images = Images(x, layout, some, how, y.dtype)
        for start in range(first, last, some):
            stop = min(last, start + some)
            seen = images.flat(start, stop)
            run(seen, layout.image, layout.group, layout.rows, *runs, packed, out[start:stop], int(c is not None))

    work = groups * m * k * walk.places // NATIVE
    over_ranges(task, len(x), thread_count(threads, work * len(x), len(x)), work)


def _packed(w: Floats, shape: Shape, dtype: np.dtype) -> Floats:
    """The rows of each group in tiles: (groups, tiles of k columns of `shape.rows` numbers)."""
    tiles = -(-w.shape[1] // shape.rows)
    size = tiles * shape.rows * w.shape[2]
    out: Floats = aligned(len(w) * size * dtype.itemsize).view(dtype).reshape(len(w), size)
    for one, packed in zip(w, out, strict=True):
        turned = packable(contiguous(one).T, dtype.type)
        to_panels = entry_point(pack, PACK[turned.itemsize, dtype.itemsize])
        to_panels(turned, shape.rows, packed, 0, tiles)
    return out


def gradient(dy: Floats, x: Floats, walk: Walk, groups: int, rounded: Rounded, threads: int | None) -> Floats:
    """(groups, m, k) as `window_gradient` has it, but columns go over taps first and then over channels.

    Examples
    --------
    >>> x = np.arange(6.0).reshape(1, 1, 2, 3)
    >>> gradient(np.ones((1, 1, 2, 3)), x, Walk(((0,), (-1, 0)), (1, 1), (2, 3)), 1, (None, None), 1)
    array([[[ 8., 15.]]])
    """
    m, channels, shape = dy.shape[1] // groups, x.shape[1] // groups, shape_of(x)
    at_once = max(1, min(len(x), _PLACES // walk.places))
    layout = for_gradients(walk, channels, groups, x.shape[2:], at_once)
    runs, columns = layout.runs(shape.width, 8 * x.itemsize), layout.columns.size
    panels, run = -(-columns // shape.width), entry_point(window_gradients, 0 if x.itemsize == 4 else 1)
    sums = np.zeros((groups, m, columns), x.dtype)
    some = max(1, min(len(x), _SOME // layout.image) // at_once) * at_once

    def task(first: int, last: int) -> None:
        images = Images(x, layout, some, rounded[1], x.dtype)
        for start in range(0, len(x), some):
            stop = min(len(x), start + some)
            seen = images.flat(start, stop)
            slopes = np.ascontiguousarray(dy[start:stop]).reshape(stop - start, groups * m, walk.places)
            slopes = slopes if rounded[0] is None else rounded[0].apply(slopes, 0)
            for g in range(first // panels, -(-last // panels)):
                begin, end = max(first - g * panels, 0), min(last - g * panels, panels)
                run(
                    seen, layout.image, g * layout.group, layout.rows, at_once, *runs, columns, slopes, g * m, m,
                    sums[g], begin, end,
                )  # fmt: skip

    work = m * shape.width * len(x) * walk.places // NATIVE
    over_ranges(task, groups * panels, thread_count(threads, work * groups * panels, groups * panels), work)
    return sums
