"""Operations on lists of tensors: the same operation on one tensor at a time."""

from __future__ import annotations

from typing import Any

from ..machine import Machine
from .table import base_name, overload

#: parameters of an overload of a list -> overload for one tensor
_OVERLOADS = {"Scalar": "Scalar", "List": "Tensor", "Tensor": "Tensor", "ScalarList": "Scalar", "default": "default"}


def each(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The operation on the members of its lists, in turn."""
    name, _, own = str(operation.__name__).partition(".")
    single = _single(name.removeprefix("_foreach_"), own or "default")
    count = len(args[0])
    found = [
        _call(
            machine, single, [_member(a, i, count) for a in args], {k: _member(v, i, count) for k, v in kwargs.items()}
        )
        for i in range(count)
    ]
    return None if name.endswith("_") else found


def _member(value: Any, i: int, count: int) -> Any:
    return value[i] if isinstance(value, list | tuple) and len(value) == count else value


def _single(name: str, own: str) -> Any:
    if name in ("addcmul_", "addcdiv_", "addcmul", "addcdiv"):
        return overload(name)
    if name in ("norm", "powsum"):
        return overload("linalg_vector_norm")
    if name in ("copy_", "zero_", "max", "sqrt", "neg", "abs"):
        return overload(name)
    for candidate in (_OVERLOADS.get(own, own), "Tensor", "default", "Scalar", "Tensor_Scalar", "Tensor_Tensor"):
        found = overload(f"{name}.{candidate}")
        if found is not None:
            return found
    raise LookupError(f"no operation for one tensor: {name}")


def _call(machine: Machine, single: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    if base_name(single) in ("addcmul", "addcdiv") and len(args) > 3:
        kwargs = {**kwargs, "value": args[3]}
        args = args[:3]
    return machine.handle(machine, single, tuple(args), kwargs)
