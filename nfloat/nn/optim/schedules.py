"""Learning rates that move: give one to an optimiser as its `lr`.

The learning rate of step t = 0, 1, 2, ... is ``schedule.at(t)``: a pure function, so that a resumed run needs nothing
but its step.

Sources: PyTorch's StepLR, CosineAnnealingLR (Loshchilov and Hutter 2017, arXiv:1608.03983) and LinearLR; the cosine is
correctly rounded, so that it is the same on every machine.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from ...errors import ArgumentError, as_integer
from ...ops.functions import cos, power


class Schedule(ABC):
    """The interface of schedules.

    Examples
    --------
    >>> class Halved(Schedule):
    ...     def at(self, step):
    ...         return 0.5**step
    >>> [Halved().at(step) for step in range(3)]
    [1.0, 0.5, 0.25]
    """

    @abstractmethod
    def at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""


def _check_rate(key: str, value: float, least: float = 0.0) -> None:
    number = not isinstance(value, bool) and isinstance(value, int | float)
    if not number or not least <= value < math.inf or (key == "lr" and value <= 0):
        raise ArgumentError(f"{key}={value!r} of a schedule must be a {'positive' if key == 'lr' else 'finite'} number")


def _check_steps(key: str, value: int) -> None:
    number = as_integer(value)
    if number is None or number < 1:
        raise ArgumentError(f"{key}={value!r} of a schedule must be an integer of at least 1")


@dataclass(frozen=True)
class StepDecay(Schedule):
    """lr factor^floor(t / every).

    Examples
    --------
    >>> [StepDecay(1.0, every=2, factor=0.5).at(t) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    lr: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        _check_rate("lr", self.lr)
        _check_rate("factor", self.factor)
        _check_steps("every", self.every)

    def at(self, step: int) -> float:
        return self.lr * float(power(self.factor, step // self.every, "float64"))


@dataclass(frozen=True)
class Cosine(Schedule):
    """least + (lr - least) (1 + cos(pi t / steps)) / 2, from lr down to `least` in `steps` steps; `least` after that.

    Examples
    --------
    >>> [round(Cosine(1.0, steps=4).at(t), 3) for t in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    lr: float
    steps: int
    least: float = 0.0

    def __post_init__(self) -> None:
        _check_rate("lr", self.lr)
        _check_rate("least", self.least)
        _check_steps("steps", self.steps)

    def at(self, step: int) -> float:
        if step >= self.steps:
            return self.least
        half = (1.0 + float(cos(math.pi * step / self.steps, "float64"))) / 2.0
        return self.least + (self.lr - self.least) * half


@dataclass(frozen=True)
class WarmUp(Schedule):
    """Up to `then` in `steps` steps, by factors start + (1 - start) t / steps; then `then`, counted from there.

    `then` is a schedule or a learning rate.

    Examples
    --------
    >>> [WarmUp(1.0, steps=4).at(t) for t in range(6)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    """

    then: Schedule | float
    steps: int
    start: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.then, Schedule):
            _check_rate("lr", self.then)
        _check_rate("start", self.start)
        _check_steps("steps", self.steps)

    def at(self, step: int) -> float:
        after = max(step - self.steps, 0)
        rate = self.then.at(after) if isinstance(self.then, Schedule) else self.then
        return rate if step >= self.steps else rate * (self.start + (1.0 - self.start) * step / self.steps)
