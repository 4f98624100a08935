"""Precision: what a recipe means in arithmetic.

The only place of the engine that rounds, and the only one that calls `nf.matmul`.

``with precision(recipe, seed=0, step=0):`` computes everything inside as the recipe says; outside, everything is
float64. The context is a `contextvars` variable, so threads do not see each other's. A result remembers the
precision it was recorded under: its backward pass runs under the same one, wherever ``backward()`` is called. Use
one context per training step.

The rules
* A value is computed from the stored values of its operands and rounded once, by the cast of its field in the
  recipe. GEMMs go through `nf.matmul` with the recipe's accumulator, the bias being the initial value of the sums (D
  = A B + C, as matrix units do it); what is elementwise is computed in float64 (exact enough: 53 >= 2 * 24 + 2), or
  in the carrier where that is exact.
* Results that only move or select numbers (reshape, ReLU and its gradient) are not rounded, since they need it not.
* A tensor that comes from outside (a batch; a tensor of another precision) enters as an activation.
* Losses, what is computed from them and the gradients of both stay in the carrier, so that a loss scale cannot overflow
  before it has reached the model.
* A cast has derivative 1 (straight through).
* Parameters are *stored* in the format `weights`, to nearest. Before the first update they may still be wider
  (``model.init`` outside of any precision); they are then read as if they were stored.
* Random bits: stream ``Stream(seed).child(tensor name, tensor role, step, occurrence)``; no two tensors, steps or
  roundings share any.

The observer, for whoever records what was rounded
--------------------------------------------------
``precision(r, observer=f)`` calls ``f(layer, tensor, before, after)`` for each tensor that the recipe stores in some
format; where that is the carrier's own, so that nothing is rounded, ``before is after``. `before` is not always of the
carrier's type. Arrays must not be changed (nor does the engine ever write into one that it has handed out). `layer` is
the layer's place ("0", "2"; outside of a model the operation's name), and `tensor` one of

| tensor | what it is |
|---|---|
| input | the batch, as it enters the layer |
| activation | the layer's result, after its GEMM and bias; ReLU's and reshape's need no rounding and are not seen |
| activation.grad | gradient with respect to the layer's result; the last layer's is the one that the loss sends |
| gemm.x, gemm.w, gemm.dy | operands of GEMMs, where the recipe rounds those apart (tf32) |
| weight.copy, bias.copy | parameters as forward and backward see them, where the recipe has such a copy |
| weight.grad, bias.grad | gradients of parameters; under loss scaling still scaled |
| weight.state.m, bias.state.v, ... | the optimiser's momenta, each by its name in the optimiser's docstring |
| weight.update, bias.update | the optimiser's step |
| weight.compensation, ... | the parts of a compensated update |
| weight, bias | the new weights, before and after they are stored |

An optimiser's ``step(watch=g)`` calls ``g(Update(name, gradient, step, before, after))`` per parameter: ``before ==
after`` where the gradient is not zero is a stagnated weight. ``train.gradients(model, x, y)`` is the exact gradient at
the same weights.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token
from enum import Enum
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, as_integer
from ..linalg.accumulators import Accumulator
from ..linalg.matmul import matmul
from ..linalg.units.unit import Unit
from ..ops.rounding import round as nf_round
from ..streams import SeedLike, Stream
from .recipes import Cast, Recipe, recipe

Floats: TypeAlias = NDArray[np.floating]
Observer: TypeAlias = Callable[[str, str, Floats, Floats], None]


class Role(Enum):
    """What a tensor is in a step: its name for the observer, and the recipe's field that says how it is rounded.

    Names of parameters' tensors start with a dot or are empty; the observer sees them after the parameter's own name.
    """

    INPUT = ("input", "activations")
    ACTIVATION = ("activation", "activations")
    ACTIVATION_GRADIENT = ("activation.grad", "activation_gradients")
    GEMM_X = ("gemm.x", "gemm_inputs")
    GEMM_W = ("gemm.w", "gemm_inputs")
    GEMM_DY = ("gemm.dy", "gemm_inputs")
    WEIGHT = ("", "weights")
    WEIGHT_COPY = (".copy", "weight_copy")
    WEIGHT_GRADIENT = (".grad", "weight_gradients")
    UPDATE = (".update", "update")
    STATE = (".state", "state")
    COMPENSATION = (".compensation", "compensation")

    def __init__(self, tensor: str, field: str) -> None:
        self.tensor = tensor
        self.field = field

    def label(self, name: str) -> tuple[str, str]:
        """(layer, tensor) as the observer gets them: parameters are named "0.weight", other tensors by their layer."""
        if self.tensor and self.tensor[0] != ".":
            return name, self.tensor
        layer, _, own = name.rpartition(".")
        return layer, own + self.tensor


class Precision:
    """A recipe at work on one step: casts, GEMMs, sums, streams of random bits. Made by `precision`."""

    __slots__ = ("_occurrences", "_tokens", "carrier", "observer", "recipe", "seed", "step", "threads")

    def __init__(
        self, recipe: Recipe, seed: SeedLike, step: int, observer: Observer | None, threads: int | None
    ) -> None:
        self.recipe = recipe
        self.carrier = recipe.carrier
        self.seed = seed if isinstance(seed, Stream) else Stream(seed)
        self.step = step
        self.observer = observer
        self.threads = threads
        self._occurrences: dict[tuple[str, str], int] = {}
        self._tokens: list[Token[Precision]] = []

    def __enter__(self) -> Precision:
        self._tokens.append(_ACTIVE.set(self))
        return self

    def __exit__(self, *_: object) -> None:
        _ACTIVE.reset(self._tokens.pop())

    # ---------------------------------------------------------------- rounding
    def cast(self, role: Role, name: str, x: Floats, part: str = "") -> Floats:
        """`x` as the recipe stores tensors of this role, in the carrier's type; `x` itself where it does not."""
        cast: Cast | None = getattr(self.recipe, role.field)
        return x if cast is None else self.round(cast, role, name, x, part)

    def round(self, cast: Cast, role: Role, name: str, x: Floats, part: str = "") -> Floats:
        """`x` rounded by `cast` and reported to the observer; `part` (".m") ends the tensor's name there."""
        if type(x) is not np.ndarray:
            x = np.asarray(x)  # NumPy makes scalars of 0-d results
        after = x
        if x.dtype not in cast.exact_in:
            seed = self.stream(name, role.tensor) if cast.rounding.is_stochastic else None
            after = np.asarray(
                nf_round(x, cast.format, cast.rounding, overflow=cast.overflow, random_bits=cast.random_bits, seed=seed)
            )
        if after.dtype != self.carrier:
            after = after.astype(self.carrier)  # exact: the carrier holds every number of the format
        if self.observer is not None:
            layer, tensor = role.label(name)
            self.observer(layer, tensor + part, x, after)
        return after

    def add(self, role: Role, name: str, x: Floats, y: Floats) -> Floats:
        """x + y, the sum exact (to float64) and rounded once as tensors of this role are."""
        cast: Cast = getattr(self.recipe, role.field)
        # where the carrier is the format, its own addition is that rounding
        dtype = self.carrier if self.carrier in cast.exact_in else np.dtype(np.float64)
        return self.round(cast, role, name, np.add(x, y, dtype=dtype))

    # ---------------------------------------------------------------- products and sums
    def matmul(self, name: str, product: str, a: Floats, b: Floats, c: Floats | None = None) -> Floats:
        """``a @ b (+ c)``: (m, k) @ (k, n) in the recipe's accumulator `product`: "forward", "backward" or "sums"."""
        accumulator: Accumulator | Unit = getattr(self.recipe, product)
        seed = self.stream(name, product) if isinstance(accumulator, Accumulator) and accumulator.stochastic else None
        return np.asarray(matmul(a, b, accumulator, c, seed=seed, threads=self.threads))

    def gemm(
        self,
        name: str,
        product: str,
        a: Floats,
        b: Floats,
        c: Floats | None = None,
        roles: tuple[Role, Role] = (Role.GEMM_X, Role.GEMM_W),
    ) -> Floats:
        """``a @ b (+ c)``, the operands first as the recipe stores operands of those roles: stacks as in `nf.matmul`.

        `product` is "forward", "input_gradient" or "weight_gradient".
        """
        a, b = self.cast(roles[0], name, a), self.cast(roles[1], name, b)
        return self.matmul(name, "forward" if product == "forward" else "backward", a, b, c)

    def sum_rows(self, name: str, x: Floats) -> Floats:
        """(k, n) -> (n,): the sum over the first axis, k ascending, in the recipe's accumulator for sums."""
        return self.matmul(name, "sums", _ones(x.shape[0], x.dtype), x)[0]

    # ---------------------------------------------------------------- random bits
    def stream(self, name: str, role: str) -> Stream:
        """The stream of random bits for the next rounding of that tensor in this step."""
        occurrence = self._occurrences.get((name, role), 0)
        self._occurrences[name, role] = occurrence + 1
        return self.seed.child(name, role, self.step, occurrence)


def precision(
    recipe_or_name: Recipe | str,
    seed: SeedLike = 0,
    step: int = 0,
    *,
    observer: Observer | None = None,
    threads: int | None = None,
) -> Precision:
    """A context in which everything is computed as a recipe says.

    Parameters
    ----------
    recipe_or_name : Recipe or str
        A recipe, or a name in `recipes`.
    seed : int or Stream
        Where random bits come from; used by stochastic casts and accumulators only.
    step : int
        The training step: part of the streams' names, so that no two steps share bits.
    observer : callable, optional
        ``observer(layer, tensor, before, after)`` is called for each rounded tensor; see the module.
    threads : int, optional
        Passed to `nf.matmul`; never changes a bit.

    Raises
    ------
    ArgumentError
        If there is no such recipe, or `step` is not an integer of at least 0.
    SeedError
        If `seed` is not a seed.

    Examples
    --------
    >>> import numpy as np, nfloat as nf
    >>> with nf.nn.precision("bf16-mixed"):
    ...     y = nf.nn.Tensor(np.array([1.0, 1.00390625])) + 0.0
    >>> y.data.tolist(), y.data.dtype.name
    ([1.0, 1.0], 'float32')
    """
    if as_integer(step) is None or step < 0:
        raise ArgumentError(f"step={step!r} of a precision must be an integer of at least 0")
    return Precision(recipe(recipe_or_name), seed, step, observer, threads)


_ACTIVE: ContextVar[Precision] = ContextVar("nfloat.nn.precision")


def current() -> Precision:
    """The precision in force: that of the innermost ``with precision(...)``, float64 outside of all."""
    return _ACTIVE.get(None) or Precision(recipe("float64"), 0, 0, None, None)


@lru_cache(maxsize=64)
def _ones(count: int, dtype: np.dtype[Any]) -> Floats:
    """A row of ones: what a matrix is multiplied with to sum its rows."""
    ones = np.ones((1, count), dtype)
    ones.flags.writeable = False
    return ones
