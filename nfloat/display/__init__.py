"""What numbers and formats look like: for prompts, notebooks and pages.

``explanation.py``: `explain`, what one number becomes in a format under every rounding; ``beside.py``: what it becomes
in other formats. ``formats.py``: pictures of several formats (`bit_layouts`, `number_line`, `ranges`) and `bits` of one
number. ``pages.py``: HTML pages of an explanation and of the list of formats; ``explorer.py``: the page on which one
types a value and flips bits, from ``explorer.html`` and ``explorer.js``, whose arithmetic is exact and checked against
nfloat's. ``codes.py``: parts of codes by a format's name.

Drawing itself stands in ``nfloat/pictures``, what a rounding gives in ``nfloat/ops``.
"""

from .codes import bit_fields, bit_svg, bit_text, format_html, special_values
from .explanation import Explanation, Outcome, explain
from .formats import bit_layouts, bits, number_line, ranges

__all__ = [
    "Explanation",
    "Outcome",
    "bit_fields",
    "bit_layouts",
    "bit_svg",
    "bit_text",
    "bits",
    "explain",
    "format_html",
    "number_line",
    "ranges",
    "special_values",
]
