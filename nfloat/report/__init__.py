"""One self-contained HTML page: offline, printable, readable on dark screens, the same bytes for the same rows.

``page.py`` puts a `Page` (text, figures, tables) into ``page.html``; ``charts.py`` draws with matplotlib into inline
SVG; ``drift.py`` says what stands on the page of a drift run. Needs the extra `studies` (matplotlib, jinja2).
"""

from .drift import drift_page, write_page
from .page import Figure, Page, Table, render

__all__ = ["Figure", "Page", "Table", "drift_page", "render", "write_page"]
