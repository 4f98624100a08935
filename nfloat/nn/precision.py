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
  roundings share any. Of micro-batch j > 0 of a step, ``(tensor name, tensor role, step, "micro-batch", j,
  occurrence)``. Operands of products: see ``operands.py``; blocks along k draw as "gemm.dy.weight_gradient" and the
  like, one copy for each product.
* The signs of Hadamard transforms are the run's: ``Stream(seed).child("hadamard")``, the same for all layers and steps.
* A precision inside another one inherits the seed, step, micro-batch, observer, threads and scales that it does not
  name, and then also goes on counting its occurrences: no random bits are used twice.

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
| gemm.x, gemm.w, gemm.dy | operands of products, where the recipe rounds those apart (tf32); with scales: the values |
| gemm.a, gemm.b | operands of products of two activations, likewise |
| softmax, norm, running.maximum, running.sum | on the way to a softmax or a norm, where the recipe rounds |
| forward.sum, input_gradient.sum, weight_gradient.sum, sum | what sums gave (`before is after`): overflow shows |
| weight.copy, bias.copy | parameters as forward and backward see them, where the recipe has such a copy |
| weight.grad, bias.grad | gradients of parameters; under loss scaling still scaled |
| weight.scalars, weight.arithmetic, ... | scalars and results inside the optimiser, where they are rounded |
| weight.state.m, bias.state.v, ... | the optimiser's momenta, each by its name in the optimiser's docstring |
| weight.update, bias.update | the optimiser's step |
| weight.compensation, ... | the parts of a compensated update |
| weight, bias | the new weights, before and after they are stored |

An observer that is a `Witness` is told more: the scales of operands in blocks, and the operands of products.

An optimiser's ``step(watch=g)`` calls ``g(Update(name, gradient, step, before, after))`` per parameter: ``before ==
after`` where the gradient is not zero is a stagnated weight. ``train.gradients(model, x, y)`` is the exact gradient at
the same weights.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import ArgumentError, as_integer, check_callable, check_kind
from ..linalg.accumulators import Accumulator
from ..linalg.gemm.small import small_product
from ..linalg.matmul import matmul
from ..linalg.reductions import column_sums, middle_sums
from ..linalg.units.quick import quick_product
from ..linalg.units.unit import Unit
from ..ops.rounder import Rounded
from ..ops.threads import check_threads
from ..streams import SeedLike
from .casting import Floats as Floats
from .casting import Observer as Observer
from .casting import Tracer as Tracer
from .casting import Witness as Witness
from .operand_casting import OperandCasting
from .operands import AmaxHistory, Late, Operand
from .products import result_format, scaled, split
from .recipes import BlockCast, Planned, Recipe, recipe
from .recipes.sums import SplitK, Sums, described
from .roles import Role as Role


class Precision(OperandCasting):
    """A recipe at work on one step: casts, products, sums, streams of random bits. Made by `precision`."""

    __slots__ = ()

    def __enter__(self) -> Precision:
        self.tokens.append(_ACTIVE.set(self))
        return self

    def __exit__(self, *_: object) -> None:
        _ACTIVE.reset(self.tokens.pop())

    # ---------------------------------------------------------------- products and sums
    def gemm(
        self,
        name: str,
        product: str,
        a: Floats,
        b: Floats | Late,
        c: Floats | None = None,
        roles: tuple[Role, Role] = (Role.GEMM_X, Role.GEMM_W),
    ) -> Floats:
        """``a @ b (+ c)``, the operands first as the recipe stores operands of those roles: stacks as in `nf.matmul`.

        `product` is "forward", "input_gradient" or "weight_gradient". A scale of a whole operand is applied to the sums
        (rounded once more to their format), and then c is added (in the same way).
        """
        planned = self.planned(name, product, roles)
        if planned is not None:
            result = self._quick(planned.sums, a, b, c, planned.rounded)
            if result is not None:
                return result
        b = b.made() if isinstance(b, Late) else b
        r = self.recipe.at(name) if self.recipe.layers else self.recipe
        first, second = r.operands(product, roles[0].operand, roles[1].operand)
        if not (isinstance(first, BlockCast) or isinstance(second, BlockCast)):
            return self.matmul(name, product, *self.rounded(name, product, a, b, roles), c)
        apart = self.apart(name, product)

        def operands() -> tuple[Operand, Operand]:
            return (
                self.operand(first, roles[0], name, product, a, -1, apart),
                self.operand(second, roles[1], name, product, b, -2, apart),
            )

        return self.product_of(name, product, operands, c)

    def product_of(
        self, name: str, product: str, operands: Callable[[], tuple[Operand, Operand]], c: Floats | None = None
    ) -> Floats:
        """The end of `gemm`: a product of operands that share scales, which need not outlive it; the scale; c."""
        sums, alpha = self._sums_of(name, product, *operands(), c)
        return sums if alpha == 1.0 else self.rescaled(name, product, sums, alpha, c)

    def _sums_of(
        self, name: str, product: str, left: Operand, right: Operand, c: Floats | None
    ) -> tuple[Floats, float]:
        """(The sums of a product, the scale that they still lack); where that is 1, c is added."""
        alpha = left.scale * right.scale
        return self.matmul(name, product, left.values, right.values, c if alpha == 1.0 else None), alpha

    def rescaled(self, name: str, product: str, sums: Floats, alpha: float, c: Floats | None) -> Floats:
        """A product's sums times the scale of its operands, rounded, then plus c, rounded: the end of `gemm`.

        In the sums' own memory, unless somebody has seen them.
        """
        kind = (self.recipe.at(name) if self.recipe.layers else self.recipe).summed(product)
        result = scaled(sums, alpha, c, kind, np.empty_like(sums) if self.observed else sums)
        for step in ("scaled",) if c is None else ("scaled", "plus"):
            self._trace(name, f"{product}.sum.{step}", result_format(kind).name, "nearest_even", result.size)
        return result

    def planned(self, name: str, product: str, roles: tuple[Role, Role]) -> Planned | None:
        """How a product of those operands is done that nobody watches; None: only `gemm` knows."""
        if self.observed:
            return None
        r = self.recipe.at(name) if self.recipe.layers else self.recipe
        return r.planned(product, roles[0].operand, roles[1].operand)

    def matmul(self, name: str, product: str, a: Any, b: Any, c: Floats | None = None) -> Floats:
        """``a @ b (+ c)`` as the recipe sums that `product`: of `gemm`; "backward"; "sums". No operand is rounded."""
        r = self.recipe.at(name) if self.recipe.layers else self.recipe
        sums, drawn = r.summation[product]
        result = None if drawn else self._quick(sums, a, b, c)
        if result is None:
            seed = self.stream(name, product if product in ("forward", "sums") else "backward") if drawn else None
            if isinstance(sums, SplitK):
                result = split(a, b, c, sums, seed, self.threads)
            else:
                result = np.asarray(matmul(a, b, sums, c, seed=seed, threads=self.threads))
        if self.observed:
            tensor = "sum" if product == "sums" else f"{product}.sum"
            self.report_sums(name, tensor, result, sums)
            self._witness(name, tensor, a, b, c, sums)
        return result

    def _witness(self, name: str, tensor: str, a: Any, b: Any, c: Floats | None, sums: Sums) -> None:
        if self.observer is not None and isinstance(self.observer, Witness):  # to ask None that takes microseconds
            self.observer.summed(name, tensor, a, b, c, sums)

    def _quick(self, sums: Sums, a: Any, b: Any, c: Floats | None, rounded: Rounded = (None, None)) -> Floats | None:
        """A product of matrices by a way that was planned before, its operands rounded first; None: there is none."""
        if type(b) is Late:
            if rounded[1] is not None:  # the copy is to be rounded once more
                return None
            b, rounded = b.values, (rounded[0], b.how)
        if type(a) is not np.ndarray or type(b) is not np.ndarray:
            return None
        if type(sums) is Accumulator:
            return small_product(a, b, c, sums, rounded)
        return quick_product(a, b, c, sums, self.threads, rounded) if type(sums) is Unit else None

    def report_sums(self, name: str, tensor: str, result: Floats, sums: Sums) -> None:
        """Say what sums gave, to whoever listens."""
        if self.observer is not None:
            self.observer(name, tensor, result, result)
        if self.tracer is not None:
            self.tracer(name, tensor, *described(sums), result.size)

    def sum_rows(self, name: str, x: Floats) -> Floats:
        """(k, n) -> (n,): the sum over the first axis, k ascending, in the recipe's accumulator for sums."""
        sums, _ = (self.recipe.at(name) if self.recipe.layers else self.recipe).summation["sums"]
        result = column_sums(x, sums) if isinstance(sums, Accumulator) else None
        if result is None:
            return self.matmul(name, "sums", _ones(x.shape[0], x.dtype), x)[0]
        if self.observed:
            self.report_sums(name, "sum", result, sums)
            self._witness(name, "sum", _ones(x.shape[0], x.dtype), x, None, sums)
        return result

    def sum_middle(self, name: str, x: Floats) -> Floats:
        """(outer, rows, places) -> (rows,): `sum_rows` of the others, their terms in C order."""
        sums, drawn = (self.recipe.at(name) if self.recipe.layers else self.recipe).summation["sums"]
        if isinstance(sums, Accumulator) and not (drawn or self.observed):
            result = middle_sums(x, sums)
            if result is not None:
                return result
        return self.sum_rows(name, np.ascontiguousarray(x.swapaxes(1, 2)).reshape(-1, x.shape[1]))


def precision(
    recipe_or_name: Recipe | str,
    seed: SeedLike | None = None,
    step: int | None = None,
    *,
    observer: Observer | None = None,
    threads: int | None = None,
    micro_batch: int | None = None,
    scales: AmaxHistory | None = None,
    tracer: Tracer | None = None,
    masks: SeedLike | None = None,
) -> Precision:
    """A context in which everything is computed as a recipe says.

    Inside another precision, whatever is None is the outer one's; outside of all, it is what stands in brackets.

    Parameters
    ----------
    recipe_or_name : Recipe or str
        A recipe, or a name that `recipe` reads.
    seed : int or Stream, optional
        Where random bits come from; used by stochastic casts and accumulators only (0).
    step : int, optional
        The training step: part of the streams' names, so that no two steps share bits (0).
    observer : callable, optional
        ``observer(layer, tensor, before, after)`` is called for each rounded tensor; see the module.
    threads : int, optional
        Passed to `nf.matmul`; never changes a bit.
    micro_batch : int, optional
        Which part of a step's batch this is, where gradients of several are added up; part of the streams' names (0).
    scales : AmaxHistory, optional
        What delayed scaling remembers of the steps before, for recipes that have it (nothing: the first scales follow
        from the tensors themselves). Keep one for a training, as `Trainer` does.
    tracer : callable, optional
        ``tracer(layer, tensor, format, mode, elements)`` is called for each rounding, of sums too.
    masks : int or Stream, optional
        Where the masks of dropout come from (`seed`): they are the same under every recipe.

    Raises
    ------
    ArgumentError
        If there is no such recipe, `step` or `micro_batch` is not an integer of at least 0, or another argument is not
        of its kind.
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
    for key, value in (("step", step), ("micro_batch", micro_batch)):
        if value is not None and not (type(value) is int and value >= 0) and (as_integer(value) is None or value < 0):
            raise ArgumentError(f"{key}={value!r} of a precision must be an integer of at least 0")
    check_callable("observer", observer)
    check_callable("tracer", tracer)
    threads = check_threads(threads)
    check_kind("scales", scales, AmaxHistory | None, "an nf.nn.AmaxHistory")
    around = _ACTIVE.get(None)
    outer = around or _OUTSIDE
    return Precision(
        recipe(recipe_or_name),
        outer.seed if seed is None else seed,
        outer.step if step is None else step,
        outer.observer if observer is None else observer,
        outer.threads if threads is None else threads,
        micro_batch=outer.micro_batch if micro_batch is None else micro_batch,
        scales=(around.scales if around else None) if scales is None else scales,
        tracer=outer.tracer if tracer is None else tracer,
        masks=(around.masks if around else None) if masks is None else masks,
        around=around,
    )


_ACTIVE: ContextVar[Precision] = ContextVar("nfloat.nn.precision")
#: float64, which draws nothing and keeps nothing
_OUTSIDE = Precision(recipe("float64"))
_OUTSIDE.masks = None


def current() -> Precision:
    """The precision in force: that of the innermost ``with precision(...)``, float64 outside of all."""
    return _ACTIVE.get(_OUTSIDE)


@lru_cache(maxsize=64)
def _ones(count: int, dtype: np.dtype[Any]) -> Floats:
    """A row of ones: what a matrix is multiplied with to sum its rows."""
    ones = np.ones((1, count), dtype)
    ones.flags.writeable = False
    return ones
