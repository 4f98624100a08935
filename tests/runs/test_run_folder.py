"""A run's folder: nothing of others is touched, one writes at a time, and rows that were changed are refused."""

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from nfloat.errors import ArgumentError
from nfloat.runs import folder as module
from nfloat.runs.folder import CONFIG, PROVENANCE, REPORT, ROWS, Mark, RunFolder, folder_rows
from nfloat.runs.rows import from_line, to_lines

MARKS = {"config": Mark("c", "another configuration"), "code": Mark("v", "another version")}


def rows_of(first, last):
    return [{"i": i, "x": i / 3} for i in range(first, last)]


def opened(path, **options):
    return RunFolder(path, "steps = 1\n", MARKS, parse=from_line, **options)


def made(path, count=4, complete=True):
    with opened(path) as folder:
        folder.append(rows_of(0, count))
        if complete:
            folder.finish(complete=True)
    return path


def contents(path):
    return {p.name: p.read_bytes() for p in sorted(path.iterdir())}


@pytest.mark.parametrize("name", [CONFIG, ROWS, PROVENANCE, REPORT])
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_nfloat_did_not_write_is_never_replaced(tmp_path, name, overwrite):
    (tmp_path / name).write_text("mine\n")
    before = contents(tmp_path)
    with pytest.raises(ArgumentError, match=f"holds {name} that nfloat did not write, which is never replaced"):
        opened(tmp_path, overwrite=overwrite)
    assert contents(tmp_path) == before


def test_a_folder_with_other_files_is_written_into_where_that_is_said(tmp_path):
    (tmp_path / "notes.txt").write_text("mine\n")
    with pytest.raises(ArgumentError, match="is not empty, and nfloat did not make it; .* --overwrite"):
        opened(tmp_path)
    assert list(contents(tmp_path)) == ["notes.txt"]
    with opened(tmp_path, overwrite=True) as folder:
        folder.append(rows_of(0, 2))
    assert (tmp_path / "notes.txt").read_text() == "mine\n"
    with opened(tmp_path) as folder:  # now it is one that nfloat made
        assert folder.rows == rows_of(0, 2)


def test_a_folder_that_cannot_be_used_is_not_left_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "x")

    monkeypatch.setattr(module, "replace_text", full)
    with pytest.raises(ArgumentError, match=r"out='.*new' cannot be written: No space left on device"):
        opened(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_fails_when_something_stands_in_it_says_why(tmp_path, monkeypatch):
    replace = module.replace_text

    def full(path, text):
        if path.name == CONFIG:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        replace(path, text)

    monkeypatch.setattr(module, "replace_text", full)
    with pytest.raises(ArgumentError, match=r"cannot be written: No space left on device"):
        opened(tmp_path / "new")
    monkeypatch.undo()
    with opened(tmp_path / "new") as folder:
        assert folder.rows == []


def test_one_process_writes_at_a_time(tmp_path):
    with opened(tmp_path) as folder:
        folder.append(rows_of(0, 2))
        with pytest.raises(ArgumentError, match="is being written by another process; wait for it"):
            opened(tmp_path)
        with pytest.raises(ArgumentError, match="is being written by another process"):
            opened(tmp_path, overwrite=True)
    with opened(tmp_path) as folder:
        assert folder.rows == rows_of(0, 2)


@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:1] + lines[2:],
        lambda lines: [*lines[:2], *lines[1:]],
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: [*lines[:-1], lines[-1].replace("3", "4")],
        lambda lines: lines[:2],
    ],
    ids=["deleted", "doubled", "swapped", "edited", "cut"],
)
def test_rows_that_were_changed_are_refused(tmp_path, change, complete):
    made(tmp_path, complete=complete)
    path = tmp_path / ROWS
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))
    before = contents(tmp_path)
    for read in (lambda: opened(tmp_path), lambda: folder_rows(tmp_path, from_line)):
        with pytest.raises(ArgumentError, match="are not the 4 that nfloat wrote"):
            read()
    assert contents(tmp_path) == before


def test_a_finished_folder_stays_as_it_is(tmp_path):
    made(tmp_path)
    before = contents(tmp_path)
    with opened(tmp_path) as folder:
        assert folder.rows == rows_of(0, 4)
        folder.rearrange(folder.rows)
        folder.finish(complete=True)
    assert contents(tmp_path) == before
    with (tmp_path / ROWS).open("a") as file:
        file.write(to_lines(rows_of(3, 4)))
    with pytest.raises(ArgumentError, match="its 5 rows are not the 4"):
        opened(tmp_path)


def test_another_order_is_one_of_its_own(tmp_path):
    with opened(tmp_path) as folder:
        folder.append(rows_of(0, 3))
        folder.rearrange(reversed(rows_of(0, 3)))
        folder.append(rows_of(3, 4))
    assert folder_rows(tmp_path, from_line) == [*reversed(rows_of(0, 3)), *rows_of(3, 4)]


def test_a_disk_that_fills_loses_nothing(tmp_path, monkeypatch):
    with opened(tmp_path) as folder:
        folder.append(rows_of(0, 3))
        file = folder._file

        class Full:
            def write(self, text):
                file.write(text[:5])
                raise OSError(errno.ENOSPC, "No space left on device")

            def close(self):
                file.close()

        folder._file = Full()
        message = r"cannot be written: No space left on device; the rows written before are kept; make room"
        with pytest.raises(ArgumentError, match=message):
            folder.append(rows_of(3, 5))
    with opened(tmp_path) as folder:
        assert folder.rows == rows_of(0, 3)


@pytest.mark.parametrize("place", range(1, 9))
def test_a_kill_at_any_step_of_opening_loses_nothing(tmp_path, place):
    """The process dies at the n-th change that opening and finishing makes to the folder."""
    made(tmp_path, complete=False)
    program = f"""
        import os, signal, sys
        from pathlib import Path
        sys.path.insert(0, {os.path.dirname(__file__)!r})
        from test_run_folder import opened, rows_of
        left, replace = [{place}], os.replace
        def counted(*names):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            replace(*names)
        os.replace = counted
        with opened(Path({str(tmp_path)!r}), continued=lambda rows: rows[:3]) as folder:
            folder.append(rows_of(3, 6))
            folder.rearrange(rows_of(0, 6)[::-1])
            folder.finish(complete=True)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False)
    assert done.returncode in (0, -signal.SIGKILL)
    with opened(tmp_path) as folder:
        found = sorted(row["i"] for row in folder.rows)
        assert found == list(range(len(found))) and len(found) >= 3
        folder.append(rows_of(len(found), 6))
    assert sorted(row["i"] for row in folder_rows(tmp_path, from_line)) == list(range(6))
    assert {p.name for p in tmp_path.iterdir()} == {CONFIG, ROWS, PROVENANCE}


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda p: p.write_bytes(b"\xff\xfe\n"), "not UTF-8"),
        (lambda p: (p.unlink(), os.mkfifo(p)), "not a regular file"),
        (lambda p: (p.unlink(), p.symlink_to("/dev/zero")), "not a regular file"),
        (lambda p: (p.unlink(), p.mkdir()), "not a regular file"),
        (lambda p: p.write_text("[" * 100_000 + "\n"), "are not the 4 that nfloat wrote"),
    ],
    ids=["bytes", "pipe", "device", "folder", "nested"],
)
def test_damaged_rows(tmp_path, damage, words):
    made(tmp_path)
    damage(tmp_path / ROWS)
    for read in (lambda: opened(tmp_path), lambda: folder_rows(tmp_path, from_line)):
        with pytest.raises(ArgumentError, match=words):
            read()


def test_rows_without_a_provenance_are_read_as_they_are(tmp_path):
    made(tmp_path)
    (tmp_path / PROVENANCE).write_text("")
    assert folder_rows(tmp_path, from_line) == rows_of(0, 4)
    (tmp_path / ROWS).write_text("[" * 100_000 + "\n")
    with pytest.raises(ArgumentError, match="line 1: .* is not a row"):
        folder_rows(tmp_path, from_line)


def test_the_provenance_says_what_is_there(tmp_path):
    made(tmp_path)
    facts = json.loads((tmp_path / PROVENANCE).read_text())
    assert (facts["rows"], facts["complete"], facts["config"]) == (4, True, "c") and "next" not in facts
