"""The figures of a drift page: each with a caption that says what to conclude, computed from what it shows."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

from ..drift.result import Result
from ..drift.rows import MODEL, Key
from ..drift.summary import Summary
from .charts import Bars, Line, Range, bar_chart, colours, dashes, line_chart, range_chart, share
from .page import Figure, Table

Points = Sequence[tuple[int, float]]

#: about how many steps the table behind a line chart shows
_TABLE_STEPS = 14


def drift_figures(result: Result) -> list[Figure]:
    """The figures for which there are rows."""
    figures = (_loss_gap(result), _path(result), _gradient(result), _rates(result), _stagnation(result))
    return [figure for figure in figures if figure is not None]


def number(value: float | None) -> str:
    """Three or four significant digits, as text.

    Examples
    --------
    >>> number(0.22754), number(1.2345e-7), number(None)
    ('0.2275', '1.23e-07', '–')
    """
    if value is None:
        return "–"
    return f"{value:.4g}" if value == 0.0 or 0.001 <= abs(value) < 1e5 else f"{value:.2e}"


def listed(names: Sequence[str]) -> str:
    """Names in a sentence.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"


def _loss_gap(result: Result) -> Figure | None:
    points = _model_points(result, "loss", "train_loss_gap")
    points = {name: [(step, abs(value)) for step, value in of] for name, of in points.items()}
    last = _last_positive(points)
    if not last:
        return None
    worst, best = max(last, key=last.__getitem__), min(last, key=last.__getitem__)
    caption = f"{worst} ends farthest from float64's training loss ({number(last[worst])} off)"
    caption += f", {best} nearest ({number(last[best])} off): a factor of {number(last[worst] / last[best])}." if best != worst else "."
    return _lines(
        result, points, "loss-gap", "Gap of the training loss", caption + _nothing_drawn(points, last), "|training loss − float64's|",
        "Loss over the whole training set at the stored weights, minus the float64 twin's at the same step; absolute values.",
    )  # fmt: skip


def _path(result: Result) -> Figure | None:
    points = _model_points(result, "weights", "path_distance")
    last = _last_positive(points)
    if not last:
        return None
    ranked = sorted(last, key=last.__getitem__)
    caption = f"From nearest to farthest at the end: {listed([f'{name} ({number(last[name])})' for name in ranked])}. "
    far = [name for name in ranked if last[name] >= 0.1]
    caption += f"{listed(far)} end{'s' if len(far) == 1 else ''} more than a tenth of the way off." if far else "None ends more than a tenth of the way off."
    return _lines(
        result, points, "path", "Distance from float64's weight path", caption + _nothing_drawn(points, last), "path distance",
        "1 would mean: as far from the float64 twin as the twin is from its start.",
    )  # fmt: skip


def gradient_errors(result: Result) -> dict[str, dict[str, float]]:
    """recipe -> layer -> median relative error of the weight's gradient, layers in the model's order."""
    errors: dict[str, dict[str, float]] = {}
    for key, points in result.series.items():
        if key.layer != MODEL and key.tensor == "weight.grad" and key.metric == "relative_error":
            errors.setdefault(key.recipe, {})[key.layer] = statistics.median(value for _, value in points)
    return errors


def _gradient(result: Result) -> Figure | None:
    ranges, rows = [], []
    colour = colours(result.config.recipes)
    for recipe, layers in gradient_errors(result).items():
        for layer, middle in layers.items():
            key = Key(recipe, layer, "weight.grad", "relative_error")
            values = sorted(value for _, value in result.series[key])
            low, high = _at(values, 0.05), _at(values, 0.95)
            rows.append([recipe, layer, *map(number, (low, middle, high, _median(result, key._replace(metric="cosine"))))])
            if low > 0:
                ranges.append(Range(recipe, f"layer {layer}", middle, low, high, colour[recipe]))
    if not ranges:
        return None
    return Figure(
        "gradient", "Error of one step's gradient",
        range_chart("gradient", ranges, x_label="relative error of the weight gradient (median; the line holds 90 % of the steps)"),
        _gradient_caption(ranges), f"Ranges on a logarithmic axis: {_in_words(ranges)}.",
        Table(("recipe", "layer", "5 %", "median", "95 %", "median cosine"), rows),
        "Against the exact gradient at the same weights on the same batch, so errors of earlier steps do not count.",
    )  # fmt: skip


def _gradient_caption(ranges: Sequence[Range]) -> str:
    """Nearest and farthest, and what three bits do, in the output layer."""
    last = ranges[-1].group
    middle = {item.category: item.middle for item in ranges if item.group == last}
    ranked = sorted(middle, key=middle.__getitem__)
    text = f"In the output layer {ranked[0]} is nearest to the exact gradient ({number(middle[ranked[0]])}), {ranked[-1]} farthest ({number(middle[ranked[-1]])})."
    if "tf32" in middle and "bf16-mixed" in middle:
        text += f" tf32 is {middle['bf16-mixed'] / middle['tf32']:.1f} times closer than bf16-mixed; its three more bits let one expect 8."
    return text


def _in_words(ranges: Sequence[Range]) -> str:
    return ", ".join(f"{item.category} {item.group} {number(item.middle)}" for item in ranges)


def _rates(result: Result) -> Figure | None:
    names = [item["recipe"] for item in result.summary]
    colour = colours(result.config.recipes)
    panels = [
        Bars(title, [item[key] for item in result.summary], [colour[name] for name in names])  # type: ignore[literal-required]
        for key, title in (("stagnation", "lost updates"), ("underflow", "underflow"), ("overflow", "overflow"))
    ]
    tensors = sorted({key.tensor for key in result.series if key.metric in ("underflow", "overflow") and key.layer != MODEL})
    rows = [
        [name, tensor, *(_rate(result, name, tensor, metric) for metric in ("underflow", "overflow"))] for name in names for tensor in tensors
    ]
    return Figure(
        "rates", "What rounding takes away", bar_chart("rates", names, panels), _rates_caption(result.summary),
        "Three panels of bars, one bar per recipe: lost updates, underflow, overflow.",
        Table(("recipe", "tensor", "underflow", "overflow"), [row for row in rows if row[2:] != ["–", "–"]]),
        "Means over the measured steps; for underflow and overflow the tensor where it happens most.",
    )  # fmt: skip


def _rates_caption(summaries: Sequence[Summary]) -> str:
    """Who is hit most by each of the three."""

    def top(key: str, what: str, none: str) -> str:
        there = {item["recipe"]: item[key] for item in summaries if item[key]}  # type: ignore[literal-required]
        if not there:
            return none
        name = max(there, key=there.__getitem__)
        return f"{name} {what} ({share(there[name])})."

    return " ".join((
        top("stagnation", "loses most updates", "No recipe loses an update."),
        top("underflow", "turns most numbers into zeros", "Nothing underflows."),
        top("overflow", "overflows most", "Nothing overflows."),
    ))  # fmt: skip


def _stagnation(result: Result) -> Figure | None:
    points = _model_points(result, "weights", "stagnation")
    points = {name: of for name, of in points.items() if any(value > 0 for _, value in of)}
    if not points:
        return None
    ends = {name: statistics.fmean(value for _, value in of[-5:]) for name, of in points.items()}
    worst = max(ends, key=ends.__getitem__)
    starts = statistics.fmean(value for _, value in points[worst][:5])
    caption = f"{worst} loses {share(starts)} of its updates at the start and {share(ends[worst])} at the end"
    caption += ": as gradients shrink, more of them fall below half a gap." if ends[worst] > starts else "."
    return _lines(
        result, points, "stagnation", "Lost updates over time", caption, "share of updates lost",
        "Share of the weights with a gradient other than zero that the step leaves exactly as they were.", log=False,
    )  # fmt: skip


def _lines(
    result: Result, points: Mapping[str, Points], slug: str, title: str, caption: str, y_label: str, how: str, *, log: bool = True
) -> Figure:
    """A chart of one line per recipe over the steps, with its table."""
    colour, dash = colours(result.config.recipes), dashes(result.config.recipes)
    lines = [Line(name, of, colour[name], dash[name]) for name, of in points.items()]
    ends = ", ".join(f"{name} {number(of[-1][1])}" for name, of in points.items())
    svg = line_chart(slug, lines, x_label="step", y_label=y_label, log=log)
    alt = f"Lines over {result.config.steps} steps, one per recipe; values at the end: {ends}."
    return Figure(slug, title, svg, caption, alt, _line_table(points), how)


def _line_table(points: Mapping[str, Points]) -> Table:
    steps = sorted({step for of in points.values() for step, _ in of})
    shown = sorted({*steps[:: max(1, len(steps) // _TABLE_STEPS)], *steps[-1:]})
    values = [dict(of) for of in points.values()]
    return Table(("step", *points), [[str(step), *(number(of.get(step)) for of in values)] for step in shown])


def _model_points(result: Result, tensor: str, metric: str) -> dict[str, Points]:
    """recipe -> points of a metric of the whole model, in the configuration's order."""
    found = {name: result.series.get(Key(name, MODEL, tensor, metric)) for name in result.config.recipes}
    return {name: points for name, points in found.items() if points}


def _last_positive(points: Mapping[str, Points]) -> dict[str, float]:
    return {name: of[-1][1] for name, of in points.items() if of[-1][1] > 0}


def _nothing_drawn(points: Mapping[str, Points], last: Mapping[str, float]) -> str:
    zero = [name for name in points if name not in last and all(value == 0 for _, value in points[name])]
    return f" {listed(zero)}: exactly 0 at every step, so not drawn." if zero else ""


def _rate(result: Result, name: str, tensor: str, metric: str) -> str:
    values = [value for key, of in result.series.items() if key[0] == name and key[2:] == (tensor, metric) for _, value in of]
    return share(statistics.fmean(values)) if values else "–"


def _median(result: Result, key: Key) -> float | None:
    points = result.series.get(key)
    return statistics.median(value for _, value in points) if points else None


def _at(values: Sequence[float], place: float) -> float:
    """The quantile of ascending values, taken as it stands (no interpolation)."""
    return values[min(len(values) - 1, int(place * len(values)))]
