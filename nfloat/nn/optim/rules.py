"""THE list of optimisers, by increasing complexity: what each adds to the weights.

The formulas are computed in the order in which they are written (``arithmetic.py``); what happens to the step stands
in ``optimizer.py``. `weight_decay` of `SGD`, `Momentum`, `RMSprop` and `Adam` is added to the gradient (L2), as in
PyTorch; that of `AdamW` and `Lion` is decoupled from it. `clipping`: `clip_norm` and `clip_value` of `Optimizer`.

Sources: Sutskever et al. 2013 (Nesterov momentum, PyTorch's form), Kingma and Ba 2015 (arXiv:1412.6980), Loshchilov and
Hutter 2019 (arXiv:1711.05101), Tieleman and Hinton 2012 (lecture 6.5), Chen et al. 2023 (arXiv:2302.06675).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import ArgumentError, as_truth
from ..precision import Floats
from ..tape import Tensor
from .in_parts import elementwise
from .one_pass import Scaled
from .optimizer import Computation, Optimizer, positive
from .schedules import Schedule


class SGD(Optimizer):
    """w - lr (g + weight_decay w).

    Examples
    --------
    >>> w = Tensor([1.0], requires_grad=True, parameter=True)
    >>> (w * w).sum().backward()
    >>> SGD({"w": w}, lr=0.25).step()
    >>> w.data
    array([0.5])
    """

    def __init__(
        self, parameters: Mapping[str, Tensor], lr: float | Schedule, weight_decay: float = 0.0, **clipping: Any
    ) -> None:
        super().__init__(parameters, lr, **clipping)
        self.weight_decay = _not_negative("weight_decay", weight_decay)

    @property
    def along_gradient(self) -> bool:
        return not self.weight_decay

    @elementwise
    def direction(self, c: Computation) -> Scaled:
        return Scaled(c.scalar(-self.lr), c.decayed(self.weight_decay))


class Momentum(Optimizer):
    """v = momentum v + g; w - lr v, or with `nesterov` w - lr (g + momentum v): PyTorch's form.

    Examples
    --------
    >>> w = Tensor([1.0], requires_grad=True, parameter=True)
    >>> optimizer = Momentum({"w": w}, lr=0.25, momentum=0.5)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     (w * w).sum().backward()
    ...     optimizer.step()
    >>> w.data, optimizer.state["w"]["v"]
    (array([0.]), array([2.]))
    """

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        lr: float | Schedule,
        momentum: float = 0.9,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        **clipping: Any,
    ) -> None:
        super().__init__(parameters, lr, **clipping)
        self.momentum, self.nesterov = _fraction("momentum", momentum), as_truth(nesterov, "nesterov")
        self.weight_decay = _not_negative("weight_decay", weight_decay)

    @elementwise
    def direction(self, c: Computation) -> Scaled:
        g, momentum = c.decayed(self.weight_decay), c.scalar(self.momentum)
        v = c.keep("v", c.r(c.r(momentum * c.momentum("v")) + g))
        ahead = c.r(g + c.r(momentum * v)) if self.nesterov else v
        return Scaled(c.scalar(-self.lr), ahead)


class RMSprop(Optimizer):
    """v = decay v + (1 - decay) (g g); w - lr (g / (sqrt(v) + eps)).

    Examples
    --------
    >>> w = Tensor([1.0], requires_grad=True, parameter=True)
    >>> (w * w).sum().backward()
    >>> RMSprop({"w": w}, lr=0.25, decay=0.75).step()
    >>> w.data.round(6)
    array([0.5])
    """

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        lr: float | Schedule,
        decay: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        **clipping: Any,
    ) -> None:
        super().__init__(parameters, lr, **clipping)
        self.decay, self.eps = _fraction("decay", decay), positive("eps", eps)
        self.weight_decay = _not_negative("weight_decay", weight_decay)

    @elementwise
    def direction(self, c: Computation) -> Scaled:
        g, decay = c.decayed(self.weight_decay), c.scalar(self.decay)
        v = c.keep("v", c.r(c.r(decay * c.momentum("v")) + c.r(c.rest(decay) * c.r(g * g))))
        return Scaled(c.scalar(-self.lr), c.r(g / c.r(c.r(np.sqrt(v)) + c.scalar(self.eps))))


class Lion(Optimizer):
    """c = beta1 m + (1 - beta1) g; m = beta2 m + (1 - beta2) g; w - lr (sign(c) + weight_decay w).

    Examples
    --------
    >>> w = Tensor([1.0, -8.0], requires_grad=True, parameter=True)
    >>> (w * w).sum().backward()
    >>> Lion({"w": w}, lr=0.25).step()
    >>> w.data
    array([ 0.75, -7.75])
    """

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        lr: float | Schedule,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        **clipping: Any,
    ) -> None:
        super().__init__(parameters, lr, **clipping)
        self.betas, self.weight_decay = _betas(betas), _not_negative("weight_decay", weight_decay)

    @elementwise
    def direction(self, c: Computation) -> Scaled:
        beta1, beta2 = (c.scalar(beta) for beta in self.betas)
        m = c.momentum("m")
        ahead = c.r(c.r(beta1 * m) + c.r(c.rest(beta1) * c.g))
        c.keep("m", c.r(c.r(beta2 * m) + c.r(c.rest(beta2) * c.g)))
        return Scaled(c.scalar(-self.lr), c.r(np.sign(ahead) + c.r(c.scalar(self.weight_decay) * c.w)))


class Adam(Optimizer):
    """m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) (g g); w - lr (m^ / (sqrt(v^) + eps)).

    m^ = m / (1 - beta1^t) and v^ = v / (1 - beta2^t) in the parameter's step t = 1, 2, ...

    Examples
    --------
    >>> w = Tensor([1.0, -8.0], requires_grad=True, parameter=True)
    >>> (w * w).sum().backward()
    >>> Adam({"w": w}, lr=0.25).step()
    >>> w.data.round(6)
    array([ 0.75, -7.75])
    """

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        lr: float | Schedule,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        **clipping: Any,
    ) -> None:
        super().__init__(parameters, lr, **clipping)
        self.betas, self.eps = _betas(betas), positive("eps", eps)
        self.weight_decay = _not_negative("weight_decay", weight_decay)

    @elementwise
    def direction(self, c: Computation) -> Scaled:
        return Scaled(c.scalar(-self.lr), _adam(self, c, c.decayed(self.weight_decay)))


class AdamW(Adam):
    """Adam with decoupled weight decay: w - lr (m^ / (sqrt(v^) + eps) + weight_decay w).

    Examples
    --------
    >>> w = Tensor([8.0], requires_grad=True, parameter=True)
    >>> (w * w).sum().backward()
    >>> AdamW({"w": w}, lr=0.25, weight_decay=0.5).step()
    >>> w.data.round(6)
    array([6.75])
    """

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        lr: float | Schedule,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        **clipping: Any,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay, **clipping)

    @elementwise
    def direction(self, c: Computation) -> Scaled:
        decay = c.r(c.scalar(self.weight_decay) * c.w)
        return Scaled(c.scalar(-self.lr), c.r(_adam(self, c, c.g) + decay))


def _adam(own: Adam, c: Computation, g: Floats) -> Floats:
    """m^ / (sqrt(v^) + eps), the direction that Adam and AdamW share."""
    beta1, beta2 = (c.scalar(beta) for beta in own.betas)
    m = c.keep("m", c.r(c.r(beta1 * c.momentum("m")) + c.r(c.rest(beta1) * g)))
    v = c.keep("v", c.r(c.r(beta2 * c.momentum("v")) + c.r(c.rest(beta2) * c.r(g * g))))
    taken = own.taken[c.name]
    m_hat, v_hat = c.r(m / c.grown(beta1, taken)), c.r(v / c.grown(beta2, taken))
    return c.r(m_hat / c.r(c.r(np.sqrt(v_hat)) + c.scalar(own.eps)))


#: name, as a configuration has it -> optimiser
OPTIMIZERS: Mapping[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "rmsprop": RMSprop,
    "lion": Lion,
    "adam": Adam,
    "adamw": AdamW,
}


def _not_negative(key: str, value: float) -> float:
    none = isinstance(value, int | float) and not isinstance(value, bool) and value == 0
    return 0.0 if none else positive(key, value)


def _fraction(key: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value < 1.0:
        raise ArgumentError(f"{key}={value!r} must be a number in [0, 1)")
    return float(value)


def _betas(betas: tuple[float, float]) -> tuple[float, float]:
    try:
        beta1, beta2 = betas
    except Exception:  # not two, or what an object's own methods raise
        raise ArgumentError(f"betas={betas!r} must be two numbers in [0, 1)") from None
    return _fraction("betas[0]", beta1), _fraction("betas[1]", beta2)
