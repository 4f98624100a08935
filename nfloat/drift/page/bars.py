"""The figures of a drift page that compare recipes as a whole: gradient error, where it comes from, what is lost.

Each caption says what to conclude, computed from what the figure shows. Figures over the steps stand in
``series.py``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from ... import nn
from ...report.charts import Bars, Range, bar_chart, range_chart, stack_chart
from ...report.page import Figure, Table
from ...report.palette import colours
from ...report.wording import digits, listed, number, percent, share
from .. import centre
from ..attribution import LAYER_METRIC, METRIC, SOURCES
from ..layers import ELSEWHERE
from ..measurements import Measurements
from ..members import keeps_updates
from ..rows import MODEL, Key
from ..summary import Summary, measured


def weights_of(run: Measurements) -> dict[str, dict[str, Key]]:
    """recipe -> layer -> where the error of its weight's gradient stands, layers in the model's order.

    A layer that has several weights (``weight_ih_l0``, ``in_proj_weight``) is there once for each, by its name too.
    """
    found: dict[str, dict[str, Key]] = {}
    for key in run.series:
        name = key.tensor.removesuffix(".grad")
        if key.layer != MODEL and "weight" in name != key.tensor and key.metric == "relative_error":
            layer = key.layer if name == "weight" else f"{key.layer}.{name}".lstrip(".")
            found.setdefault(key.recipe, {})[layer] = key
    return found


def gradient_errors(run: Measurements) -> dict[str, dict[str, float]]:
    """recipe -> layer -> median relative error of the weight's gradient, as `weights_of` has them."""
    errors: dict[str, dict[str, float]] = {}
    for recipe, layers in weights_of(run).items():
        for layer, key in layers.items():
            middle = _median(run, key)
            if middle is not None:
                errors.setdefault(recipe, {})[layer] = middle
    return errors


def layer_words(layer: str, last: str) -> str:
    """A layer in the words that text and figures share: the last one is the output layer.

    Examples
    --------
    >>> layer_words("0", "2"), layer_words("2", "2")
    ('layer 0', 'output layer (2)')
    """
    return f"output layer ({layer})" if layer == last else f"layer {layer}"


def gradient_figure(run: Measurements) -> Figure | None:
    """Error of one step's gradient, per recipe and layer."""
    ranges, rows = [], []
    colour, keys = colours(run.config.recipes), weights_of(run)
    for recipe, layers in gradient_errors(run).items():
        for layer, middle in layers.items():
            key = keys[recipe][layer]
            values = [value for _, value in run.series[key]]
            low, high = centre.at(values, 0.05), centre.at(values, 0.95)
            cosine = _median(run, key._replace(metric="cosine"))
            rows.append(
                [recipe, layer, *map(percent, (low, middle, high)), digits(cosine), str(centre.left_out(values))]
            )
            if low is not None and high is not None and low > 0:
                ranges.append(Range(recipe, layer_words(layer, list(layers)[-1]), middle, low, high, colour[recipe]))
    if not ranges:
        return None
    label = "relative error of the weight gradient (median; the line holds 90 % of the steps)"
    words = ", ".join(f"{item.category} {item.group} {number(item.middle)}" for item in ranges)
    return Figure(
        "gradient",
        "Error of one step's gradient",
        range_chart("gradient", ranges, x_label=label),
        _gradient_caption(run, ranges),
        f"Ranges on a logarithmic axis: {words}.",
        Table(("recipe", "layer", "5 %", "median", "95 %", "median cosine", "NaN steps left out"), rows),
        "Against the exact gradient at the same weights on the same batch, so errors of earlier steps do not count.",
    )


def _gradient_caption(run: Measurements, ranges: Sequence[Range]) -> str:
    """Nearest and farthest in the output layer; what three bits do; whether gradients are the trouble at all."""
    middle = {item.category: item.middle for item in ranges if item.group == ranges[-1].group}
    near, far = min(middle, key=middle.__getitem__), max(middle, key=middle.__getitem__)
    text = f"In the output layer {near} is nearest to the exact gradient ({share(middle[near])})"
    text += f", {far} farthest ({share(middle[far])})." if far != near else "."
    if "tf32" in middle and "bf16-mixed" in middle:
        ratio = middle["bf16-mixed"] / middle["tf32"]
        text += f" tf32 is {ratio:.1f} times closer than bf16-mixed; its three more bits alone let one expect 8."
    return text + _not_the_gradient(run.summary, middle)


def _not_the_gradient(summaries: Sequence[Summary], middle: Mapping[str, float]) -> str:
    """That a recipe with worse gradients cannot be told from float64 while one with better ones is worse, if so."""
    known = [item for item in summaries if item["recipe"] in middle]
    same = [item["recipe"] for item in known if item["verdict"] == "not distinguishable"]
    worse = [item for item in known if item["verdict"] == "worse"]
    if not same or not worse:
        return ""
    most, harmed = max(same, key=middle.__getitem__), max(worse, key=lambda item: item["effect"] or 0.0)
    if middle[most] <= middle[harmed["recipe"]]:
        return ""
    return (
        f" {most} cannot be told from float64 although its gradients are less exact than those of {harmed['recipe']}, "
        "which is worse: the error of a step's gradient is not what decides here."
    )


def sources_figure(run: Measurements) -> Figure | None:
    """Which rounding makes the gradient's error: shares of the squared errors of each place alone."""
    how = "Each place is rounded alone, everything else in float64, at the same weights; "
    return _shares_figure(run, METRIC, SOURCES, "sources", "Which rounding makes the gradient's error", how)


def layers_figure(run: Measurements) -> Figure | None:
    """Which layer's rounding makes the gradient's error: shares of the squared errors of each layer alone."""
    how = "Everything in one layer is rounded, all other layers in float64, at the same weights, at a few steps; "
    names = dict.fromkeys(key.metric.removeprefix(LAYER_METRIC) for key in run.series if LAYER_METRIC in key.metric)
    layers = {name: name if name == ELSEWHERE else f"layer {name}" for name in names}
    return _shares_figure(run, LAYER_METRIC, layers, "layers", "Which layer makes the gradient's error", how)


def _shares_figure(
    run: Measurements, metric: str, words: Mapping[str, str], slug: str, title: str, how: str
) -> Figure | None:
    """Bars divided by what makes the error of the gradient of all weights, each alone; `words` in their order."""
    medians = _errors_by_source(run, metric)
    squares = {name: {source: error * error for source, error in of.items()} for name, of in medians.items()}
    squares = {name: of for name, of in squares.items() if 0.0 < _sum(of.values()) < math.inf}
    if not squares:
        return None
    present = [source for source in words if any(of.get(source) for of in squares.values())]
    shares = {name: {key: of.get(key, 0.0) / _sum(of.values()) for key in present} for name, of in squares.items()}
    parts = [
        Bars(words[key], [of[key] for of in shares.values()], [colour]) for key, colour in colours(present).items()
    ]
    caption = _sources_caption(shares, words) + _squares_caption(run, metric, list(medians))
    return Figure(
        slug,
        title,
        stack_chart(slug, list(shares), parts),
        caption,
        f"Bars divided by place. {caption}",
        Table(("recipe", *(words[key] for key in present), "all together"), _sources_rows(run, medians, present)),
        f"{how}shares are of the sum of the squared errors.",
    )


def _squares_caption(run: Measurements, metric: str, names: Sequence[str]) -> str:
    """How far the squares add up to the square of the whole error: what they leave is interaction."""
    ratios = {name: ratio for name in names if (ratio := _squares_ratio(run, metric, name)) is not None}
    if not ratios:
        return ""
    low, high = min(ratios, key=ratios.__getitem__), max(ratios, key=ratios.__getitem__)
    if low == high:
        return f" Their squares add up to {number(ratios[low])} of the whole error's: 1 is no interaction."
    return (
        f" Their squares add up to between {number(ratios[low])} ({low}) and {number(ratios[high])} ({high}) of the "
        "whole error's: 1 is no interaction."
    )


def _squares_ratio(run: Measurements, metric: str, name: str) -> float | None:
    """The median over the steps of the sum of squares over the square of the whole error."""
    whole = dict(run.series.get(Key(name, MODEL, "weights.grad", "relative_error"), []))
    squares: dict[int, list[float]] = {}
    for key, points in run.series.items():
        if key.recipe == name and key.metric.startswith(metric):
            for step, error in points:
                squares.setdefault(step, []).append(error * error)
    known = [step for step in squares if step in whole and 0.0 < whole[step] < math.inf]
    return centre.median(_sum(squares[step]) / (whole[step] * whole[step]) for step in known)


def _errors_by_source(run: Measurements, metric: str) -> dict[str, dict[str, float]]:
    """recipe -> place -> median error of the gradient of all weights made there alone."""
    errors: dict[str, dict[str, float]] = {}
    for key, points in run.series.items():
        if key.metric.startswith(metric):
            source = key.metric.removeprefix(metric)
            middle = centre.median(value for _, value in points)
            if middle is not None:
                errors.setdefault(key.recipe, {})[source] = middle
    return errors


def _sources_rows(
    run: Measurements, medians: Mapping[str, Mapping[str, float]], present: Sequence[str]
) -> list[list[str]]:
    rows = []
    for name, of in medians.items():
        whole = _median(run, Key(name, MODEL, "weights.grad", "relative_error"))
        rows.append([name, *(percent(of.get(source)) for source in present), percent(whole)])
    return rows


def _sources_caption(shares: Mapping[str, Mapping[str, float]], words: Mapping[str, str]) -> str:
    """The largest place of each recipe, recipes with the same one together."""
    by_source: dict[str, list[str]] = {}
    for name, of in shares.items():
        source = max(of, key=of.__getitem__)
        by_source.setdefault(words[source], []).append(f"{name} ({share(of[source])})")
    said = (f"in {listed(names)} from {source}" for source, names in by_source.items())
    return f"The largest part comes {'; '.join(said)}."


def rates_figure(run: Measurements) -> Figure | None:
    """Lost updates, underflow and overflow of every recipe."""
    names = [item["recipe"] for item in run.summary]
    colour = colours(run.config.recipes)
    panels = [
        Bars(title, [measured(item, key) for item in run.summary], [colour[name] for name in names])
        for key, title in (("stagnation", "lost updates"), ("underflow", "underflow"), ("overflow", "overflow"))
    ]
    return Figure(
        "rates",
        "What rounding takes away",
        bar_chart("rates", names, panels),
        _rates_caption(run.summary) + _swamped_caption(run),
        "Three panels of bars, one bar per recipe: lost updates, underflow, overflow.",
        Table(("recipe", "tensor", *_LOSSES.values()), _rates_rows(run)),
        "Means over the measured steps; for underflow and overflow the tensor where it happens most. The table also "
        "has additions of a sum that change nothing (of a sample) and numbers pulled back to the largest, at a few "
        "steps.",
    )


def _rates_caption(summaries: Sequence[Summary]) -> str:
    """Who is hit most by each of the three."""
    said = (
        ("stagnation", "loses the largest share of its updates", "No recipe loses an update at these steps."),
        ("underflow", "turns the largest share of a tensor's numbers into zeros", "Nothing underflows at these steps."),
        ("overflow", "has the largest share of overflows", "Nothing overflows at these steps."),
    )
    texts = []
    for key, what, none in said:
        there = {item["recipe"]: value for item in summaries if (value := measured(item, key))}
        if key == "stagnation" and (lossy := {name: of for name, of in there.items() if not _keeps(name)}):
            there = lossy
        name = max(there, key=there.__getitem__, default="")
        texts.append(f"{name} {what} ({share(there[name])})." if there else none)
    return " ".join(texts)


def _keeps(name: str) -> bool:
    """Whether weights that stay as they were are not lost under a recipe."""
    return keeps_updates(nn.recipe(name))


#: metric -> what its column in the table is called
_LOSSES = {"underflow": "underflow", "overflow": "overflow", "swamped": "additions lost", "clamped": "clamped"}
#: fewer lost additions than this are not spoken of
_FEW_SWAMPED = 1e-3


def _swamped_caption(run: Measurements) -> str:
    """The sum that stalls most, if one does."""
    points = {key: of for key, of in run.series.items() if key.metric == "swamped"}
    known = {key: value for key, of in points.items() if (value := centre.mean(v for _, v in of)) is not None}
    worst = max(known, key=known.__getitem__, default=None)
    if worst is None or known[worst] < _FEW_SWAMPED:
        return ""
    return (
        f" Of the additions in the {_sum_words(worst.tensor)} of layer {worst.layer} "
        f"{worst.recipe} loses {share(known[worst])}: terms too small to change the sum."
    )


def _sum_words(tensor: str) -> str:
    """What the sums of a tensor are called.

    Examples
    --------
    >>> _sum_words("input_gradient.sum"), _sum_words("sum")
    ('input gradient sums', 'bias sums')
    """
    return f"{'bias' if tensor == 'sum' else tensor.removesuffix('.sum').replace('_', ' ')} sums"


def _rates_rows(run: Measurements) -> list[list[str]]:
    """(recipe, tensor, means of `_LOSSES`) over layers and steps."""
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for key, points in run.series.items():
        if key.metric in _LOSSES:
            of = found.setdefault((key.recipe, key.tensor), {metric: [] for metric in _LOSSES})
            of[key.metric] += [value for _, value in points]
    return [
        [name, tensor, *(share(centre.mean(values)) for values in of.values())] for (name, tensor), of in found.items()
    ]


def _sum(values: Iterable[float]) -> float:
    """The exact sum rounded once (Python's own adds otherwise from 3.12 on); infinite where it is too large."""
    try:
        return math.fsum(values)
    except OverflowError:
        return math.inf


def _median(run: Measurements, key: Key) -> float | None:
    points = run.series.get(key)
    return centre.median(value for _, value in points) if points else None
