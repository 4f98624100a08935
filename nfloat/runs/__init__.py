"""What is written while something long runs, and read again to go on: the same for a drift run and a study.

    DIR/config.toml       what to run; the run again, to the bit         ``config.py`` reads it, strictly
    DIR/rows.jsonl        what was measured, a line each                 ``rows.py``
    DIR/provenance.json   all that may differ between two equal runs     ``provenance.py``
    DIR/report.html       the page made from the first two               ``nfloat.report``

``folder.py`` opens such a folder for one run: it keeps the rows that the run may continue, appends others as they come
and refuses those of another configuration or version. ``journal.py`` keeps rows that come in any order, by the hundred
thousand, each vouching for itself (``nfloat/sweep``); ``export.py`` makes one table of either. ``run.py`` is what all
results have in common: rows, complete or not, that can be written into a folder together with their page.

Not here: what a row says and when a run is complete. That stands in ``nfloat/drift`` and ``nfloat/studies``.
"""
