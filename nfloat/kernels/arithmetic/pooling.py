"""The greatest number of each window of an image, and the way back of its gradient. Nothing is rounded.

Places of a window are numbered row by row; `rows` and `columns` say where they stand, equally far from each other, seen
from the window's place.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..bits import greater, lesser
from ..jit import device, kernel
from ..lanes import Lanes

_I64 = ir.IntType(64)
#: windows side by side that are looked at together
_SOME = 4
_TAKEN = ("uint8", "uint32")
_WALK = "int64[::1], int64[::1], int64, int64"


def _image(kind: str) -> str:
    return f"Array({kind}, 3, 'C', readonly=True)"


@intrinsic
def _greatest(typingctx, x, at, along, count, step, out, to, taken):
    """_SOME windows from x[at] on, `along` apart: count[0] rows, step[0] apart, of count[1] numbers, step[1] apart.

    out[to + i] = the first NaN of window i, else the first of its greatest; taken[to + i] = its place.
    """
    pair, i64 = types.UniTuple(types.int64, 2), types.int64

    def generate(context, builder, sig, args):
        data = [context.make_array(sig.args[i])(context, builder, args[i]).data for i in (0, 5, 7)]
        counts, steps = (cgutils.unpack_tuple(builder, args[i]) for i in (3, 4))
        v = Lanes(builder, _SOME, sig.args[0].dtype.bitwidth)
        best, place = (cgutils.alloca_once(builder, kind) for kind in (v.float, v.int))
        builder.store(v.number(-np.inf), best)
        builder.store(v.word(0), place)
        with cgutils.for_range(builder, counts[0]) as row, cgutils.for_range(builder, counts[1]) as column:
            shift = builder.add(builder.mul(row.index, steps[0]), builder.mul(column.index, steps[1]))
            seen = ir.Constant(v.float, ir.Undefined)
            for i in range(_SOME):
                index = builder.add(builder.add(args[1], shift), builder.mul(args[2], _I64(i)))
                seen = builder.insert_element(seen, builder.load(builder.gep(data[0], [index])), ir.IntType(32)(i))
            so_far = builder.load(best)
            number = builder.add(builder.mul(row.index, counts[1]), column.index)
            number = builder.trunc(number, v.scalar_int) if v.bits == 32 else number
            better = builder.fcmp_unordered(">", seen, so_far)
            better = builder.and_(better, builder.fcmp_ordered("ord", so_far, so_far))
            builder.store(v.where(better, seen, so_far), best)
            builder.store(v.where(better, v.splat(number), builder.load(place)), place)
        v.store(builder.load(best), builder.gep(data[1], [args[6]]))
        narrow, found = ir.VectorType(ir.IntType(sig.args[7].dtype.bitwidth), _SOME), builder.load(place)
        found = found if found.type == narrow else builder.trunc(found, narrow)
        v.store(found, builder.gep(data[2], [args[6]]))
        return context.get_dummy_value()

    return types.void(x, i64, i64, pair, pair, out, i64, taken), generate


@device
def _one(x, image, y, z, rows, columns):
    """The greatest number of one window, and its place: the first inside of the image if all are -inf."""
    best, place = x.dtype.type(-np.inf), -1
    for a in range(rows.size):
        for b in range(columns.size):
            down, along = y + rows[a], z + columns[b]
            if down < 0 or down >= x.shape[1] or along < 0 or along >= x.shape[2]:
                continue
            value = x[image, down, along]
            if place < 0 or ((not (value <= best)) and best == best):
                best, place = value, a * columns.size + b
    return best, greater(place, 0)


@device
def _step(line):
    return line[1] - line[0] if line.size > 1 else 0


@kernel(
    *(
        f"void({_image(x)}, {_WALK}, {x}[:, :, ::1], {taken}[:, :, ::1])"
        for x in ("float32", "float64")
        for taken in _TAKEN
    )
)
def max_pool(x, rows, columns, down, along, out, taken):
    """out = the first NaN of each window of x (images, h, w), else its greatest number; taken = the place of that."""
    height, width, size = x.shape[1], x.shape[2], out.shape[2]
    flat, to, places = x.reshape(-1), out.reshape(-1), taken.reshape(-1)
    counts, steps = (rows.size, columns.size), (_step(rows) * width, _step(columns))
    first = greater(0, -(columns[0] // along))
    end = greater(first, lesser(size, (width - 1 - columns[-1]) // along + 1))
    for image in range(x.shape[0]):
        for i in range(out.shape[1]):
            y = i * down
            inside = y + rows[0] >= 0 and y + rows[-1] < height
            j = 0
            while j < size:
                if inside and first <= j < end and end - first >= _SOME:
                    j = lesser(j, end - _SOME)  # the last ones, some of them once more
                    at = (image * height + y + rows[0]) * width + j * along + columns[0]
                    _greatest(flat, at, along, counts, steps, to, (image * out.shape[1] + i) * size + j, places)
                    j += _SOME
                else:
                    out[image, i, j], taken[image, i, j] = _one(x, image, y, j * along, rows, columns)
                    j += 1


@kernel(
    *(
        f"void({_image(dy)}, {_image(taken)}, {_WALK}, {dx}[:, :, ::1], boolean)"
        for dy, dx in (("float32", "float32"), ("float32", "float64"), ("float64", "float64"))
        for taken in _TAKEN
    )
)
def max_pool_back(dy, taken, rows, columns, down, along, dx, adding):
    """dx[the place taken] = dy; += where windows overlap, from the last one to the first: places in ascending order."""
    deep, wide = np.empty(rows.size * columns.size, np.int64), np.empty(rows.size * columns.size, np.int64)
    for a in range(rows.size):
        for b in range(columns.size):
            deep[a * columns.size + b], wide[a * columns.size + b] = rows[a], columns[b]
    for image in range(dx.shape[0]):
        for i in range(dy.shape[1] - 1, -1, -1):
            for j in range(dy.shape[2] - 1, -1, -1):
                place = np.uint64(taken[image, i, j])
                y, z = i * down + deep[place], j * along + wide[place]
                if 0 <= y < dx.shape[1] and 0 <= z < dx.shape[2]:
                    dx[image, y, z] = dx[image, y, z] + dy[image, i, j] if adding else dy[image, i, j]
