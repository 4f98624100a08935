"""`Recipe`: which tensor of a training step is rounded where. One frozen value; nothing here computes.

The tensors of a step, in the order in which a recipe touches them:

| field | the tensor |
|---|---|
| weights | parameters between steps: what the optimiser reads and writes. Wider than `weight_copy`: the master copy |
| weight_copy | parameters as forward and backward see them, weights and biases alike (None: `weights` itself) |
| activations | the input batch and every result of a layer |
| gemm_inputs | operands of every product, forward and backward (None: as they are) |
| forward_x, forward_w | operands of y = x W^T + b (None: `gemm_inputs`) |
| input_gradient_dy, input_gradient_w | operands of dx = dy W (None: `gemm_inputs`) |
| weight_gradient_dy, weight_gradient_x | operands of dW = dy^T x (None: `gemm_inputs`) |
| attention_inputs | operands of products of two activations, forward and backward (None: `gemm_inputs`) |
| forward, backward | how the products are summed: y; and dx, dW |
| input_gradient_sums, weight_gradient_sums | how dx and dW are summed (None: `backward`) |
| sums | how reductions that are no product are summed: bias gradients, sum, mean |
| softmax, norms | every number on the way to a softmax, to a norm's result (None: float64, the result rounded once) |
| running_maximum, running_sum | those of block-wise attention, between its blocks (None: `softmax`) |
| activation_gradients | gradients between layers |
| weight_gradients | gradients of parameters, as the optimiser finds them (still scaled, where the loss is) |
| scalars | learning rate, betas, epsilon, weight decay and what is computed of them alone (None: float64) |
| arithmetic | every result inside the optimiser's formulas (None: the carrier's arithmetic) |
| state, states | the optimiser's momenta; by their names (`states={"v": "float32"}`) where they differ |
| update | the step that is added to the weights |
| compensation | the remainder of a compensated (Kahan) weight update; None: a plain addition |
| loss_scaling | a `LossScaling`, "dynamic", the number of a scale that does not move, or None |
| layers | other values of these fields for layers by their names: `layers={"*.head": {"weights": "float32"}}` |

An operand's format may be one whose elements share scales (``casts.py``); what a scale belongs to as a whole is applied
to the product's result, as a GEMM's alpha. Blocks run along k, cut from the same source for every product. Every other
field takes a format, its name, a `Cast` or a string like ``bfloat16:stochastic``; sums what ``sums.py`` reads.

A pattern of `layers` (``*`` any characters, ``?`` one) is compared with a layer's place and those of the layers around
it; where several fit, the last one counts.

Losses are reductions: they are computed in float64, kept in the carrier and not rounded further, so that a drift of
the loss is one of the model, not of the last digit printed.

A carrier is the NumPy type in which values travel: float32 where every format of the recipe fits it, else float64.

What the words mean in arithmetic stands in ``precision.py``. Sources stand with the rows of ``table.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ...cards import card
from ...errors import ArgumentError, check_kind, nearest_names
from ...formats.names import get_format
from ...linalg.accumulators import Accumulator
from ...ops.rounder import Rounder, packed_rounding
from ..scaling import LossScaling, as_loss_scaling
from .casts import BlockCast, Cast, as_cast, as_operand
from .flow import flow_svg
from .sums import SplitK, Sums, as_sums, draws, shown

#: one float32 sum, k ascending, products exact
_FLOAT32 = Accumulator(get_format("float32"))

#: fields that name the operands of a product, by what the product is of
OPERANDS: Mapping[str, tuple[str, str]] = {
    "forward": ("forward_x", "forward_w"),
    "input_gradient": ("input_gradient_dy", "input_gradient_w"),
    "weight_gradient": ("weight_gradient_dy", "weight_gradient_x"),
}
OPERAND_FIELDS = ("gemm_inputs", *(key for pair in OPERANDS.values() for key in pair), "attention_inputs")
_INTERIOR = ("softmax", "norms", "running_maximum", "running_sum", "scalars", "arithmetic")
_TENSORS = ("weights", "activations", "activation_gradients", "weight_gradients", "state", "update")
#: fields of a recipe that name a rounding, and those of them that may be None
CAST_FIELDS = (
    "weights", "weight_copy", "activations", *OPERAND_FIELDS, *_INTERIOR, "activation_gradients", "weight_gradients",
    "state", "update", "compensation",
)  # fmt: skip
OPTIONAL_CASTS = ("weight_copy", *OPERAND_FIELDS, *_INTERIOR, "compensation")
#: fields that say how sums are formed
SUM_FIELDS = ("forward", "backward", "sums", "input_gradient_sums", "weight_gradient_sums")
#: products for gradients, which may be summed in a way of their own
GRADIENTS = ("input_gradient", "weight_gradient")
#: what is one for all layers
_WHOLE = ("name", "loss_scaling", "source", "layers")


class Planned(NamedTuple):
    """How a product is summed, and how its operands are rounded where it packs them (None: not at all)."""

    sums: Sums
    rounded: tuple[Rounder | None, Rounder | None]


def _packed(cast: Cast | BlockCast | None, which: str) -> bool:
    """Whether an operand may be rounded where it is packed; of gradients that are clamped someone has to know."""
    if cast is None:
        return True
    return isinstance(cast, Cast) and packed_rounding(cast.rounder) and (which != "dy" or cast.edge is None)


#: pattern -> field -> value, as it is kept
Overrides = tuple[tuple[str, tuple[tuple[str, Any], ...]], ...]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Where each tensor of a training step is rounded: see the module's table for the fields.

    Frozen; `replace` makes variants. Fields that name a rounding take a format, its name, or a `Cast`; sums what
    `nf.matmul` takes: an `nf.Accumulator`, a format's name, the name of a matrix instruction.

    Examples
    --------
    >>> from nfloat.nn import recipe
    >>> r = recipe("bf16-mixed").replace(weights="float8_e4m3fn")
    >>> r.weights.format.name, r.name
    ('float8_e4m3fn', 'bf16-mixed+weights=float8_e4m3fn')
    >>> r = recipe("bf16-pure").replace(layers={"*.head": {"weights": "float32"}})
    >>> r.at("decoder.head").weights.format.name, r.name
    ('float32', 'bf16-pure+[*.head]weights=float32')
    """

    name: str
    weights: Cast
    weight_copy: Cast | None = None
    activations: Cast
    gemm_inputs: Cast | BlockCast | None = None
    forward_x: Cast | BlockCast | None = None
    forward_w: Cast | BlockCast | None = None
    input_gradient_dy: Cast | BlockCast | None = None
    input_gradient_w: Cast | BlockCast | None = None
    weight_gradient_dy: Cast | BlockCast | None = None
    weight_gradient_x: Cast | BlockCast | None = None
    attention_inputs: Cast | BlockCast | None = None
    forward: Sums = _FLOAT32
    backward: Sums = _FLOAT32
    input_gradient_sums: Sums | None = None
    weight_gradient_sums: Sums | None = None
    sums: Sums = _FLOAT32
    softmax: Cast | None = None
    norms: Cast | None = None
    running_maximum: Cast | None = None
    running_sum: Cast | None = None
    activation_gradients: Cast
    weight_gradients: Cast
    scalars: Cast | None = None
    arithmetic: Cast | None = None
    state: Cast
    states: tuple[tuple[str, Cast], ...] = ()
    update: Cast
    compensation: Cast | None = None
    loss_scaling: LossScaling | None = None
    layers: Overrides = ()
    source: str = ""

    def __post_init__(self) -> None:
        for key in CAST_FIELDS:
            value = getattr(self, key)
            if value is not None:
                self._set(key, as_operand(value) if key in OPERAND_FIELDS else as_cast(value))
            elif key not in OPTIONAL_CASTS:
                raise ArgumentError(f"{key}=None of recipe {self.name!r} must name a format")
        for key in SUM_FIELDS:
            value = getattr(self, key)
            if value is not None or key in ("forward", "backward", "sums"):
                self._set(key, as_sums(value))
        for key in ("name", "source"):
            check_kind(key, getattr(self, key), str, "a text")
        self._set("loss_scaling", as_loss_scaling(self.loss_scaling))
        self._set("states", _states(self.states))
        self._set("layers", _overrides(self.layers))
        self._check_transforms()
        for _, changes in self.layers:
            replace(self, layers=(), **dict(changes))

    def __repr__(self) -> str:
        return f"Recipe({self.name!r})"

    def _repr_html_(self) -> str:
        facts = [(field.name, self.text(field.name)) for field in fields(self) if field.name not in ("name", "source")]
        known = [(name, text or None) for name, text in facts]
        return card(f"Recipe {self.name}", known, picture=f"<div>{flow_svg(self)}</div>", note=self.source)

    def _set(self, key: str, value: object) -> None:
        object.__setattr__(self, key, value)

    def _check_transforms(self) -> None:
        """A Hadamard transform of one operand alone would change the product."""
        for product, pair in OPERANDS.items():
            first, second = (getattr(getattr(self, key) or self.gemm_inputs, "hadamard", None) for key in pair)
            if first != second:
                raise ArgumentError(
                    f"hadamard={first} and {second} of the operands of {product} in recipe {self.name!r} must be equal"
                )

    # ---------------------------------------------------------------- what holds where
    def at(self, layer: str) -> Recipe:
        """The recipe as it holds for a layer: this one, with the fields that `layers` gives it."""
        if not self.layers:
            return self
        known = self._known
        if layer not in known:
            changes = dict(self._changes(layer))
            known[layer] = replace(self, layers=(), **changes) if changes else replace(self, layers=())
        return known[layer]

    def _changes(self, layer: str) -> Iterator[tuple[str, Any]]:
        places = layer.split(".")
        around = [".".join(places[: n + 1]) for n in range(len(places))]
        for pattern, changes in self.layers:
            if any(fnmatchcase(place, pattern) for place in around):
                yield from changes

    @cached_property
    def _known(self) -> dict[str, Recipe]:
        return {}

    @cached_property
    def every(self) -> tuple[Recipe, ...]:
        """The recipes of all layers there may be: this one, and with the fields of each pattern."""
        return (self, *(replace(self, layers=(), **dict(changes)) for _, changes in self.layers))

    @cached_property
    def casts(self) -> tuple[Cast | BlockCast, ...]:
        """Every way of rounding that stands anywhere in it."""
        named = [getattr(one, key) for one in self.every for key in CAST_FIELDS]
        momenta = [cast for one in self.every for _, cast in one.states]
        return tuple(cast for cast in (*named, *momenta) if cast is not None)

    @cached_property
    def carrier(self) -> np.dtype[Any]:
        """The NumPy type in which values travel: float32 if all formats fit it, else float64."""
        return np.dtype(np.float32 if all(cast.carrier == np.float32 for cast in self.casts) else np.float64)

    @cached_property
    def one_format(self) -> bool:
        """Whether weights, their updates and what compensates these are numbers of one format."""
        others = (self.update, self.compensation or self.update)
        return all(cast.format == self.weights.format for cast in others)

    @cached_property
    def keeps_operands(self) -> bool:
        """Whether operands of products are rounded apart, so that what was made of them is kept."""
        return any(getattr(one, key) is not None for one in self.every for key in OPERAND_FIELDS)

    @property
    def stochastic(self) -> bool:
        """Whether anything in it draws random bits."""
        sums = (getattr(one, key) for one in self.every for key in SUM_FIELDS)
        return any(cast.stochastic for cast in self.casts) or any(draws(one) for one in sums if one is not None)

    @cached_property
    def _operands(self) -> dict[tuple[str, str], Cast | BlockCast | None]:
        found: dict[tuple[str, str], Cast | BlockCast | None] = {}
        for product, pair in OPERANDS.items():
            for key in pair:
                found[product, key.rpartition("_")[2]] = getattr(self, key) or self.gemm_inputs
        return found

    def operand(self, product: str, which: str) -> Cast | BlockCast | None:
        """How an operand ("x", "w", "dy"; else one of attention) of a product is rounded; None: not at all."""
        return self._operands.get((product, which), self.attention_inputs or self.gemm_inputs)

    def operands(
        self, product: str, first: str, second: str
    ) -> tuple[Cast | BlockCast | None, Cast | BlockCast | None]:
        """`operand` of both; where one is of attention, both are."""
        found = self._pairs.get((product, first, second))
        if found is None:
            attention = not {first, second}.isdisjoint(("a", "b"))
            ways = [self.operand(product, "a" if attention else one) for one in (first, second)]
            found = self._pairs[product, first, second] = (ways[0], ways[1])
        return found

    def planned(self, product: str, first: str, second: str) -> Planned | None:
        """A product whose operands may be rounded as they are packed, and whose sums draw nothing; None: another."""
        found = self._planned.get((product, first, second), ...)
        if found is ...:
            pair, (sums, drawn) = self.operands(product, first, second), self.summation[product]
            fit = all(map(_packed, pair, (first, second)))
            how = [cast.rounder if isinstance(cast, Cast) and not cast.exact_in else None for cast in pair]
            planned = fit and not drawn and not isinstance(sums, SplitK)
            found = self._planned[product, first, second] = Planned(sums, (how[0], how[1])) if planned else None
        return found

    @cached_property
    def _planned(self) -> dict[tuple[str, str, str], Any]:
        return {}

    @cached_property
    def _pairs(self) -> dict[tuple[str, str, str], tuple[Cast | BlockCast | None, Cast | BlockCast | None]]:
        return {}

    def summed(self, product: str) -> Sums:
        """How a product ("forward", "input_gradient", "weight_gradient", "backward"), or "sums", is summed."""
        return self.summation[product][0]

    @cached_property
    def summation(self) -> dict[str, tuple[Sums, bool]]:
        """Product -> how it is summed, and whether that draws random bits."""
        found = {key: getattr(self, key) for key in ("forward", "backward", "sums")}
        found |= {product: getattr(self, f"{product}_sums") or self.backward for product in GRADIENTS}
        return {product: (sums, draws(sums)) for product, sums in found.items()}

    def state_cast(self, name: str) -> Cast:
        """How a momentum of that name is stored."""
        return dict(self.states).get(name, self.state) if self.states else self.state

    # ---------------------------------------------------------------- variants
    def replace(self, **changes: Any) -> Recipe:
        """A copy with other fields. Unless `name` is one of them, the changes are written into the name.

        Raises
        ------
        ArgumentError
            If there is no such field; the message lists the nearest.
        """
        known = [f.name for f in fields(self)]
        for key in changes:
            if key not in known:
                raise ArgumentError(f"{key!r} is not a field of a recipe; {nearest_names(key, known)}")
        if "name" not in changes:
            made = replace(self, **changes)
            changes["name"] = self.name + "".join(made._named(key) for key in changes)
        return replace(self, **changes)

    def _named(self, key: str) -> str:
        """A field as it stands in a name, such as ``+weights=bfloat16``."""
        return self.text(key) if key == "layers" else f"+{key}={self.text(key)}"

    def text(self, key: str) -> str:
        """A field's value as a name has it; None is nothing; `layers` all of its part, from the plus sign on."""
        if key == "layers":
            return "".join(f"+[{at}]{field}={_text(value)}" for at, changes in self.layers for field, value in changes)
        return _text(getattr(self, key))


#: the fields that may differ from layer to layer
LAYER_FIELDS = tuple(field.name for field in fields(Recipe) if field.name not in _WHOLE)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ",".join(f"{name}={cast}" for name, cast in value)
    return str(value) if isinstance(value, Cast | BlockCast | LossScaling | str) else shown(value)  # type: ignore[arg-type]


def _states(states: object) -> tuple[tuple[str, Cast], ...]:
    """Momenta by name: a mapping, pairs, or ``m=bfloat16,v=float32``."""
    if isinstance(states, str):
        states = dict(part.partition("=")[::2] for part in states.split(",") if part)
    try:
        return tuple((str(name), as_cast(cast)) for name, cast in dict(states or ()).items())  # type: ignore[call-overload]
    except (TypeError, ValueError):
        raise ArgumentError(f"states={states!r} must be a mapping of momenta's names to formats") from None


def _overrides(layers: object) -> Overrides:
    """Patterns of layers, with the fields that they change, checked."""
    try:
        pairs = [(str(pattern), dict(changes)) for pattern, changes in dict(layers or ()).items()]  # type: ignore[call-overload]
    except (TypeError, ValueError):
        raise ArgumentError(
            f"layers={layers!r} must be a mapping of patterns to mappings of fields to values"
        ) from None
    known = LAYER_FIELDS
    for pattern, changes in pairs:
        if not pattern or set(pattern) & set("[]+="):
            raise ArgumentError(f"layers: pattern {pattern!r} must be a layer's place, with * and ? for any characters")
        for key in changes:
            if key not in known:
                raise ArgumentError(f"layers: {key!r} is not a field of a layer; {nearest_names(key, known)}")
    return tuple((pattern, tuple((key, _read(key, v)) for key, v in changes.items())) for pattern, changes in pairs)


def _read(key: str, value: object) -> Any:
    """A field's value, as a recipe keeps it."""
    if key == "states":
        return _states(value)
    if value is None:
        return None
    if key in SUM_FIELDS:
        return as_sums(value)  # type: ignore[arg-type]
    return as_operand(value) if key in OPERAND_FIELDS else as_cast(value)  # type: ignore[arg-type]
