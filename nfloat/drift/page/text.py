"""The page of a drift run: what it says in words. Every sentence that draws a conclusion is computed from the rows.

`drift_page` reads a run, finished or interrupted, and gives a `Page`. The figures and their captions stand in
``series.py`` and ``bars.py``; the words for a conclusion and their thresholds in ``drift/summary.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ... import __version__
from ...report.page import Page, Table
from ...report.wording import listed, loss, number, share, signed_share
from ..config import Config, to_toml
from ..measurements import Measurements
from ..summary import LOSS_LIMIT, PATH_LIMIT, Summary, entry, measured, recovery
from .bars import gradient_errors, gradient_figure, rates_figure, sources_figure
from .series import gap_figure, loss_figure, path_figure, stagnation_figure

_FIGURES = (loss_figure, gap_figure, path_figure, gradient_figure, sources_figure, rates_figure, stagnation_figure)

#: columns of the table: key of the summary -> head
_COLUMNS = {
    "recipe": "recipe",
    "train_loss": "training loss",
    "loss_ratio": "against float64",
    "test_error": "test error",
    "path_distance": "path distance",
    "grad_error": "gradient error",
    "stagnation": "lost updates",
    "underflow": "underflow",
    "overflow": "overflow",
    "skipped": "skipped steps",
    "verdict": "verdict",
}
_SHARES = ("test_error", "path_distance", "stagnation", "underflow", "overflow")

_DATA = {"digits": "scikit-learn's 1797 handwritten digits (8×8)", "blobs": "synthetic clusters"}

_TERMS = {
    "reference": "The same model, initial weights and batches in float64, one step beside each step of the recipe.",
    "training loss, test error": "Of the stored weights over the whole training (test) set, evaluated in float64: what "
    "the weights are worth, without the rounding of the evaluation.",
    "path distance": "||w - w64|| / ||w64 - w64 at the start||: how far apart the two runs are, in units of the way "
    "that float64 has gone. 0 is the same path; at 100 % they are as far apart as float64 is from its start.",
    "gradient error": "||g - g64|| / ||g64||, where g64 is the exact gradient on the same batch at the recipe's own "
    "weights: the error made in one step, not what earlier steps left behind. The table gives the median over the "
    "measured steps.",
    "lost updates (stagnation)": "Share of the weights with a gradient other than zero that a step leaves exactly as "
    "they were, because the update is smaller than half the gap to the next number of the format.",
    "underflow, overflow": "Share of the non-zero numbers that a rounding turns into zero, and of the finite ones that "
    "it turns into infinity; in the table the tensor where it happens most.",
    "verdict": f"follows: the loss ends within {share(LOSS_LIMIT)} of float64's and the weights within "
    f"{share(PATH_LIMIT)} of its path; wanders: the loss does, the weights do not; drifts: the loss does not; "
    "diverged: it ends where it began, or worse.",
}


def drift_page(run: Measurements) -> Page:
    """The page of a run that has rows."""
    config, summaries = run.config, run.summary
    notes = [] if run.complete else [_incomplete(config, summaries)]
    return Page(
        title=f"Precision drift: {Path(config.data).name}, {_model(config)}",
        lead=_lead(config, summaries),
        findings=[*notes, *_findings(run)],
        summary=_table(summaries),
        summary_notes=[
            "A dash: nothing to count, because the recipe rounds nothing there. The words are explained at the end."
        ],
        figures=[figure for make in _FIGURES if (figure := make(run)) is not None],
        command="nfloat drift --config config.toml --out again",
        config=to_toml(config),
        made_by=f"nfloat {__version__} computed every number here on a CPU, rounding each tensor as the recipe says; "
        "rows.jsonl, beside this page, holds them all.",
        terms=tuple(_TERMS.items()),
    )


def _model(config: Config) -> str:
    hidden = f"{config.depth} × {config.width}" if config.depth > 1 else f"{config.width}"
    return f"{config.model.upper()} with {hidden} hidden units" if config.depth else "linear model"


def _lead(config: Config, summaries: Sequence[Summary]) -> str:
    article, data = "An" if config.depth else "A", _DATA.get(config.data, Path(config.data).name)
    return (
        f"{article} {_model(config)} ({config.activation}) was trained on {data} "
        f"for {config.steps} steps of {config.optimizer} (learning rate {config.lr:g}, batch {config.batch}, seed "
        f"{config.seed}) under {len(summaries)} precision recipe{'s' if len(summaries) != 1 else ''}, each in lockstep "
        "with a float64 twin: same initial weights, same batches. Whatever differs was done by rounding."
    )


def _incomplete(config: Config, summaries: Sequence[Summary]) -> str:
    done = [item["recipe"] for item in summaries if item["step"] == config.steps]
    return (
        f"This run is not complete: {len(done)} of {len(config.recipes)} recipes have run to step {config.steps}. "
        "Running its config.toml into the same folder goes on from there."
    )


def _findings(run: Measurements) -> list[str]:
    """What the run shows: what stays with float64, what does not, what repairs it, what precision alone does."""
    finished = [item for item in run.summary if item["verdict"] != "incomplete"]
    repairs = {item["recipe"]: base for item in finished if (base := _base(item, finished))}
    plain = [item for item in finished if item["recipe"] not in repairs and item["recipe"] != "float64"]
    follows = [item for item in plain if item["verdict"] == "follows"]
    found = [_following(follows)] if follows else []
    found += [_drifting(item) for item in plain if item["verdict"] != "follows"]
    found += [_recovering(finished, item, repairs[item["recipe"]]) for item in finished if item["recipe"] in repairs]
    return [text for text in (*found, _three_bits(run)) if text]


def _drifting(item: Summary) -> str:
    """One recipe that does not follow: how far off, and how many updates it loses."""
    if item["verdict"] == "diverged":
        return f"{item['recipe']} diverged: its training loss ends at {loss(item['train_loss'])}."
    text = (
        f"{item['recipe']} {item['verdict']}: its training loss ends at {loss(item['train_loss'])} ({_off(item)}), its "
        f"weights off float64's path by {share(item['path_distance'])} of the way that it has gone"
    )
    lost = f"; rounding swallows {share(item['stagnation'])} of its weight updates" if item["stagnation"] else ""
    return f"{text}{lost}."


def _recovering(summaries: Sequence[Summary], item: Summary, base: Summary) -> str:
    """One recipe that repairs another: what it wins back, and whether by losing fewer updates."""
    won = recovery(summaries, item["recipe"], base["recipe"])
    if won is None:
        return ""
    what = f"recovers {share(won)} of" if won > 0 else "recovers none of"
    text = f"{item['recipe']} {what} the loss that {base['recipe']} gives away"
    text += f" ({loss(item['train_loss'])}, {_off(item)})"
    if won > 0 and item["stagnation"] and base["stagnation"] and item["stagnation"] > base["stagnation"] / 2:
        text += (
            f", although {share(item['stagnation'])} of its updates leave a weight as it was, too: "
            "what is lost in one step is made up for in others"
        )
    return text + "."


def _following(items: Sequence[Summary]) -> str:
    """The recipes that follow float64, in one sentence."""
    names = listed([item["recipe"] for item in items])
    off = share(max(abs(_known(item, "loss_ratio") - 1.0) for item in items))
    path = share(max(_known(item, "path_distance") for item in items))
    reference = loss(_known(items[0], "train_loss") - _known(items[0], "train_loss_gap"))
    return (
        f"{names} stay{'s' if len(items) == 1 else ''} with float64: loss within {off} of its ({reference}), "
        f"weights off its path by at most {path} of the way."
    )


def _three_bits(run: Measurements) -> str:
    """tf32 against bf16 in the output layer: behind it no activation can switch, so that rounding is all there is."""
    medians = gradient_errors(run)
    tf32, bf16 = medians.get("tf32"), medians.get("bf16-mixed")
    if not tf32 or not bf16 or not all(tf32.values()):
        return ""
    first, last = next(iter(tf32)), next(reversed(tf32))
    text = (
        f"A tf32 gradient is {bf16[last] / tf32[last]:.1f} times closer to the exact one than a bf16-mixed gradient "
        f"in the output layer ({number(tf32[last])} against {number(bf16[last])}): tfloat32 keeps 3 significand bits "
        "more, and 2³ = 8"
    )
    if first != last and run.config.activation == "relu":
        text += f". In layer {first} the factor is {bf16[first] / tf32[first]:.1f}: behind a ReLU, rounding can also "
        text += "switch a unit on or off"
    return text + "."


def _base(item: Summary, others: Sequence[Summary]) -> Summary | None:
    """The recipe that this one repairs: the longest name that it extends ("bf16-pure-sr" extends "bf16-pure")."""
    extended = [other for other in others if item["recipe"].startswith(other["recipe"] + "-")]
    return max(extended, key=lambda other: len(other["recipe"]), default=None)


def _off(item: Summary) -> str:
    """How far the loss is from float64's, signed, in per cent."""
    return signed_share(_known(item, "loss_ratio") - 1.0)


def _known(item: Summary, key: str) -> float:
    """An entry that a finished run has."""
    value = measured(item, key)
    assert value is not None, f"{key} of {item['recipe']} was not measured"
    return value


def _table(summaries: Sequence[Summary]) -> Table:
    keys = [key for key in _COLUMNS if key != "skipped" or any(item["skipped"] for item in summaries)]
    return Table([_COLUMNS[key] for key in keys], [[_cell(item, key) for key in keys] for item in summaries])


def _cell(item: Summary, key: str) -> str:
    value = entry(item, key)
    if value is None or isinstance(value, str):
        return value or "–"
    if key in ("train_loss", "loss_ratio"):
        return loss(value) if key == "train_loss" else _off(item)
    if key in _SHARES:
        return share(value)
    return f"{value:.0f}" if key == "skipped" else number(value)
