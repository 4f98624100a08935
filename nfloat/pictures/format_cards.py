"""The cards of formats and block formats for a notebook: a picture of the bits over a table of facts."""

from __future__ import annotations

from ..cards import card
from .bits import bit_svg, boxes, widths
from .described import Described, DescribedBlock
from .svg import frame, text, width_of


def format_html(fmt: Described) -> str:
    """A format's card: name, bit layout, range, precision, special values, source."""
    facts = (
        ("bits", fmt.bits), ("precision", f"{fmt.precision} bits"), ("exponents", f"{fmt.emin} .. {fmt.emax}"),
        ("largest", f"{fmt.max:.17g}"), ("smallest normal", f"{fmt.smallest_normal:.17g}"),
        ("smallest", f"{fmt.smallest_subnormal:.17g}"), ("special values", special_values(fmt)),
    )  # fmt: skip
    return card(fmt.name, facts, picture=f"<br>{bit_svg(fmt)}", note=fmt.source)


def block_html(fmt: DescribedBlock) -> str:
    """A block format's card: its elements beside their scale, what a block is, range, source."""
    facts = (
        ("bits an element", f"{fmt.bits_per_element:g}"), ("block", _block_text(fmt.block)),
        ("element", f"{fmt.element.name}, largest {fmt.element.max:g}"),
        ("scale", f"{fmt.scale.name}, rule {fmt.scale_rule.value}"),
        ("tensor scale", "a float32 number for the whole tensor" if fmt.tensor_scale else None),
    )  # fmt: skip
    return card(fmt.name, facts, picture=f"<br>{block_svg(fmt)}", note=fmt.source)


def block_svg(fmt: DescribedBlock) -> str:
    """One scale and the first elements of its block, a box per bit."""
    cells, x = boxes(fmt.scale, None, 0, 16, 16)
    body = [text(0, 10, "scale", size=9, anchor="start"), cells]
    start = x = x + 12
    shown = max(1, min(4, 20 // fmt.element.bits, fmt.block if isinstance(fmt.block, int) else 4))
    for _ in range(shown):
        cells, x = boxes(fmt.element, None, x, 16, 16)
        body.append(cells)
        x += 8
    more = f"... elements, {_block_text(fmt.block)}"
    body += [text(start, 10, "elements", size=9, anchor="start"), text(x, 30, more, anchor="start", size=11)]
    desc = f"scale {fmt.scale.name}: {widths(fmt.scale)}; element {fmt.element.name}: {widths(fmt.element)}"
    return frame("".join(body), round(x + width_of(more, 11)) + 4, 52, title=f"a block of {fmt.name}", desc=desc)


def _block_text(block: object) -> str:
    """What shares a scale, in words."""
    if block is None or isinstance(block, str):
        return "a scale for the whole " + (block if isinstance(block, str) else "axis")
    if isinstance(block, tuple):
        return " x ".join("all" if size is None else str(size) for size in block) + " to a scale"
    return f"{block} to a scale"


def special_values(fmt: Described) -> str:
    """Which special values a format has, in words.

    Examples
    --------
    >>> from nfloat import float16, float4_e2m1fn
    >>> special_values(float16), special_values(float4_e2m1fn)
    ('infinities, NaN, -0, subnormals', '-0, subnormals')
    """
    has = {
        "infinities": fmt.has_inf,
        "NaN": fmt.has_nan,
        "-0": fmt.has_negative_zero,
        "subnormals": fmt.has_subnormals and not fmt.twos_complement,
    }
    return ", ".join(name for name, there in has.items() if there) or "none"
