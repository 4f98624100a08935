"""`FloatArray` and `array`: an array that knows its format, and computes in it.

The rules (what may be mixed, where random bits come from) are in ``rounded.py``.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..errors import ArgumentError, FormatError, ShapeError
from ..formats.format import Format
from ..formats.names import FormatLike, get_format
from ..formats.rounding import (
    Overflow,
    OverflowLike,
    Rounding,
    RoundingLike,
    as_overflow,
    as_rounding,
    check_random_bits,
)
from ..kernels.arithmetic.operations import Operation
from ..linalg.algorithms.calculation import Given
from ..ops.codes import decode, encode
from ..ops.exact_numbers import rounded_numbers
from ..ops.watching import WATCHER, watched
from ..streams import SeedLike, Stream
from . import folds, functions, ufuncs
from .dtypes import named_format
from .float64 import by_nfloat, by_numpy
from .foreign import refuse_foreign_arithmetic
from .methods import ArrayMethods
from .rounded import (
    Arithmetic,
    RoundedValues,
    carrier,
    common,
    fresh_stream,
    name_of,
    operand,
    shared_arithmetic,
)

_UNCHANGED = object()


class FloatArray(NDArrayOperatorsMixin, ArrayMethods, RoundedValues):
    """An array of numbers of one format; NumPy's ufuncs and operators on it round every result to the format, once.

    Made by `array`. Indexing gives FloatArrays (a single element is one of no dimensions); **assignment rounds** what
    is assigned, as NumPy's does. ``np.asarray(a)`` gives the values. Comparisons give booleans. Sums
    (``np.add.reduce``, ``a.sum()``) are sequential, every step rounded; ``a @ b`` sums fused and sequentially;
    `nf.sum`, `nf.dot` and `nf.matmul` have the other orders. Beside it stand numbers of any kind, which are rounded to
    the format, and arrays of dtypes with numbers of the format only (``rounded.py`` has the rule). `nf.save`,
    `nf.load`, ``np.save`` and pickles keep everything; ``np.load`` gives the values.

    A ufunc or function without a defined rounding raises `ArgumentError`; mixing formats raises `FormatError` and
    names the cast.

    Attributes
    ----------
    values : ndarray
        The numbers, read-only: float32 if the format fits it, else float64.
    codes : ndarray
        Their bit patterns.
    format, rounding, overflow, random_bits
        How results are rounded.
    stream : Stream or None
        What random bits are derived from.

    Examples
    --------
    >>> import nfloat as nf
    >>> import numpy as np
    >>> a = nf.array([0.1, 256.0], "bfloat16")
    >>> a + 1
    FloatArray([  1.1015625, 256.       ], format='bfloat16', rounding='nearest_even')
    >>> np.add.reduce(nf.array(np.ones(4096), "float16"))
    FloatArray(2048., format='float16', rounding='nearest_even')
    """

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    # ------------------------------------------------------------ what it is
    @property
    def values(self) -> NDArray[np.floating]:
        """The numbers, as a read-only array."""
        view = self._values.view()
        view.flags.writeable = False
        return view

    @property
    def codes(self) -> NDArray[np.unsignedinteger]:
        """The bit patterns, in the smallest unsigned dtype."""
        return np.asarray(encode(self._values, self.format))

    @property
    def format(self) -> Format:
        """The number format."""
        return self._arithmetic.format

    @property
    def rounding(self) -> Rounding:
        """The rounding mode of results."""
        return self._arithmetic.rounding

    @property
    def overflow(self) -> Overflow | None:
        """The overflow policy of results; None: the format's own."""
        return self._arithmetic.overflow

    @property
    def random_bits(self) -> int | None:
        """N of stochastic_a, _b, _c."""
        return self._arithmetic.random_bits

    @property
    def stream(self) -> Stream | None:
        """The stream that random bits are derived from, for stochastic modes."""
        return self._stream

    # ------------------------------------------------------------ casts and copies
    def astype(
        self,
        fmt: FormatLike | DTypeLike,
        rounding: RoundingLike | None = None,
        *,
        overflow: Any = _UNCHANGED,
        random_bits: Any = _UNCHANGED,
        seed: SeedLike | None = None,
    ) -> Any:
        """The values rounded to another format (or mode), once, by the new arithmetic.

        What is not given stays as it is. A float dtype of NumPy's or ml_dtypes' names the format of its numbers; any
        other dtype (integers, booleans, complex) gives NumPy's own cast of the values, a plain array.

        Raises
        ------
        FormatError, RoundingError, SeedError
            As in `array`.
        ArgumentError
            If a way of rounding goes with a dtype that has no format.

        Examples
        --------
        >>> import nfloat as nf
        >>> nf.array([0.1], "float16").astype("float8_e5m2")
        FloatArray([0.09375], format='float8_e5m2', rounding='nearest_even')
        >>> import numpy as np
        >>> nf.array([2.5], "float16").astype(np.float32), nf.array([2.5], "float16").astype(int)
        (FloatArray([2.5], format='float32', rounding='nearest_even'), array([2]))
        """
        if isinstance(fmt, (type, np.dtype)):
            named = named_format(_as_dtype(fmt))
            if named is None:
                return self._plainly(fmt, (rounding, random_bits, overflow), seed)
            fmt = named
        mode = self.rounding if rounding is None else as_rounding(rounding)
        kept = self.random_bits if mode.needs_random_bits else None
        return array(
            self._values,
            fmt,  # type: ignore[arg-type]
            mode,
            overflow=self.overflow if overflow is _UNCHANGED else overflow,
            random_bits=kept if random_bits is _UNCHANGED else random_bits,
            seed=self._stream.child("astype") if seed is None and self._stream is not None else seed,
        )

    def _plainly(self, dtype: Any, given: tuple[Any, ...], seed: SeedLike | None) -> NDArray[Any]:
        if seed is not None or any(x is not None and x is not _UNCHANGED for x in given):
            raise ArgumentError(
                f"fmt={dtype!r} has no format here, so NumPy casts the values and no rounding goes with it; name a "
                "format"
            )
        return self._values.astype(dtype)

    def replace(
        self,
        *,
        rounding: RoundingLike | None = None,
        overflow: Any = _UNCHANGED,
        random_bits: Any = _UNCHANGED,
        seed: SeedLike | None = None,
    ) -> FloatArray:
        """The same numbers (a view) with another arithmetic: only what later operations do changes."""
        mode = self.rounding if rounding is None else as_rounding(rounding)
        policy = self.overflow if overflow is _UNCHANGED else as_overflow(overflow)
        bits = (self.random_bits if mode.needs_random_bits else None) if random_bits is _UNCHANGED else random_bits
        arithmetic = Arithmetic(self.format, mode, policy, bits)
        _ = arithmetic.rounder  # raises if they do not fit together
        return FloatArray(self._values, arithmetic, self._stream if seed is None else _as_stream(seed))

    def copy(self, order: Any = "C") -> FloatArray:
        """A copy with values of its own."""
        return self.like(self._values.copy(order=order))

    def __copy__(self) -> FloatArray:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> FloatArray:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return FloatArray, (self._values, self._arithmetic, self._stream)

    # ------------------------------------------------------------ NumPy's protocols
    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        refuse_foreign_arithmetic(sys._getframe(1))
        values = self.values if copy is not True else self._values.copy()
        if dtype is None or dtype == values.dtype:
            return values
        if copy is False:
            raise ArgumentError(f"copy=False: the values are {values.dtype}, and as {np.dtype(dtype)} they are a copy")
        return values.astype(dtype)

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, where: Any = True, **kwargs: Any
    ) -> Any:
        if WATCHER.get() is not None:
            given = {"out": out, "where": where, **kwargs}
            compute = partial(self.__array_ufunc__, ufunc, method, *inputs, **given)
            name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
            return watched(name, self.format.name, compute, partial(by_numpy, getattr(ufunc, method), inputs, kwargs))
        if out is None and where is True and method == "__call__" and not kwargs and len(inputs) == 2:
            result = ufuncs.directly(ufunc, *inputs)
            if result is not None:
                return result
        with np.errstate(invalid="ignore"):  # a signalling NaN would warn
            return self._ufunc(ufunc, method, inputs, out[0] if isinstance(out, tuple) else out, where, kwargs)

    def __nfloat_operation__(self, operation: Operation | str, operands: list[Any]) -> FloatArray:
        """`nf.add(a, b)`, `nf.gelu(a)`, ... without a format (``ops/operands.py``)."""
        if WATCHER.get() is not None:
            compute = partial(self.__nfloat_operation__, operation, operands)
            exact = partial(by_nfloat, operation, operands)
            name = operation if isinstance(operation, str) else operation.name.lower()
            return watched(name, self.format.name, compute, exact)
        with np.errstate(invalid="ignore"):  # a signalling NaN would warn
            result: FloatArray = ufuncs.operate(operation, operands)
            return result

    def __nfloat_calculation__(self, name: str, operands: list[Any]) -> Given:
        """`nf.linalg.solve` and its kind without a format (``linalg/algorithms/calculation.py``)."""
        first, stream = common(operands, name), fresh_stream(name, *operands)
        a, dtype = first._arithmetic, first._values.dtype
        values = [np.asarray(operand(x, first, name), dtype) for x in operands]
        return Given(values, a.rounder, a.overflow, a.random_bits, stream, lambda x: first.like(x, stream))

    @staticmethod
    def _ufunc(
        ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], target: Any, where: Any, kwargs: dict[str, Any]
    ) -> Any:
        if method == "reduce":
            return folds.reduce(ufunc, inputs[0], out=target, where=where, **kwargs)
        if method == "accumulate":
            return folds.accumulate(ufunc, inputs[0], out=target, **kwargs)
        if method == "at":
            return folds.at(ufunc, *inputs)
        if kwargs or method not in ("__call__", "outer"):
            unknown = method if method not in ("__call__", "outer") else ", ".join(f"{k}=" for k in kwargs)
            raise ArgumentError(f"np.{ufunc.__name__}: {unknown} is not defined for a FloatArray")
        if method == "outer":
            return folds.outer(ufunc, inputs[0], inputs[1], target, where)
        return ufuncs.call(ufunc, inputs, target, where)

    def __array_function__(self, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if WATCHER.get() is not None:
            compute = partial(self.__array_function__, func, types, args, kwargs)
            return watched(func.__name__, self.format.name, compute, partial(by_numpy, func, args, kwargs))
        with np.errstate(invalid="ignore"):
            return functions.call(func, args, kwargs)

    # ------------------------------------------------------------ as a container
    def __getitem__(self, index: Any) -> FloatArray:
        values = self._values[index]
        stream = None if self._stream is None else self._stream.child("item", name_of(index, self._values.shape))
        return self.like(values, stream)

    def __setitem__(self, index: Any, value: ArrayLike) -> None:
        a, stream = (
            self._arithmetic,
            None
            if self._stream is None
            else Stream(self._stream.child("assign", name_of(index, self._values.shape)).key),
        )
        given = value._values if isinstance(value, RoundedValues) else value
        if stream is not None:  # every element draws its own bits, also where one number is assigned to many
            given = np.broadcast_to(given, self._values[index].shape)
        rounded = rounded_numbers(given, "value", a.rounder, a.rounder.key(stream))
        try:
            with np.errstate(invalid="ignore"):
                self._values[index] = rounded
        except ValueError:
            where = self._values[index].shape
            raise ShapeError(
                f"value of shape {rounded.shape} does not fit the {where} elements that it is assigned to"
            ) from None
        self._stream = stream


def array(
    x: ArrayLike,
    fmt: FormatLike,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> FloatArray:
    """`x` rounded to a format, as an array that goes on computing in it.

    Parameters
    ----------
    x : array_like or FloatArray
        Real numbers; rounded once, by this arithmetic. Always copied.
    fmt, rounding, overflow, random_bits
        As in `round`; they are also the arithmetic of everything computed from the array.
    seed : int or Stream, optional
        Needed by stochastic modes. What is computed from the array draws from streams derived from it: give arrays
        that meet in one computation different seeds (``nf.Stream(0).child("weights")``), or their roundings use the
        same bits.

    Returns
    -------
    FloatArray

    Raises
    ------
    FormatError, RoundingError, SeedError, ArgumentError
        Each names the argument, its value and what is allowed.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.array([1, 300, 1000], "float8_e4m3fn", overflow="saturate")
    FloatArray([  1., 288., 448.], format='float8_e4m3fn', rounding='nearest_even', overflow='saturate')
    """
    mode = as_rounding(rounding)
    bits = check_random_bits(mode, random_bits)
    arithmetic = shared_arithmetic(get_format(fmt), mode, as_overflow(overflow), bits or None)
    how = arithmetic.rounder
    stream = _as_stream(seed) if how.stochastic else None
    given = x._values if isinstance(x, RoundedValues) else x
    rounded = rounded_numbers(given, "x", how, how.key(None if stream is None else stream.child("array")))
    with np.errstate(invalid="ignore"):  # a signalling NaN would warn
        return FloatArray(rounded.astype(carrier(arithmetic), copy=False), arithmetic, stream)


def from_codes(
    codes: ArrayLike,
    fmt: FormatLike,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> FloatArray:
    """The FloatArray whose codes these are: `array` of ``nf.decode(codes, fmt)``.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.from_codes([0x7E, 0x81], "float8_e4m3fn")
    FloatArray([ 4.480000e+02, -1.953125e-03], format='float8_e4m3fn', rounding='nearest_even')
    """
    return array(decode(codes, fmt), fmt, rounding, overflow=overflow, random_bits=random_bits, seed=seed)


def _as_dtype(dtype: Any) -> np.dtype:
    """A dtype, or a class that stands for one: others are objects to NumPy."""
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found.kind == "O" and dtype is not object and not isinstance(dtype, np.dtype):
        raise FormatError(f"fmt={dtype!r} is neither a format nor a dtype")
    return found


def _as_stream(seed: SeedLike | None) -> Stream | None:
    return seed if seed is None or isinstance(seed, Stream) else Stream(seed)
