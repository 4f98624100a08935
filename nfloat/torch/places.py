"""Where in the model an operation belongs: the module whose forward is running, and what its backward is part of.

Forward: a stack of modules, kept by torch's hooks on every call of a module. Backward: autograd numbers its nodes, and
an operation that runs below autograd comes just after its node was made; the node that is running names that number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import get_ident
from typing import Any, NamedTuple

import torch
from torch.nn.modules import module as torch_module

from .known import Known

_newest, _new, _recording = torch._C._autograd._get_sequence_nr, tuple.__new__, torch.is_grad_enabled

#: entries of the table of nodes, beyond which the oldest half goes
_KEPT = 1 << 17


class Origin(NamedTuple):
    """The operation of the forward pass that a node of autograd differentiates."""

    layer: str
    #: what was known of its operands, and their numbers of elements
    operands: Sequence[Known]
    counts: Sequence[int]


def _unheard(module: torch.nn.Module) -> None:
    """Nobody listens."""


class Places:
    """The modules that are running, and the origins of autograd's nodes."""

    def __init__(self, models: Sequence[tuple[str, torch.nn.Module]]) -> None:
        #: told of every module that is called
        self.called: Callable[[torch.nn.Module], None] = _unheard
        self._names = {id(m): name for prefix, model in models for name, m in model.named_modules(prefix=prefix)}
        self._stack: list[str] = []
        self._handles: list[Any] = []
        self._origins: dict[int, tuple[str, Sequence[Known], Sequence[int]]] = {}
        #: name of the innermost running module, and how many are running
        self.layer, self.depth = "", 0
        self._recorded = False
        #: that follows them: torch's hooks and functions are those of all threads
        self._thread = 0

    def start(self) -> None:
        """Follow the calls of modules, in the thread that this is called in."""
        self._thread = get_ident()
        self._handles = [
            torch_module.register_module_forward_pre_hook(self._enter),
            torch_module.register_module_forward_hook(self._leave, always_call=True),
        ]

    def stop(self) -> None:
        """Follow them no longer."""
        for handle in self._handles:
            handle.remove()
        self._stack.clear()
        self.depth = 0
        self.called = _unheard

    def is_here(self) -> bool:
        """Whether what runs is in the thread of the emulation."""
        return get_ident() == self._thread

    def _enter(self, module: torch.nn.Module, *_: object) -> None:
        if get_ident() != self._thread:  # `is_here`, without the call
            return
        name = self._names.get(id(module))
        self.layer = type(module).__name__ if name is None else name
        self._stack.append(self.layer)
        if not self.depth:
            self._recorded = _recording()
        self.depth += 1
        if module._buffers:
            self.called(module)

    def _leave(self, *_: object) -> None:
        if get_ident() != self._thread:  # `is_here`, without the call
            return
        self._stack.pop()
        self.depth -= 1
        self.layer = self._stack[-1] if self._stack else ""

    def is_aside(self) -> bool:
        """Whether no gradients are recorded in the middle of a forward pass that records them."""
        return self._recorded and not _recording()

    def remember(self, layer: str, operands: Sequence[Known], counts: Sequence[int]) -> None:
        """Say what the newest node of autograd differentiates, unless that is said."""
        number = _newest() - 1
        origins = self._origins
        if number in origins:
            return
        for known in operands:
            if known.wide is not None:
                operands = [k.plain() for k in operands]
                break
        origins[number] = layer, operands, counts
        if len(origins) > _KEPT:
            for old in list(origins)[: _KEPT // 2]:
                del origins[old]

    def origin(self, node: Any) -> Origin | None:
        """What a node of autograd differentiates, if that ran here."""
        found = self._origins.get(node._sequence_nr())
        return None if found is None else _new(Origin, found)
