"""A drift run of one recipe, whole: several seeds, nulls, and the verdict whether it is worse than float64.

Some ten times the work of ``training.py``; use it where the question is *whether* a recipe is worse, not by how much.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ...drift.config import Config
from ...runs.rows import Value
from ..task import Task
from .setting import Setting


@dataclass(frozen=True)
class Cell(Setting):
    """One drift run; the fields are those of ``nf.drift.Config``, with one recipe."""

    seeds: int = 5

    def __post_init__(self) -> None:
        object.__setattr__(self, "lr", float(self.lr))
        self.config()

    def config(self) -> Config:
        """The drift run.

        Raises
        ------
        NFloatError
            If a field cannot be.
        """
        own = {key: value for key, value in asdict(self).items() if key != "recipe"}
        return Config(**own, recipes=(self.recipe,), every=self.steps, ablate="none", attribute=False)


#: of a summary: what a row says
_KEPT = (
    "train_loss", "test_error", "path_distance", "stagnation", "effect", "low", "high", "p_value", "detectable",
    "diverged_seeds", "verdict",
)  # fmt: skip


def measure(cell: Cell) -> Mapping[str, Value]:
    """The summary of the run; `effect` is the relative change of the loss over all seeds."""
    from ...drift.experiment import run
    from ...drift.summary import entry

    (summary,) = run(cell.config(), threads=1).summary
    return {key: entry(summary, key) for key in _KEPT}


TASK = Task(
    name="verdict",
    title="A recipe's verdict: worse than float64, better, or not distinguishable",
    cell=Cell,
    measure=measure,
    value="effect",
)
