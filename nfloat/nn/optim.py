"""Optimisers, sorted by increasing complexity.

An optimiser turns gradients into steps; what happens then is the same for all and stands once, in `Optimizer`. With
R_f the cast of the recipe's field f, and u the step (mostly -lr * direction):

    u = R_update(step);  w = R_weights(w + u)                                  plain
    y = R_c(u - r);  s = R_weights(w + y);  r = R_c(R_c(s - w) - y);  w = s    Kahan; c the field `compensation`

Those sums are exact and rounded once. Momenta are stored by the cast `state`. Scalars and the arithmetic between casts
are the carrier's (float32; float64 in the float64 recipe), in the order of the formulas in the docstrings. Random bits,
infinities, NaN: see ``precision.py``.

Sources: Kingma and Ba 2015 (arXiv:1412.6980), Loshchilov and Hutter 2019 (arXiv:1711.05101), Tieleman and Hinton
2012 (lecture 6.5), Chen et al. 2023 (arXiv:2302.06675); Zamirai et al. 2020 (arXiv:2010.06192) for the compensated
update.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..ops.functions import power
from .precision import Floats, Precision, Role, current
from .tape import Tensor, stored


class Update(NamedTuple):
    """What happened to one parameter in one step.

    ``before == after`` where the gradient is not zero is a stagnated weight.
    """

    name: str
    gradient: Floats
    #: the step as it was stored: what should have been added
    step: Floats
    before: Floats
    after: Floats


class Optimizer(ABC):
    """The interface, and the update that all optimisers share. Leaves define `direction`.

    Parameters
    ----------
    parameters : mapping of str to Tensor
        As ``model.parameters()`` gives it.
    lr : float
        Learning rate, positive.

    Raises
    ------
    ArgumentError
        If `parameters` is empty or `lr` is not a positive, finite number.
    """

    def __init__(self, parameters: Mapping[str, Tensor], lr: float) -> None:
        if not parameters:
            raise ArgumentError("parameters={} must hold at least one Tensor, as model.parameters() does")
        self.parameters = dict(parameters)
        self.lr = _positive("lr", lr)
        self.steps = 0
        #: name of a parameter -> name of a momentum -> its values
        self.state: dict[str, dict[str, Floats]] = {name: {} for name in parameters}

    @abstractmethod
    def direction(self, p: Precision, name: str, w: Floats, g: Floats, state: dict[str, Floats]) -> Floats:
        """The step to be added to w, unrounded; momenta in `state` are updated and cast."""

    def step(self, watch: Callable[[Update], None] | None = None) -> None:
        """Update every parameter that has a gradient, as the precision in force says.

        Parameters
        ----------
        watch : callable, optional
            Called with an `Update` per parameter.

        Raises
        ------
        ShapeError
            If a gradient is not of its parameter's shape.
        """
        p = current()
        self.steps += 1
        with np.errstate(all="ignore"):  # infinities and NaN are results here, not accidents
            for name, parameter in self.parameters.items():
                if parameter.grad is not None:
                    update = self._update(p, name, parameter, parameter.grad)
                    if watch is not None:
                        watch(update)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters.values():
            parameter.grad = None

    def _update(self, p: Precision, name: str, parameter: Tensor, g: Floats) -> Update:
        if g.shape != parameter.shape:
            raise ShapeError(
                f"gradient of {name!r} of shape {g.shape} must have the parameter's shape {parameter.shape}"
            )
        before, state = stored(p, parameter), self.state[name]
        step = p.cast(Role.UPDATE, name, self.direction(p, name, before, g, state))
        own = p.at(Role.WEIGHT.layer(name))
        if own.compensation is None:
            after = p.add(Role.WEIGHT, name, before, step)
        else:
            after = _compensated(p, name, before, step, state)
        parameter.store(after, own.weights.format)
        return Update(name, g, step, before, after)


def _compensated(p: Precision, name: str, w: Floats, step: Floats, state: dict[str, Floats]) -> Floats:
    """w + step, with what the rounding of the sum lost carried over to the next step (Kahan)."""
    wanted = p.add(Role.COMPENSATION, name, step, -_momentum(state, "remainder", w))
    after = p.add(Role.WEIGHT, name, w, wanted)
    moved = p.add(Role.COMPENSATION, name, after, -w)
    state["remainder"] = p.add(Role.COMPENSATION, name, moved, -wanted)
    return after


def _momentum(state: dict[str, Floats], key: str, like: Floats) -> Floats:
    """A momentum as it was stored, zeros at first."""
    return state[key] if key in state else np.zeros_like(like)


class SGD(Optimizer):
    """w - lr g."""

    def direction(self, p: Precision, name: str, w: Floats, g: Floats, state: dict[str, Floats]) -> Floats:
        return -self.lr * g


class Momentum(Optimizer):
    """v = momentum v + g; w - lr v (PyTorch's form)."""

    def __init__(self, parameters: Mapping[str, Tensor], lr: float, momentum: float = 0.9) -> None:
        super().__init__(parameters, lr)
        self.momentum = _fraction("momentum", momentum)

    def direction(self, p: Precision, name: str, w: Floats, g: Floats, state: dict[str, Floats]) -> Floats:
        v = state["v"] = p.cast(Role.STATE, name, self.momentum * _momentum(state, "v", w) + g, ".v")
        return -self.lr * v


class RMSprop(Optimizer):
    """v = decay v + (1 - decay) g g; w - lr g / (sqrt(v) + eps)."""

    def __init__(self, parameters: Mapping[str, Tensor], lr: float, decay: float = 0.99, eps: float = 1e-8) -> None:
        super().__init__(parameters, lr)
        self.decay, self.eps = _fraction("decay", decay), _positive("eps", eps)

    def direction(self, p: Precision, name: str, w: Floats, g: Floats, state: dict[str, Floats]) -> Floats:
        moved = self.decay * _momentum(state, "v", w) + (1.0 - self.decay) * (g * g)
        v = state["v"] = p.cast(Role.STATE, name, moved, ".v")
        return -self.lr * (g / (np.sqrt(v) + self.eps))


class Lion(Optimizer):
    """c = beta1 m + (1 - beta1) g; m = beta2 m + (1 - beta2) g; w - lr (sign(c) + weight_decay w)."""

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        self.betas, self.weight_decay = _betas(betas), _not_negative("weight_decay", weight_decay)

    def direction(self, p: Precision, name: str, w: Floats, g: Floats, state: dict[str, Floats]) -> Floats:
        beta1, beta2 = self.betas
        m = _momentum(state, "m", w)
        c = beta1 * m + (1.0 - beta1) * g
        state["m"] = p.cast(Role.STATE, name, beta2 * m + (1.0 - beta2) * g, ".m")
        return -self.lr * (np.sign(c) + self.weight_decay * w)


class Adam(Optimizer):
    """m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g g; w - lr m^ / (sqrt(v^) + eps).

    m^ = m / (1 - beta1^t) and v^ = v / (1 - beta2^t) in step t = 1, 2, ...
    """

    def __init__(
        self, parameters: Mapping[str, Tensor], lr: float, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
    ) -> None:
        super().__init__(parameters, lr)
        self.betas, self.eps = _betas(betas), _positive("eps", eps)

    def direction(self, p: Precision, name: str, w: Floats, g: Floats, state: dict[str, Floats]) -> Floats:
        return -self.lr * _adam(self, p, name, w, g, state)


class AdamW(Optimizer):
    """Adam with decoupled weight decay: w - lr (m^ / (sqrt(v^) + eps) + weight_decay w)."""

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, lr)
        self.betas = _betas(betas)
        self.eps = _positive("eps", eps)
        self.weight_decay = _not_negative("weight_decay", weight_decay)

    def direction(self, p: Precision, name: str, w: Floats, g: Floats, state: dict[str, Floats]) -> Floats:
        return -self.lr * (_adam(self, p, name, w, g, state) + self.weight_decay * w)


def _adam(own: Adam | AdamW, p: Precision, name: str, w: Floats, g: Floats, state: dict[str, Floats]) -> Floats:
    """m^ / (sqrt(v^) + eps), the direction that Adam and AdamW share."""
    beta1, beta2 = own.betas
    m = state["m"] = p.cast(Role.STATE, name, beta1 * _momentum(state, "m", w) + (1.0 - beta1) * g, ".m")
    v = state["v"] = p.cast(Role.STATE, name, beta2 * _momentum(state, "v", w) + (1.0 - beta2) * (g * g), ".v")
    grown1, grown2 = (1.0 - _power(beta, own.steps) for beta in own.betas)
    return (m / grown1) / (np.sqrt(v / grown2) + own.eps)


@lru_cache(maxsize=64)
def _power(beta: float, steps: int) -> float:
    """beta^steps, correctly rounded: Python's ``**`` is the C library's, whose last bit depends on the machine."""
    return float(power(beta, steps, "float64"))


#: name, as a configuration has it -> optimiser
OPTIMIZERS: Mapping[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "rmsprop": RMSprop,
    "lion": Lion,
    "adam": Adam,
    "adamw": AdamW,
}


def _positive(key: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 < value < math.inf:
        raise ArgumentError(f"{key}={value!r} must be a positive, finite number")
    return float(value)


def _not_negative(key: str, value: float) -> float:
    return 0.0 if value == 0 and not isinstance(value, bool) else _positive(key, value)


def _fraction(key: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value < 1.0:
        raise ArgumentError(f"{key}={value!r} must be a number in [0, 1)")
    return float(value)


def _betas(betas: tuple[float, float]) -> tuple[float, float]:
    try:
        beta1, beta2 = betas
    except (TypeError, ValueError):
        raise ArgumentError(f"betas={betas!r} must be two numbers in [0, 1)") from None
    return _fraction("betas[0]", beta1), _fraction("betas[1]", beta2)
