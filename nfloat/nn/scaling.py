"""Loss scaling: keep small gradients above a narrow format's smallest number, and undo it before the update.

`LossScaling` is the description that a recipe carries, `LossScaler` the running state of one training. The scale
multiplies the *gradient of the loss* with which backpropagation starts (the loss is kept wide, as frameworks do), so
every activation gradient and weight gradient is scaled; the optimiser sees gradients divided by it.

Sources: Micikevicius et al. 2018, Mixed Precision Training (arXiv:1710.03740), 3.2; the defaults are the common
frameworks': start at 65536, double after 2000 clean steps, halve and skip the update on any infinity or NaN. A moved
scale is a float32 number; it does not grow beyond the largest, as PyTorch's does not.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, as_integer, check_kind
from ..kernels.arithmetic.elementary import divided, is_finite
from ..kernels.jit import entry_point


@dataclass(frozen=True)
class LossScaling:
    """How the loss scale starts and moves.

    Parameters
    ----------
    initial : float
        The first scale; a power of two costs no rounding.
    growth : float
        Factor after `interval` steps in a row without an infinity or NaN, at least 1.
    backoff : float
        Factor after a step with one, in (0, 1].
    interval : int or None
        Clean steps before the scale grows. None: the scale never moves (static scaling).

    Raises
    ------
    ArgumentError
        If a field is out of its range.

    Examples
    --------
    >>> LossScaling.static(1024.0)
    LossScaling(initial=1024.0, growth=1.0, backoff=1.0, interval=None)
    """

    initial: float = 65536.0
    growth: float = 2.0
    backoff: float = 0.5
    interval: int | None = 2000

    def __post_init__(self) -> None:
        for key in ("initial", "growth", "backoff"):
            check_kind(f"{key} of a loss scaling", getattr(self, key), Real, "a number")
        if not 0.0 < self.initial <= sys.float_info.max:
            raise ArgumentError(f"initial={self.initial!r} of a loss scaling must be positive and finite")
        if not 1.0 <= self.growth <= sys.float_info.max:
            raise ArgumentError(f"growth={self.growth!r} of a loss scaling must be at least 1")
        if not 0.0 < self.backoff <= 1.0:
            raise ArgumentError(f"backoff={self.backoff!r} of a loss scaling must be in (0, 1]")
        if self.interval is not None and (as_integer(self.interval) or 0) < 1:
            raise ArgumentError(
                f"interval={self.interval!r} of a loss scaling must be at least 1, or None for a static scale"
            )

    @classmethod
    def static(cls, scale: float) -> LossScaling:
        """A scale that never moves."""
        return cls(initial=scale, growth=1.0, backoff=1.0, interval=None)

    def __str__(self) -> str:
        """As a recipe's name has it, where it can: "dynamic", or the number of a static scale."""
        if self == LossScaling():
            return "dynamic"
        return f"{self.initial:g}" if self == LossScaling.static(self.initial) else repr(self)


def as_loss_scaling(scaling: LossScaling | str | float | None) -> LossScaling | None:
    """The `LossScaling` that "dynamic", a number or its text (a scale that does not move) stand for; None is none.

    Raises
    ------
    ArgumentError
        If it is none of these.

    Examples
    --------
    >>> as_loss_scaling("256")
    LossScaling(initial=256.0, growth=1.0, backoff=1.0, interval=None)
    """
    if scaling is None or isinstance(scaling, LossScaling):
        return scaling
    if isinstance(scaling, str) and scaling == "dynamic":
        return LossScaling()
    try:
        if isinstance(scaling, bool):
            raise ValueError
        return LossScaling.static(float(scaling))
    except Exception:  # what an object's own methods raise
        raise ArgumentError(
            f"loss_scaling={scaling!r} must be a LossScaling, 'dynamic', a positive number or None"
        ) from None


@dataclass
class LossScaler:
    """The loss scale of one training run: ask `scale`, report each step to `update`.

    Examples
    --------
    >>> scaler = LossScaler(LossScaling(interval=2))
    >>> [scaler.update(clean) or scaler.scale for clean in (False, True, True, True)]
    [32768.0, 32768.0, 65536.0, 65536.0]
    """

    scaling: LossScaling
    scale: float = field(init=False)
    clean_steps: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        check_kind("scaling", self.scaling, LossScaling, "an nf.nn.LossScaling")
        self.scale = self.scaling.initial

    def update(self, clean: bool) -> None:
        """Move the scale after a step; `clean` says that every gradient was finite (only then was the update done)."""
        if not clean:
            self.scale = _single(self.scale * self.scaling.backoff)
            self.clean_steps = 0
            return
        self.clean_steps += 1
        if self.clean_steps == self.scaling.interval:
            grown = _single(self.scale * self.scaling.growth)
            if math.isfinite(grown):
                self.scale = grown
            self.clean_steps = 0


def _single(scale: float) -> float:
    """A scale as a float32 number, as frameworks keep it; infinity beyond."""
    with np.errstate(all="ignore"):
        return float(np.float32(scale))


def all_finite(gradients: Iterable[NDArray[np.floating]]) -> bool:
    """Whether no element of any array is an infinity or NaN."""
    return all(map(_is_finite, gradients))


def _is_finite(x: NDArray[np.floating]) -> bool:
    if x.dtype.char not in "fd" or not x.dtype.isnative:
        return bool(np.isfinite(x).all())
    return bool(entry_point(is_finite, "fd".index(x.dtype.char))(x.ravel()))


def unscaled(x: NDArray[np.floating], scale: float) -> tuple[NDArray[np.floating], bool]:
    """A gradient divided by the loss scale as a number of its type, and whether the quotients are finite.

    Examples
    --------
    >>> unscaled(np.array([2.0, 4.0]), 2.0)
    (array([1., 2.]), True)
    """
    inverse = _inverse(scale, x.dtype.char)
    if inverse is not None:
        out = np.multiply(x, inverse, order="C")
        return out, bool(entry_point(is_finite, "fd".index(x.dtype.char))(out.ravel()))
    x = np.ascontiguousarray(x)
    out = np.empty(x.shape, x.dtype)
    finite = entry_point(divided, "fd".index(x.dtype.char))(x.reshape(-1), scale, out.reshape(-1))
    return out, bool(finite)


@lru_cache(maxsize=256)
def _inverse(scale: float, char: str) -> np.floating | None:
    """1 / scale as a number of a type, if it is one: of a power of two, to multiply with which is to divide by that."""
    if math.frexp(scale)[0] != 0.5:
        return None
    kind = np.dtype(char).type
    with np.errstate(over="ignore", under="ignore"):
        inverse: np.floating = kind(1.0 / scale)
        held = float(kind(scale)) == scale and math.isfinite(inverse)
    return inverse if held and float(inverse) * scale == 1.0 else None
