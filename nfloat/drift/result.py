"""`Result`: the rows of a run and what follows from them, in memory or written to a folder with its page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..report.page import Page
from ..runs.folder import RunFolder
from ..runs.run import Run
from .folder import open_folder
from .measurements import Measurements
from .page import drift_page
from .rows import Row


@dataclass(frozen=True)
class Result(Measurements, Run[Row]):
    """A drift run: its configuration and its rows, complete or not.

    Examples
    --------
    >>> import nfloat as nf
    >>> config = nf.drift.Config(data="blobs", recipes=("bf16-pure",), steps=2, width=4)
    >>> result = nf.drift.run(config)
    >>> result.rows[0]["recipe"], result.summary[0]["step"]
    ('bf16-pure', 2)
    """

    data_digest: str = ""

    def _page(self) -> Page:
        return drift_page(self)

    def new_folder(self, out: str | Path) -> RunFolder[Row]:
        """A folder opened for this run's rows; what it held of another run is dropped."""
        return open_folder(out, self.config, data_digest=self.data_digest, overwrite=True)
