"""Optimisers and losses as configurations write them: a name, and fields that are other than its defaults.

    adam
    adam+betas=0.9:0.95+eps=1e-6
    momentum+momentum=0.8+nesterov=true+clip_norm=1
    sgd+warm_up=100+cosine=1190                    # a learning rate that moves: schedules.py
    cross_entropy+label_smoothing=0.1

The same spelling as that of recipes (``recipes/``). Parts of a value stand between colons. A schedule begins at the
learning rate that is given apart: ``step_decay=EVERY:FACTOR``, ``cosine=STEPS:LEAST``, ``warm_up=STEPS:START`` before
either of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, TypeAlias

from ..errors import ArgumentError, nearest_names
from . import losses
from .optim import OPTIMIZERS, Cosine, Optimizer, Schedule, StepDecay, WarmUp
from .tape import Tensor
from .train import Loss

#: the optimiser of a model's parameters with that learning rate
MakesOptimizer: TypeAlias = Callable[[Mapping[str, Tensor], float], Optimizer]

#: name, as a configuration has it -> loss
LOSSES: Mapping[str, Loss] = MappingProxyType(
    {
        "cross_entropy": losses.cross_entropy,
        "mse": losses.mse,
        "l1": losses.l1,
        "bce_with_logits": losses.bce_with_logits,
    }
)

#: key of a schedule -> (what makes it, of the rate and then of these numbers)
_SCHEDULES: Mapping[str, tuple[Callable[..., Schedule], tuple[type[float], ...]]] = MappingProxyType(
    {"step_decay": (StepDecay, (int, float)), "cosine": (Cosine, (int, float)), "warm_up": (WarmUp, (int, float))}
)
_CLIPPING = ("clip_norm", "clip_value")


def optimizer(text: str) -> MakesOptimizer:
    """What makes the optimiser of that name.

    Raises
    ------
    ArgumentError
        If there is no such optimiser or field, or a field has no such value.

    Examples
    --------
    >>> w = Tensor([1.0], requires_grad=True, parameter=True)
    >>> made = optimizer("adam+betas=0.9:0.95+cosine=100")({"w": w}, 0.01)
    >>> made.betas, made.lr
    ((0.9, 0.95), 0.01)
    """
    name, changes = _parts("optimizer", text, OPTIMIZERS)
    kind = OPTIMIZERS[name]
    own = {key: p.default for key, p in inspect.signature(kind).parameters.items() if p.default is not p.empty}
    known = (*own, *_CLIPPING, *_SCHEDULES)
    _refuse_unknown("optimizer", text, changes, known)
    moves = {key: _schedule(key, changes.pop(key)) for key in _SCHEDULES if key in changes}
    if {"step_decay", "cosine"} <= moves.keys():
        raise ArgumentError(f"optimizer={text!r}: of step_decay and cosine there can be one")
    others = {key: _value(key, given, own.get(key, 0.0)) for key, given in changes.items()}
    make = partial(_make, kind, tuple(moves.values()), others)
    if changes or moves:
        make({"w": Tensor([0.0], requires_grad=True, parameter=True)}, 1.0)  # refuses what the optimiser does
    return make


def loss(text: str) -> Loss:
    """The loss of that name.

    Raises
    ------
    ArgumentError
        As `optimizer`.

    Examples
    --------
    >>> round(loss("cross_entropy+label_smoothing=0.5")([[0.0, 1.0]], [1]).item(), 6)
    0.563262
    """
    name, changes = _parts("loss", text, LOSSES)
    own = {
        key: p.default
        for key, p in inspect.signature(LOSSES[name]).parameters.items()
        if p.kind is p.KEYWORD_ONLY and p.default is not p.empty
    }
    _refuse_unknown("loss", text, changes, tuple(own))
    others = {key: _value(key, given, own[key]) for key, given in changes.items()}
    return partial(LOSSES[name], **others) if others else LOSSES[name]


def _parts(what: str, text: object, known: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The name, and field -> text of its value."""
    name, *changes = text.split("+") if isinstance(text, str) else [""]
    if name not in known:
        raise ArgumentError(f"{what}={text!r} is unknown; {nearest_names(name, known)}")
    found: dict[str, str] = {}
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or key in found:
            why = "stands there twice" if key in found else "must be field=value (a power of ten as 1e5, not 1e+5)"
            raise ArgumentError(f"{what}={text!r}: {change!r} {why}")
        found[key] = value
    return name, found


def _refuse_unknown(what: str, text: str, changes: Mapping[str, str], known: tuple[str, ...]) -> None:
    for key in changes:
        if key not in known:
            hint = nearest_names(key, known) if known else "it has none"
            raise ArgumentError(f"{what}={text!r}: {key!r} is none of its fields; {hint}")


def _value(key: str, text: str, default: object) -> object:
    """A value of the kind that the default is."""
    if isinstance(default, bool):
        if text not in ("true", "false"):
            raise ArgumentError(f"{key}={text!r} must be true or false")
        return text == "true"
    if isinstance(default, str):
        return text
    if isinstance(default, tuple):
        return tuple(_number(key, part) for part in text.split(":"))
    return int(_number(key, text, int)) if isinstance(default, int) else _number(key, text)


def _number(key: str, text: str, kind: type[float] = float) -> float:
    try:
        return kind(text)
    except ValueError:
        what = "an integer" if kind is int else "a number"
        raise ArgumentError(f"{key}={text!r} must be {what}") from None


def _schedule(key: str, text: str) -> Callable[[Any], Schedule]:
    make, kinds = _SCHEDULES[key]
    parts = text.split(":")
    if len(parts) > len(kinds):
        raise ArgumentError(f"{key}={text!r} must be one number or two, with a colon between")
    numbers = [_number(key, part, kind) for part, kind in zip(parts, kinds, strict=False)]
    return partial(_of_rate, make, numbers)


def _of_rate(make: Callable[..., Schedule], numbers: list[float], rate: Any) -> Schedule:
    return make(rate, *numbers)


def _make(
    kind: type[Optimizer],
    moves: tuple[Callable[[Any], Schedule], ...],
    others: Mapping[str, Any],
    parameters: Mapping[str, Tensor],
    lr: float,
) -> Optimizer:
    rate: Any = lr
    for move in moves:  # a warm-up comes last: it goes over to the other
        rate = move(rate)
    return kind(parameters, rate, **others)
