"""The folder of a drift run (``nfloat/runs/folder.py``): what its rows are marked by, and from which it goes on.

A training whose last row is there is complete and is not computed again (``plan.py`` has their order); the rows of
one cut short are dropped and computed anew, which gives the same bits, so a run that was interrupted ends in the same
file as one that was not.
"""

from __future__ import annotations

from pathlib import Path

from ..runs.folder import CONFIG, Mark, RunFolder, check_folder, folder_rows
from ..runs.provenance import code_digest
from .comparison import Comparison, to_toml
from .config import read_config
from .plan import complete_trainings
from .rows import Row, from_line


def open_folder(
    path: str | Path, config: Comparison, *, data_digest: str = "", overwrite: bool = False
) -> RunFolder[Row]:
    """A folder opened for one configuration, with the rows of what is complete there.

    Raises
    ------
    ArgumentError
        If the folder cannot be written, or holds rows that this run cannot continue.
    """
    marks = {
        "config": Mark(config.digest, "another configuration"),
        "data": Mark(data_digest, "other data"),
        "code": Mark(code_digest(), "another version of nfloat"),
    }

    def continued(rows: list[Row]) -> list[Row]:
        complete = set(complete_trainings(rows, config))
        return [row for row in rows if (row["recipe"], row["seed"]) in complete]

    return RunFolder(path, to_toml(config), marks, parse=from_line, continued=continued, overwrite=overwrite)


def read_folder(path: str | Path) -> tuple[Comparison, list[Row]]:
    """The configuration and the rows of a folder, complete or not.

    Raises
    ------
    ArgumentError
        If the folder is none of a drift run.
    """
    path = Path(path)
    check_folder(path, "a drift run")
    return read_config(path / CONFIG), folder_rows(path, from_line)
