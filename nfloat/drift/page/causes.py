"""The figures that judge and explain: the change of the loss with its interval, and what each place does alone.

Each caption says what to conclude, computed from what the figure shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ...report.charts import Bars, bar_chart
from ...report.intervals import Span, interval_chart
from ...report.page import Figure, Table
from ...report.palette import colours
from ...report.wording import digits, listed, percent, share, signed_share
from ..ablation import ALONE, PLACES, REPAIRED, Effect, layers_tried
from ..inference import CONFIDENCE, POWER, change
from ..measurements import Measurements
from ..summary import Summary, measured


def effect_figure(run: Measurements) -> Figure | None:
    """The change of each recipe's loss, with its interval, and what would have been seen."""
    known = [item for item in run.summary if item["effect"] is not None and item["recipe"] != "float64"]
    if not known:
        return None
    colour = colours(run.config.recipes)
    spans = [Span(item["recipe"], *_bounds(item), item["detectable"] or 0.0, colour[item["recipe"]]) for item in known]
    words = ", ".join(f"{item['recipe']} {_signed(item['effect'])}" for item in known)
    return Figure(
        "effect",
        "Change of the training loss",
        interval_chart("effect", spans, x_label="change of the final training loss against float64's, in per cent"),
        _effect_caption([item for item in run.summary if item["recipe"] != "float64"]),
        f"One line per recipe on an axis that is linear near zero and logarithmic beyond: {words}.",
        Table(("recipe", "change", "low", "high", "p", "would show"), [_effect_row(item) for item in known]),
        f"Dot and line: mean and {share(CONFIDENCE)} interval over {run.config.seeds} seeds, all recipes at once. "
        f"Shaded: changes too small to be found with probability {POWER:g}.",
    )


def _bounds(item: Summary) -> tuple[float, float, float]:
    return item["effect"] or 0.0, item["low"] or 0.0, item["high"] or 0.0


def _effect_row(item: Summary) -> list[str]:
    keys = ("effect", "low", "high", "p_value", "detectable")
    return [item["recipe"], *((digits if key == "p_value" else percent)(measured(item, key)) for key in keys)]


def _effect_caption(known: Sequence[Summary]) -> str:
    """Who lies beyond zero."""
    texts = []
    for word in ("worse", "better", "diverged", "not distinguishable"):
        names = [item["recipe"] for item in known if item["verdict"] == word]
        if names:
            texts.append(f"{word}: {listed(names)}")
    text = "; ".join(texts)
    return f"{text[:1].upper()}{text[1:]}."


def ablation_figure(run: Measurements) -> Figure | None:
    """What each place of a recipe does to the whole run alone, and what takes it away."""
    found = {name: of for name in run.config.recipes if (of := run.ablation(name))}
    note = (
        f"Trained again from seed {run.config.seed} with one place rounded as the recipe says and everything else in "
        "float64. A place that makes the loss lower has no bar; the table has every number, and the trainings without "
        "a place, or with a repair."
    )
    return _causes(run, "ablation", "rounding", "place", found, list(PLACES), _ablation_caption, note)


def layer_ablation_figure(run: Measurements) -> Figure | None:
    """What each group of layers of a recipe does to the whole run alone."""
    found = {name: of for name in run.config.recipes if (of := run.layer_ablation(name))}
    groups = list(dict.fromkeys(place for name in found for place in layers_tried(name, run.ends)))
    note = (
        f"Trained again from seed {run.config.seed} with everything in one layer rounded as the recipe says and all "
        "other layers in float64; between layers: what belongs to none that has parameters. A layer that makes the "
        "loss lower has no bar; the table has every number."
    )
    return _causes(run, "layer-ablation", "layer", "layer", found, groups, _layer_caption, note)


def _causes(
    run: Measurements,
    slug: str,
    asked: str,
    each: str,
    found: Mapping[str, Sequence[Effect]],
    order: Sequence[str],
    caption: Callable[[str, Sequence[Effect]], str],
    note: str,
) -> Figure | None:
    """What was found by training again, of each recipe; None if nothing was."""
    if not found:
        return None
    return Figure(
        slug,
        f"Which {asked} does it, over the whole run",
        _bars_alone(run, slug, found, order),
        " ".join(caption(name, of) for name, of in found.items()),
        f"Bars: the part of the change of the loss that each {each} makes alone, one panel per recipe.",
        Table(
            ("recipe", "training", "change of the loss", "part made or removed", "path distance"),
            [_ablation_row(name, effect) for name, of in found.items() for effect in of],
        ),
        note,
    )


def _bars_alone(run: Measurements, slug: str, found: Mapping[str, Sequence[Effect]], order: Sequence[str]) -> str:
    """One panel per recipe: the share of each place alone."""
    alone = {name: {e.place: e for e in of if e.how == ALONE} for name, of in found.items()}
    present = [place for place in order if any(place in of for of in alone.values())]
    colour = colours(run.config.recipes)
    panels = [
        Bars(name, [_positive(of.get(place)) for place in present], [colour[name]] * len(present))
        for name, of in alone.items()
    ]
    return bar_chart(slug, present, panels)


def _layer_caption(name: str, effects: Sequence[Effect]) -> str:
    """The layer that does most."""
    return f"{_alone(name, effects[0])}."


def _alone(name: str, top: Effect) -> str:
    return f"{name}: {top.place} alone, {'the run diverges' if top.loss is None else _signed(change(top.loss))}"


def _positive(effect: Effect | None) -> float | None:
    return None if effect is None or effect.share is None else max(0.0, effect.share)


def _ablation_row(name: str, effect: Effect) -> list[str]:
    change_of_loss = "diverged" if effect.loss is None else signed_share(change(effect.loss))
    made = "–" if effect.share is None else f"{100 * effect.share:.4g} %"
    return [name, f"{effect.how} {effect.place}", change_of_loss, made, share(effect.path)]


def _ablation_caption(name: str, effects: Sequence[Effect]) -> str:
    """The place that does most, and the best repair."""
    top = next(effect for effect in effects if effect.how == ALONE)
    text = _alone(name, top)
    repairs = [effect for effect in effects if effect.how == REPAIRED]
    text += f"; {listed([_repair(effect) for effect in repairs])}" if repairs else ""
    return f"{text}."


def _repair(effect: Effect) -> str:
    return f"with {effect.place} {'diverged' if effect.loss is None else _signed(change(effect.loss))}"


def _signed(value: float | None) -> str:
    return "–" if value is None else signed_share(value)
