"""`compare`: finished drift runs side by side, and what differs between them.

Runs are comparable if they train on the same data (the same name and digest, or the same `build`): only then are losses
of one kind. In everything else they may differ, and it is said in what. A recipe that stands in several runs is
compared with itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..cards import card, table
from ..errors import ArgumentError
from ..files import as_path
from ..report.page import Page, write
from ..runs.folder import provenance
from .folder import read_folder
from .measurements import Measurements
from .page.several import several_page


@dataclass(frozen=True, repr=False)
class Compared:
    """Several runs: label -> its measurements.

    Attributes
    ----------
    rows : list of dict
        One per run and recipe: "run", then what a run's summary has.
    differences : dict
        Field of the configuration -> its value in each run, where these are not all the same.
    """

    runs: Mapping[str, Measurements]
    folders: Sequence[str]

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """One dict per run and recipe."""
        return [{"run": name, **item} for name, run in self.runs.items() for item in run.summary]

    @cached_property
    def differences(self) -> dict[str, tuple[object, ...]]:
        """What differs between the configurations."""
        tables = [run.config.table() for run in self.runs.values()]
        keys = dict.fromkeys(key for of in tables for key in of)
        values = {key: tuple(of.get(key) for of in tables) for key in keys}
        return {key: found for key, found in values.items() if any(value != found[0] for value in found)}

    def page(self) -> Page:
        """One page of all runs.

        Raises
        ------
        MissingExtraError
            If the packages for the charts are not installed.
        """
        return several_page(self.runs, self.differences, self.folders)

    def write_report(self, path: str | Path) -> None:
        """Write the page.

        Raises
        ------
        ArgumentError
            If the file cannot be written.
        MissingExtraError
            If the packages for the page are not installed.
        """
        write(self.page(), path)

    def __repr__(self) -> str:
        return f"Compared({', '.join(self.runs)}; {len(self.rows)} recipes)"

    def _repr_html_(self) -> str:
        head = ("run", "recipe", "train_loss", "effect", "verdict")
        cells = [[_cell(row[key]) for key in head] for row in self.rows]
        return card(f"{len(self.runs)} runs", (), picture=table(head, cells))


def compare(folders: Sequence[str | Path]) -> Compared:
    """The drift runs of several folders, complete or not, side by side.

    Parameters
    ----------
    folders : sequence of path-like
        At least two folders of drift runs on the same data.

    Raises
    ------
    ArgumentError
        If there are fewer than two, one is none of a drift run, or they train on other data; the message says which.

    Examples
    --------
    >>> import tempfile
    >>> import nfloat as nf
    >>> quick = {"data": "blobs", "recipes": ("bf16-pure",), "steps": 3, "width": 4, "seeds": 1, "ablate": "none"}
    >>> folders = [f"{tempfile.mkdtemp()}/lr{lr}" for lr in (0.1, 0.2)]
    >>> for folder, lr in zip(folders, (0.1, 0.2), strict=True):
    ...     _ = nf.drift.run(nf.drift.Config(**quick, lr=lr), out=folder)
    >>> compare(folders)
    Compared(lr0.1, lr0.2; 2 recipes)
    """
    if not isinstance(folders, list | tuple) or len(folders) < 2:
        raise ArgumentError(f"folders={folders!r} must be at least two folders of drift runs")
    paths = [as_path(folder, "folders") for folder in folders]
    labels = _labels(paths)
    runs = {label: Measurements(*read_folder(path)) for label, path in zip(labels, paths, strict=True)}
    for label, run in runs.items():
        if not run.rows:
            raise ArgumentError(f"folders: {label} holds no rows yet, so there is nothing to compare")
    _check(runs, [provenance(path).get("data") for path in paths])
    return Compared(runs, [str(path) for path in paths])


def _check(runs: Mapping[str, Measurements], digests: Sequence[object]) -> None:
    """Refuse runs on other data than the first one's."""
    (first, base), *others = runs.items()
    mine = base.config.table()
    for (label, run), digest in zip(others, digests[1:], strict=True):
        its = run.config.table()
        for key in ("data", "build"):
            if mine.get(key) != its.get(key):
                raise ArgumentError(
                    f"folders: {first} and {label} are not comparable: {key}={mine.get(key)!r} and {its.get(key)!r}; "
                    "losses on other data are of another kind"
                )
        if digest != digests[0]:
            raise ArgumentError(
                f"folders: {first} and {label} are not comparable: both name the data alike, but it has changed "
                "between them (its digest differs); run one of them again with --overwrite (overwrite=True)"
            )


def _labels(paths: Sequence[Path]) -> list[str]:
    """A name for each folder: its own, with as many of those around it as tell it from the others.

    Examples
    --------
    >>> _labels([Path("a/out"), Path("b/out"), Path("c")])
    ['a/out', 'b/out', 'c']
    """
    whole = [path.resolve().parts for path in paths]
    if len(set(whole)) < len(whole):
        raise ArgumentError(f"folders={[str(path) for path in paths]!r} must be different ones")
    found = []
    for parts in whole:
        count = next(n for n in range(1, len(parts) + 1) if [of[-n:] for of in whole].count(parts[-n:]) == 1)
        found.append("/".join(parts[-count:]))
    return found


def _cell(value: object) -> str:
    return "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
