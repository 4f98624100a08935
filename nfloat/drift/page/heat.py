"""The figure of layers over steps: where in the model, and when, the gradient is least exact."""

from __future__ import annotations

import math

from ...report.grids import heat_chart
from ...report.page import Figure, Table
from ...report.wording import percent, share
from .. import centre
from ..measurements import Measurements
from ..summary import Summary
from .bars import weights_of

#: steps and layers that are drawn
_STEPS, _LAYERS = 10, 24


def layers_over_steps_figure(run: Measurements) -> Figure | None:
    """The error of the weights' gradients of one recipe, the one that is farthest from float64, layer by step."""
    for item in sorted(run.summary, key=_how_far, reverse=True):
        found = _errors(run, item["recipe"])
        if found and any(value > 0 for of in found.values() for value in of.values()):
            return _figure(item["recipe"], found)
    return None


def _how_far(item: Summary) -> tuple[bool, float, float]:
    """By the change of the loss if it can be told from none, then by the gradient's error; last, what has diverged.

    Of that most gradients are NaN.
    """
    told = abs(item["effect"] or 0.0) if item["verdict"] in ("worse", "better") else 0.0
    return item["verdict"] != "diverged", told, item["grad_error"] or 0.0


def _errors(run: Measurements, recipe: str) -> dict[str, dict[int, float]]:
    """Layer -> step -> relative error of its weight's gradient, at some of the steps."""
    found = {layer: dict(run.series[key]) for layer, key in weights_of(run).get(recipe, {}).items()}
    steps = sorted({step for of in found.values() for step in of})
    kept = {steps[round(i * (len(steps) - 1) / (_STEPS - 1))] for i in range(_STEPS)} if steps else set()
    return {layer: {step: value for step, value in of.items() if step in kept} for layer, of in found.items()}


def _figure(recipe: str, found: dict[str, dict[int, float]]) -> Figure:
    steps = [str(step) for step in sorted({step for of in found.values() for step in of})]
    drawn = list(found)[:_LAYERS]
    values = {(layer, str(step)): value for layer in drawn for step, value in found[layer].items()}
    rows = [[layer, *(percent(of.get(int(step))) for step in steps)] for layer, of in found.items()]
    how = "||g - g64|| / ||g64|| of the layer's weight, g64 the exact gradient at the same weights on the same batch."
    how += f" The first {_LAYERS} layers are drawn, the table has all." if len(found) > len(drawn) else ""
    return Figure(
        "heat",
        f"Error of the gradient in {recipe}, layer by layer and step by step",
        heat_chart("heat", drawn, steps, values, x_label="step", y_label="layer", text=share),
        _caption(recipe, found),
        f"A cell per layer and step, darker where the error is larger; {len(drawn)} layers, {len(steps)} steps.",
        Table(("layer", *(f"step {step}" for step in steps)), rows),
        how,
    )


def _caption(recipe: str, found: dict[str, dict[int, float]]) -> str:
    """The layer that is worst in the median, and which way it goes with time."""
    middle = {layer: value for layer, of in found.items() if (value := centre.median(of.values())) is not None}
    worst = max(middle, key=middle.__getitem__)
    text = f"In {recipe} the gradient of layer {worst} is least exact ({share(middle[worst])} in the median)"
    first, *_, last = [*found[worst].values()] * 2
    if math.isfinite(first) and math.isfinite(last) and first > 0:
        text += f": {share(first)} at the first step, {share(last)} at the last measured one"
    return f"{text}."
