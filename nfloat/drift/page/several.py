"""The page of several runs: what differs between them, every recipe's verdict, and the changes of the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ... import __version__
from ...report.charts import Line, line_chart
from ...report.intervals import Span, interval_chart
from ...report.page import Figure, Page, Table
from ...report.palette import styles
from ...report.wording import digits, listed, loss, percent, share, signed_share
from ..comparison import to_toml
from ..measurements import Measurements
from ..rows import MODEL, Key
from ..summary import Summary

Runs = Mapping[str, Measurements]
Differences = Mapping[str, Sequence[object]]

_HEAD = ("run", "recipe", "verdict", "training loss", "against float64", "low", "high", "test error", "path distance")


def several_page(runs: Runs, differences: Differences, folders: Sequence[str]) -> Page:
    """The page of runs that have rows."""
    first = next(iter(runs.values()))
    names = [Path(folder).name for folder in folders]
    return Page(
        title=f"{len(runs)} drift runs: {first.config.subject.data}",
        lead=f"{len(runs)} runs on the same data, {listed(list(runs))}: each recipe against float64 of its own run.",
        findings=[*_differences(runs, differences), *_changes(runs)],
        summary=Table(_HEAD, [_row(name, item) for name, run in runs.items() for item in run.summary], words=_HEAD[:3]),
        summary_notes=["Verdicts, changes and intervals as on each run's own page; a dash: nothing to count."],
        figures=[figure for figure in (_effects(runs), _losses(runs)) if figure is not None],
        command=f"nfloat compare {' '.join(names)}",
        config="\n".join(f"# {name}\n{to_toml(run.config)}" for name, run in runs.items()),
        made_by=f"nfloat {__version__} read the rows of finished runs; nothing was trained for this page.",
        summary_title="Result per run and recipe",
    )


def _differences(runs: Runs, differences: Differences) -> list[str]:
    """What differs, field by field."""
    if not differences:
        return ["All runs have the same configuration."]
    told = []
    for key, values in differences.items():
        said = [f"{_value(value)} in {name}" for name, value in zip(runs, values, strict=True)]
        told.append(f"{key}: {', '.join(said)}")
    return [f"The runs differ in {listed(list(differences))}. {'; '.join(told)}."]


def _changes(runs: Runs) -> list[str]:
    """Recipes that are in several runs, and whether their verdicts agree."""
    found: dict[str, dict[str, str]] = {}
    for name, run in runs.items():
        for item in run.summary:
            found.setdefault(item["recipe"], {})[name] = item["verdict"]
    shared = {recipe: words for recipe, words in found.items() if len(words) > 1}
    agree = [recipe for recipe, words in shared.items() if len(set(words.values())) == 1]
    said = [f"The verdict is the same in all runs that have it for {listed(agree)}."] if agree else []
    for recipe, words in shared.items():
        if recipe not in agree:
            said.append(f"{recipe}: {', '.join(f'{word} in {name}' for name, word in words.items())}.")
    return said or ["No recipe stands in more than one run."]


def _row(run: str, item: Summary) -> list[str]:
    changes = [_signed(item[key]) for key in ("effect", "low", "high")]
    ends = [share(item["test_error"]), share(item["path_distance"])]
    return [run, item["recipe"], item["verdict"], loss(item["train_loss"]), *changes, *ends]


def _effects(runs: Runs) -> Figure | None:
    """The change of the loss of every recipe in every run."""
    known = [
        (f"{name}: {item['recipe']}", item)
        for name, run in runs.items()
        for item in run.summary
        if item["effect"] is not None and item["recipe"] != "float64"
    ]
    if not known:
        return None
    looks = styles(dict.fromkeys(item["recipe"] for _, item in known))
    spans = [
        Span(
            label,
            item["effect"] or 0.0,
            item["low"] or 0.0,
            item["high"] or 0.0,
            item["detectable"] or 0.0,
            looks[item["recipe"]].colour,
        )
        for label, item in known
    ]
    rows = [[label, *(percent(item[key]) for key in ("effect", "low", "high", "detectable"))] for label, item in known]
    return Figure(
        "effect",
        "Change of the training loss",
        interval_chart("effect", spans, x_label="change of the final training loss against float64's, in per cent"),
        "; ".join(f"{label} {_signed(item['effect'])}" for label, item in known) + ".",
        "One line per run and recipe, on an axis that is linear near zero and logarithmic beyond.",
        Table(("run and recipe", "change", "low", "high", "would show"), rows),
        "Dot and line: mean and interval over the seeds of each run. Shaded: changes too small to be found.",
    )


def _losses(runs: Runs) -> Figure | None:
    """The training loss over the steps, a line per run and recipe."""
    points = {
        f"{name}: {recipe}": found
        for name, run in runs.items()
        for recipe in run.config.recipes
        if (found := run.series.get(Key(recipe, MODEL, "loss", "train_loss")))
    }
    if not points:
        return None
    looks = styles(points)
    lines = [Line(label, of, *looks[label]) for label, of in points.items()]
    ends = ", ".join(f"{label} {loss(of[-1][1])}" for label, of in points.items())
    return Figure(
        "loss",
        "Training loss",
        line_chart("loss", lines, x_label="step", y_label="training loss"),
        f"At the end: {ends}.",
        "Lines over the steps, one per run and recipe.",
        Table(
            ("run and recipe", "last step", "loss"),
            [[k, str(of[-1][0]), digits(of[-1][1])] for k, of in points.items()],
        ),
        "Of each run's first seed.",
    )


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return "/".join(map(str, value))
    return "none" if value is None else str(value)


def _signed(value: float | None) -> str:
    return "–" if value is None else signed_share(value)
