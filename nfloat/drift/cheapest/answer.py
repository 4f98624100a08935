"""`Answer`: what a search gives back: what was tried, to be written with its page and the recipe, or read again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...cards import card, table
from ...files import replace_text
from ...nn.recipes import to_toml
from ...report.page import Page
from ...report.wording import signed_share
from ...runs.folder import CONFIG, Mark, RunFolder, check_folder, folder_rows
from ...runs.provenance import code_digest
from ...runs.run import Run
from ..plan import ended
from ..rows import Row, from_line
from .course import ELEMENTS, Tried
from .page import search_page
from .question import Search, read_search, search_toml

#: the file with the answer
RECIPE = "recipe.toml"


@dataclass(frozen=True, repr=False)
class Answer(Tried, Run[Row]):
    """A search: what was asked for, the rows of its trainings, and what follows from them.

    Attributes
    ----------
    recipe : str or None
        The name of the cheapest recipe that was confirmed.
    trials : list of Trial
        Every recipe that was judged, in order.
    """

    data_digest: str = ""

    def to_toml(self) -> str | None:
        """The answer as a recipe file, with what it was found by; None without an answer."""
        found = self.confirmation
        if self.recipe is None or found is None or self.ratio is None:
            return None
        run, seeds = self.config.run, self.confirming_seeds
        words = [
            f"found by nfloat search: {run.subject.sentence}",
            f"{self.ratio:.3g} times cheaper than {self.config.against} (bits moved and kept in a step)",
            f"loss gap {_signed(found.gap)}, at most {_signed(found.bound)} (95 %), on the seeds {seeds[0]} to "
            f"{seeds[-1]}; budget {self.config.budget:g}",
        ]
        return "".join(f"# {' '.join(line.split())}\n" for line in words) + to_toml(self.recipe)

    def write(self, out: str | Path) -> Path:
        """Write rows, configuration, provenance, the recipe and the page into a folder: see `Run.write`."""
        path = super().write(out)
        self.write_recipe(path)
        return path

    def write_recipe(self, folder: Path) -> Path | None:
        """Write ``recipe.toml``, if there is an answer."""
        text = self.to_toml()
        if text is None:
            return None
        replace_text(folder / RECIPE, text)
        return folder / RECIPE

    def __repr__(self) -> str:
        done = "" if self.complete else ", incomplete"
        ratio = "" if self.ratio is None else f", {self.ratio:.3g} times cheaper than {self.config.against}"
        return f"Answer({self.recipe!r}{ratio}; {len(self.trials)} trials{done})"

    def _repr_html_(self) -> str:
        rows = [
            (t.question.stage, t.question.words, f"{t.cost.total:.4g}", "yes" if t.judgement.within else "no")
            for t in self.trials
        ]
        picture = table(("stage", "recipe", "cost", "within"), rows)
        return card(f"Search: {self.recipe or 'no recipe'}", (), picture=picture, note=self.config.run.subject.sentence)

    def _page(self) -> Page:
        return search_page(self)

    def new_folder(self, out: str | Path) -> RunFolder[Row]:
        """A folder opened for this search's rows; what it held of another one is dropped."""
        return open_folder(out, self.config, data_digest=self.data_digest, overwrite=True)


def open_folder(path: str | Path, search: Search, *, data_digest: str, overwrite: bool) -> RunFolder[Row]:
    """A folder opened for a search, with the rows of the trainings that are complete there.

    Raises
    ------
    ArgumentError
        If the folder cannot be written, or holds rows that this search cannot continue.
    """
    marks = {
        "config": Mark(search.digest, "another search"),
        "data": Mark(data_digest, "other data"),
        "code": Mark(code_digest(), "another version of nfloat"),
    }

    def continued(rows: list[Row]) -> list[Row]:
        whole = ended(rows, search.run)
        kept = [row for row in rows if row["metric"] == ELEMENTS or (row["recipe"], row["seed"]) in whole]
        # those of one cut short stand last
        return kept if rows[: len(kept)] == kept else []

    return RunFolder(path, search_toml(search), marks, parse=from_line, continued=continued, overwrite=overwrite)


def read_answer(folder: str | Path) -> Answer:
    """The search in a folder, complete or not.

    Raises
    ------
    ArgumentError
        If the folder is none of a search.
    """
    path = Path(folder)
    check_folder(path, "a search")
    return Answer(read_search(path / CONFIG), folder_rows(path, from_line))


def _signed(value: float | None) -> str:
    return "unknown" if value is None else signed_share(value)
