"""The table of operations: aten's operation -> how it is computed.

A row's function gets ``(machine, operation, args, kwargs)``, as torch's dispatch does, and returns what the operation
returns. `find` makes a row for an operation that has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

Compute: TypeAlias = Callable[[Any, Any, tuple[Any, ...], dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Row:
    """How an operation is computed; `how` is what a trace says of it ("" for a rule of its own)."""

    compute: Compute
    how: str = ""


#: operation -> row
ROWS: dict[Any, Row] = {}


def overload(name: str) -> Any:
    """The aten operation of a name such as "add.Tensor" ("default" may be left out), or None if torch has none."""
    packet, _, own = name.partition(".")
    found = getattr(torch.ops.aten, packet, None)
    return None if found is None else getattr(found, own or "default", None)


def overloads(packet: str) -> Iterator[Any]:
    """All overloads of an aten operation's name."""
    found = getattr(torch.ops.aten, packet, None)
    for own in () if found is None else found.overloads():
        yield getattr(found, own)


def row(*names: str, how: str = "") -> Callable[[Compute], Compute]:
    """Put a function into the table under these names; those that this torch does not have are left out."""

    def add(compute: Compute) -> Compute:
        for name in names:
            operation = overload(name)
            if operation is not None:
                ROWS[operation] = Row(compute, how)
        return compute

    return add


def rows(compute: Compute, packets: str, how: str = "") -> None:
    """Put a function into the table for every overload of the names in `packets`, and of those with an underscore."""
    for packet in packets.split():
        for operation in (*overloads(packet), *overloads(f"{packet}_")):
            ROWS.setdefault(operation, Row(compute, how))


def base_name(operation: Any) -> str:
    """ "add" of aten.add_.Tensor: the name without the overload, and the mark of an operation in place."""
    return str(operation.__name__).partition(".")[0].removesuffix("_")


@dataclass(frozen=True)
class Schema:
    """What an operation's schema says of its memory: names of arguments it writes into, and what results are."""

    #: positions and names of arguments that are written into
    written: tuple[tuple[int, str], ...]
    #: per result: position of the written argument that it is, or -1
    returned: tuple[int, ...]
    #: whether a result is a view of an argument; whether there is one result, a new tensor
    view: bool
    function: bool
    arguments: Mapping[str, int]


#: id of an operation -> it, so that no other one can have its id, and its schema: torch's own hash of one is slow
_SCHEMAS: dict[int, tuple[Any, Schema]] = {}


def schema(operation: Any) -> Schema:
    """An operation's schema, as far as memory goes."""
    found = _SCHEMAS.get(id(operation))
    if found is None:
        found = _SCHEMAS[id(operation)] = (operation, _schema(operation))
    return found[1]


def _schema(operation: Any) -> Schema:
    own = operation._schema
    sets = {}
    written = []
    for place, argument in enumerate(own.arguments):
        alias = argument.alias_info
        if alias is not None and alias.is_write:
            written.append((place, argument.name))
            sets.update(dict.fromkeys(alias.before_set, place))
    returned, view = [], False
    for result in own.returns:
        alias = result.alias_info
        place = -1 if alias is None else next((sets[s] for s in alias.before_set if s in sets), -1)
        view = view or (alias is not None and place < 0)
        returned.append(place)
    function = not written and not view and [str(result.type) for result in own.returns] == ["Tensor"]
    return Schema(tuple(written), tuple(returned), view, function, {a.name: i for i, a in enumerate(own.arguments)})
