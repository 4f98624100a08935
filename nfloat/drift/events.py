"""`Event`: what a run tells a callback, step by step.

``nf.drift.run(config, callback=f)`` calls ``f(event)`` in the process of the caller, one event after the other:

| kind | when | rows |
|---|---|---|
| begin | before the first step of a recipe that is measured in detail | none |
| step | after each of its steps | of that step |
| end | after its last step | none |
| trained | after each other training: other seeds, nulls, one place rounded, repairs | all of it |
| finished | after the last training | none |

Rows are those that are written down, and are there (in the folder, too) when the callback is called; it must not change
them. What was complete in a folder already is not told again. A callback that raises ends the run; the same run into
the same folder goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from .rows import Row

BEGIN, STEP, END, TRAINED, FINISHED = "begin", "step", "end", "trained", "finished"


class Event(NamedTuple):
    """What happened: its kind, which training (its recipe's name and seed), how many updates are done, its rows."""

    kind: str
    recipe: str
    seed: int
    steps: int
    rows: Sequence[Row] = ()


Callback: TypeAlias = Callable[[Event], None]
