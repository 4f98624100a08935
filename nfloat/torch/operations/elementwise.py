"""+, -, *, /, square root; and the functions that `nfloat.nn` has: each from the stored operands, rounded once.

Where the recipe stores results of that part in the tensors' own type, the hardware's one operation is that rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from ...formats.format import Format
from ...formats.rounding import Overflow, Rounding
from ...nn.ops import OPS
from ...nn.precision import Floats
from ...nn.recipes import Cast, Recipe
from ..known import ROLES, WEIGHTS, Kind, Known, bits
from ..machine import Machine
from ..parts import Part
from ..plans import Call, Planned, planned
from ..refusals import check_number
from ..tensors import elements, is_float, name_of, number_by_number, pair_by_pair
from .table import row
from .wide import wide

#: name of the operation -> NumPy's function
_BINARY: dict[str, Callable[..., Floats]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
}  # fmt: skip


def _binary(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of x + y, x - y, x y, x / y."""
    rest, known = call.rest, call.known
    if len(known) + len(rest) != 2 or type(rest[0] if rest else 0) not in (int, float):
        return None
    dtype, carrier = call.tensors[0].dtype, machine.p.carrier
    native = machine.exact_in(dtype, part)
    if native and not any([k.bit & _READ for k in known]):
        return Planned(call.operation, dtype, own=(part.layer, part.kind.name.lower(), name_of(dtype)))
    single = native or _in_single(machine, part, known, {})
    function, typed = _BINARY[machine.trace.operation], carrier if single else np.dtype(np.float64)

    def values(x: Floats, y: Any) -> Floats:
        if rest:
            return function(x.astype(typed, copy=False), typed.type(carrier.type(y)))
        return _of_two(function, x, y, typed)

    return Planned(values, dtype)


def _of_two(function: Callable[..., Floats], x: Floats, y: Floats, dtype: np.dtype[Any]) -> Floats:
    """A function of two arrays, in a type; where they lie in different orders, the result lies as the first."""
    x, y = x.astype(dtype, copy=False), y.astype(dtype, copy=False)  # in pieces NumPy takes twice as long to convert
    if x.strides != y.strides and x.shape == y.shape and 0 not in x.strides:
        return function(x, y, out=np.empty_like(x))
    return function(x, y)


def _reduced_later(part: Part, known: list[Known], size: int) -> bool:
    """Whether this product of a gradient is to be summed over what was repeated, as the gradient of a parameter is."""
    if part.origin is None or any([k.bit & WEIGHTS for k in known]):
        return False
    origin = part.origin
    return any([k.bit & WEIGHTS and n < size for k, n in zip(origin.operands, origin.counts, strict=True)])


@row("add.Tensor", "sub.Tensor", "mul.Tensor", "div.Tensor", "add.Scalar", "sub.Scalar", "mul.Scalar", "div.Scalar")
@planned(_binary, unless=_reduced_later)
def binary(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """x + y, x - y, x y, x / y; scalars are numbers of the carrier."""
    tensors = [t for t in args[:2] if isinstance(t, torch.Tensor)]
    real = [is_float(t) for t in tensors]
    if not all(real):
        return wide(machine, operation, args, kwargs) if any(real) else operation(*args, **kwargs)
    if len(tensors) == 1:
        check_number(args[1] if args[0] is tensors[0] else args[0], machine.trace.operation)
    known, counts, dtype = machine.operands(tensors), [t.numel() for t in tensors], tensors[0].dtype
    size = counts[0] if len(tensors) == 1 else elements(*tensors)
    part = machine.part(known, counts, size)
    native = not kwargs and tensors[-1].dtype is dtype and machine.exact_in(dtype, part)
    if native and not any([k.bit & _READ for k in known]):
        machine.trace.count(part.layer, part.kind.name.lower(), name_of(dtype), "", size)
        return machine.learned(operation(*args), part)
    later = part.backward and part.kind is Kind.GRADIENT and _reduced_later(part, known, size)
    single = native or (not later and _in_single(machine, part, known, kwargs))
    if len(tensors) == 2:
        x, y = (machine.read(t, k) for t, k in zip(tensors, known, strict=True))
        dtype = dtype if tensors[1].dtype is dtype else torch.result_type(*tensors)
    else:
        x, y = (machine.read(a, known[0]) if a is tensors[0] else machine.p.carrier.type(a) for a in args[:2])
    values = _scaled(machine, x, y, kwargs, single)
    found = machine.result(values, part, dtype)
    if later:
        machine.known(found).wide = values
    return found


#: kinds that are read otherwise than they lie in memory
_READ = bits(Kind.OUTSIDE, Kind.PARAMETER)


def _scaled(machine: Machine, x: Any, y: Any, kwargs: dict[str, Any], single: bool) -> Floats:
    """The result in float64; in the carrier where that changes no bit."""
    alpha = kwargs.get("alpha", 1)
    if alpha != 1:
        y = np.multiply(y, machine.p.carrier.type(alpha), dtype=np.float64)
    function = _BINARY[machine.trace.operation]
    dtype = machine.p.carrier if single and alpha == 1 else np.dtype(np.float64)
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        return _of_two(function, x, y, dtype)
    return function(x, y, dtype=dtype)


def _in_single(machine: Machine, part: Part, known: list[Known], kwargs: dict[str, Any]) -> bool:
    """Whether float32 may form a sum, a difference or a product of two short numbers before it is rounded."""
    if len(known) < 2 or kwargs or machine.books or machine.stepping:
        return False
    key = machine.trace.operation, part.kind, known[0].kind, known[1].kind
    found = machine.ways.single.get(key)
    if found is None:
        found = machine.ways.single[key] = _innocuous(machine.p.recipe, *key)
    return found


def _innocuous(recipe: Recipe, operation: str, result: Kind, *operands: Kind) -> bool:
    if recipe.layers or recipe.carrier != np.float32 or result not in (Kind.ACTIVATION, Kind.GRADIENT):
        return False
    cast: Cast = getattr(recipe, ROLES[result].field)
    casts = [recipe.activation_gradients if kind is Kind.GRADIENT else recipe.activations for kind in operands]
    nearest = cast.rounding is Rounding.NEAREST_EVEN and cast.overflow is None
    if not nearest or any([kind not in _SHORT for kind in operands]):
        return False
    return innocuous(operation, casts[0].format, casts[1].format, cast.format)


#: kinds that are read as numbers of a format of the recipe's: what comes from outside enters as an activation
_SHORT = (Kind.ACTIVATION, Kind.GRADIENT, Kind.OUTSIDE)


@lru_cache(maxsize=256)
def innocuous(operation: str, x: Format, y: Format, result: Format) -> bool:
    """Whether x + y, x - y or x y of numbers of two formats may be rounded to float32 before it is to the result's.

    To nearest both times. Sums: of one format of up to 11 bits, since 24 >= 2 p + 2 (Figueroa 1995); those below
    float32's normal range are exact. Products have p + q bits: exact, but where the last of them would stand below
    2^-149; where that is within half of the result's least number, both ways give zero. What overflows float32 must
    overflow the result to infinity too.
    """
    if not (result.fits_float32 and result.has_zero) or max(f.precision for f in (x, y, result)) > 11:
        return False
    if operation in ("add", "sub"):
        return x == y == result and (result.emax < 126 or result.overflow is Overflow.INFINITY)
    if operation != "mul" or result.emin - result.precision < x.precision + y.precision - 150:
        return False
    return x.emax + y.emax + 2 <= 127 or (result.emax == 127 and result.overflow is Overflow.INFINITY)


def _unary(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of a square root, or of one over x."""
    root = machine.trace.operation == "sqrt"
    return Planned(
        lambda x: np.sqrt(x, dtype=np.float64) if root else np.divide(1.0, x, dtype=np.float64), call.tensors[0].dtype
    )


@row("sqrt", "reciprocal")
@planned(_unary)
def unary(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The square root, or one over x."""
    t = args[0]
    if not is_float(t):
        return wide(machine, operation, args, kwargs)
    known = machine.known(t)
    part = machine.part([known], [t.numel()], t.numel())
    x = machine.read(t, known).astype(np.float64, copy=False)
    values = np.sqrt(x) if operation.__name__.startswith("sqrt") else 1.0 / x
    return machine.result(values, part, t.dtype)


def applied(machine: Machine, layer: str, name: str, x: Floats, **attributes: Any) -> Floats:
    """A function of `nfloat.nn` of each number by itself; its values lie as x does."""
    forward = OPS[name].forward
    return number_by_number(lambda x: forward(machine.p, layer, x, **attributes)[0], x)


def slope(machine: Machine, layer: str, name: str, dy: Floats, kept: Floats, **attributes: Any) -> Floats:
    """Its gradient, from what backward needs: its result, or its operand and attributes; it lies as dy does."""
    op = OPS[name]

    def gradient(dy: Floats, kept: Floats) -> Floats:
        needed = op.forward(machine.p, layer, kept, **attributes)[1] if attributes else kept
        return np.asarray(op.backward(machine.p, layer, needed, dy, (True,))[0])

    return pair_by_pair(gradient, dy, kept)


def _function(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of a function that `nfloat.nn` has."""
    name = call.operation.__name__.partition(".")[0]
    if name.endswith("_"):
        return None
    return Planned(lambda x: applied(machine, part.name, name, x), call.tensors[0].dtype)


@row("tanh", "sigmoid", "silu", "tanh_", "sigmoid_", "silu_")
@planned(_function)
def function(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A function that `nfloat.nn` has."""
    t, name = args[0], operation.__name__.partition(".")[0]
    if not is_float(t):
        return wide(machine, operation, args, kwargs)
    known = machine.known(t)
    part = machine.part([known], [t.numel()], t.numel())
    values = applied(machine, part.name, name.removesuffix("_"), machine.read(t, known))
    return machine.change(t, known, values, part) if name.endswith("_") else machine.result(values, part, t.dtype)


def _function_backward(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of its gradient."""
    name = machine.trace.operation.removesuffix("_backward")
    return Planned(lambda dy, kept: slope(machine, part.layer, name, dy, kept), call.tensors[1].dtype)


@row("tanh_backward", "sigmoid_backward", "silu_backward")
@planned(_function_backward)
def function_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Its gradient, from what its backward pass needs."""
    gradient, kept = args[0], args[1]
    known = [machine.known(gradient), machine.known(kept)]
    part = machine.part(known, [gradient.numel(), kept.numel()], gradient.numel())
    name = operation.__name__.partition(".")[0].removesuffix("_backward")
    dy, needed = (machine.read(t, k) for t, k in zip((gradient, kept), known, strict=True))
    return machine.result(slope(machine, part.layer, name, dy, needed), part, kept.dtype)
