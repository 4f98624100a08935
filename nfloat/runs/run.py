"""`Run`: what the results of a drift run and of a study have in common. They can be written, with their page."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Generic

from ..errors import ArgumentError
from ..report.page import Page, write
from .folder import REPORT, RunFolder
from .rows import AnyRow


class Run(ABC, Generic[AnyRow]):
    """Rows in memory, complete or not, and what writes them."""

    rows: list[AnyRow]

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether the run has gone to its end."""

    @abstractmethod
    def _page(self) -> Page:
        """The page of a run that has rows."""

    @abstractmethod
    def new_folder(self, out: str | Path) -> RunFolder[AnyRow]:
        """A folder opened for this run's rows; what it held of another run is dropped."""

    def page(self) -> Page:
        """What stands on the run's page.

        Raises
        ------
        ArgumentError
            If the run has no rows.
        MissingExtraError
            If the packages for the charts are not installed.
        """
        if not self.rows:
            raise ArgumentError("rows: there are none yet, so there is nothing to report")
        return self._page()

    def write(self, out: str | Path) -> Path:
        """Write ``rows.jsonl``, ``config.toml``, ``provenance.json`` and ``report.html`` into a folder.

        The folder is made if need be; what it held of another run is replaced.

        Raises
        ------
        ArgumentError
            If the folder cannot be written, or there are no rows.
        MissingExtraError
            If the packages for the report are not installed; the other files are written before that.
        """
        with self.new_folder(out) as folder:
            folder.append(self.rows)
            folder.finish(complete=self.complete)
        self.write_report(folder.path / REPORT)
        return folder.path

    def write_report(self, path: str | Path) -> None:
        """Write the page alone."""
        write(self.page(), path)
