"""One self-contained HTML page: offline, printable, readable on dark screens, the same bytes for the same rows.

``page.py`` puts a `Page` (text, figures, tables) into ``page.html``; ``charts.py`` draws with matplotlib into inline
SVG; ``panels.py`` draws lines side by side; ``drift.py`` and ``study.py`` say what stands on the page of a drift run
and of a study. Needs the extra `studies` (matplotlib, jinja2).
"""

from .drift import drift_page, write_page
from .page import Figure, Page, Table, render
from .study import study_page, write_study_page

__all__ = ["Figure", "Page", "Table", "drift_page", "render", "study_page", "write_page", "write_study_page"]
