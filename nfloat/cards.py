"""Cards for notebooks: a title, a picture, a table of facts. HTML text, no JavaScript.

Every `_repr_html_` is made of these. Text has the colour of the page and lines a share of it, so that a card is at home
on light and dark pages; whatever comes from outside is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

_CELL = "text-align:left;padding:1px 8px 1px 0;border:0;background:none"
_LINE = "border-bottom:1px solid color-mix(in srgb, currentColor 30%, transparent)"


def card(title: str, facts: Iterable[tuple[str, object]], *, picture: str = "", note: str = "") -> str:
    """A title over a picture (HTML, as it is) and a table of facts; those that are None are left out.

    Examples
    --------
    >>> card("<a>", [("bits", 8), ("gone", None)]).count("<tr>"), "&lt;a&gt;" in card("<a>", [])
    (1, True)
    """
    rows = [[name, value] for name, value in facts if value is not None]
    small = f'<div style="opacity:0.7;font-size:85%">{html.escape(note)}</div>' if note else ""
    body = table((), rows) if rows else ""
    return f'<div style="color:inherit"><b>{html.escape(title)}</b>{picture}{body}{small}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """An HTML table, every cell escaped."""
    top = "".join(f'<th style="{_CELL};{_LINE}">{html.escape(str(cell))}</th>' for cell in head)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{html.escape(str(cell))}</td>' for cell in row) + "</tr>" for row in rows
    )
    return f'<table style="color:inherit;background:none">{f"<tr>{top}</tr>" if head else ""}{body}</table>'
