"""+, -, *, /, square root; and the functions that `nfloat.nn` has: each from the stored operands, rounded once.

Where the recipe stores results of that part in the tensors' own type, the hardware's one operation is that rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ...formats.rounding import Rounding
from ...nn.ops import OPS
from ...nn.precision import Floats
from ...nn.recipes import Cast
from ..known import ROLES, WEIGHTS, Kind, Known, bits
from ..machine import Machine, Part, is_float
from .table import row
from .wide import wide

#: name of the operation -> NumPy's function
_BINARY: dict[str, Callable[..., Floats]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
    "add_": np.add, "sub_": np.subtract, "mul_": np.multiply, "div_": np.divide,
}  # fmt: skip


@row("add.Tensor", "sub.Tensor", "mul.Tensor", "div.Tensor", "add.Scalar", "sub.Scalar", "mul.Scalar", "div.Scalar")
def binary(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """x + y, x - y, x y, x / y; scalars are numbers of the carrier."""
    tensors = [t for t in args[:2] if is_float(t)]
    if not tensors or any([isinstance(t, torch.Tensor) and not is_float(t) for t in args[:2]]):
        return wide(machine, operation, args, kwargs) if tensors else operation(*args, **kwargs)
    known = machine.operands(tensors)
    size = tensors[0].numel() if len(tensors) == 1 else _size(*tensors)
    part = machine.part(known, [t.numel() for t in tensors], size)
    native = (
        not kwargs and all([t.dtype is tensors[0].dtype for t in tensors]) and machine.exact_in(tensors[0].dtype, part)
    )
    if native and not any([k.bit & _READ for k in known]):
        machine.trace.count(part.layer, part.kind.name.lower(), str(tensors[0].dtype)[6:], "", size)
        return machine.learned(operation(*args), part)
    arrays = iter([machine.read(t, k) for t, k in zip(tensors, known, strict=True)])
    x, y = (next(arrays) if is_float(a) else machine.p.carrier.type(a) for a in args[:2])
    single = native or _sums_in_single(machine, part, known, kwargs)
    values = _scaled(machine, operation, x, y, kwargs, single)
    dtype = tensors[0].dtype if len(tensors) == 1 else torch.result_type(*tensors)
    found = machine.result(values, part, dtype)
    if part.backward and part.kind is Kind.GRADIENT and _reduced_later(part, known, size):
        machine.known(found).wide = values
    return found


#: kinds that are read otherwise than they lie in memory
_READ = bits(Kind.OUTSIDE, Kind.PARAMETER)


def _size(x: torch.Tensor, y: torch.Tensor) -> int:
    """Elements of a result."""
    return x.numel() if x.shape == y.shape else math.prod(np.broadcast_shapes(x.shape, y.shape))


def _scaled(machine: Machine, operation: Any, x: Any, y: Any, kwargs: dict[str, Any], single: bool) -> Floats:
    """The result in float64; in the carrier where that changes no bit."""
    alpha = kwargs.get("alpha", 1)
    if alpha != 1:
        y = np.multiply(y, machine.p.carrier.type(alpha), dtype=np.float64)
    function = _BINARY[operation.__name__.partition(".")[0]]
    return function(x, y, dtype=machine.p.carrier if single and alpha == 1 else np.float64)


def _sums_in_single(machine: Machine, part: Part, known: list[Known], kwargs: dict[str, Any]) -> bool:
    """Whether a sum may be formed in float32 before it is rounded: of two numbers of the format that it is rounded to.

    Of formats up to 11 bits, to nearest: 24 >= 2 p + 2 (Figueroa 1995); sums below float32's normal range are exact.
    """
    if machine.trace.operation not in ("add", "sub") or len(known) < 2 or kwargs or machine.p.recipe.layers:
        return False
    if part.kind not in (Kind.ACTIVATION, Kind.GRADIENT) or any([k.kind is not part.kind for k in known]):
        return False
    cast: Cast = getattr(machine.p.recipe, ROLES[part.kind].field)
    narrow = cast.precision <= 11 and cast.format.fits_float32 and cast.overflow is None
    return narrow and cast.rounding is Rounding.NEAREST_EVEN and machine.p.carrier == np.float32


def _reduced_later(part: Part, known: list[Any], size: int) -> bool:
    """Whether this product of a gradient is to be summed over what was repeated, as the gradient of a parameter is."""
    if part.origin is None or any([k.bit & WEIGHTS for k in known]):
        return False
    origin = part.origin
    return any([k.bit & WEIGHTS and n < size for k, n in zip(origin.operands, origin.counts, strict=True)])


@row("sqrt", "reciprocal")
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


@row("tanh", "sigmoid", "silu", "tanh_", "sigmoid_", "silu_")
def function(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A function that `nfloat.nn` has."""
    t, name = args[0], operation.__name__.partition(".")[0]
    if not is_float(t):
        return wide(machine, operation, args, kwargs)
    known = machine.known(t)
    part = machine.part([known], [t.numel()], t.numel())
    values, _ = OPS[name.removesuffix("_")].forward(machine.p, part.name, machine.read(t, known))
    return machine.change(t, known, values, part) if name.endswith("_") else machine.result(values, part, t.dtype)


@row("tanh_backward", "sigmoid_backward", "silu_backward")
def function_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Its gradient, from what its backward pass needs."""
    gradient, kept = args[0], args[1]
    known = [machine.known(gradient), machine.known(kept)]
    part = machine.part(known, [gradient.numel(), kept.numel()], gradient.numel())
    op = OPS[operation.__name__.partition(".")[0].removesuffix("_backward")]
    dy = machine.read(gradient, known[0])
    (values,) = op.backward(machine.p, part.layer, machine.read(kept, known[1]), dy, (True,))
    return machine.result(np.asarray(values), part, kept.dtype)
