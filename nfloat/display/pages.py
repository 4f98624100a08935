"""Two pages: what a number becomes in some formats, and the list of formats. Sentences and tables; ``report`` writes.

Pages need the extra `studies` (jinja2); pictures on them are those of notebooks.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.blocks import BlockFormat
from ..formats.format import Format
from ..pictures.format_cards import special_values
from ..report.page import Figure, Page, Table
from .beside import beside
from .explanation import Explanation
from .formats import bit_layouts, number_line, ranges

_TERMS = (
    ("precision", "significand bits with the implicit one: 11 for float16; half a gap is at most 2^-precision of a "
     "number"),
    ("normal, subnormal", "numbers from the smallest normal one up have the whole precision; those below lose a bit "
     "with each halving"),
    ("neighbours", "the two numbers of the format that enclose a number; rounding takes one of them"),
    ("code", "the bits of a number, read as an unsigned integer"),
)  # fmt: skip


def explanation_page(items: Sequence[Explanation], command: str) -> Page:
    """A number in some formats: its bits, its neighbours, what each rounding does; beside all named formats."""
    value = items[0].value
    names = ", ".join(item.format.name for item in items)
    figures = [figure for item in items for figure in _figures(item)]
    return Page(
        title=f"{value!r} in {names}",
        lead="A format holds finitely many numbers, and a number between two of them becomes one of the two.",
        findings=[_finding(item) for item in items],
        summary=_beside_table(value),
        summary_notes=["Rounded to nearest-even; the error is a share of the number."],
        figures=figures, command=command, config="", made_by="Computed by nfloat, each result rounded once.",
        terms=_TERMS, summary_title="In every named format", summary_last=True,
    )  # fmt: skip


def _finding(item: Explanation) -> str:
    first = item.outcomes[0]
    if item.place != "between":
        return f"{item.format.name}: {item.value!r} is {item.place}" + (
            "." if item.place == "on the grid" else f", and becomes {first.value!r}."
        )
    text = f"{item.format.name}: {item.value!r} lies between {item.below!r} and {item.above!r}; to nearest it is "
    share = "" if item.share_up is None else f" Stochastic rounding goes up with probability {item.share_up:.4g}."
    return f"{text}{first.value!r}, an error of {first.error:+.3g}.{share}"


def _figures(item: Explanation) -> list[Figure]:
    """The bits and the neighbours, where there are any to show."""
    name, rows = item.format.name, []
    for o in item.outcomes:
        ulp = "–" if o.error_ulp is None else f"{o.error_ulp:+.4f}"
        rows.append(
            (o.rounding, f"{o.value!r}", "–" if o.code is None else f"{o.code:#x}", o.bits, f"{o.error:+.3e}", ulp)
        )
    data = Table(("rounding", "result", "code", "bits", "error", "in gaps"), rows, words=("bits",))
    pictures = (
        ("bits", f"The bits in {name}", item.bit_picture(), "What the code says, field by field, to nearest-even."),
        (
            "neighbours",
            f"Between two numbers of {name}",
            item.between_picture(),
            "Which neighbour each rounding takes.",
        ),
    )
    return [
        Figure(f"{kind}-{name.replace('.', '-')}", title, svg, caption, f"{title}: {_finding(item)}", data)
        for kind, title, svg, caption in pictures if svg
    ]  # fmt: skip


def _beside_table(value: float) -> Table:
    rows = []
    for b in beside(value):
        error = "–" if b.relative_error is None else f"{100 * b.relative_error:+.3g} %"
        code = b.bits if b.format.bits <= 24 or b.code is None else f"{b.code:#x}"
        rows.append((b.format.name, code, f"{b.value!r}", error))
    return Table(("format", "code", "result", "error"), rows, words=("code",))


def formats_page(formats: Sequence[Format], blocks: Sequence[BlockFormat], command: str) -> Page:
    """Formats in pictures: their bits, their range and precision, where the numbers of the small ones lie."""
    table = Table(_LIMITS, [_limits(fmt) for fmt in formats])
    figures = []
    if formats:
        figures.append(Figure(
            "bits", "Which bits say what", bit_layouts(*formats).svg, "Sign, exponent and significand of each format.",
            "one row of boxes for each format, a box for each bit", table,
        ))  # fmt: skip
    figures += [_precision_figure(*part, table) for part in _by_range(formats) if part[1]]
    small = [fmt for fmt in formats if fmt.bits <= 8 and fmt.max <= 500 and fmt.smallest_subnormal >= 2**-10]
    figures += [_line_figure(small, table)] if small else []
    return Page(
        title="Number formats", lead="What each format holds, and where its definition stands.",
        findings=[], figures=figures, summary=_summary(formats, blocks), summary_notes=[], command=command, config="",
        made_by="Drawn by nfloat from its own catalogue.", terms=_TERMS, summary_title="Formats and their sources",
        summary_last=True,
    )  # fmt: skip


def _by_range(formats: Sequence[Format]) -> list[tuple[str, list[Format]]]:
    """Formats of long and of short ranges; float64, beside whose range no other can be seen, only if it is alone."""
    there = [fmt for fmt in formats if fmt.emax < 256] or formats
    return [
        ("of long range", [fmt for fmt in there if fmt.emax >= 32 or fmt.bits > 8]),
        ("of short range", [fmt for fmt in there if fmt.emax < 32 and fmt.bits <= 8]),
    ]


def _precision_figure(which: str, formats: Sequence[Format], table: Table) -> Figure:
    return Figure(
        f"precision-{formats[0].name.replace('.', '-')}", f"Range and precision: formats {which}", ranges(*formats).svg,
        "Far left is a format's least number, far right its largest: the exponent bits decide. The height is its "
        "precision, which the significand bits decide; it falls through the subnormal numbers.",
        "significand bits over the exponent, a line for each format", table,
    )  # fmt: skip


def _line_figure(formats: Sequence[Format], table: Table) -> Figure:
    """The numbers of small formats on one line."""
    return Figure(
        "numbers", "The numbers of the small formats, from 0 to 4", number_line(*formats, high=4.0).svg,
        "Each tick is a number. Gaps double with every power of two, from the subnormal numbers up.",
        "ticks on a line from 0 to 4, one row for each format", table,
    )  # fmt: skip


_LIMITS = ("format", "bits", "precision", "exponents", "largest", "smallest normal", "smallest", "special values")


def _limits(fmt: Format) -> tuple[str, ...]:
    numbers = (f"{x:.6g}" for x in (fmt.max, fmt.smallest_normal, fmt.smallest_subnormal))
    span = f"{fmt.emin} .. {fmt.emax}"
    return (fmt.name, str(fmt.bits), str(fmt.precision), span, *numbers, special_values(fmt))


def _summary(formats: Sequence[Format], blocks: Sequence[BlockFormat]) -> Table:
    rows = [(fmt.name, fmt.source, f"{fmt.bits}") for fmt in formats]
    for b in blocks:
        scale = f"{b.element.name} elements, {b.scale.name} scales for {b.block}; {b.source}"
        rows.append((b.name, scale, f"{b.bits_per_element:g}"))
    return Table(("format", "what it is, where it is defined", "bits"), rows, numeric=False)
