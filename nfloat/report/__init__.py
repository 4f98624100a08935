"""One self-contained HTML page: offline, printable, readable on dark screens, the same bytes for the same rows.

``page.py`` puts a `Page` (text, figures, tables) into ``page.html``; ``charts.py`` draws with matplotlib into inline
SVG; ``styles.py`` has colours and dashes, ``panels.py`` draws lines side by side, ``intervals.py`` means with their
intervals, ``exponents.py`` where numbers lie; ``wording.py`` puts numbers into words. Needs the extra `studies`
(matplotlib, jinja2).

What stands on the page of a drift run or a study is said where its rows are made: ``nfloat/drift/page/`` and
``nfloat/studies/page.py``.
"""

from .page import Figure, Page, Table, render, write

__all__ = ["Figure", "Page", "Table", "render", "write"]
