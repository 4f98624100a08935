"""A journal: every line vouches for itself; what is half is never read, what is whole is never lost."""

import errno
import json
import random

import pytest

from nfloat.runs.journal import Journal, is_sealed, sealed, whole_lines

LINES = [sealed(json.dumps({"i": i, "x": i / 3, "w": "é\n" * (i % 3)})) for i in range(20)]


def written(path, lines=LINES):
    journal = Journal(path)
    journal.append(lines)
    journal.close()
    return path


def found(path):
    return [line.decode() for _, line in whole_lines(path)]


def test_a_sealed_line_is_json_and_knows_itself():
    for line in LINES:
        assert is_sealed(line.encode())
        assert json.loads(line)["crc"]
        changed = bytearray(line.encode())
        changed[len(changed) // 3] ^= 1
        assert not is_sealed(bytes(changed))
    assert not is_sealed(b"")
    assert not is_sealed(b"{}")


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_cut_anywhere_it_goes_on_from_what_is_whole(tmp_path, cut):
    path = written(tmp_path / "rows")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size - cut)
    whole = found(path)
    assert whole == LINES[: len(whole)]
    journal = Journal(path)
    assert journal.damaged == path.stat().st_size * 0 + (size - cut - sum(len(x.encode()) + 1 for x in whole))
    journal.append(LINES[len(whole) :])
    journal.close()
    assert path.read_text() == "".join(line + "\n" for line in LINES)


def test_damage_in_the_middle_costs_the_lines_that_it_hits(tmp_path):
    path = written(tmp_path / "rows")
    data = bytearray(path.read_bytes())
    places = [place for place, _ in whole_lines(path)]
    data[places[4].start + 3] ^= 0xFF
    data[places[9].start : places[9].start + places[9].length] = b"\0" * places[9].length
    path.write_bytes(data)
    left = [line for i, line in enumerate(LINES) if i not in (4, 9)]
    assert [line for line in found(path)][:4] == left[:4]
    journal = Journal(path)
    assert journal.damaged > 0
    journal.close()
    assert set(found(path)) <= set(left) and len(found(path)) >= len(left) - 1  # two ends were lost with their lines


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    path = written(tmp_path / "rows", LINES[:5])
    journal = Journal(path)

    class Full:
        def __init__(self, file):
            self.file, self.room = file, 10

        def write(self, text):
            if not self.room:
                raise OSError(errno.ENOSPC, "No space left on device")
            part, self.room = text[: self.room], 0
            return self.file.write(part)

        def __getattr__(self, name):
            return getattr(self.file, name)

    journal._file = Full(journal._file)
    with pytest.raises(OSError, match="No space left"):
        journal.append(LINES[5:8])
    assert path.read_text() == "".join(line + "\n" for line in LINES[:5])
    journal.close()


def test_rearranged(tmp_path):
    path = written(tmp_path / "rows")
    order = list(whole_lines(path))
    random.Random(3).shuffle(order)
    journal = Journal(path)
    journal.rearrange([place for place, _ in order])
    journal.append(LINES[:1])
    journal.close()
    assert found(path) == [line.decode() for _, line in order] + LINES[:1]
