"""The page of a drift run: ``text.py`` puts it together, ``findings.py`` has its sentences.

``causes.py``, ``series.py``, ``bars.py``, ``heat.py`` and ``ranges.py`` draw its figures. ``several.py``: the page of
several runs.

`drift_page` turns rows into a `Page`; how that looks and how it is written stands in ``nfloat.report``.
"""

from .text import drift_page

__all__ = ["drift_page"]
