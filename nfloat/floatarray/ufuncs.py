"""Calls of NumPy's ufuncs on FloatArrays: which have a defined rounding, and how each is carried out.

`ARITHMETIC` and `FUNCTIONS` round once (``ops/compute.py``, ``ops/tables.py``); `EXACT` ones give values from which
the format's number follows without doubt (a negation, a maximum, a floor), brought to the format; `QUESTIONS` give
booleans. Every other ufunc raises: computing it in float64 and rounding that would be a second rounding nobody asked
for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, FormatError, ShapeError
from ..kernels.arithmetic.operations import Operation
from ..linalg.accumulators import Accumulator
from ..linalg.matmul import matmul
from ..ops.approximations import APPROXIMATIONS
from ..ops.compute import compute
from ..ops.direct_results import direct_members
from ..ops.operands import gather
from ..ops.tables import evaluate_members
from .rounded import RoundedValues, common, exactly, fresh_stream, is_written_out, operand

ARITHMETIC: dict[np.ufunc, Operation] = {
    np.add: Operation.ADD,
    np.subtract: Operation.SUBTRACT,
    np.multiply: Operation.MULTIPLY,
    np.divide: Operation.DIVIDE,
    np.sqrt: Operation.SQRT,
    np.reciprocal: Operation.RECIPROCAL,
    np.hypot: Operation.HYPOT,
    np.remainder: Operation.REMAINDER,
    np.fmod: Operation.FMOD,
}
#: the elementary functions that NumPy has too
FUNCTIONS: dict[np.ufunc, str] = {getattr(np, name): name for name in APPROXIMATIONS if hasattr(np, name)}
EXACT = frozenset(
    {
        np.negative,
        np.positive,
        np.absolute,
        np.fabs,
        np.sign,
        np.copysign,
        np.maximum,
        np.minimum,
        np.fmax,
        np.fmin,
        np.floor,
        np.ceil,
        np.trunc,
        np.rint,
        np.conjugate,
    }
)
QUESTIONS = frozenset(
    {
        np.equal,
        np.not_equal,
        np.less,
        np.less_equal,
        np.greater,
        np.greater_equal,
        np.isnan,
        np.isinf,
        np.isfinite,
        np.signbit,
        np.logical_and,
        np.logical_or,
        np.logical_xor,
        np.logical_not,
    }
)


def call(ufunc: np.ufunc, inputs: tuple[Any, ...], out: Any, where: Any) -> Any:
    """``ufunc(*inputs, out=out, where=where)``."""
    operands = list(inputs)
    check_mask(where, ufunc.__name__)
    if ufunc is np.square:
        ufunc, operands = np.multiply, [operands[0], operands[0]]
    if ufunc is np.float_power:
        ufunc = np.power
    if ufunc in QUESTIONS:
        return _question(ufunc, operands, out, where)
    first = common([*operands, *((out,) if isinstance(out, RoundedValues) else ())], ufunc.__name__)
    if where is not True and out is None:
        raise ArgumentError(f"{ufunc.__name__}: where= needs out=, since the other elements would be undefined")
    result = rounded_result(ufunc, operands, first)
    return result if out is None else write(ufunc.__name__, result, out, where)


def directly(ufunc: np.ufunc, x: Any, y: Any) -> Any:
    """``ufunc(x, y)`` of two small FloatArrays of one arithmetic, or one and a number; None: by the long way."""
    op = ARITHMETIC.get(ufunc)
    if op is None:
        return None
    if isinstance(x, RoundedValues):
        first, arithmetic = x, x._arithmetic
        if isinstance(y, RoundedValues):
            if y._arithmetic is not arithmetic:
                return None
            left, right = x._values, y._values
        elif type(y) is float and y:
            left = x._values
            right = np.full(left.shape, operand(y, x, ufunc.__name__), left.dtype)
        else:
            return None
    elif type(x) is float and x:
        first, arithmetic, right = y, y._arithmetic, y._values
        left = np.full(right.shape, operand(x, y, ufunc.__name__), right.dtype)
    else:
        return None
    if first._stream is not None:
        return None
    values = direct_members(op, left, right, arithmetic.rounder)
    return None if values is None else first.made(values)


def rounded_result(ufunc: np.ufunc, operands: list[Any], first: RoundedValues) -> Any:
    """The rounded result, as a new array.

    Raises
    ------
    ArgumentError
        If the ufunc has no defined rounding.
    """
    name = ufunc.__name__
    if ufunc is np.matmul:
        return multiply_matrices(operands, first)
    if ufunc in EXACT:
        values = [operand(x, first, name) for x in operands]
        return first.like(exactly(ufunc(*values), first._arithmetic))
    if ufunc not in ARITHMETIC and ufunc not in FUNCTIONS:
        raise no_rounding(ufunc)
    return carry_out(ARITHMETIC[ufunc] if ufunc in ARITHMETIC else FUNCTIONS[ufunc], name, operands, first)


#: SciPy's name of a function -> nfloat's
_SAME = {"expit": "sigmoid"}


def no_rounding(ufunc: np.ufunc) -> ArgumentError:
    """What a ufunc without a defined rounding gets: what to write instead, and what that is not."""
    name = ufunc.__name__
    own = _SAME.get(name, name)
    here = getattr(np, name, None) is ufunc
    full = f"np.{name}" if here else f"scipy.special.{name}"
    text = f"{full} has no defined rounding for a FloatArray"
    if not here and own in APPROXIMATIONS:
        return ArgumentError(f"{text}; nf.{own}(a) rounds the exact result once")
    plain = ", ".join(f"np.asarray({x}, float)" for x in "abcd"[: ufunc.nin])
    if any(kinds.startswith("d" * ufunc.nin + "->") for kinds in ufunc.types):
        values = f"{full}({plain})"
        rounded = f"nf.array({values}, a.format)" if ufunc.nout == 1 else f"{values}, and nf.array of each result"
        return ArgumentError(f"{text}, and nfloat has no exact one; in float64 and rounded again it is {rounded}")
    if any(kinds.startswith("L" * ufunc.nin + "->") for kinds in ufunc.types):
        codes = ", ".join(f"{x}.codes" for x in "abcd"[: ufunc.nin])
        return ArgumentError(f"{text}; on its bit patterns it is {full}({codes})")
    return ArgumentError(f"{text}: it takes other kinds of numbers; np.asarray(a) gives the values")


def operate(operation: Operation | str, operands: list[Any]) -> Any:
    """`nf.add` and all its kind where an operand is a FloatArray: the same as NumPy's ufunc, if there is one."""
    name = operation.name.lower() if isinstance(operation, Operation) else operation
    return carry_out(operation, name, operands, common(operands, name))


def carry_out(operation: Operation | str, name: str, operands: list[Any], first: RoundedValues) -> Any:
    """An operation of arithmetic, or the elementary function of a name, rounded once."""
    how = first._arithmetic.rounder
    stream = fresh_stream(name, *operands)
    # a number beside it is one of the carrier's, so that nothing asks again whether it fits
    dtype = first._values.dtype
    given = gather(
        [(f"x{i}", np.asarray(operand(x, first, name), dtype)) for i, x in enumerate(operands, 1)], single=how.single
    )
    if isinstance(operation, Operation):
        flat = compute(operation, given.arrays, given.size, how, how.key(stream), members=True)
    else:
        flat = evaluate_members(operation, given.arrays, given.size, how, how.key(stream))
    return first.like(flat.reshape(given.shape), stream)


def multiply_matrices(operands: list[Any], first: RoundedValues) -> Any:
    """a @ b: every element a fused sequential sum in the array's format and rounding (`nf.matmul` has the others)."""
    a = first._arithmetic
    accumulator = Accumulator(a.format, rounding=a.rounding, overflow=a.overflow, random_bits=a.random_bits)
    stream = fresh_stream("matmul", *operands)
    x, y = (operand(v, first, "matmul") for v in operands)
    return first.like(np.asarray(matmul(x, y, accumulator, seed=stream), dtype=first._values.dtype), stream)


def _question(ufunc: np.ufunc, operands: list[Any], out: Any, where: Any) -> NDArray[np.bool_] | np.bool_:
    """A comparison or predicate: exact, also between formats and with arrays; numbers beside it are rounded."""
    if isinstance(out, RoundedValues):
        raise ArgumentError(f"{ufunc.__name__}: out= must be an array of booleans")
    if where is not True and out is None:
        raise ArgumentError(f"{ufunc.__name__}: where= needs out=, since the other elements would be undefined")
    first = next(x for x in operands if isinstance(x, RoundedValues))
    if ufunc in (np.equal, np.not_equal) and any(isinstance(x, (str, bytes)) for x in operands):
        return np.full(first._values.shape, ufunc is np.not_equal)[()]  # no number is a text, as in NumPy
    values = [_compared(x, first) for x in operands]
    return ufunc(*values) if out is None else ufunc(*values, out=out, where=where)


def _compared(x: Any, first: RoundedValues) -> Any:
    if isinstance(x, RoundedValues):
        return x._values
    return operand(x, first, "comparison") if is_written_out(x) else x


def check_mask(where: Any, name: str) -> None:
    """Refuse a FloatArray as a mask.

    Raises
    ------
    ArgumentError
        If `where` is one.
    """
    if isinstance(where, RoundedValues):
        raise ArgumentError(f"{name}: where= is a FloatArray, and must be booleans; pass mask != 0")


def write(name: str, result: RoundedValues, out: Any, where: Any, *, whole: bool = False) -> Any:
    """A result into `out`: an array of the same format, or a NumPy array that holds its values; `whole`: of its shape.

    Raises
    ------
    FormatError, ArgumentError
        If `out` cannot hold them.
    """
    if not isinstance(out, (RoundedValues, np.ndarray)):
        raise ArgumentError(f"{name}: out= is a {type(out).__name__}; pass a FloatArray or a float array")
    target = out._values if isinstance(out, RoundedValues) else out
    values = result._values
    if not isinstance(out, RoundedValues):
        if target.dtype.kind != "f":
            raise ArgumentError(
                f"{name}: out= of dtype {target.dtype} cannot hold rounded results; pass a FloatArray or a float array"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            narrow = values.astype(target.dtype)
        if ((narrow != values) & (values == values)).any():
            raise FormatError(
                f"{name}: out= of dtype {target.dtype} does not hold all numbers of {result._arithmetic.format.name}"
            )
    if values.shape != target.shape and (whole or not _broadcasts(values.shape, target.shape)):
        raise ShapeError(f"{name}: the result {values.shape} does not fit out= of shape {target.shape}")
    np.copyto(target, values, where=where, casting="same_kind")
    if isinstance(out, RoundedValues):
        out._stream = result._stream
    return out


def _broadcasts(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, target) == target
    except ValueError:
        return False
