"""What is measured: one row per (recipe, seed, step, layer, tensor, metric).

A row is a plain dict with the keys of `ROW_KEYS`, in that order; ``nfloat/runs/rows.py`` keeps it as a line of JSON.

`recipe` names the run: a recipe of the configuration, or one that judges it or explains it (``members.py``,
``ablation.py``). The runs of the first seed are measured layer by layer, others by loss and path alone.

`layer` is the layer's place in the model ("0", "2", as in ``model.parameters()``) or `MODEL` for the model as a
whole; `step` counts the updates done before the measurement, so weights have rows up to ``steps`` and gradients up to
``steps - 1``.

| tensor | metrics |
|---|---|
| loss (of the model) | batch_loss, batch_loss_gap, train_loss, train_loss_gap, test_error; if scaled: scale, skipped |
| weight, bias; weights (of the model) | path_distance, stagnation, below_half_ulp, descent_quality |
| weight.grad, bias.grad | relative_error, cosine, sign_agreement |
| weights.grad (of the model) | the same, error_from.<place>; at a few steps error_in.<layers> (``attribution.py``) |
| input, activation, activation.grad, gemm.x, weight, weight.state.v, ... | underflow, overflow, nan, clamped |
| the same, at a few steps (``tensors.py``) | headroom, sqnr, bias, bias_t, rms, exponent.<K> |
| operands in blocks, at these steps | clamped, last_bin, scale_underflow, scale.<K> |
| forward.sum, input_gradient.sum, weight_gradient.sum, sum | overflow, nan; at these steps swamped |

The rates of a tensor stand in the order in which the step made it; shares of NaN and of clamped numbers only where
there are some.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypedDict, cast

from ..errors import ArgumentError
from ..runs import rows

#: `layer` of what concerns the model as a whole
MODEL = "model"

#: the metric of the last row of a recipe: where it stands at the last step, the recipe is complete
LAST_METRIC = "test_error"

ROW_KEYS = ("recipe", "seed", "step", "layer", "tensor", "metric", "value")


_WORDS = ("recipe", "layer", "tensor", "metric")
_WITHOUT_SEED = tuple(key for key in ROW_KEYS if key != "seed")


class Row(TypedDict):
    """One measurement."""

    recipe: str
    seed: int
    step: int
    layer: str
    tensor: str
    metric: str
    value: float


def from_line(line: str) -> Row:
    """The row of a line.

    Raises
    ------
    ArgumentError
        If the line is not JSON or is no row, or one of a version that knew no seeds.
    """
    # a metric is called "nan", which elsewhere in a row is a number
    row = {key: str(v) if key in _WORDS and isinstance(v, float) else v for key, v in rows.from_line(line).items()}
    value = row.get("value")
    if tuple(row) == _WITHOUT_SEED:
        raise ArgumentError("an older version of nfloat wrote this row, without its seed: run config.toml again")
    words = all(isinstance(row.get(key), str) for key in _WORDS)
    whole = all(type(row.get(key)) is int for key in ("seed", "step"))
    if tuple(row) != ROW_KEYS or not words or not whole or not isinstance(value, int | float):
        raise ArgumentError(f"line={line[:80]!r} is not a row: expected an object with the keys {', '.join(ROW_KEYS)}")
    return cast(Row, {**row, "value": float(value)})


class Key(NamedTuple):
    """What a series of rows of one seed has in common: all but step and value."""

    recipe: str
    layer: str
    tensor: str
    metric: str


def by_series(measured: Iterable[Row]) -> dict[Key, list[tuple[int, float]]]:
    """Rows grouped into series of (step, value), in the order in which they stand.

    Examples
    --------
    >>> row = {"recipe": "a", "seed": 0, "layer": "0", "tensor": "w", "metric": "m"}
    >>> by_series([{**row, "step": step, "value": step / 2} for step in (0, 10)])[Key("a", "0", "w", "m")]
    [(0, 0.0), (10, 5.0)]
    """
    series: dict[Key, list[tuple[int, float]]] = {}
    for row in measured:
        key = Key(row["recipe"], row["layer"], row["tensor"], row["metric"])
        series.setdefault(key, []).append((row["step"], row["value"]))
    return series
