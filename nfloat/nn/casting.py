"""`Casting`: a recipe at work on single tensors: how they are rounded, with which random bits, and who is told.

The rules, and products of tensors, stand in ``precision.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Token
from functools import lru_cache
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..blocks.array import BlockArray
from ..errors import ArgumentError
from ..kernels.arithmetic.operations import Operation
from ..kernels.jit import entry_point
from ..kernels.rounding.arrays import round_drawn64
from ..kernels.rounding.sums import add_drawn32
from ..ops.arguments import CARRAY, LAYOUT
from ..ops.compute import compute
from ..ops.direct_results import direct_members
from ..ops.rounder import Rounder, large_pieces
from ..streams import SeedLike, Stream, as_stream
from .clamping import clamped
from .operands import AmaxHistory, Copy, Operands
from .recipes import BlockCast, Cast, Recipe
from .recipes.sums import Sums
from .roles import INTERIOR, Role

Floats: TypeAlias = NDArray[np.floating]
Observer: TypeAlias = Callable[[str, str, Floats, Floats], None]


@runtime_checkable
class Witness(Protocol):
    """An observer that is also told of what its four arguments do not show: scales, and what sums are made of."""

    def __call__(self, layer: str, tensor: str, before: Floats, after: Floats, /) -> None:
        """As any observer."""

    def scaled(self, layer: str, tensor: str, before: Floats, blocks: BlockArray) -> None:
        """An operand in blocks: the elements, and the scales that they share (elements to nearest)."""

    def summed(self, layer: str, tensor: str, a: Any, b: Any, c: Floats | None, sums: Sums) -> None:
        """A product's operands, what its sums begin with, and how they are formed."""


#: f(layer, tensor, format, mode, elements)
Tracer: TypeAlias = Callable[[str, str, str, str, int], object]

_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
#: gradients, which a loss scale may push beyond a format's range
_GRADIENTS = (Role.ACTIVATION_GRADIENT, Role.WEIGHT_GRADIENT, Role.GEMM_DY)


class Casting:
    """A recipe at work on one step: what it does to one tensor. Products stand in `Precision`.

    Attributes
    ----------
    clamped : int
        Gradients beyond the range of a format that saturates, so far: what a loss scaler must know of.
    """

    __slots__ = (
        "_occurrences", "_operands", "batch_stays", "carrier", "clamped", "masks", "micro_batch", "observed",
        "observer", "recipe", "scales", "seed", "step", "threads", "tokens", "tracer",
    )  # fmt: skip

    def __init__(
        self,
        recipe: Recipe,
        seed: SeedLike = 0,
        step: int = 0,
        observer: Observer | None = None,
        threads: int | None = None,
        *,
        micro_batch: int = 0,
        scales: AmaxHistory | None = None,
        tracer: Tracer | None = None,
        masks: SeedLike | None = None,
        around: Casting | None = None,
    ) -> None:
        self.recipe = recipe
        self.carrier = np.dtype(recipe.carrier.char)  # the very object that arrays have, in copies of a recipe too
        self.seed = as_stream(seed)
        self.masks: Stream | None = (
            masks if isinstance(masks, Stream) else self.seed if masks is None else Stream(masks)
        )
        self.step, self.micro_batch = step, micro_batch
        self.observer, self.tracer = observer, tracer
        #: whether anyone is told of roundings
        self.observed = observer is not None or tracer is not None
        self.threads = threads
        self.scales = AmaxHistory() if scales is None else scales
        self.clamped = 0
        #: whether a batch does not change before its walk back is over
        self.batch_stays = False
        #: of the places where it has been entered
        self.tokens: list[Token[Any]] = []
        same = around is not None and (around.seed, around.step, around.micro_batch) == (self.seed, step, micro_batch)
        self._occurrences: dict[tuple[str, ...], int] = around._occurrences if same and around else {}
        self._operands: Operands = around._operands if same and around else Operands()

    def at(self, layer: str) -> Recipe:
        """The recipe as it holds for a layer."""
        return self.recipe.at(layer) if self.recipe.layers else self.recipe

    def forget(self) -> None:
        """Drop what was kept of operands: a walk back has ended."""
        self._operands.clear()

    def copy(self, values: Floats, how: Rounder, make: Callable[[], Copy]) -> Copy:
        """A parameter's copy without random bits, which its uses in a step share; somebody who looks sees each."""
        return make() if self.observed else self._operands.copy(values, how, make)

    # ---------------------------------------------------------------- rounding
    def cast(self, role: Role, name: str, x: Floats, part: str = "") -> Floats:
        """`x` as the recipe stores tensors of this role, in the carrier's type; `x` itself where it does not."""
        r = self.recipe.at(role.layer(name)) if self.recipe.layers else self.recipe
        cast: Cast | None = getattr(r, role.field)
        if part and r.states and role is Role.STATE:
            cast = r.state_cast(part[1:])
        return x if cast is None else self.round(cast, role, name, x, part)

    def round(self, cast: Cast, role: Role, name: str, x: Floats, part: str = "", own: bool = False) -> Floats:
        """`x` rounded by `cast` and reported to the observer; `part` (".m") ends the tensor's name there.

        `own`: nobody else has x, so that it may be rounded in its own memory.
        """
        if type(x) is not np.ndarray:
            x = np.asarray(x)  # NumPy makes scalars of 0-d results
        after = x
        if x.dtype not in cast.exact_in:
            how = cast.rounder
            if cast.native_in and x.dtype is _DOUBLE:
                with np.errstate(all="ignore"):
                    after = x.astype(_SINGLE)  # the CPU's own conversion to float32 is that rounding
            else:
                key = how.key(self.stream(name, role.tensor)) if how.stochastic else 0
                carried = _carried(x, how.single)
                free = own and cast.edge is None and not self.observed
                after = how.apply(carried, key, 0, carried if free else None)
        if after.dtype is not self.carrier:
            after = after.astype(self.carrier)  # exact: the carrier holds every number of the format
        elif after is x and role is Role.INPUT and self.recipe.keeps_operands and not self.batch_stays:
            x = after = x.copy()  # a batch's memory may be used again for the next one
        if cast.edge is not None and role in _GRADIENTS:
            self.clamped += clamped(cast.edge, x)
        if self.observed:
            self.report(role, name, part, x, after, cast)
        return after

    def add(
        self, role: Role, name: str, x: Floats, y: Floats, members: bool = False, op: Operation = Operation.ADD
    ) -> Floats:
        """x + y (or another `op`: x - y), exact (stochastic modes: in float64) and rounded once as such tensors are.

        `members`: x and y are numbers of that format, which can make it cheaper and changes no bit.
        """
        cast: Cast = getattr(self.recipe.at(role.layer(name)) if self.recipe.layers else self.recipe, role.field)
        numpy = np.add if op is Operation.ADD else np.subtract
        if self.carrier in cast.native_in:  # the carrier's own addition is that rounding
            return self.round(cast, role, name, numpy(x, y, dtype=self.carrier))
        how = cast.rounder
        drawn = how.round64 is round_drawn64 and op is Operation.ADD
        if (how.stochastic and not drawn) or not x.dtype is y.dtype is self.carrier is _SINGLE:
            return self.round(cast, role, name, numpy(x, y, dtype=_DOUBLE))
        if drawn:
            after = _drawn_sum(x, y, how, how.key(self.stream(name, role.tensor)))
        else:
            after = _result(op, x, y, how, members)
        if self.observed:
            self.report(role, name, "", numpy(x, y, dtype=_DOUBLE), after, cast)
        return after

    def inner(self, field: str, name: str, x: Floats) -> Floats:
        """A number on an operation's way, rounded by the recipe's `field` ("softmax", "norms", ...); `x` without one.

        `running_maximum` and `running_sum` are `softmax` where the recipe does not name them.
        """
        r = self.at(name)
        cast: Cast | None = getattr(r, field)
        if cast is None and field.startswith("running"):
            cast = r.softmax
        return x if cast is None else self.round(cast, INTERIOR[field], name, x)

    def report(self, role: Role, name: str, part: str, before: Floats, after: Floats, cast: Cast | BlockCast) -> None:
        """Tell whoever looks of a rounding."""
        layer, tensor = role.label(name)
        if self.observer is not None:
            self.observer(layer, tensor + part, before, after)
        if self.tracer is not None:
            exact = isinstance(cast, Cast) and before.dtype in cast.exact_in
            self.tracer(layer, tensor + part, cast.label, "exact" if exact else cast.rounding._value_, before.size)

    # ---------------------------------------------------------------- random bits
    def stream(self, name: str, role: str) -> Stream:
        """The stream of random bits for the next rounding of that tensor in this step."""
        return self._next(self.seed, name, role)

    def mask_stream(self, name: str) -> Stream:
        """The stream of that layer's next dropout mask in this step: no recipe has a part in it.

        Raises
        ------
        ArgumentError
            Outside of any precision, where nothing says which step it is.
        """
        if self.masks is None:
            raise ArgumentError(
                f"the dropout of {name!r} takes its mask from a step's seed: call it inside of nf.nn.precision(..., "
                "seed=..., step=...), or model.eval() first"
            )
        return self._next(self.masks, name, "dropout")

    def _next(self, seed: Stream, name: str, role: str) -> Stream:
        occurrence = self._occurrences.get((name, role), 0)
        self._occurrences[name, role] = occurrence + 1
        place = _place(seed, name, role)
        if self.micro_batch:
            return place.child(self.step, "micro-batch", self.micro_batch, occurrence)
        return place.child(self.step, occurrence)


@lru_cache(maxsize=4096)
def _place(seed: Stream, name: str, role: str) -> Stream:
    """What the streams of a tensor descend from, in all steps."""
    return seed.child(name, role)


def _drawn_sum(x: Floats, y: Floats, how: Rounder, key: int) -> Floats:
    """x + y of float32 arrays of one shape, in float64, rounded by a stochastic mode."""
    out = np.empty(x.shape, _SINGLE)
    a, b, s, add = x.ravel(), y.ravel(), out.reshape(-1), entry_point(add_drawn32)
    for piece in large_pieces(s.size):
        add(a[piece], b[piece], s[piece], how.spec_array, key, piece.start)
    return out


def _result(op: Operation, x: Floats, y: Floats, how: Rounder, members: bool) -> Floats:
    """x + y or x - y of float32 arrays of one shape, exact and rounded once by a mode without random bits."""
    found = direct_members(op, x, y, how) if members else None
    if found is None:
        found = compute(op, (x.ravel(), y.ravel()), x.size, how, 0, members=members).reshape(x.shape)
    return found


def _carried(x: Floats, single: bool) -> Floats:
    """An array as a rounding kernel takes it: C-contiguous and writable, of the engine's own carriers."""
    if not single and x.dtype != _DOUBLE:
        return x.astype(_DOUBLE, order="C")
    return x if x.flags.num & LAYOUT == CARRAY else np.array(x, order="C", copy=True)
