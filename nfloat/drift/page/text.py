"""The page of a drift run: what it says in words. Every sentence that draws a conclusion is computed from the rows.

`drift_page` reads a run, finished or interrupted, and gives a `Page`. Conclusions stand in ``findings.py``, figures and
their captions in ``series.py``, ``bars.py``, ``heat.py``, ``ranges.py`` and ``causes.py``; what a verdict means in
``drift/verdicts.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

from ... import __version__
from ...report.page import Page, Table
from ...report.wording import loss, number, share, signed_share
from ..comparison import Comparison, to_toml
from ..inference import CONFIDENCE, POWER
from ..measurements import Measurements
from ..summary import Summary, entry
from ..verdicts import comparisons
from .bars import gradient_figure, layers_figure, rates_figure, sources_figure
from .causes import ablation_figure, effect_figure, layer_ablation_figure
from .findings import findings
from .heat import layers_over_steps_figure
from .ranges import exponents_figure
from .series import gap_figure, loss_figure, path_figure, scale_figure, stagnation_figure

_FIGURES = (
    effect_figure,
    ablation_figure,
    layer_ablation_figure,
    loss_figure,
    gap_figure,
    path_figure,
    gradient_figure,
    layers_over_steps_figure,
    sources_figure,
    layers_figure,
    rates_figure,
    stagnation_figure,
    scale_figure,
    exponents_figure,
)

#: columns of the table: key of the summary -> head
_COLUMNS = {
    "recipe": "recipe",
    "verdict": "verdict",
    "train_loss": "training loss",
    "effect": "against float64",
    "interval": "interval",
    "detectable": "would show",
    "test_error": "test error",
    "path_distance": "path distance",
    "stagnation": "lost updates",
    "skipped": "skipped steps",
}
#: columns that only some runs need: left out where no recipe has anything there
_IF_ANY = ("test_error", "skipped")
_SHARES = ("detectable", "test_error", "path_distance", "stagnation")

_TERMS = {
    "reference": "The same model, initial weights and batches in float64, one step beside each step of the recipe.",
    "training loss, test error": "Of the stored weights over the whole training (test) set, evaluated in float64: what "
    "the weights are worth, without the rounding of the evaluation.",
    "path distance": "||w - w64|| / ||w64 - w64 at the start||: how far apart the two runs are, in units of the way "
    "that float64 has gone. 0 is the same path; at 100 % they are as far apart as float64 is from its start.",
    "gradient error": "||g - g64|| / ||g64||, where g64 is the exact gradient on the same batch at the recipe's own "
    "weights: the error made in one step, not what earlier steps left behind. The figure gives the median over the "
    "measured steps.",
    "lost updates (stagnation)": "Share of the weights with a gradient other than zero that a step leaves exactly as "
    "they were, because the update is smaller than half the gap to the next number of the format. Under "
    "stochastic rounding they stay by chance, and in the mean nothing is lost; a compensation keeps what they missed.",
    "underflow, overflow": "Share of the non-zero numbers that a rounding turns into zero, and of the finite ones that "
    "it turns into infinity, for the tensor where it happens most.",
    "first trouble": "The first step, layer and tensor of the first seed's run where a share of NaN or overflow is "
    "above zero, underflow above 10 % (1 % in the optimiser's state), more than half of the updates are lost (not "
    "where rounding is stochastic or compensated) or of a sum's additions change nothing, or the gradient's cosine is "
    "below 0.9; at the measured steps, in the order of the computation.",
    "null": "float64 once more, its initial weights moved by one unit roundoff of the recipe's coarsest tensor: what a "
    "push of that size does to float64 itself.",
    "against float64, interval": "The change of the final training loss against float64's and the null's (geometric "
    "mean), averaged over the seeds (geometric), with Student's t interval of the paired differences. All intervals of "
    f"the page hold at once with {share(CONFIDENCE)} (Bonferroni).",
    "would show": f"The least change that would have been found with probability {POWER:g}: the power of the "
    "comparison, from the spread that was measured (noncentral t).",
    "verdict": "worse, better: the interval lies above, below zero; not distinguishable: it holds zero; diverged: at "
    "some seed the loss is not finite or ends above where it began, and float64's does not; undecided: fewer than two "
    "seeds can be compared.",
}


def drift_page(run: Measurements) -> Page:
    """The page of a run that has rows."""
    config, summaries = run.config, run.summary
    notes = [] if run.complete else [_incomplete(config, summaries)]
    return Page(
        title=f"Precision drift: {config.subject.data}, {config.subject.model}",
        lead=_lead(config, summaries),
        findings=[*notes, *findings(run)],
        summary=_table(summaries),
        summary_notes=_notes(config, summaries),
        figures=[figure for make in _FIGURES if (figure := make(run)) is not None],
        command="nfloat drift --config config.toml --out again",
        config=to_toml(config),
        made_by=f"nfloat {__version__} computed every number here on a CPU, rounding each tensor as the recipe says; "
        "rows.jsonl, beside this page, holds them all.",
        terms=tuple(_TERMS.items()),
    )


def _lead(config: Comparison, summaries: Sequence[Summary]) -> str:
    return (
        f"{config.subject.sentence} from {_seeds(config)} under {len(summaries)} precision "
        f"recipe{'s' if len(summaries) != 1 else ''}, each in lockstep with a float64 twin: same initial weights, same "
        "batches. Whatever differs was done by rounding."
    )


def _incomplete(config: Comparison, summaries: Sequence[Summary]) -> str:
    done = [item["recipe"] for item in summaries if item["step"] == config.steps]
    rest = " The other seeds, or what explains the verdicts, are not." if len(done) == len(config.recipes) else ""
    return (
        f"This run is not complete: {len(done)} of {len(config.recipes)} recipes have run to step {config.steps}."
        f"{rest} Running its config.toml into the same folder goes on from there."
    )


def _seeds(config: Comparison) -> str:
    last = config.seed + config.seeds - 1
    return f"seed {config.seed}" if config.seeds == 1 else f"the {config.seeds} seeds {config.seed} to {last}"


def _notes(config: Comparison, summaries: Sequence[Summary]) -> list[str]:
    """What the table's columns are of."""
    notes = [
        "Verdict, change and interval are of all seeds; the rest is measured at seed "
        f"{config.seed}. {comparisons(config)} comparisons share the {share(CONFIDENCE)}. A dash: nothing to count. "
        "The words are explained at the end."
    ]
    notes += [
        f"{item['recipe']}: other random bits at the same seed change its loss by {share(item['rounding_spread'])} "
        "(standard deviation of three runs)."
        for item in summaries
        if item["rounding_spread"]
    ]
    notes += [
        f"{item['recipe']}: {item['left_out']} measured steps whose gradient is NaN are left out of medians and means."
        for item in summaries
        if item["left_out"]
    ]
    return notes


def _table(summaries: Sequence[Summary]) -> Table:
    keys = [key for key in _COLUMNS if key not in _IF_ANY or any(entry(item, key) is not None for item in summaries)]
    rows = [[_cell(item, key) for key in keys] for item in summaries]
    return Table([_COLUMNS[key] for key in keys], rows, words=("verdict",))


def _cell(item: Summary, key: str) -> str:
    if key == "interval":
        low, high = item["low"], item["high"]
        return "–" if low is None or high is None else f"{_signed(low).removesuffix(' %')} … {_signed(high)}"
    value = entry(item, key)
    if value is None or isinstance(value, str):
        return value or "–"
    if key in ("train_loss", "effect"):
        return loss(value) if key == "train_loss" else _signed(value)
    if key in _SHARES:
        return share(value)
    return f"{value:.0f}" if key == "skipped" else number(value)


def _signed(value: float | None) -> str:
    return "–" if value is None else signed_share(value)
