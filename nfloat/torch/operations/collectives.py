"""Collective operations of several processes (`torch.distributed`, c10d): tensors go as they lie, and are waited for.

Sums over processes are the library's own, in the tensors' type ("in its own type" in a trace); what comes of them is
rounded as such tensors are stored: the gradients of parameters, one by one or in `DistributedDataParallel`'s buckets,
as weight gradients.
"""

from __future__ import annotations

from typing import Any

import torch

from ..known import ROLE_OF, Kind, Known, learn
from ..machine import Machine
from ..refusals import refuse
from ..tensors import array_of, name_of
from .moves import members

#: parts of the names of those that sum; and of those that give nothing
_SUMS, _NOTHING = ("reduce",), ("barrier", "send")
_LAYERS = (
    "a recipe with layers of their own cannot tell whose gradients lie in a bucket: reduce them one by one, "
    "torch.distributed.all_reduce(p.grad) for each parameter, without DistributedDataParallel"
)


def collective(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Numbers of several processes, moved or summed."""
    name = machine.trace.operation
    if any([part in name for part in _NOTHING]):
        return operation(*args, **kwargs)
    written, sent = members(args[0]), [t for value in args[1:] for t in members(value)]
    own = [machine.known(t) for t in written]
    sums, layers = any([part in name for part in _SUMS]), machine.p.recipe.layers
    if sums and layers and any([k.kind is Kind.WEIGHT_GRADIENT and not k.name for k in own]):
        raise refuse(name, _LAYERS)
    found = operation(*args, **kwargs)
    work = found[-1] if isinstance(found, tuple) else found
    if isinstance(work, torch.ScriptObject):
        work.wait()
    kinds = [machine.known(t) for t in sent]
    for place, (t, known) in enumerate(zip(written, own, strict=True)):
        _received(machine, t, known, kinds[place] if len(kinds) == len(own) else (kinds or own)[0], sums)
    return found


def _received(machine: Machine, t: torch.Tensor, known: Known, source: Known, sums: bool) -> None:
    """Say what a tensor holds now, and round a sum."""
    trace, layer = machine.trace, machine.places.layer
    trace.count(layer, "in its own type" if sums else "moved", name_of(t.dtype) if sums else "", "", t.numel())
    if known.kind is Kind.PARAMETER:
        known.version = -1  # it is rounded as it is stored when it is read
        return
    if known.kind is Kind.STATE:
        known.pending = True
        return
    role = ROLE_OF[source.kind]
    if sums and role is not None:
        machine.write(t, machine.cast(source.kind, role, source.name, array_of(t)))
    if source is not known:
        learn(t, Known(machine, source.kind, source.name))
