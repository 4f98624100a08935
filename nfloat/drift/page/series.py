"""The figures of a drift page that go over the steps: loss, its gap, the weights' path, lost updates.

Each caption says what to conclude, computed from what the figure shows. Figures that compare recipes as a whole stand
in ``bars.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ... import nn
from ...report import wording
from ...report.charts import Line, line_chart
from ...report.page import Figure, Table
from ...report.palette import styles
from ...report.wording import listed, loss, number, share, signed_share
from .. import centre
from ..measurements import Measurements
from ..members import TWIN, keeps_updates
from ..rows import MODEL, Key
from ..summary import measured

Points = Sequence[tuple[int, float]]

#: about how many steps the table behind a chart shows
_TABLE_STEPS = 14

#: so many measured steps, and at most a quarter of them, are the start or the end of a run
_AT_AN_END = 5

#: a recipe that never loses more of its updates than this is not drawn
_FEW_LOST = 0.02


def loss_figure(run: Measurements) -> Figure | None:
    """The training loss: float64's, and that of the recipes that can be told from it."""
    verdicts = {item["recipe"]: item["verdict"] for item in run.summary}
    losses = _model_points(run, "loss", "train_loss")
    twin = run.series.get(Key(TWIN, MODEL, "loss", "train_loss")) or _twin(
        losses, _model_points(run, "loss", "train_loss_gap")
    )
    if not twin:
        return None
    near = [name for name in losses if verdicts[name] == "not distinguishable" and name != "float64"]
    drawn = {"float64": twin, **{name: of for name, of in losses.items() if name not in (*near, "float64")}}
    caption = f"{listed([f'{name} ends at {loss(of[-1][1])}' for name, of in drawn.items()])}."
    if near:
        caption += f" {listed(near)} {_are(near)} not drawn: not distinguishable from float64."
    bands = {name: bands_of(run, TWIN if name == "float64" else name, "train_loss") for name in drawn}
    how = "Loss over the whole training set at the stored weights, evaluated in float64; lines are of the first seed"
    how += ", bands from the lowest to the highest of all seeds." if any(bands.values()) else "."
    return _chart(run, drawn, "loss", "Training loss", caption, "training loss", how, log=False, bands=bands)


def bands_of(run: Measurements, name: str, metric: str) -> list[tuple[int, float, float]]:
    """(step, lowest, highest) of a metric of the model over the seeds, at the steps at which all of them are known."""
    found: dict[int, list[float]] = {}
    for row in run.rows:
        if row["recipe"] == name and row["metric"] == metric and row["layer"] == MODEL:
            found.setdefault(row["step"], []).append(row["value"])
    many = {step: values for step, values in found.items() if 1 < len(values) == run.config.seeds}
    return [(step, min(values), max(values)) for step, values in sorted(many.items())]


def gap_figure(run: Measurements) -> Figure | None:
    """How far each recipe's training loss is from float64's."""
    points = _model_points(run, "loss", "train_loss_gap")
    points = {name: [(step, abs(value)) for step, value in of] for name, of in points.items()}
    if not _last_positive(points):
        return None
    caption = _gap_caption(run) + _zeros(points)
    how = "The recipe's training loss minus the float64 twin's at the same step; absolute values."
    return _chart(run, points, "loss-gap", "Gap of the training loss", caption, "|training loss − float64's|", how)


def path_figure(run: Measurements) -> Figure | None:
    """How far each recipe's weights are from float64's path."""
    points = _model_points(run, "weights", "path_distance")
    last = _last_positive(points)
    if not last:
        return None
    ranked = sorted(last, key=last.__getitem__)
    ends = listed([f"{name} {share(last[name])}" for name in ranked])
    caption = f"Off float64's path at the end, by the share of the way that it has gone: {ends}."
    far = [item["recipe"] for item in run.summary if item["path_verdict"] == "farther than the null"]
    far = [name for name in ranked if name in far]
    if far:
        caption += f" {listed(far)} {_are(far)} farther from it than float64 goes when its start is moved as little."
    grown = [name for name in far if last[name] > points[name][len(points[name]) // 2][1]]
    if grown:
        caption += f" For {listed(grown)} the distance is still growing in the second half of the run."
    how = "||w - w64|| / ||w64 - w64 at the start||; 100 %: as far from the float64 twin as the twin is from its start."
    bands = {name: bands_of(run, name, "path_distance") for name in points}
    how += " Lines are of the first seed, bands from the lowest to the highest of all." if any(bands.values()) else ""
    title = "Distance from float64's weight path"
    return _chart(run, points, "path", title, caption + _zeros(points), "path distance", how, bands=bands, percent=True)


def scale_figure(run: Measurements) -> Figure | None:
    """The loss scale of the recipes that have one, and how many updates it left out."""
    points = _model_points(run, "loss", "scale")
    if not points:
        return None
    skipped = {item["recipe"]: int(item["skipped"] or 0) for item in run.summary}
    said = [
        f"{name} from {of[0][1]:g} to {of[-1][1]:g}, {skipped[name]} update{'' if skipped[name] == 1 else 's'} left out"
        for name, of in points.items()
    ]
    how = "The factor of the loss, at the measured steps; a step that overflows is left out, and halves it."
    return _chart(run, points, "scale", "Loss scale", f"{listed(said)}.", "loss scale", how)


def stagnation_figure(run: Measurements) -> Figure | None:
    """How the share of lost updates moves, for recipes that lose many."""
    points = _model_points(run, "weights", "stagnation")
    many = {name: of for name, of in points.items() if max(value for _, value in of) >= _FEW_LOST}
    if not many:
        return None
    count = max(1, min(_AT_AN_END, len(next(iter(many.values()))) // 4))
    starts = {name: centre.mean(value for _, value in of[:count]) or 0.0 for name, of in many.items()}
    ends = {name: centre.mean(value for _, value in of[-count:]) or 0.0 for name, of in many.items()}
    kept = [name for name in many if keeps_updates(nn.recipe(name))]
    worst = max([name for name in many if name not in kept] or many, key=ends.__getitem__)
    caption = f"{worst} leaves {share(starts[worst])} of the weights at the start and {share(ends[worst])} at the end."
    if kept:
        caption += f" In {listed(kept)} that loses nothing in the mean: rounding is stochastic, or compensated."
    few = [name for name in points if name not in many]
    if few:
        caption += f" {listed(few)} {_are(few)} not drawn: never more than {share(_FEW_LOST)}."
    how = (
        "Share of the weights with a gradient other than zero that the step leaves exactly as they were, of the first "
    )
    how += f"seed; start and end are the first and last {count} of the measured steps."
    return _chart(
        run,
        many,
        "stagnation",
        "Lost updates over time",
        caption,
        "share of updates lost",
        how,
        log=False,
        percent=True,
    )


def _twin(losses: Mapping[str, Points], gaps: Mapping[str, Points]) -> Points:
    """The float64 twin's loss: what is left of a recipe's loss without its gap, wherever both are finite."""
    found: dict[int, float] = {}
    for name, of in gaps.items():
        values = dict(losses[name])
        for step, gap in of:
            if math.isfinite(values[step] - gap):
                found.setdefault(step, values[step] - gap)
    return sorted(found.items())


def _gap_caption(run: Measurements) -> str:
    """Who can be told from float64, by how much, and how near the others are at the first seed."""
    told = [item for item in run.summary if item["verdict"] in ("worse", "better")]
    text = ""
    if told:
        sides = [f"{item['recipe']} {signed_share(measured(item, 'effect') or 0.0)}" for item in told]
        text = f"Over all seeds, against float64's loss: {listed(sides)}."
    near = {
        item["recipe"]: item["loss_ratio"] - 1.0
        for item in run.summary
        if item["verdict"] == "not distinguishable" and item["loss_ratio"] is not None and item["recipe"] != "float64"
    }
    if near:
        worst = max(near, key=lambda name: abs(near[name]))
        text += f" At seed {run.config.seed} those that cannot be told from it end within {share(abs(near[worst]))} "
        text += f"({worst} is the farthest)."
    return text.strip()


def _chart(
    run: Measurements,
    points: Mapping[str, Points],
    slug: str,
    title: str,
    caption: str,
    y_label: str,
    how: str,
    *,
    log: bool = True,
    percent: bool = False,
    bands: Mapping[str, Sequence[tuple[int, float, float]]] | None = None,
) -> Figure:
    """A chart of one line per recipe over the steps, with its table; both in per cent, or neither."""
    # "float64" is drawn as the reference even where it is no recipe of the run
    names = tuple(dict.fromkeys((*run.config.recipes, *points)))
    looks = styles(names)
    lines = [Line(name, of, *looks[name], (bands or {}).get(name, ())) for name, of in points.items()]
    ends = ", ".join(f"{name} {number(of[-1][1])}" for name, of in points.items())
    svg = line_chart(slug, lines, x_label="step", y_label=y_label, log=log, percent=percent)
    alt = f"Lines over {run.config.steps} steps, one per recipe; values at the end: {ends}."
    return Figure(slug, title, svg, caption, alt, _table(points, percent), how)


def _table(points: Mapping[str, Points], percent: bool) -> Table:
    steps = sorted({step for of in points.values() for step, _ in of})
    shown = sorted({*steps[:: max(1, len(steps) // _TABLE_STEPS)], *steps[-1:]})
    values, written = [dict(of) for of in points.values()], wording.percent if percent else wording.digits
    return Table(("step", *points), [[str(step), *(written(of.get(step)) for of in values)] for step in shown])


def _model_points(run: Measurements, tensor: str, metric: str) -> dict[str, Points]:
    """recipe -> points of a metric of the whole model, in the configuration's order."""
    found = {name: run.series.get(Key(name, MODEL, tensor, metric)) for name in run.config.recipes}
    return {name: points for name, points in found.items() if points}


def _last_positive(points: Mapping[str, Points]) -> dict[str, float]:
    return {name: of[-1][1] for name, of in points.items() if of[-1][1] > 0}


def _zeros(points: Mapping[str, Points]) -> str:
    zero = [name for name, of in points.items() if all(value == 0 for _, value in of)]
    return f" {listed(zero)} {_are(zero)} not drawn: exactly 0 at every step." if zero else ""


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
