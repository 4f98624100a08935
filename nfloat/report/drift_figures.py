"""The figures of a drift page: each with a caption that says what to conclude, computed from what it shows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

from ..drift.attribution import METRIC, SOURCES
from ..drift.result import Result
from ..drift.rows import MODEL, Key
from ..drift.summary import LOSS_LIMIT, PATH_LIMIT, Summary
from .charts import Bars, Line, Range, bar_chart, colours, dashes, line_chart, range_chart, stack_chart
from .page import Figure, Table
from .wording import digits, listed, loss, number, share

Points = Sequence[tuple[int, float]]

#: about how many steps the table behind a line chart shows
_TABLE_STEPS = 14


def drift_figures(result: Result) -> list[Figure]:
    """The figures for which there are rows."""
    figures = (_loss(result), _loss_gap(result), _path(result), _gradient(result), _sources(result), _rates(result), _stagnation(result))
    return [figure for figure in figures if figure is not None]


def _loss(result: Result) -> Figure | None:
    """The loss itself: float64's, and the recipes' that do not follow it."""
    verdicts = {item["recipe"]: item["verdict"] for item in result.summary}
    losses, gaps = _model_points(result, "loss", "train_loss"), _model_points(result, "loss", "train_loss_gap")
    twin = _twin(losses, gaps)
    if not twin:
        return None
    apart = {name: of for name, of in losses.items() if name != "float64" and verdicts[name] not in ("follows", "wanders")}
    near = [name for name in losses if name != "float64" and name not in apart]
    ends = [f"{name} ends at {loss(of[-1][1])}" for name, of in {"float64": twin, **apart}.items()]
    caption = f"{listed(ends)}." if apart else "Every recipe follows float64."
    if near:
        caption += f" {listed(near)} cannot be told from float64 at this scale and {'is' if len(near) == 1 else 'are'} not drawn."
    how = "Loss over the whole training set at the stored weights, evaluated in float64."
    return _lines(result, {"float64": twin, **apart}, "loss", "Training loss", caption, "training loss", how, log=False)


def _twin(losses: Mapping[str, Points], gaps: Mapping[str, Points]) -> Points:
    """The float64 twin's loss: what is left of a recipe's loss without its gap, wherever both are finite."""
    found: dict[int, float] = {}
    for name, of in gaps.items():
        values = dict(losses[name])
        for step, gap in of:
            if math.isfinite(values[step] - gap):
                found.setdefault(step, values[step] - gap)
    return sorted(found.items())


def _loss_gap(result: Result) -> Figure | None:
    points = _model_points(result, "loss", "train_loss_gap")
    points = {name: [(step, abs(value)) for step, value in of] for name, of in points.items()}
    if not _last_positive(points):
        return None
    return _lines(
        result, points, "loss-gap", "Gap of the training loss", _gap_caption(result) + _nothing_drawn(points),
        "|training loss − float64's|", "The recipe's training loss minus the float64 twin's at the same step; absolute values.",
    )  # fmt: skip


def _gap_caption(result: Result) -> str:
    """Who ends beyond the limit, and how near the others are."""
    ratios = {item["recipe"]: item["loss_ratio"] - 1.0 for item in result.summary if item["loss_ratio"] is not None}
    off = sorted((name for name in ratios if not abs(ratios[name]) <= LOSS_LIMIT), key=lambda name: -abs(ratios[name]))
    near = [name for name in ratios if name not in off and name != "float64"]
    text = ""
    if off:
        above = [f"{name} {share(abs(ratios[name]))} {'below' if ratios[name] < 0 else 'above'}" for name in off]
        text = f"Against float64's loss, {listed(above)} at the end."
    if near:
        worst = max(near, key=lambda name: abs(ratios[name]))
        text += f" The others end within {share(abs(ratios[worst]))} ({worst} is the farthest of them)."
    return text.strip()


def _path(result: Result) -> Figure | None:
    points = _model_points(result, "weights", "path_distance")
    last = _last_positive(points)
    if not last:
        return None
    ranked = sorted(last, key=last.__getitem__)
    caption = f"Off float64's path at the end, by the share of the way that it has gone: {listed([f'{name} {share(last[name])}' for name in ranked])}."
    grown = [name for name in ranked if last[name] > PATH_LIMIT and last[name] > points[name][len(points[name]) // 2][1]]
    if grown:
        caption += f" For {listed(grown)} the distance is still growing in the second half of the run."
    return _lines(
        result, points, "path", "Distance from float64's weight path", caption + _nothing_drawn(points), "path distance",
        "||w - w64|| / ||w64 - w64 at the start||; 1 would mean: as far from the float64 twin as the twin is from its start.",
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
            rows.append([recipe, layer, *map(digits, (low, middle, high, _median(result, key._replace(metric="cosine"))))])
            if low > 0:
                ranges.append(Range(recipe, f"layer {layer}", middle, low, high, colour[recipe]))
    if not ranges:
        return None
    return Figure(
        "gradient", "Error of one step's gradient",
        range_chart("gradient", ranges, x_label="relative error of the weight gradient (median; the line holds 90 % of the steps)"),
        f"{_gradient_caption(ranges)}{_not_the_gradient(result, ranges)}", f"Ranges on a logarithmic axis: {_in_words(ranges)}.",
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


def _not_the_gradient(result: Result, ranges: Sequence[Range]) -> str:
    """That a recipe with worse gradients follows float64 while one with better ones drifts, if it is so."""
    middle = {item.category: item.middle for item in ranges if item.group == ranges[-1].group}
    follows = [item["recipe"] for item in result.summary if item["verdict"] == "follows" and item["recipe"] in middle]
    drifts = [item for item in result.summary if item["verdict"] == "drifts" and item["recipe"] in middle and (item["stagnation"] or 0) > 0.1]
    if not follows or not drifts:
        return ""
    worst, drifting = max(follows, key=middle.__getitem__), max(drifts, key=lambda item: item["stagnation"])
    if middle[worst] <= middle[drifting["recipe"]]:
        return ""
    return (
        f" {worst} follows float64 with less exact gradients than {drifting['recipe']}, which drifts: "
        f"the cause is not its gradients but the {share(drifting['stagnation'])} of its updates that rounding swallows."
    )


def _in_words(ranges: Sequence[Range]) -> str:
    return ", ".join(f"{item.category} {item.group} {number(item.middle)}" for item in ranges)


def _sources(result: Result) -> Figure | None:
    """Which rounding makes the gradient's error: shares of the squared errors of each place alone."""
    medians: dict[str, dict[str, float]] = {}
    for key, points in result.series.items():
        if key.metric.startswith(METRIC):
            medians.setdefault(key.recipe, {})[key.metric.removeprefix(METRIC)] = statistics.median(value for _, value in points)
    squares = {name: {source: error * error for source, error in of.items()} for name, of in medians.items()}
    squares = {name: of for name, of in squares.items() if 0.0 < sum(of.values()) < math.inf}
    if not squares:
        return None
    present = [source for source in SOURCES if any(of.get(source) for of in squares.values())]
    shares = {name: {source: of.get(source, 0.0) / sum(of.values()) for source in present} for name, of in squares.items()}
    parts = [Bars(SOURCES[source], [of[source] for of in shares.values()], [colour]) for source, colour in colours(present).items()]
    rows = [[name, *(digits(medians[name].get(source)) for source in present), digits(_whole(result, name))] for name in shares]
    return Figure(
        "sources", "Which rounding makes the gradient's error", stack_chart("sources", list(shares), parts),
        _sources_caption(shares), f"Bars divided by place, largest first: {_sources_caption(shares)}",
        Table(("recipe", *(SOURCES[source] for source in present), "all together"), rows),
        "Each place is rounded alone, everything else in float64, at the same weights; shares are of the sum of the squared errors.",
    )  # fmt: skip


def _sources_caption(shares: Mapping[str, Mapping[str, float]]) -> str:
    """The largest source of each recipe, recipes with the same one together."""
    by_source: dict[str, list[str]] = {}
    for name, of in shares.items():
        source = max(of, key=of.__getitem__)
        by_source.setdefault(SOURCES[source], []).append(f"{name} ({share(of[source])})")
    return " ".join(f"Most of it comes from the {source} in {listed(names)}." for source, names in by_source.items())


def _whole(result: Result, name: str) -> float | None:
    return _median(result, Key(name, MODEL, "weights.grad", "relative_error"))


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
    high = {name: of for name, of in points.items() if max(value for _, value in of) >= 0.02}
    if not high:
        return None
    starts = {name: statistics.fmean(value for _, value in of[:5]) for name, of in high.items()}
    ends = {name: statistics.fmean(value for _, value in of[-5:]) for name, of in high.items()}
    worst = max(ends, key=ends.__getitem__)
    caption = f"{worst} loses {share(starts[worst])} of its updates at the start and {share(ends[worst])} at the end"
    caption += ": as gradients shrink, more of them fall below half a gap." if ends[worst] > starts[worst] else "."
    low = [name for name in points if name not in high]
    caption += f" {listed(low)} never lose{'s' if len(low) == 1 else ''} 2 % and {'is' if len(low) == 1 else 'are'} not drawn." if low else ""
    return _lines(
        result, high, "stagnation", "Lost updates over time", caption, "share of updates lost",
        "Share of the weights with a gradient other than zero that the step leaves exactly as they were.", log=False,
    )  # fmt: skip


def _lines(
    result: Result, points: Mapping[str, Points], slug: str, title: str, caption: str, y_label: str, how: str, *, log: bool = True
) -> Figure:
    """A chart of one line per recipe over the steps, with its table."""
    # "float64" is drawn as the reference even where it is no recipe of the run
    names = tuple(dict.fromkeys((*result.config.recipes, *points)))
    colour, dash = colours(names), dashes(names)
    lines = [Line(name, of, colour[name], dash[name]) for name, of in points.items()]
    ends = ", ".join(f"{name} {number(of[-1][1])}" for name, of in points.items())
    svg = line_chart(slug, lines, x_label="step", y_label=y_label, log=log)
    alt = f"Lines over {result.config.steps} steps, one per recipe; values at the end: {ends}."
    return Figure(slug, title, svg, caption, alt, _line_table(points), how)


def _line_table(points: Mapping[str, Points]) -> Table:
    steps = sorted({step for of in points.values() for step, _ in of})
    shown = sorted({*steps[:: max(1, len(steps) // _TABLE_STEPS)], *steps[-1:]})
    values = [dict(of) for of in points.values()]
    return Table(("step", *points), [[str(step), *(digits(of.get(step)) for of in values)] for step in shown])


def _model_points(result: Result, tensor: str, metric: str) -> dict[str, Points]:
    """recipe -> points of a metric of the whole model, in the configuration's order."""
    found = {name: result.series.get(Key(name, MODEL, tensor, metric)) for name in result.config.recipes}
    return {name: points for name, points in found.items() if points}


def _last_positive(points: Mapping[str, Points]) -> dict[str, float]:
    return {name: of[-1][1] for name, of in points.items() if of[-1][1] > 0}


def _nothing_drawn(points: Mapping[str, Points]) -> str:
    zero = [name for name, of in points.items() if all(value == 0 for _, value in of)]
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
