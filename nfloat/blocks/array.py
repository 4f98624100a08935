"""`BlockArray`: the codes and the scales of an array in a block format."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..errors import ArgumentError, ShapeError
from ..formats.blocks import BlockFormat, BlockFormatLike, get_block_format
from ..ops.blocks.layout import Axis, Layout, as_layout
from ..ops.codes import as_codes, decode, encode
from ..ops.packing import pack, unpack
from .layouts import blockwise, from_blockwise, swizzle, unswizzle


@dataclass(frozen=True, eq=False, repr=False)
class BlockArray:
    """An array in a block format: element codes, a scale for each block, and a scale for all. Made by `quantize`.

    Attributes
    ----------
    codes : ndarray of unsigned integers
        The elements, in the array's shape.
    scales : ndarray of float32 (float64 if that does not hold them)
        The blocks' scales: the array's shape, with the axis divided by the block and rounded up.
    tensor_scale : float
        The scale of the whole; 1.0 where the format has none.
    format : BlockFormat
    axis : int or pair or None
        The axis along which blocks lie (tiles: rows, columns); None for one block in all.
    dtype : dtype
        Of dequantised values: float32 or float64.

    Examples
    --------
    >>> import nfloat as nf
    >>> q = nf.quantize([[957.0, 1.0, -3.0]], nf.mxfp8_e4m3)
    >>> q
    BlockArray(mxfp8_e4m3, shape=(1, 3), axis=1, 1 scale of 2.0)
    >>> q.codes.tolist(), q.scales.tolist(), q.dequantize().tolist()
    ([[126, 48, 188]], [[2.0]], [[896.0, 1.0, -3.0]])
    """

    codes: NDArray[np.unsignedinteger]
    scales: NDArray[np.floating]
    tensor_scale: float
    format: BlockFormat
    axis: int | tuple[int, int] | None
    dtype: np.dtype

    # ------------------------------------------------------------ what it is
    @property
    def shape(self) -> tuple[int, ...]:
        """The elements' shape."""
        return self.codes.shape

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return self.codes.ndim

    @property
    def size(self) -> int:
        """How many elements there are."""
        return self.codes.size

    @property
    def nbytes(self) -> int:
        """How many bytes `to_bytes` gives."""
        f = self.format
        packed = -(-self.size * f.element.bits // 8) + -(-self.scales.size * f.scale.bits // 8)
        return packed + 4 * f.tensor_scale

    @property
    def scale_codes(self) -> NDArray[np.unsignedinteger]:
        """The scales' codes."""
        return np.asarray(encode(self.scales, self.format.scale))

    @property
    def elements(self) -> NDArray[np.floating]:
        """The elements' values, before any scale."""
        return np.asarray(decode(self.codes, self.format.element))

    @property
    def products(self) -> NDArray[np.float64]:
        """Scale times tensor scale of every element: exact, and broadcast to the array's shape."""
        d = self.scales.astype(np.float64) * self.tensor_scale
        return as_layout(self.shape, self.format, self.axis).broadcast(d)

    def dequantize(self, dtype: DTypeLike | None = None) -> NDArray[np.floating]:
        """Element times scale times tensor scale, exact, then rounded once to `dtype`: float32 or float64."""
        try:
            kind = self.dtype if dtype is None else np.dtype(dtype)
        except Exception:  # what an object's own methods raise
            kind = np.dtype(object)
        if kind not in (np.float32, np.float64):
            shown = repr(dtype) if isinstance(dtype, str | np.dtype) else f"<{type(dtype).__name__}>"
            raise ArgumentError(f"dtype={shown} must be float32 or float64; nf.round has all other formats")
        d = self.products
        with np.errstate(all="ignore"):  # float32 may overflow
            return np.where(np.isnan(d), np.nan, self.elements * d).astype(kind)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ArgumentError("copy=False: the values of a BlockArray are computed; use dequantize()")
        values = self.dequantize()
        return values if dtype is None else values.astype(dtype)

    # ------------------------------------------------------------ parts and views
    @property
    def T(self) -> BlockArray:  # noqa: N802 (NumPy's name)
        """The transpose: the blocks stay, along the axis that theirs becomes."""
        return self.transpose()

    def transpose(self, *axes: int) -> BlockArray:
        """The axes in another order (all of them, reversed by default); views, nothing is quantised again."""
        order = tuple(a % self.ndim for a in axes) if axes else tuple(reversed(range(self.ndim)))
        own = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        moved = tuple(None if a is None else order.index(a) for a in own)
        scales = self.scales.transpose(order) if self.scales.ndim else self.scales
        return self._with(self.codes.transpose(order), scales, moved if isinstance(self.axis, tuple) else moved[0])

    def __getitem__(self, index: Any) -> BlockArray:
        """Rows, columns, stacks: integers and slices. Along the blocks' axis only whole blocks."""
        index = index if isinstance(index, tuple) else (index,)
        at = next((place for place, i in enumerate(index) if i is Ellipsis), None)
        if at is not None:
            index = (*index[:at], *[slice(None)] * (self.ndim - len(index) + 1), *index[at + 1 :])
        index = (*index, *[slice(None)] * (self.ndim - len(index)))
        known = all(isinstance(i, (int, np.integer, slice)) and not isinstance(i, bool) for i in index)
        if len(index) != self.ndim or not known:
            raise ArgumentError(f"index {index!r}: a BlockArray {self.shape} takes integers and slices, one an axis")
        layout = as_layout(self.shape, self.format, self.axis)
        sizes = dict(zip(layout.axes, layout.sizes, strict=True))
        of_scales = [self._block_slice(i, axis, sizes.get(axis)) for axis, i in enumerate(index)]
        left = [axis for axis, i in enumerate(index) if isinstance(i, slice)]
        scales = self.scales[tuple(of_scales)] if layout.axes else self.scales
        own = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        moved = tuple(None if a is None else left.index(a) for a in own)
        return self._with(self.codes[index], scales, moved if isinstance(self.axis, tuple) else moved[0])

    def _block_slice(self, index: Any, axis: int, size: int | None) -> Any:
        """The scales that belong to an index along an axis, of blocks of `size` (None: the blocks lie along others)."""
        if size is None:
            return index
        start, stop, step = index.indices(self.shape[axis]) if isinstance(index, slice) else (0, 0, 0)
        if step != 1 or start % size or (stop % size and stop != self.shape[axis]):
            raise ArgumentError(
                f"index {index!r} along axis {axis} cuts a block; take whole blocks of {size}, or dequantize() first"
            )
        return slice(start // size, -(-max(stop, start) // size))

    def _with(self, codes: NDArray[Any], scales: NDArray[Any], axis: Any) -> BlockArray:
        return BlockArray(codes, scales, self.tensor_scale, self.format, axis, self.dtype)

    # ------------------------------------------------------------ bytes
    def to_bytes(self, *, swizzled: bool = False, gguf: bool = False) -> bytes:
        """The elements, packed; the scale codes; the tensor scale, as a float32 number.

        Bit order is little-endian: F4 lies two a byte, the first one low.

        `swizzled`: scales of 8 bits in the order of Blackwell's tensor cores; `gguf`: blocks of elements of 4 bits one
        after the other, each behind its scale, as GGUF files hold MXFP4 (``nfloat.blocks.layouts``).

        Raises
        ------
        ArgumentError
            If `gguf` is asked for and GGUF has no such layout: other formats, ragged blocks or ones along another axis.

        Examples
        --------
        >>> import numpy as np, nfloat as nf
        >>> q = nf.quantize(np.linspace(-6, 6, 32), nf.mxfp4)
        >>> q.to_bytes(gguf=True)[:4].hex(), q.to_bytes()[-1]
        ('7f0f1f2f', 127)
        """
        if gguf:
            _check_gguf(self.format, as_layout(self.shape, self.format, self.axis), swizzled)
            return blockwise(self.codes, self.scale_codes).tobytes()
        scales = swizzle(self.scale_codes) if swizzled else self.scale_codes
        end = np.array([self.tensor_scale], "<f4").tobytes() if self.format.tensor_scale else b""
        return pack(self.codes, self.format.element).tobytes() + pack(scales, self.format.scale).tobytes() + end

    @classmethod
    def from_bytes(
        cls,
        data: bytes,
        fmt: BlockFormatLike,
        shape: tuple[int, ...],
        *,
        axis: Axis = None,
        swizzled: bool = False,
        gguf: bool = False,
        dtype: DTypeLike = np.float32,
    ) -> BlockArray:
        """The array whose `to_bytes` these are.

        Raises
        ------
        ShapeError
            If the number of bytes is not that of the shape.
        ArgumentError
            If GGUF has no such layout, as for `to_bytes`.

        Examples
        --------
        >>> import numpy as np, nfloat as nf
        >>> q = nf.quantize(np.linspace(-1, 1, 40), nf.nvfp4)
        >>> bool(np.all(nf.BlockArray.from_bytes(q.to_bytes(), nf.nvfp4, (40,)).codes == q.codes))
        True
        """
        f, shape = get_block_format(fmt), tuple(shape)
        layout = as_layout(shape, f, axis)
        scale_shape = layout.scale_shape
        if gguf:
            _check_gguf(f, layout, swizzled)
            return cls.from_codes(*_gguf_codes(data, f, shape, layout), f, axis=axis, dtype=dtype)
        stored = swizzle(np.empty(scale_shape, np.uint8)).shape if swizzled else scale_shape
        first = -(-prod(shape) * f.element.bits // 8)
        second = first + -(-prod(stored) * f.scale.bits // 8)
        if len(data) != second + 4 * f.tensor_scale:
            raise ShapeError(
                f"data: {len(data)} bytes, but shape={shape} of {f.name} needs {second + 4 * f.tensor_scale}"
            )
        codes = unpack(np.frombuffer(data[:first], np.uint8), f.element, shape)
        scale_codes = unpack(np.frombuffer(data[first:second], np.uint8), f.scale, stored)
        if swizzled:
            scale_codes = unswizzle(scale_codes, scale_shape)
        t = float(np.frombuffer(data[second:], "<f4")[0]) if f.tensor_scale else 1.0
        return cls.from_codes(codes, scale_codes, f, tensor_scale=t, axis=axis, dtype=dtype)

    @classmethod
    def from_codes(
        cls,
        codes: ArrayLike,
        scale_codes: ArrayLike,
        fmt: BlockFormatLike,
        *,
        tensor_scale: float = 1.0,
        axis: Axis = None,
        dtype: DTypeLike = np.float32,
    ) -> BlockArray:
        """The array of these codes.

        Raises
        ------
        ShapeError
            If the scales' shape is not the array's with the axis divided by the block.
        ArgumentError
            If a code is none of its format's, or `tensor_scale` none that the format may have.
        """
        f = get_block_format(fmt)
        c, t = as_codes(codes, f.element, "codes"), _checked_tensor_scale(tensor_scale, f)
        layout = as_layout(c.shape, f, axis)
        scales = np.asarray(decode(scale_codes, f.scale))
        if scales.shape != layout.scale_shape:
            raise ShapeError(
                f"scale_codes {scales.shape} must have the shape {layout.scale_shape} for codes {c.shape} of {f.name}"
            )
        return cls(c, scales, t, f, own_axis(layout.axes), np.dtype(dtype))

    # ------------------------------------------------------------ as text
    def __repr__(self) -> str:
        tensor = f", tensor_scale={self.tensor_scale}" if self.format.tensor_scale else ""
        scales = _scales_in_words(self.scales)
        return f"BlockArray({self.format.name}, shape={self.shape}, axis={self.axis}, {scales}{tensor})"

    def _repr_html_(self) -> str:
        from .picture import array_html

        return array_html(self)


def _check_gguf(f: BlockFormat, layout: Layout, swizzled: bool) -> None:
    """Whether GGUF's blocks can hold an array: pairs of 4 bits, a scale of 8, whole blocks along the last axis."""
    wrong = None
    if swizzled or f.tensor_scale or (f.element.bits, f.scale.bits) != (4, 8):
        wrong = f"swizzled={swizzled} of {f.name}: it holds elements of 4 bits behind scales of 8, such as mxfp4's"
    elif layout.axes != (len(layout.shape) - 1,) or layout.n % layout.size or layout.size % 2:
        wrong = f"blocks of {layout.size} along axis {layout.axes} of {layout.shape}: they must fill the last axis"
    if wrong is not None:
        raise ArgumentError(f"gguf=True, {wrong}; leave it out")


def _gguf_codes(
    data: bytes, f: BlockFormat, shape: tuple[int, ...], layout: Layout
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Codes and scale codes from GGUF's blocks."""
    each, count = 1 + layout.size // 2, prod(layout.scale_shape)
    if len(data) != count * each:
        raise ShapeError(f"data: {len(data)} bytes, but shape={shape} of {f.name} needs {count * each}")
    codes, scales = from_blockwise(np.frombuffer(data, np.uint8).reshape(*layout.scale_shape, each))
    return codes.reshape(shape), scales


def _checked_tensor_scale(t: float, fmt: BlockFormat) -> float:
    """A tensor scale that a format may have: 1 where it has none; else what float32 holds, NaN too, but no sign."""
    if not fmt.tensor_scale and t != 1.0:
        raise ArgumentError(f"tensor_scale={t!r}: {fmt.name} has none; leave it out")
    with np.errstate(over="ignore"):
        known = not t < 0.0 and np.array_equal(np.float32(t), t, equal_nan=True)
    if not known:
        raise ArgumentError(f"tensor_scale={t!r} must be a float32 number that is not negative")
    return float(t)


def _scales_in_words(scales: NDArray[np.floating]) -> str:
    """How many there are, and the least and the greatest; of a block that is NaN it is NaN."""
    if not scales.size:
        return "no scales"
    numbers = scales[~np.isnan(scales)]
    low, high = (float(numbers.min()), float(numbers.max())) if numbers.size else (np.nan, np.nan)
    return f"1 scale of {low}" if scales.size == 1 else f"{scales.size} scales of {low} to {high}"


def own_axis(axes: tuple[int, ...]) -> int | tuple[int, int] | None:
    """A layout's axes as a `BlockArray` has them."""
    return None if not axes else axes[0] if len(axes) == 1 else (axes[0], axes[1])
