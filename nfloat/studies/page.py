"""The page of a study: its figures against what must come out, and its pictures. Sentences are computed from the rows.

`study_page` reads a run, finished or interrupted, and gives a `Page`. What a study shows, it says
itself, as data (``plots.py``); how that looks is decided here and in ``nfloat/report/panels.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

from .. import __version__
from ..report.charts import INK, Line
from ..report.page import Figure, Page, Table
from ..report.panels import Lines, panel_chart
from ..report.styles import styled
from ..report.wording import digits, listed
from .checks import MODEL, Check
from .measurements import Measurements
from .plan import to_toml
from .plots import Panel, Plot, Series

_MODEL_NOTE = (
    f"{MODEL}: no publication has this figure; it was first computed by an independent model in float64 that rounds "
    "explicitly and shares no code with nfloat."
)
_THIN_DASH = (0, (1.5, 1.2))


def study_page(run: Measurements) -> Page:
    """The page of a run that has rows."""
    study = run.plan.study
    return Page(
        title=study.title,
        lead=f"{study.question} {study.method}",
        findings=[*_state(run), *study.findings(run.rows)],
        summary=_table(run.checks),
        summary_title="Measured figures",
        summary_last=True,
        summary_notes=[f"Sources: {'; '.join(study.sources)}.", _MODEL_NOTE],
        figures=[_figure(plot) for plot in study.plots(run.rows)],
        command=f"nfloat study run {study.name} --config config.toml --out again",
        config=to_toml(run.plan),
        made_by=f"nfloat {__version__} computed every number here on a CPU; rows.jsonl, beside this page, holds them "
        "all.",
    )


def _state(run: Measurements) -> list[str]:
    """Whether the run is complete, and whether its figures are as expected."""
    notes = []
    if not run.complete:
        notes.append(
            f"This run is not complete: it has {len(run.rows)} of {run.cells} cells. "
            "nfloat study resume with this folder goes on from there."
        )
    outside = [check.figure for check in run.checks if not check.ok]
    if not run.checks:
        notes.append("No published figure applies to these parameters.")
    elif outside:
        count = f"{len(outside)} of {len(run.checks)} figures"
        notes.append(f"{count} lie{'s' if len(outside) == 1 else ''} outside the tolerance: {listed(outside)}.")
    else:
        notes.append(f"All {len(run.checks)} figures lie within their tolerances.")
    return notes


def _table(checks: Sequence[Check]) -> Table:
    heads = ("figure", "expected", "measured", "source", "verdict")
    rows = [(c.figure, c.expected, c.measured_text, c.source, "ok" if c.ok else "outside") for c in checks]
    return Table(heads, rows, words=("figure", "source"))


def _figure(plot: Plot) -> Figure:
    svg = panel_chart(
        plot.slug,
        _lines(plot.panels),
        x_label=plot.x_label,
        y_label=plot.y_label,
        log_x=plot.log_x,
        log_y=plot.log_y,
    )
    return Figure(plot.slug, plot.title, svg, plot.caption, _alt(plot), _data(plot), plot.how)


def _lines(panels: Sequence[Panel]) -> list[Lines]:
    """The series with colours: the same name has the same one on every panel, and a guide that of its series."""
    names = list(dict.fromkeys(s.label for panel in panels for s in panel.series if not s.guide))
    guides = list(dict.fromkeys(s.label for panel in panels for s in panel.series if s.guide and s.label not in names))
    styles = styled(names)
    plain = {name: ("solid", (0, (4, 2)), (0, (1, 1)))[i % 3] for i, name in enumerate(guides)}

    def thin(series: Series) -> Line:
        if series.label in styles:
            return Line(series.label, series.points, styles[series.label][0], _THIN_DASH)
        return Line(series.label, series.points, INK, plain[series.label])

    return [
        Lines(
            panel.title,
            [Line(s.label, s.points, *styles[s.label]) for s in panel.series if not s.guide],
            [thin(s) for s in panel.series if s.guide],
        )
        for panel in panels
    ]


def _alt(plot: Plot) -> str:
    """What the picture shows, for who cannot see it."""
    ends = [
        f"{panel.title + ', ' if panel.title else ''}{series.label} {digits(series.points[-1][1])}"
        for panel in plot.panels
        for series in panel.series
        if series.points and not series.guide
    ]
    return f"Lines of {plot.y_label} over {plot.x_label}; values at the end: {'; '.join(ends)}."


def _data(plot: Plot) -> Table:
    """The points of all panels, a column per series; those that were computed are marked."""
    names = list(dict.fromkeys((s.label, s.guide) for panel in plot.panels for s in panel.series))
    several = len(plot.panels) > 1
    rows = []
    for panel in plot.panels:
        values = {(s.label, s.guide): dict(s.points) for s in panel.series}
        for x in sorted({x for of in values.values() for x in of}):
            cells = [digits(values.get(name, {}).get(x)) for name in names]
            rows.append([*([panel.title] if several else []), f"{x:g}", *cells])
    heads = [f"{label} (bound)" if guide and (label, False) in names else label for label, guide in names]
    return Table([*(["panel"] if several else []), plot.x_label, *heads], rows)
