"""The picture of a recipe: what a step multiplies, in which formats, how it is summed, and what comes out.

`flow` has the facts, one `Stage` for each product and one for the update; `flow_text` and `flow_svg` show them. What
the fields mean stands in ``recipe.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ...pictures.svg import box, frame, line, text, width_of

#: fills of formats in the order in which they come: light enough for black text
_FILLS = ("#56b4e9", "#e69f00", "#66c2a5", "#f0e442", "#e5a3c5", "#c3b8e8", "#d9d9d9")
_SIZE, _ROW, _LEFT = 11.0, 34.0, 118.0


class Written(Protocol):
    """What is needed of a recipe here."""

    @property
    def name(self) -> str: ...
    @property
    def compensation(self) -> object: ...
    def text(self, key: str) -> str: ...


class Stage(NamedTuple):
    """One line of a step: two tensors, how they meet, and what they make; each tensor with how it is rounded."""

    name: str
    first: tuple[str, str]
    sign: str
    second: tuple[str, str]
    sums: str
    result: tuple[str, str]


def flow(recipe: Written) -> list[Stage]:
    """The three products of a step and its update, in their order.

    Examples
    --------
    >>> from nfloat.nn import recipe
    >>> flow(recipe("tf32"))[0].first, flow(recipe("tf32"))[0].sums
    (('x', 'tfloat32'), 'float32')
    """
    own = {
        "x": recipe.text("activations"),
        "w": recipe.text("weight_copy") or recipe.text("weights"),
        "dy": recipe.text("activation_gradients"),
    }

    def product(name: str, field: str, first: str, second: str, sums: str, result: tuple[str, str]) -> Stage:
        one, other = (recipe.text(f"{field}_{of}") or recipe.text("gemm_inputs") or own[of] for of in (first, second))
        return Stage(name, (first, one), "@", (second, other), sums, result)

    back = recipe.text("backward")
    return [
        product("forward", "forward", "x", "w", recipe.text("forward"), ("y", own["x"])),
        product("input gradient", "input_gradient", "dy", "w", recipe.text("input_gradient_sums") or back,
                ("dx", own["dy"])),
        product("weight gradient", "weight_gradient", "dy", "x", recipe.text("weight_gradient_sums") or back,
                ("dw", recipe.text("weight_gradients"))),
        Stage("update", ("w", recipe.text("weights")), "+", ("step", recipe.text("update")),
              "compensated" if recipe.compensation else "", ("w", recipe.text("weights"))),
    ]  # fmt: skip


def flow_text(recipe: Written) -> str:
    """The picture in letters, a line a stage.

    Examples
    --------
    >>> from nfloat.nn import recipe
    >>> print(flow_text(recipe("bf16-mixed")))
    forward          x  bfloat16  @  w    bfloat16  --float32-->  y  bfloat16
    input gradient   dy bfloat16  @  w    bfloat16  --float32-->  dx bfloat16
    weight gradient  dy bfloat16  @  x    bfloat16  --float32-->  dw float32
    update           w  float32   +  step float32   ----------->  w  float32
    """
    stages = flow(recipe)
    firsts = _columns([stage.first for stage in stages])
    seconds = _columns([stage.second for stage in stages])
    results = _columns([stage.result for stage in stages])
    wide = max(len(stage.sums) for stage in stages)
    arrows = [f"--{stage.sums.center(wide, '-')}-->" for stage in stages]
    rows = zip(stages, firsts, seconds, arrows, results, strict=True)
    return "\n".join(f"{s.name:15}  {a}  {s.sign}  {b}  {arrow}  {c}".rstrip() for s, a, b, arrow, c in rows)


def _columns(tensors: Sequence[tuple[str, str]]) -> list[str]:
    name, how = (max(len(tensor[place]) for tensor in tensors) for place in (0, 1))
    return [f"{tensor[0]:{name}} {tensor[1]:{how}}" for tensor in tensors]


def flow_svg(recipe: Written) -> str:
    """The picture: a box for each tensor, of one colour for one way of rounding.

    Examples
    --------
    >>> from nfloat.nn import recipe
    >>> flow_svg(recipe("bf16-mixed")).count("<rect")
    12
    """
    stages = flow(recipe)
    tensors = [tensor for stage in stages for tensor in (stage.first, stage.second, stage.result)]
    known = list(dict.fromkeys(how for _, how in tensors))
    fills = {how: _FILLS[min(place, len(_FILLS) - 1)] for place, how in enumerate(known)}
    wide = max(width_of(" ".join(tensor), _SIZE) for tensor in tensors) + 14
    arrow = max(width_of(stage.sums, _SIZE) for stage in stages) + 24
    body = []
    for place, stage in enumerate(stages):
        x, y = _LEFT, 6 + _ROW * place
        body.append(text(0, y + 16, stage.name, anchor="start"))
        body.append(_tensor(x, y, wide, stage.first, fills))
        body.append(text(x + wide + 12, y + 16, stage.sign))
        body.append(_tensor(x + wide + 24, y, wide, stage.second, fills))
        x += 2 * wide + 30
        body.append(line(x, y + 19, x + arrow - 6, y + 19))
        body.append(text(x + arrow - 6, y + 22.5, "▸"))
        body.append(text(x + arrow / 2 - 3, y + 14, stage.sums))
        body.append(_tensor(x + arrow + 2, y, wide, stage.result, fills))
    size = _LEFT + 3 * wide + 34 + arrow, 8 + _ROW * len(stages)
    return frame("".join(body), *size, title=f"Recipe {recipe.name}", desc=flow_text(recipe), size=_SIZE)


def _tensor(x: float, y: float, wide: float, tensor: tuple[str, str], fills: dict[str, str]) -> str:
    words = text(x + wide / 2, y + 16, " ".join(tensor), colour="#000")
    return box(x, y, wide, 24, fills[tensor[1]]) + words
