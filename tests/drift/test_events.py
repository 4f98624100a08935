"""A run tells a callback what happens: every row once, in order; one that raises ends the run, which can go on."""

import pytest

from nfloat.drift import Config, run
from nfloat.drift.events import BEGIN, END, FINISHED, STEP, TRAINED
from nfloat.runs.folder import ROWS

SMALL = Config(data="blobs", recipes=("bf16-pure", "tf32"), steps=4, width=4, seeds=2, every=2, ablate="none")


def test_every_row_is_told_once_in_order():
    events = []
    result = run(SMALL, callback=events.append)
    assert [row for event in events for row in event.rows] == result.rows
    kinds = [(event.kind, event.recipe, event.steps) for event in events if event.seed == 0 and event.kind != TRAINED]
    one = [(BEGIN, "bf16-pure", 0), *((STEP, "bf16-pure", n) for n in range(1, 5)), (END, "bf16-pure", 4)]
    assert kinds[:6] == one and kinds[-1][0] == FINISHED
    assert all(event.rows for event in events if event.kind in (STEP, TRAINED))


def test_a_callback_may_end_a_run_that_goes_on(tmp_path):
    whole = run(SMALL, out=tmp_path / "whole")

    def enough(event):
        if event.kind == STEP and event.recipe == "tf32":
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        run(SMALL, out=tmp_path / "cut", callback=enough)
    told = []
    assert run(SMALL, out=tmp_path / "cut", callback=told.append).rows == whole.rows
    assert told[0].recipe == "tf32"
    assert (tmp_path / "cut" / ROWS).read_bytes() == (tmp_path / "whole" / ROWS).read_bytes()
