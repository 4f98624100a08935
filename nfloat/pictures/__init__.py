"""SVG drawn by hand: pictures of bits, number lines and curves, as strings. No package, no script, no arithmetic.

``svg.py`` is the frame of every picture and its parts, ``bits.py`` takes codes apart and draws them,
``format_cards.py`` has the cards of formats and block formats (``described.py``: what they need to know of one);
``lines.py`` draws numbers as ticks on a line and a number between its neighbours, ``steps.py`` lines over an axis of
exponents. These two get plain numbers and texts: whoever computes them stands behind (``nfloat/display``).
Charts of runs are drawn with matplotlib in ``nfloat/report``.
"""

from .svg import Picture

__all__ = ["Picture"]
