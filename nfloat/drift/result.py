"""`Result`: the rows of a run and what follows from them, in memory or written to a folder with its page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..cards import card, table
from ..report.page import Page
from ..report.wording import share, signed_share
from ..runs.folder import RunFolder
from ..runs.run import Run
from .folder import open_folder
from .measurements import Measurements
from .page import drift_page
from .rows import Row

#: recipes that a repr names
_SHOWN = 4


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


@dataclass(frozen=True, repr=False)
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

    def __repr__(self) -> str:
        done = "" if self.complete else ", incomplete"
        verdicts = ", ".join(f"{item['recipe']}: {item['verdict']}" for item in self.summary[:_SHOWN])
        more = f", and {len(self.summary) - _SHOWN} more" if len(self.summary) > _SHOWN else ""
        return f"Result({self.config.steps} steps, {len(self.rows)} rows{done}; {verdicts}{more})"

    def _repr_html_(self) -> str:
        rows = [
            (
                item["recipe"],
                item["step"],
                _number(item["train_loss"]),
                "-" if item["effect"] is None else signed_share(item["effect"]),
                share(item["path_distance"]),
                item["verdict"],
            )
            for item in self.summary
        ]
        head = ("recipe", "step", "loss", "loss against float64", "path", "verdict")
        title = f"Drift: {self.config.steps} steps, {len(self.rows)} rows"
        return card(title, (), picture=table(head, rows), note=self.config.subject.sentence)

    def _page(self) -> Page:
        return drift_page(self)

    def new_folder(self, out: str | Path) -> RunFolder[Row]:
        """A folder opened for this run's rows; what it held of another run is dropped."""
        return open_folder(out, self.config, data_digest=self.data_digest, overwrite=True)
