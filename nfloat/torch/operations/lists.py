"""Operations on lists of tensors: the same operation on one tensor at a time."""

from __future__ import annotations

from typing import Any

from ..machine import Machine
from .table import overload

#: parameters of an overload for lists -> overloads for one tensor, the first that there is
_OVERLOADS = {
    "default": ("default",),
    "Scalar": ("Tensor_Scalar", "Scalar", "default"),
    "List": ("Tensor", "Tensor_Tensor", "default"),
    "Tensor": ("Tensor", "default"),
    "ScalarAndTensor": ("Scalar",),
}
#: names that one tensor's operation does not have
_NAMES = {"norm": "linalg_vector_norm", "copy": "clone"}
#: the same for numbers beside lists
_OF_NUMBERS = {"maximum": "clamp_min", "minimum": "clamp_max", "maximum_": "clamp_min_", "minimum_": "clamp_max_"}


def each(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The operation on the members of its lists, in turn."""
    name, _, own = str(operation.__name__).partition(".")
    count = next(len(a) for a in args if _is_list(a))
    args = (*args[:3], args[3].tolist(), *args[4:]) if own == "Tensor" and len(args) > 3 else args  # factors
    some, named = [[_member(a, i, count) for a in args] for i in range(count)], list(kwargs.items())
    single = _single(name.removeprefix("_foreach_"), (own or "default").replace("ScalarList", "Scalar"))
    found = [
        single(machine, one, {key: _member(value, i, count) for key, value in named}) for i, one in enumerate(some)
    ]
    return None if name.endswith("_") else found


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _member(value: Any, i: int, count: int) -> Any:
    return value[i] if _is_list(value) and len(value) == count else value


class _Call:
    """One tensor's operation, through the table."""

    def __init__(self, operation: Any) -> None:
        self.operation = operation

    def __call__(self, machine: Machine, args: list[Any], kwargs: dict[str, Any]) -> Any:
        return machine.handle(machine, self.operation, tuple(args), kwargs)


class _Factored(_Call):
    """x + value (y z), or value (y / z)."""

    def __call__(self, machine: Machine, args: list[Any], kwargs: dict[str, Any]) -> Any:
        return super().__call__(machine, args[:3], {**kwargs, "value": args[3]} if len(args) > 3 else kwargs)


class _Copied(_Call):
    """An operation in place that one tensor does not have: its result, copied."""

    def __call__(self, machine: Machine, args: list[Any], kwargs: dict[str, Any]) -> Any:
        found = super().__call__(machine, args, kwargs)
        return machine.handle(machine, overload("copy_"), (args[0], found), {})


def _powers(machine: Machine, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """The sum of |x|^p."""
    x = machine.handle(machine, overload("abs"), (args[0],), {})
    x = machine.handle(machine, overload("pow.Tensor_Scalar"), (x, args[1] if len(args) > 1 else 2), {})
    return machine.handle(machine, overload("sum"), (x,), kwargs)


def _single(name: str, own: str) -> Any:
    if name == "powsum":
        return _powers
    if name.rstrip("_") in ("addcmul", "addcdiv"):
        return _Factored(overload(name))
    name = _OF_NUMBERS.get(name, name) if own == "Scalar" else name
    for call, packet in ((_Call, _NAMES.get(name, name)), (_Copied, name.removesuffix("_"))):
        for candidate in _OVERLOADS.get(own, (own,)):
            found = overload(f"{packet}.{candidate}")
            if found is not None:
                return call(found)
    raise LookupError(f"no operation for one tensor: {name}.{own}")
