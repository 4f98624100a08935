"""A run's folder: what may be continued, what is refused, and that nothing is lost."""

import json

import pytest

from nfloat.drift import Config, to_toml
from nfloat.drift.folder import open_folder, read_folder
from nfloat.drift.plan import complete_trainings
from nfloat.drift.rows import LAST_METRIC, MODEL, Row, from_line
from nfloat.errors import ArgumentError
from nfloat.runs.folder import CONFIG, PROVENANCE, ROWS
from nfloat.runs.rows import read_rows

RUN = Config(recipes=("float64", "tf32", "bf16-pure"), steps=2)


def rows_of(recipe, *, ended=True):
    steps = (0, 1, 2) if ended else (0, 1)
    return [
        Row(recipe=recipe, seed=0, step=s, layer=MODEL, tensor="loss", metric=LAST_METRIC, value=0.5) for s in steps
    ]


def test_rows_are_there_at_once(tmp_path):
    with open_folder(tmp_path / "new" / "deep", RUN) as folder:
        folder.append(rows_of("float64"))
        assert read_rows(folder.path / ROWS, from_line) == rows_of("float64")
    assert read_folder(folder.path) == (RUN, rows_of("float64"))


def test_a_run_goes_on_after_the_last_complete_recipe(tmp_path):
    with open_folder(tmp_path, RUN) as folder:
        folder.append(rows_of("float64"))
        folder.append(rows_of("tf32", ended=False))
    with (tmp_path / ROWS).open("a") as file:
        file.write('{"recipe":"tf32"')
    with open_folder(tmp_path, RUN) as folder:
        assert folder.rows == rows_of("float64")
        folder.append(rows_of("tf32"))
    assert read_rows(tmp_path / ROWS, from_line) == rows_of("float64") + rows_of("tf32")


def test_only_what_stands_before_the_first_gap_is_complete():
    rows = rows_of("float64") + rows_of("bf16-pure")
    assert complete_trainings(rows, RUN) == [("float64", 0)]


@pytest.mark.parametrize(
    ("config", "data", "words"),
    [(RUN.replace(seed=1), "", "another configuration"), (RUN, "0" * 64, "other data")],
)
def test_other_rows_are_not_mixed_in(tmp_path, config, data, words):
    with open_folder(tmp_path, RUN) as folder:
        folder.append(rows_of("float64"))
    before = (tmp_path / ROWS).read_bytes()
    with pytest.raises(ArgumentError, match=f"holds rows of {words}.*--overwrite"):
        open_folder(tmp_path, config, data_digest=data)
    assert (tmp_path / ROWS).read_bytes() == before
    with open_folder(tmp_path, config, data_digest=data, overwrite=True) as folder:
        assert folder.rows == []
    assert (tmp_path / ROWS).read_bytes() == b""


def test_rows_of_another_version_are_not_continued(tmp_path):
    with open_folder(tmp_path, RUN) as folder:
        folder.append(rows_of("float64"))
    facts = json.loads((tmp_path / PROVENANCE).read_text())
    (tmp_path / PROVENANCE).write_text(json.dumps({**facts, "code": "older"}))
    with pytest.raises(ArgumentError, match="another version of nfloat"):
        open_folder(tmp_path, RUN)
    (tmp_path / PROVENANCE).unlink()
    with pytest.raises(ArgumentError, match="that nfloat did not write"):
        open_folder(tmp_path, RUN)


def test_a_run_that_ended_at_its_birth_leaves_nothing_in_the_way(tmp_path):
    """Files of no bytes, as a machine that stops may leave them, beside a configuration of nfloat's."""
    for rows in ("", None):
        (tmp_path / PROVENANCE).write_text("")
        (tmp_path / CONFIG).write_text(to_toml(RUN.replace(seed=7)))
        if rows is not None:
            (tmp_path / ROWS).write_text(rows)
        with open_folder(tmp_path, RUN) as folder:
            assert folder.rows == []
        assert read_folder(tmp_path) == (RUN, [])
    (tmp_path / PROVENANCE).write_text("")
    for name, text in ((ROWS, "mine"), (CONFIG, "mine = 1")):
        (tmp_path / name).write_text(text)
        with pytest.raises(ArgumentError, match="that nfloat did not write"):
            open_folder(tmp_path, RUN, overwrite=True)
        (tmp_path / name).unlink()


def test_unwritable(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArgumentError, match="cannot be written: Not a directory; choose another folder"):
        open_folder(tmp_path / "file" / "out", RUN)
    with pytest.raises(ArgumentError, match="cannot be written"):
        open_folder(tmp_path / "file", RUN)


def test_provenance_keeps_what_differs_between_equal_runs(tmp_path):
    with open_folder(tmp_path, RUN) as folder:
        folder.finish(complete=True, seconds=1.5)
    facts = json.loads((tmp_path / PROVENANCE).read_text())
    assert facts["complete"] is True
    assert facts["seconds"] == 1.5
    assert facts["config"] == RUN.digest
    assert {"made", "python", "platform", "packages", "code"} <= set(facts)


def test_no_folder_of_a_run(tmp_path):
    with pytest.raises(ArgumentError, match="is not of a drift run"):
        read_folder(tmp_path)
    (tmp_path / CONFIG).write_text("")
    (tmp_path / ROWS).write_text("")
    assert read_folder(tmp_path) == (Config(), [])
