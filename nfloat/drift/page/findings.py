"""The findings of a drift page: sentences, each of which states its condition and stands only where that holds."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ... import nn
from ...report.wording import listed, number, share, signed_share
from ..ablation import ALONE, REPAIRED, WITHOUT, Effect, interaction
from ..inference import CONFIDENCE, POWER, change, log_of
from ..measurements import Measurements
from ..members import TWIN, keeps_updates
from ..summary import Summary, recovery
from ..trouble import replay_command, tensor_words
from ..verdicts import seed_spread
from .bars import gradient_errors

#: a place that makes at least so much of the effect alone is called its cause
_MOST = 0.5
#: a repair that takes away at least so much of the effect removes it
_REMOVED = 0.95
#: a factor is called 8 within this part
_NEARLY = 0.1
#: an interaction below this part of the effect is not spoken of
_ADDS_UP = 0.1


def findings(run: Measurements) -> list[str]:
    """What the run shows: what cannot be told from float64, what can, by what, and what repairs it."""
    judged = [item for item in run.summary if item["verdict"] not in ("incomplete", "undecided")]
    other = [item for item in judged if item["recipe"] != "float64"]
    found = [
        twin_words(run),
        _undecided(run),
        _same(run, [item for item in other if item["verdict"] == "not distinguishable"]),
    ]
    for item in other:
        if item["verdict"] != "not distinguishable":
            found += [_told(run, item), *_because(run, item), _by_layer(run, item)]
    found += [_recovering(judged, item) for item in other]
    return [text for text in (*found, _troubles(run, other), _replays(other), _paths(other), _three_bits(run)) if text]


def trouble_words(item: Summary, optimizer: str) -> str:
    """A recipe's first trouble in words; a dash if there was none."""
    trouble = item["first_trouble"]
    if trouble is None:
        return "–"
    value = f" {share(trouble.value)}" if trouble.condition in _SHARES else ""
    place = "" if trouble.layer == "model" else f"layer {trouble.layer}, "
    return f"step {trouble.step}, {place}{tensor_words(trouble.tensor, optimizer)}: {trouble.condition}{value}"


_SHARES = ("NaN", "overflow", "underflow", "lost updates", "sums that stall")


def twin_words(run: Measurements) -> str:
    """That float64 diverged too, where it did: no recipe can be blamed at those seeds."""
    there = [seed for (name, seed), end in run.ends.items() if name == TWIN and end.diverged]
    if not there:
        return ""
    count = "its only seed" if run.config.seeds == 1 else f"{len(there)} of {run.config.seeds} seeds"
    return f"float64 itself diverged at {count}: what a recipe does there is not its rounding's doing."


def _undecided(run: Measurements) -> str:
    names = [item["recipe"] for item in run.summary if item["verdict"] == "undecided"]
    if not names:
        return ""
    why = "one seed shows no spread" if run.config.seeds < 2 else "float64 itself diverged at too many seeds"
    return f"Nothing is decided on {listed(names)}: {why}."


def _same(run: Measurements, items: Sequence[Summary]) -> str:
    """The recipes that cannot be told from float64, and what could have been seen."""
    if not items:
        return ""
    names = listed([item["recipe"] for item in items])
    widest = max(items, key=lambda item: item["detectable"] or 0.0)
    text = f"{names} cannot be told from float64 by the training loss of {run.config.seeds} seeds"
    if widest["detectable"]:
        text += f": a change of {share(widest['detectable'])} would have been found (with probability {POWER:g}"
        text += f", for {widest['recipe']}, the least certain)" if len(items) > 1 else ")"
    spread = seed_spread(run.config, run.ends)
    return text + (f"; from seed to seed float64's own loss spreads by {share(change(spread))}." if spread else ".")


def _told(run: Measurements, item: Summary) -> str:
    """One recipe that is worse, better, or diverged."""
    name, seeds = item["recipe"], run.config.seeds
    if item["verdict"] == "diverged":
        text = f"{name} diverged at {item['diverged_seeds']} of {seeds} seeds, where float64 did not"
        trouble = trouble_words(item, run.config.optimizer_name)
        return f"{text}; first trouble: {trouble}." if item["first_trouble"] else f"{text}."
    text = f"{name} is {item['verdict']} than float64: its training loss is {_effect(item)} over {seeds} seeds"
    if not item["stagnation"] or keeps_updates(nn.recipe(name)):
        return f"{text}."
    return f"{text}; at seed {run.config.seed} rounding swallows {share(item['stagnation'])} of its weight updates."


def _because(run: Measurements, item: Summary) -> list[str]:
    """What the whole-run ablation says of one recipe."""
    effects = run.ablation(item["recipe"])
    alone = [effect for effect in effects if effect.how == ALONE]
    if not alone:
        return []
    top = alone[0]
    text = f"{item['recipe']}, trained again from seed {run.config.seed} with one place rounded: "
    if top.loss is None:
        return [text + f"{diverging(effects)}."]
    if top.share is None or top.share < _MOST:
        return [text + f"no place alone makes half of what it does ({top.place} the most: {_part(top)})."]
    text += f"{top.place} alone make{'' if top.place.endswith('s') else 's'} {_part(top)} of the change of its loss"
    without = [effect for effect in effects if effect.how == WITHOUT and effect.place == top.place]
    text += f", and without {top.place} {_part(without[0])} of it is gone" if without and without[0].share else ""
    return [text + _adds_up(run, item, effects) + _repaired(effects) + "."]


def diverging(effects: Sequence[Effect]) -> str:
    """Where a run that is rounded in one place alone diverges, and what keeps it from that."""
    ends = [effect.place for effect in effects if effect.how == ALONE and effect.loss is None]
    text = f"it diverges with {' and with '.join(f'{place} alone' for place in ends)}"
    saved = [f"{effect.how} {effect.place}" for effect in effects if effect.how != ALONE and effect.loss is not None]
    return text + (f"; {listed(saved)} it does not" if saved else "")


def _by_layer(run: Measurements, item: Summary) -> str:
    """What the same says of the layers, ranked."""
    effects = run.layer_ablation(item["recipe"])
    alone = [effect for effect in effects if effect.how == ALONE]
    if not alone or alone[0].share is None:
        return ""
    if alone[0].loss is None:
        ends = [effect.place for effect in alone if effect.loss is None]
        where = " and in ".join(ends)
        return f"{item['recipe']}, rounded in one layer alone (seed {run.config.seed}), diverges in {where}."
    said = [f"{effect.place} {_part(effect)}" for effect in alone[:3] if effect.share]
    if not said:
        return ""
    text = f"{item['recipe']}, rounded in one layer alone (seed {run.config.seed}), makes of the change of its loss: "
    text += listed(said)
    without = [effect for effect in effects if effect.how == WITHOUT and effect.share]
    text += f"; with {without[0].place} alone in float64 {_part(without[0])} of it is gone" if without else ""
    return text + _adds_up(run, item, effects, "layers") + "."


def _adds_up(run: Measurements, item: Summary, effects: list[Effect], what: str = "places") -> str:
    ratio = item["loss_ratio"]
    whole = log_of(ratio) if ratio is not None and 0.0 < ratio < math.inf else None
    rest = interaction(effects, whole)
    if rest is None or not whole:
        return ""
    if abs(rest / whole) < _ADDS_UP:
        return f"; the {what} add up to the whole within {share(abs(rest / whole))}"
    return f"; {share(abs(rest / whole))} is interaction: the {what} do not add up"


def _repaired(effects: list[Effect]) -> str:
    repairs = [effect for effect in effects if effect.how == REPAIRED and effect.share is not None]
    good = [f"{effect.place} ({_part(effect)})" for effect in repairs if (effect.share or 0.0) >= _REMOVED]
    poor = [f"{effect.place} ({_part(effect)})" for effect in repairs if (effect.share or 0.0) < _REMOVED]
    text = f"; {listed(good)} {'each remove' if len(good) > 1 else 'removes'} it" if good else ""
    return text + (f"; a part of it: {listed(poor)}" if poor else "")


def _part(effect: Effect) -> str:
    """A share, which can be a little above all of it."""
    if effect.share is None:
        return "–"
    return "all" if effect.share >= 0.9995 else share(effect.share)


def _recovering(summaries: Sequence[Summary], item: Summary) -> str:
    """One recipe that extends another which is worse: what it wins back."""
    base = _base(item, summaries)
    won = None if base is None else recovery(summaries, item["recipe"], base["recipe"])
    if base is None or won is None or item["verdict"] == "diverged":
        return ""
    what = f"recovers {share(won)} of" if won > 0 else "recovers none of"
    told = "it cannot be told from float64" if item["verdict"] == "not distinguishable" else f"it is {item['verdict']}"
    return f"{item['recipe']} {what} the loss that {base['recipe']} gives away: {told}, {_effect(item)}."


def _base(item: Summary, others: Sequence[Summary]) -> Summary | None:
    """The recipe that this one repairs: the longest name that it extends ("bf16-pure-sr" extends "bf16-pure")."""
    extended = [other for other in others if item["recipe"].startswith(other["recipe"] + "-")]
    return max(extended, key=lambda other: len(other["recipe"]), default=None)


def _effect(item: Summary) -> str:
    """The change of the loss with its interval."""
    effect, low, high = item["effect"], item["low"], item["high"]
    if effect is None or low is None or high is None:
        return "not measured"
    return f"{signed_share(effect)} ({signed_share(low)} to {signed_share(high)}, {share(CONFIDENCE)} interval)"


def _troubles(run: Measurements, items: Sequence[Summary]) -> str:
    """Where trouble began, for those that did not diverge (of which it is said with the divergence)."""
    there = [item for item in items if item["first_trouble"] is not None and item["verdict"] != "diverged"]
    said = [f"{item['recipe']} at {trouble_words(item, run.config.optimizer_name)}" for item in there]
    return f"First trouble, at seed {run.config.seed}: {'; '.join(said)}." if said else ""


def _replays(items: Sequence[Summary]) -> str:
    """The commands that stop at a first trouble and write its tensors."""
    there = [(item["recipe"], item["first_trouble"]) for item in items]
    said = [replay_command("config.toml", name, trouble) for name, trouble in there if trouble is not None]
    return f"To have the tensors of a first trouble, before and after rounding: {'; '.join(said)}." if said else ""


def _paths(items: Sequence[Summary]) -> str:
    """The weights' path, a statement of its own: who goes farther than float64 does by itself."""
    far = [item for item in items if item["path_verdict"] == "farther than the null"]
    near = [item["recipe"] for item in items if item["path_verdict"] in _NO_FARTHER]
    if not far:
        return ""
    said = listed([f"{_times(item)} times as far for {item['recipe']}" for item in far])
    text = f"Weights, whatever they are worth, end farther from float64's than those of the null: {said}"
    return text + (f"; for {listed(near)} no farther that could be told." if near else ".")


_NO_FARTHER = ("as far as the null", "nearer than the null")


def _times(item: Summary) -> str:
    """How many times as far, with the interval."""
    return f"{number(item['path_ratio'])} ({number(item['path_low'])} to {number(item['path_high'])})"


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
    if abs(bf16[last] / tf32[last] / 8.0 - 1.0) > _NEARLY:
        text += ", but bf16-mixed also rounds what layers keep between products"
    if first != last and run.config.switches:
        text += f". In layer {first} the factor is {bf16[first] / tf32[first]:.1f}: behind a ReLU, rounding can also "
        text += "switch a unit on or off"
    return text + "."
