"""The page of a sweep: a heat map over two axes, bands over seeds, the front of cost against value, made from rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from .. import __version__
from ..errors import ArgumentError
from ..report.charts import Line, line_chart
from ..report.grids import Point, front_chart, heat_chart
from ..report.page import Figure, Page, Table
from ..report.palette import styles
from ..report.wording import digits, listed
from ..runs.rows import Row
from .aggregate import SEED, Aggregate, Candidate, aggregate, said
from .folder import Counts
from .grid import Grid

#: points of the front's picture beyond which those off the front are left out
_POINTS = 400


def sweep_page(grid: Grid, rows: Iterable[Row], counts: Counts, config: str) -> Page:
    """The page of a sweep that has rows.

    Raises
    ------
    ArgumentError
        If it has none, or the grid's `page` names no measure.
    MissingExtraError
        If the packages for the charts are not installed.
    """
    found = aggregate(grid, rows)
    if found is None:
        raise ArgumentError("rows: there are none yet, so there is nothing to report")
    figures = [figure for make in (_heat, _bands, _front) for figure in make(grid, found)]
    return Page(
        title=f"Sweep: {grid.task.title}",
        lead=f"{grid.size} cells: {_product(grid)}. Shown: {found.shown.value}.",
        findings=[*_state(counts, found), *_extremes(found)],
        summary=_axes(grid),
        summary_title="The grid",
        summary_last=True,
        summary_notes=["Every row of rows.jsonl is one cell: its coordinates, then what was measured."],
        figures=figures,
        command="nfloat sweep config.toml --out again",
        config=config,
        made_by=f"nfloat {__version__} computed every number here on CPUs; rows.jsonl, beside this page, holds all.",
    )


def _product(grid: Grid) -> str:
    return " × ".join(f"{len(grid.axes[key])} {key}" for key in grid.varied) or "one set of values"


def _state(counts: Counts, found: Aggregate) -> list[str]:
    notes = []
    left = counts.total - counts.done - counts.failed
    if left:
        notes.append(
            f"This sweep is not complete: {counts.done} of {counts.total} cells are done. Running it again goes on."
        )
    if counts.failed:
        notes.append(f"{counts.failed} cells were given up; failures.jsonl says why.")
    if found.missing:
        notes.append(f"{found.missing} of {found.count} rows have no number for {found.shown.value}.")
    return notes


def _extremes(found: Aggregate) -> list[str]:
    """Where the shown value is least and greatest."""
    heat = {pair: value for pair, value in found.heat().items() if math.isfinite(value)}
    if len(heat) < 2:
        return []
    least, greatest = min(heat, key=lambda pair: heat[pair]), max(heat, key=lambda pair: heat[pair])
    of = found.shown
    where = [f"{of.rows} {pair[0]} and {of.columns} {pair[1]} ({digits(heat[pair])})" for pair in (least, greatest)]
    return [f"The median of {of.value} is least at {where[0]}, greatest at {where[1]}."]


def _heat(grid: Grid, found: Aggregate) -> list[Figure]:
    of = found.shown
    if not of.columns:
        return []
    heat = found.heat()
    rows, columns = ([said(value) for value in grid.axes[key]] for key in (of.rows, of.columns))
    rows = [name for name in rows if any((name, column) in heat for column in columns)]
    svg = heat_chart("heat", rows, columns, heat, x_label=of.columns, y_label=of.rows)
    data = Table((of.rows, *columns), [[row, *(digits(heat.get((row, c))) for c in columns)] for row in rows])
    lost = sum(1 for value in heat.values() if not math.isfinite(value))
    caption = f"The median of {of.value} over {_rest(grid, (of.rows, of.columns))}."
    caption += f" {lost} of {len(heat)} are not finite." if lost else ""
    alt = f"Heat map of {of.value}; the table below has its numbers."
    how = "Darker is greater; the scale is logarithmic where all values are positive and span a decade."
    return [Figure("heat", f"{of.value} by {of.rows} and {of.columns}", svg, caption, alt, data, how)]


def _bands(grid: Grid, found: Aggregate) -> list[Figure]:
    of, bands = found.shown, {name: band for name, band in found.bands().items() if len(band) > 1}
    if not bands:
        return []
    looks = styles(bands)
    lines = [
        Line(name, [(b.x, b.mean) for b in band], *looks[name], [(b.x, b.low, b.high) for b in band])
        for name, band in bands.items()
    ]
    log = all(b.low > 0 for band in bands.values() for b in band)
    svg = line_chart("bands", lines, x_label=of.along, y_label=of.value, log=log)
    table = [[name, f"{b.x:g}", *map(digits, b[1:])] for name, band in bands.items() for b in band]
    rest = _rest(grid, (of.rows, of.along))
    caption = f"Mean of {of.value} over {rest}; the band is from the least to the greatest."
    ends = ", ".join(f"{name} {digits(band[-1].mean)}" for name, band in bands.items())
    data = Table((of.rows, of.along, "mean", "least", "greatest"), table)
    alt = f"Lines over {of.along}; at the end: {ends}."
    return [Figure("bands", f"{of.value} along {of.along}", svg, caption, alt, data)]


def _front(grid: Grid, found: Aggregate) -> list[Figure]:
    of, candidates = found.shown, found.candidates()
    if len({one.cost for one in candidates}) < 2:
        return []
    looks = styles(dict.fromkeys(one.series for one in candidates))
    drawn = candidates if len(candidates) <= _POINTS else [one for one in candidates if one.front]
    points = [Point(one.name, one.cost, one.value, looks[one.series], one.front) for one in drawn]
    svg = front_chart("front", points, x_label=of.cost, y_label=of.value)
    best = _on_front(candidates)
    rows = [[one.name, digits(one.cost), digits(one.value)] for one in best]
    caption = f"Nothing costs less and has a lower {of.value} than {listed([one.name for one in best])}."
    how = f"Every point is a combination of axes, the mean over {SEED}s; filled: on the front."
    how += "" if len(drawn) == len(candidates) else " Others are left out, since there are too many."
    alt = f"Points of {of.value} over {of.cost}; the table below has those of the front."
    return [
        Figure("front", f"{of.value} against {of.cost}", svg, caption, alt, Table(("", of.cost, of.value), rows), how)
    ]


def _on_front(candidates: Sequence[Candidate]) -> list[Candidate]:
    return sorted((one for one in candidates if one.front), key=lambda one: one.cost)


def _rest(grid: Grid, shown: Sequence[str]) -> str:
    """The axes over which a value is taken together."""
    rest = [f"{len(grid.axes[key])} {key}" for key in grid.varied if key not in shown]
    return listed(rest) if rest else "one cell each"


def _axes(grid: Grid) -> Table:
    rows = []
    for key, values in grid.axes.items():
        names = [said(value) for value in values]
        text = ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:6])}, ... {names[-1]}"
        rows.append((key, str(len(values)), text))
    return Table(("key", "values", "which"), rows, words=("which",))
