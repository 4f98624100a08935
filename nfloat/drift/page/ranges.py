"""The figure of the tensors' exponents, with the ranges of formats drawn in: what each of them could hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ...formats.names import get_format
from ...report.exponents import Span, exponent_chart
from ...report.page import Figure, Table
from ...report.wording import digits, share
from ..measurements import Measurements
from ..rows import Row
from ..tensors import EXPONENT, shares_of
from ..trouble import tensor_words
from ..what_if import WhatIf, range_of

#: formats whose ranges are drawn, the narrowest last
_FORMATS = ("bfloat16", "float16", "float8_e5m2", "float8_e4m3fn")
#: numbers so rare are not drawn
_RARE = 1e-5


def exponents_figure(run: Measurements) -> Figure | None:
    """Where the numbers of each tensor of the first recipe lie, and what other formats would have done to them."""
    recipe = run.config.recipes[0]
    pooled = _pooled([row for row in run.rows if row["recipe"] == recipe and row["seed"] == run.config.seed])
    if not pooled:
        return None
    names = {tensor: tensor_words(tensor, run.config.optimizer_name) for tensor in pooled}
    known = {names[tensor]: _drawn(shares) for tensor, shares in pooled.items()}
    spans = [Span(name, *range_of(get_format(name))) for name in _FORMATS]
    found = run.what_if(_FORMATS)
    return Figure(
        "exponents",
        "Where the numbers lie",
        exponent_chart("exponents", known, spans),
        _caption(found, run.config.optimizer_name),
        f"Shares of the numbers of {len(known)} tensors over their exponents, above them the ranges of formats.",
        Table(("layer", "tensor", "format", "error", "underflow", "overflow"), [_cells(item) for item in found]),
        f"Shares of the non-zero numbers in each binade before they are stored, of all layers, under {recipe}, at the "
        "first, the last and two steps between. Lines: what a format holds, thin where its numbers are subnormal. The "
        "table says what the formats would have done to each tensor (to nearest, nothing else changed).",
    )


def _pooled(rows: Sequence[Row]) -> dict[str, dict[int, float]]:
    """tensor -> exponent -> mean share over layers and steps, of the non-zero numbers."""
    found: dict[str, dict[tuple[str, int], dict[str, float]]] = {}
    for row in rows:
        if row["metric"].startswith(EXPONENT):
            places = found.setdefault(row["tensor"], {})
            places.setdefault((row["layer"], row["step"]), {})[row["metric"]] = row["value"]
    return {tensor: pooled for tensor, places in found.items() if (pooled := _sum(list(places.values())))}


def _sum(places: Sequence[Mapping[str, float]]) -> dict[int, float]:
    pooled: dict[int, float] = {}
    for place in places:
        for exponent, value in shares_of(place).items():
            if exponent is not None:
                pooled[exponent] = pooled.get(exponent, 0.0) + value
    whole = math.fsum(pooled.values())
    return {exponent: value / whole for exponent, value in pooled.items()}


def _drawn(shares: Mapping[int, float]) -> dict[int, float]:
    return {exponent: value for exponent, value in shares.items() if value >= _RARE}


def _caption(found: Sequence[WhatIf], optimizer: str) -> str:
    """Which format would lose most, and of which tensor."""
    worst = max(found, key=lambda item: item.underflow)
    if worst.underflow < 1e-3:
        return "Each of these formats would hold all but a thousandth of every tensor's numbers."
    return (
        f"{worst.format} would turn the largest share into zero: {share(worst.underflow)} of the non-zero numbers of "
        f"the {tensor_words(worst.tensor, optimizer)} in layer {worst.layer}."
    )


def _cells(item: WhatIf) -> list[str]:
    return [item.layer, item.tensor, item.format, digits(item.error), share(item.underflow), share(item.overflow)]
