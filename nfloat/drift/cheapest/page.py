"""The page of a search: the recipe and what it costs, every trial with its interval. Reads rows only."""

from __future__ import annotations

import math

from ... import __version__, nn
from ...report.charts import Bars, bar_chart
from ...report.intervals import Span, interval_chart
from ...report.page import Figure, Page, Table
from ...report.palette import colours
from ...report.wording import digits, number, share, signed_share
from ..cost import USES, cost_of
from .course import Trial, Tried
from .descent import CONFIRM
from .question import search_toml

_WITHIN, _BEYOND = "#2e7d32", "#b3541e"

_TERMS = {
    "cost": "Bits that a training step moves (writes and reads) and keeps in memory, of the tensors that it stores: "
    "for every tensor elements times bits times (how often it is moved + whether it is kept). No cost of arithmetic.",
    "loss gap": "The change of the final training loss against float64's and the null's (geometric mean), averaged "
    "over the seeds, as in a drift run.",
    "at most": "The upper end of the gap's one-sided 95 % interval (Student's t of the paired differences). A recipe "
    "is within the budget if this is: nearness has to be shown.",
    "confirmed": "Judged once more on as many seeds that had no part in the search, since those that chose a recipe "
    "flatter it.",
    "hopeless": "At the first seed the gap was more than five times the budget: not trained from the others.",
}


def search_page(answer: Tried) -> Page:
    """The page of a search that has rows."""
    search = answer.config
    return Page(
        title=f"Cheapest recipe: {search.run.subject.data}, {search.run.subject.model}",
        lead=f"{search.run.subject.sentence}. Starting from {len(search.run.recipes)} known recipes, one tensor after "
        f"the other was narrowed, the greatest saving first, as long as the training loss stayed within "
        f"{share(search.budget)} of float64's.",
        findings=_findings(answer),
        summary=Table(_HEAD, [_row(place, trial) for place, trial in enumerate(answer.trials, start=1)], words=_WORDS),
        summary_notes=["Cost in bits of a step; a dash: diverged, or hopeless at the first seed."],
        figures=[figure for figure in (_cost_figure(answer), _trials_figure(answer)) if figure is not None],
        command="nfloat search --config config.toml --out again",
        config=search_toml(search),
        made_by=f"nfloat {__version__} trained every recipe here on a CPU, rounding each tensor as it says; rows.jsonl "
        "and recipe.toml, beside this page, hold the numbers and the answer.",
        terms=tuple(_TERMS.items()),
        summary_title="Every recipe that was tried",
        summary_last=True,
    )


_HEAD = ("no.", "stage", "tried", "cost", "loss gap", "at most", "seeds", "verdict")
_WORDS = ("stage", "tried", "verdict")


def _row(place: int, trial: Trial) -> list[str]:
    found = trial.judgement
    words = trial.question.name if trial.question.stage != "narrow" else trial.question.words
    shown = [_signed(found.gap), _signed(found.bound), str(found.seeds)]
    return [str(place), trial.question.stage, words, f"{trial.cost.total:.0f}", *shown, _verdict(trial)]


def _verdict(trial: Trial) -> str:
    found = trial.judgement
    if found.within:
        return "within"
    return "diverged" if found.gap is None else "hopeless" if found.bound is None else "beyond"


def _findings(answer: Tried) -> list[str]:
    search, found = answer.config, answer.confirmation
    if not answer.complete:
        return ["This search is not complete. Running its config.toml into the same folder goes on from there."]
    if answer.recipe is None or found is None or answer.ratio is None:
        return [
            f"No recipe was confirmed to be within {share(search.budget)} of float64's loss; one to begin with that is "
            "nearer to float64, or a wider budget, may have one."
        ]
    seeds = answer.confirming_seeds
    refused = [t for t in answer.trials if t.question.stage == CONFIRM and not t.judgement.within]
    sentences = [
        f"{answer.recipe} moves and keeps {number(answer.ratio)} times fewer bits than {search.against}.",
        f"On the seeds {seeds[0]} to {seeds[-1]}, which had no part in the search, its loss is "
        f"{_signed(found.gap)} off float64's, and at most {_signed(found.bound)} with 95 %.",
    ]
    sentences += [f"{len(refused)} times a cheaper one did not hold on new seeds."] if refused else []
    return [*sentences, "recipe.toml is what `nfloat drift --recipes recipe.toml` takes."]


def _cost_figure(answer: Tried) -> Figure | None:
    """The cost of each tensor, under the recipe compared with and under the answer."""
    names = [answer.config.against, *([answer.recipe] if answer.recipe else [])]
    counts = answer.counts
    fields = [field for field in USES if any(key.partition(".")[0] == field for _, key in counts)]
    own = {field: {key: n for key, n in counts.items() if key[1].partition(".")[0] == field} for field in fields}
    costs = {name: [cost_of(name, own[field]).total for field in fields] for name in names}
    ink = colours(names)
    titles = [names[0], "the answer"]
    panels = [
        Bars(title, [value / 1e3 for value in costs[name]], [ink[name]] * len(fields))
        for title, name in zip(titles, costs, strict=False)
    ]
    shown = [field.replace("_", " ") for field in fields]
    return Figure(
        "cost",
        "What a step moves and keeps",
        bar_chart("cost", shown, panels, percent=False),
        f"In thousands of bits. {names[0]}: {number(math.fsum(costs[names[0]]) / 1e3)}"
        + (f"; the answer: {number(math.fsum(costs[names[1]]) / 1e3)}." if len(names) > 1 else "."),
        "Bars: the cost of each tensor, one panel per recipe.",
        Table(("tensor", *names), [[f, *(f"{costs[n][i]:.0f}" for n in names)] for i, f in enumerate(shown)]),
        f"{' '.join(nn.recipe(names[-1]).name.split())} against {names[0]}.",
    )


def _trials_figure(answer: Tried) -> Figure | None:
    """The loss gap of every trial whose gap is known."""
    known = [(place, t) for place, t in enumerate(answer.trials, start=1) if t.judgement.gap is not None]
    if not known:
        return None
    spans = [_span(place, trial) for place, trial in known]
    within = len([t for _, t in known if t.judgement.within])
    return Figure(
        "trials",
        "Loss gap of every trial",
        interval_chart("trials", spans, x_label="change of the final training loss against float64's, in per cent"),
        f"{within} of {len(answer.trials)} trials were within the budget of {share(answer.config.budget)}.",
        "One line per trial, numbered as in the table.",
        Table(
            ("trial", "gap", "at most"),
            [[_label(p, t), digits(t.judgement.gap), digits(t.judgement.bound)] for p, t in known],
        ),  # fmt: skip
        "Dot: the mean over the seeds; the line's upper end is the bound that was compared with the budget.",
    )


def _span(place: int, trial: Trial) -> Span:
    gap = trial.judgement.gap or 0.0
    bound = gap if trial.judgement.bound is None else trial.judgement.bound
    colour = _WITHIN if trial.judgement.within else _BEYOND
    return Span(_label(place, trial), gap, gap - (bound - gap), bound, 0.0, colour)


def _label(place: int, trial: Trial) -> str:
    return f"{trial.question.stage} {place}"


def _signed(value: float | None) -> str:
    return "–" if value is None else signed_share(value)
