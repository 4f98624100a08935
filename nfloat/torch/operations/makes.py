"""What makes numbers from none: masks, positions, zeros are the program's own; random deviates are data from outside.

A dropout mask, drawn by ``bernoulli_`` and divided by the share that is kept, is the program's own too.
"""

from __future__ import annotations

from typing import Any

import torch

from ..known import Kind, Known, learn
from ..machine import Machine
from ..refusals import HELD, check_tensor, refuse
from ..tensors import is_float, name_of
from .table import base_name, rows, schema


def constant(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A tensor of the program's own numbers."""
    device = kwargs.get("device")
    if device is not None and torch.device(device).type not in HELD:
        raise refuse(base_name(operation), f"device={device} is not emulated; keep tensors on the CPU")
    found = operation(*args, **kwargs)
    if not is_float(found) or found.is_meta:
        return found
    if schema(operation).written:
        return _filled(machine, found, Kind.CONSTANT)
    check_tensor(found, machine.trace.operation)
    machine.trace.count(machine.places.layer, "constant", name_of(found.dtype), "", found.numel())
    like = args[0] if args and is_float(args[0]) and machine.updating else None
    if like is not None and machine.known(like).kind is Kind.PARAMETER and found.shape == like.shape:
        learn(found, Known(machine, Kind.STATE, machine.known(like).name))
    else:
        learn(found, Known(machine, Kind.CONSTANT, ""))
    return found


def drawn(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Random deviates, which are data."""
    found = operation(*args, **kwargs)
    if not is_float(found) or found.is_meta:
        return found
    if schema(operation).written:
        return _filled(machine, found, Kind.OUTSIDE)
    machine.trace.count(machine.places.layer, "drawn", name_of(found.dtype), "", found.numel())
    learn(found, Known(machine, Kind.OUTSIDE, ""))
    return found


def _filled(machine: Machine, t: torch.Tensor, kind: Kind) -> torch.Tensor:
    """A tensor into whose memory such numbers were written; parameters and states stay what they are."""
    known, role = machine.known(t), "drawn" if kind is Kind.OUTSIDE else "constant"
    machine.trace.count(machine.places.layer, role, name_of(t.dtype), "", t.numel())
    if known.kind is Kind.STATE:
        known.pending = True
    elif known.kind is not Kind.PARAMETER:
        machine.relearn(t, known, Known(machine, kind, ""))
    return t


rows(
    constant,
    """arange empty empty_like empty_strided empty_permuted new_empty new_empty_strided zeros zeros_like new_zeros ones
    ones_like new_ones full full_like new_full scalar_tensor eye linspace logspace fill_ bernoulli bernoulli_ one_hot
    tril_indices triu_indices _local_scalar_dense hann_window _efficientzerotensor""",
)
rows(
    drawn,
    """rand rand_like randn randn_like normal normal_ uniform_ exponential_ log_normal_ cauchy_ geometric_ poisson
    random_ randint randint_like randperm multinomial normal_functional""",
)
