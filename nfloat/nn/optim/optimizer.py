"""`Optimizer`: what happens to a parameter in an update, the same for all optimisers.

With R_f the cast of the recipe's field f, and u the step (mostly -lr * direction):

    u = R_update(step);  w = R_weights(w + u)                                  plain
    y = R_c(u - r);  s = R_weights(w + y);  r = R_c(R_c(s - w) - y);  w = s    Kahan; c the field `compensation`

Those sums are exact and rounded once. Momenta are stored by the cast `state` (`states`). The arithmetic between casts,
and that of scalars, is that of ``arithmetic.py``, in the order of the formulas in the docstrings of ``rules.py``.
Random bits, infinities, NaN: see ``precision.py``.

Source: Zamirai et al. 2020 (arXiv:2010.06192) for the compensated update.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ...errors import ArgumentError, ShapeError, check_callable, check_kind
from ...kernels.arithmetic.operations import Operation
from ..precision import Floats, Precision, Role, current
from ..recipes import Recipe
from ..tape import Tensor, stored
from ..unsupported import check_supported
from .arithmetic import Arithmetic, rounded_result
from .clipping import clipped_by_norm, clipped_by_value
from .in_parts import goes_in_parts, in_parts
from .one_pass import Scaled, StepKernel, drawn_key, in_one_pass, step_kernel, take_step
from .schedules import Schedule

#: NumPy's own `name` of a type takes as long as a small update
_CARRIERS = {"f": "float32", "d": "float64"}


class Update(NamedTuple):
    """What happened to one parameter in one step.

    ``before == after`` where the gradient is not zero is a stagnated weight.

    Examples
    --------
    >>> from nfloat.nn import SGD, precision
    >>> w = Tensor([1.0], requires_grad=True, parameter=True)
    >>> (w * w).sum().backward()
    >>> with precision("bf16-pure"):
    ...     SGD({"w": w}, lr=0.0005).step(lambda u: print(u.step, u.before, u.after))
    [-0.00099945] [1.] [1.]
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
    lr : float or Schedule
        Learning rate, positive; or how it moves.
    clip_norm, clip_value : float, optional
        Scale all gradients down to this common norm; keep every number of them within this magnitude.
    **others
        PyTorch's other arguments are refused, unless they change nothing.

    Raises
    ------
    ArgumentError
        If `parameters` is empty or a number is not positive and finite.

    Examples
    --------
    >>> class Signs(Optimizer):
    ...     def direction(self, c):
    ...         return c.r(c.scalar(-self.lr) * np.sign(c.g))
    >>> w = Tensor([3.0, -5.0], requires_grad=True, parameter=True)
    >>> (w * w).sum().backward()
    >>> Signs({"w": w}, lr=0.5).step()
    >>> w.data
    array([ 2.5, -4.5])
    """

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        lr: float | Schedule,
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        **others: Any,
    ) -> None:
        if others:
            check_supported(type(self).__name__, others, ("clip_norm", "clip_value"))
        check_kind("parameters", parameters, Mapping, "a mapping from names to tensors, as model.parameters() gives")
        if not parameters or not all(isinstance(x, Tensor) for x in parameters.values()):
            raise ArgumentError("parameters: it must hold tensors, at least one, as model.parameters() does")
        self.parameters = dict(parameters)
        self.schedule = lr if isinstance(lr, Schedule) else None
        self.lr = lr.at(0) if isinstance(lr, Schedule) else positive("lr", lr)
        self.clip_norm = None if clip_norm is None else positive("clip_norm", clip_norm)
        self.clip_value = None if clip_value is None else positive("clip_value", clip_value)
        self.steps = 0
        #: name of a parameter -> steps that it has taken: a gradient may be missing, as in PyTorch
        self.taken = dict.fromkeys(parameters, 0)
        #: name of a parameter -> name of a momentum -> its values, which a step may write into: copy what is to stay
        self.state: dict[str, dict[str, Floats]] = {name: {} for name in parameters}

    @abstractmethod
    def direction(self, c: Computation) -> Floats | Scaled:
        """The step to be added to w, unrounded, or a factor and a direction of it; momenta are updated and cast."""

    def step(self, watch: Callable[[Update], None] | None = None) -> None:
        """Update every parameter that has a gradient, as the precision in force says.

        Parameters
        ----------
        watch : callable, optional
            Called with an `Update` per parameter.

        Raises
        ------
        ArgumentError
            If `watch` cannot be called.
        ShapeError
            If a gradient is not of its parameter's shape.
        """
        check_callable("watch", watch)
        p = current()
        if self.schedule is not None:
            self.lr = self.schedule.at(self.steps)
        self.steps += 1
        quiet, own = watch is None and not p.observed, p.recipe
        quick = step_kernel(own, p.carrier)
        with np.errstate(all="ignore"):  # infinities and NaN are results here, not accidents
            for name, g in self._gradients(p).items():
                if p.recipe.layers:
                    own = p.recipe.at(Role.WEIGHT.layer(name))
                    quick = step_kernel(own, p.carrier)
                self.taken[name] += 1
                update = self._update(p, own, name, g, quick, quiet)
                if watch is not None and update is not None:
                    watch(update)
        p.forget()

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters.values():
            parameter.grad = None

    def _gradients(self, p: Precision) -> dict[str, Floats]:
        """The gradients that there are, clipped."""
        found = {name: tensor.grad for name, tensor in self.parameters.items() if tensor.grad is not None}
        for name, g in found.items():
            if g.shape != self.parameters[name].shape:
                raise ShapeError(
                    f"gradient of {name!r} of shape {g.shape} must have the parameter's shape "
                    f"{self.parameters[name].shape}"
                )
        if self.clip_value is not None:
            found = clipped_by_value(p, found, self.clip_value)
        return found if self.clip_norm is None else clipped_by_norm(p, found, self.clip_norm)

    def _update(
        self, p: Precision, own: Recipe, name: str, g: Floats, quick: StepKernel | None, quiet: bool
    ) -> Update | None:
        """One parameter's update; what happened, unless it was done in one pass, or in parts, which `quiet` allows."""
        parameter, state = self.parameters[name], self.state[name]
        before = parameter._data if parameter.format is own.weights.format else stored(p, parameter)
        if p.tracer is not None and own.arithmetic is None:
            p.tracer(*Role.ARITHMETIC.label(name), _CARRIERS[p.carrier.char], "nearest_even", g.size)
        whole = quick is not None and self.along_gradient
        if quiet and not whole and goes_in_parts(type(self).direction, p, own, quick, {"w": before, "g": g, **state}):
            key = None if quick is None else drawn_key(p, quick, name)

            def stepped(w: Floats, g: Floats, state: dict[str, Floats], first: int) -> Floats:
                step = self._step(p, own, name, w, g, state)
                if quick is not None:
                    return take_step(quick, w, step, state, key, first)
                return _taken(p, own, name, w, step, state)[1]

            parameter.store(in_parts(before, g, state, stepped), own.weights.format)
            return None
        scaled = self._step(p, own, name, before, g, state)
        after = in_one_pass(p, quick, name, before, scaled, state) if quiet and quick is not None else None
        if after is not None:
            parameter.store(after, own.weights.format)
            return None
        step, after = _taken(p, own, name, before, scaled, state, quick)
        parameter.store(after, own.weights.format)
        return Update(name, g, step, before, after)

    def _step(self, p: Precision, own: Recipe, name: str, w: Floats, g: Floats, state: dict[str, Floats]) -> Scaled:
        """The step of some weights; their momenta are brought up to date."""
        found = self.direction(Computation(p, own, name, w, g, state))
        return found if isinstance(found, Scaled) else Scaled(None, found)

    @property
    def along_gradient(self) -> bool:
        """Whether the direction is the gradient itself, so that a step in one pass leaves nothing on its way."""
        return False

    def hyperparameters(self) -> dict[str, Any]:
        """What it was made with, and the step: all that is not an array."""
        hidden = ("parameters", "state", "schedule")
        return {key: value for key, value in vars(self).items() if key not in hidden and not key.startswith("_")}


class Computation(Arithmetic):
    """One parameter's update being computed: its arithmetic, and the momenta."""

    __slots__ = ()

    def momentum(self, key: str) -> Floats:
        """A momentum as it was stored, zeros at first."""
        return self.wide(self._state[key]) if key in self._state else np.zeros_like(self.w)

    def keep(self, key: str, values: Floats) -> Floats:
        """A momentum as it is stored from now on."""
        self._state[key] = self._p.cast(Role.STATE, self.name, values, f".{key}")
        return self.wide(self._state[key])

    def decayed(self, weight_decay: float) -> Floats:
        """g + weight_decay w: the gradient of a loss to which half the weights' square is added."""
        return self.r(self.g + self.r(self.scalar(weight_decay) * self.w)) if weight_decay else self.g


def _taken(
    p: Precision, own: Recipe, name: str, w: Floats, scaled: Scaled, state: dict[str, Floats],
    quick: StepKernel | None = None,
) -> tuple[Floats, Floats]:  # fmt: skip
    """(The step as it is stored, the weights after it), rounding by rounding.

    The sum is that of the kernel that does both, where there is one (its product with 1 rounds to the step itself): no
    other one is compiled for steps that are watched.
    """
    step = scaled.direction
    if scaled.factor is not None:
        step = rounded_result(p, own.arithmetic, name, scaled.factor * step)
    step = p.round(own.update, Role.UPDATE, name, step)
    if own.compensation is None:
        after = in_one_pass(p, quick, name, w, Scaled(None, step), state) if quick and quick.constants else None
        if after is None:
            return step, p.add(Role.WEIGHT, name, w, step, own.one_format)
        if p.observed:
            p.report(Role.WEIGHT, name, "", np.add(w, step, dtype=np.float64), after, own.weights)
        return step, after
    return step, _compensated(p, name, w, step, state, own.one_format)


def _compensated(p: Precision, name: str, w: Floats, step: Floats, state: dict[str, Floats], members: bool) -> Floats:
    """w + step, with what the rounding of the sum lost carried over to the next step (Kahan)."""
    remainder = state["remainder"] if "remainder" in state else np.zeros_like(w)
    less = Operation.SUBTRACT
    wanted = p.add(Role.COMPENSATION, name, step, remainder, members, less)
    after = p.add(Role.WEIGHT, name, w, wanted, members)
    moved = p.add(Role.COMPENSATION, name, after, w, members, less)
    state["remainder"] = p.add(Role.COMPENSATION, name, moved, wanted, members, less)
    return after


def positive(key: str, value: float) -> float:
    """A positive, finite number.

    Raises
    ------
    ArgumentError
        If it is none; `key` is its name.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 < value <= sys.float_info.max:
        raise ArgumentError(f"{key}={value!r} must be a positive, finite number")
    return float(value)
