"""`Result`: the rows of a run and what follows from them, in memory or written to a folder."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .config import Config
from .folder import REPORT, RunFolder
from .rows import Key, Row, by_series
from .summary import Summary, summarise


@dataclass(frozen=True)
class Result:
    """A drift run: its configuration and its rows, complete or not.

    Examples
    --------
    >>> import nfloat as nf
    >>> config = nf.drift.Config(data="blobs", recipes=("bf16-pure",), steps=2, width=4)
    >>> result = nf.drift.run(config)
    >>> result.rows[0]["recipe"], result.summary[0]["step"]
    ('bf16-pure', 2)
    """

    config: Config
    rows: list[Row]
    data_digest: str = ""

    @cached_property
    def summary(self) -> list[Summary]:
        """One dict per recipe: final loss, gap, path distance, gradient error, rates, verdict (``summary.py``)."""
        return summarise(self.config, self.rows)

    @cached_property
    def series(self) -> Mapping[Key, list[tuple[int, float]]]:
        """(recipe, layer, tensor, metric) -> (step, value) pairs."""
        return by_series(self.rows)

    @property
    def complete(self) -> bool:
        """Whether every recipe has run to its end."""
        return len(self.summary) == len(self.config.recipes) and all(
            item["step"] == self.config.steps for item in self.summary
        )

    def write(self, out: str | Path) -> Path:
        """Write ``rows.jsonl``, ``config.toml``, ``provenance.json`` and ``report.html`` into a folder.

        The folder is made if need be; what it held of another run is replaced.

        Raises
        ------
        ArgumentError
            If the folder cannot be written.
        MissingExtraError
            If the packages for the report are not installed; the other files are written before that.
        """
        with RunFolder(out, self.config, data_digest=self.data_digest, overwrite=True) as folder:
            folder.append(self.rows)
            folder.finish(complete=self.complete)
        self.write_report(folder.path / REPORT)
        return folder.path

    def write_report(self, path: str | Path) -> None:
        """Write the page alone."""
        # the page is made by a room that stands after this one: asked for by name, so that nothing here depends on it
        importlib.import_module("nfloat.report").write_page(self, path)
