"""What every command that writes a folder does: a mistake is one line, another run's rows stay."""


def assert_mistake(done, words):
    """One line on stderr that holds these words, nothing on stdout, exit code 2."""
    assert done.code == 2
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert words in done.err


def assert_rows_stay(nfloat, folder, command, of):
    """A run with another seed is refused, with `of` whose rows the folder holds, until --overwrite is given."""
    nfloat(*command, "--out", folder.name)
    rows = (folder / "rows.jsonl").read_bytes()
    done = nfloat(*command, "--seed", "1", "--out", folder.name)
    assert_mistake(done, f"holds rows of {of}; choose another folder, or --overwrite")
    assert (folder / "rows.jsonl").read_bytes() == rows
    assert nfloat(*command, "--seed", "1", "--out", folder.name, "--overwrite").code in (0, 1)  # 1: a figure is off
    assert (folder / "rows.jsonl").read_bytes() != rows
