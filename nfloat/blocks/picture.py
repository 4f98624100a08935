"""A block array's card for a notebook: what it is, and its scales as bars, one a binade. A string, no JavaScript."""

from __future__ import annotations

from ..cards import card
from .diagnostics import Blocks, last_bin_occupancy, scale_histogram

_COLOUR = "#56b4e9"


def array_html(q: Blocks) -> str:
    """The card of a block array."""
    facts = f"{8 * q.nbytes / max(q.size, 1):.2f} bits an element, {last_bin_occupancy(q):.1%} at the largest magnitude"
    return card(repr(q), (), picture=f"<br>{scales_svg(q)}", note=facts)


def scales_svg(q: Blocks) -> str:
    """How many scales lie in each binade, as an SVG picture; text has the colour of the page's.

    Examples
    --------
    >>> import nfloat as nf
    >>> scales_svg(nf.quantize([1.0], nf.mxfp4)).count("<rect")
    1
    """
    counts = scale_histogram(q)
    if not counts:
        return ""
    low, high, most = min(counts), max(counts), max(counts.values())
    bars = []
    for k, count in counts.items():
        tall = max(60 * count / most, 1)
        x = 14 * (k - low) + 4
        bars.append(f'<rect x="{x}" y="{64 - tall:.1f}" width="12" height="{tall:.1f}" fill="{_COLOUR}">')
        bars.append(f"<title>2^{k}: {count}</title></rect>")
    width = max(14 * (high - low + 1) + 8, 60)
    label = f"scales by binade: 2^{low} to 2^{high}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" width="{width}" height="80" '
        f'viewBox="0 0 {width} 80" font-family="monospace" font-size="9">{"".join(bars)}'
        f'<text x="4" y="76" fill="currentColor">2^{low} .. 2^{high}</text></svg>'
    )
