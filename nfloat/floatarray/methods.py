"""What makes FloatArray look like an ndarray: shape, elements, text, and NumPy's functions as methods.

A mixin of FloatArray, whose attributes it uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..cards import card, table

#: rows and columns of a card
_SHOWN = 8


class ArrayMethods:
    """``a.sum(...)`` is ``np.sum(a, ...)`` and so on; the rules are those of the functions."""

    __slots__ = ()

    # ------------------------------------------------------------ as a container
    @property
    def shape(self: Any) -> tuple[int, ...]:
        """As NumPy's."""
        return self._values.shape

    @property
    def ndim(self: Any) -> int:
        """As NumPy's."""
        return self._values.ndim

    @property
    def size(self: Any) -> int:
        """As NumPy's."""
        return self._values.size

    @property
    def dtype(self: Any) -> np.dtype:
        """The carrier's dtype, that of `values`; the format is `format`."""
        return self._values.dtype

    @property
    def T(self: Any) -> Any:  # noqa: N802 (NumPy's name)
        """The transpose, a view."""
        return self.like(self._values.T)

    @property
    def mT(self: Any) -> Any:  # noqa: N802 (NumPy's name)
        """The last two axes exchanged, a view."""
        return np.matrix_transpose(self)

    @property
    def nbytes(self: Any) -> int:
        """Bytes of the carrier."""
        return self._values.nbytes

    def __len__(self: Any) -> int:
        return len(self._values)

    def __iter__(self: Any) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __contains__(self: Any, value: Any) -> bool:
        return bool(np.any(self == value))

    def __complex__(self: Any) -> complex:
        return complex(self._values)

    def __float__(self: Any) -> float:
        return float(self._values)

    def __int__(self: Any) -> int:
        return int(self._values)

    def __bool__(self: Any) -> bool:
        return bool(self._values)

    def item(self: Any, *index: int) -> float:
        """One element as a Python float."""
        return self._values.item(*index)

    def tolist(self: Any) -> Any:
        """The values as Python floats in nested lists."""
        return self._values.tolist()

    def __repr__(self: Any) -> str:
        body = np.array2string(self._values, separator=", ", prefix="FloatArray(", threshold=200)
        return f"FloatArray({body}, {self._arithmetic.describe()})"

    def _repr_html_(self: Any) -> str:
        """The first rows and columns as a table, under what rounds them; of one number its bits."""
        head = f"FloatArray {self.shape}: {self._arithmetic.describe()}"
        rows = self._values.reshape(-1, self.shape[-1]) if self.ndim else self._values.reshape(1, 1)
        shown = [[f"{value:.6g}" for value in row[:_SHOWN]] for row in rows[:_SHOWN]]
        more = rows.shape[0] > _SHOWN or rows.shape[1] > _SHOWN
        left = f"the first {_SHOWN} rows and columns of {self.size} elements" if more else ""
        return card(head, (), picture=self._bit_picture() + table((), shown), note=left)

    def _bit_picture(self: Any) -> str:
        """The bits of the only element, and how they are read; empty for more, and for a NaN without a code."""
        from ..pictures.bits import bit_svg, meaning  # for notebooks alone

        if self.size != 1 or not (self.format.has_nan or np.isfinite(self._values).all()):
            return ""
        code = int(self.codes.item())
        return f"<br>{bit_svg(self.format, code)}<br><code>{meaning(self.format, code)}</code>"

    def __str__(self: Any) -> str:
        return str(self._values)

    def __format__(self: Any, spec: str) -> str:
        return format(float(self), spec) if spec and self.ndim == 0 else format(str(self), spec)

    # ------------------------------------------------------------ functions

    def sum(self: Any, axis: Any = None, *, keepdims: bool = False, out: Any = None, **more: Any) -> Any:
        """The sequential sum, every step rounded (`nf.sum` has other orders)."""
        return np.sum(self, axis=axis, keepdims=keepdims, out=out, **more)

    def prod(self: Any, axis: Any = None, *, keepdims: bool = False, out: Any = None, **more: Any) -> Any:
        """The sequential product, every step rounded."""
        return np.prod(self, axis=axis, keepdims=keepdims, out=out, **more)

    def mean(self: Any, axis: Any = None, *, keepdims: bool = False, **more: Any) -> Any:
        """The rounded sum over the number of elements, rounded again."""
        return np.mean(self, axis=axis, keepdims=keepdims, **more)

    def var(self: Any, axis: Any = None, *, ddof: int = 0, keepdims: Any = False) -> Any:
        """The variance in two passes, every step rounded."""
        return np.var(self, axis=axis, ddof=ddof, keepdims=keepdims)

    def std(self: Any, axis: Any = None, *, ddof: int = 0, keepdims: Any = False) -> Any:
        """The rounded root of the variance."""
        return np.std(self, axis=axis, ddof=ddof, keepdims=keepdims)

    def round(self: Any, decimals: int = 0) -> Any:
        """To so many decimals, then once to the format."""
        return np.round(self, decimals)

    def cumsum(self: Any, axis: int | None = None, *, out: Any = None) -> Any:
        """Every partial sum, each rounded."""
        return np.cumsum(self, axis=axis, out=out)

    def cumprod(self: Any, axis: int | None = None, *, out: Any = None) -> Any:
        """Every partial product, each rounded."""
        return np.cumprod(self, axis=axis, out=out)

    def max(self: Any, axis: Any = None, *, keepdims: bool = False, **more: Any) -> Any:
        """The largest element."""
        return np.max(self, axis=axis, keepdims=keepdims, **more)

    def min(self: Any, axis: Any = None, *, keepdims: bool = False, **more: Any) -> Any:
        """The smallest element."""
        return np.min(self, axis=axis, keepdims=keepdims, **more)

    def argmax(self: Any, axis: int | None = None, **more: Any) -> Any:
        """Where the largest element is."""
        return np.argmax(self, axis=axis, **more)

    def argmin(self: Any, axis: int | None = None, **more: Any) -> Any:
        """Where the smallest element is."""
        return np.argmin(self, axis=axis, **more)

    def argsort(self: Any, axis: int = -1, **more: Any) -> Any:
        """The order of the elements."""
        return np.argsort(self, axis=axis, **more)

    def nonzero(self: Any) -> Any:
        """Where elements are not zero."""
        return np.nonzero(self)

    def any(self: Any, axis: Any = None, **more: Any) -> Any:
        """Whether some element is not zero."""
        return np.any(self, axis=axis, **more)

    def all(self: Any, axis: Any = None, **more: Any) -> Any:
        """Whether no element is zero."""
        return np.all(self, axis=axis, **more)

    def clip(self: Any, min: Any = None, max: Any = None) -> Any:
        """Elements brought into an interval whose ends are operands like any other."""
        return np.clip(self, min, max)

    def fill(self: Any, value: Any) -> None:
        """Assign one number, rounded, to every element."""
        self[...] = value

    def sort(self: Any, axis: int = -1) -> None:
        """Sort in place."""
        self._values.sort(axis=axis)

    def dot(self: Any, other: Any) -> Any:
        """np.dot: fused sequential sums."""
        return np.dot(self, other)

    def reshape(self: Any, *shape: Any, order: Any = "C") -> Any:
        """The same numbers in another shape, a view where possible."""
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)

    def ravel(self: Any, order: Any = "C") -> Any:
        """One dimension, a view where possible."""
        return np.ravel(self, order=order)

    def flatten(self: Any, order: Any = "C") -> Any:
        """One dimension, always a copy."""
        return np.ravel(self, order=order).copy()

    def transpose(self: Any, *axes: Any) -> Any:
        """The axes reversed or permuted, a view."""
        return np.transpose(self, (axes[0] if len(axes) == 1 else axes) or None)

    def swapaxes(self: Any, axis1: int, axis2: int) -> Any:
        """Two axes exchanged, a view."""
        return np.swapaxes(self, axis1, axis2)

    def squeeze(self: Any, axis: Any = None) -> Any:
        """Without axes of length one, a view."""
        return np.squeeze(self, axis=axis)

    def take(self: Any, indices: Any, axis: int | None = None) -> Any:
        """Elements by number."""
        return np.take(self, indices, axis=axis)

    def repeat(self: Any, repeats: Any, axis: int | None = None) -> Any:
        """Elements repeated."""
        return np.repeat(self, repeats, axis=axis)
