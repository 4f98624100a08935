"""Archives of arrays that are cut, are none, or claim what no memory holds: one sentence, wherever one is read."""

import struct
import zipfile

import numpy as np
import pytest

import nfloat as nf
from nfloat.drift.replaying import read_replay
from nfloat.nn.data.files import read_file
from nfloat.testing.recordings import compare


def claiming(path):
    """An array of 10^12 numbers, by its header."""
    header = repr({"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)}).ljust(117) + "\n"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())


def cut(path):
    """The first half."""
    np.savez(path, x=np.ones(500))
    path.write_bytes(path.read_bytes()[:2000])


def objects(path):
    """Pickles, which nothing here loads."""
    np.savez(path, x=np.array([{}], object))


def empty(path):
    """No byte."""
    path.write_bytes(b"")


@pytest.mark.parametrize("made", [claiming, cut, objects, empty], ids=lambda f: f.__name__)
@pytest.mark.parametrize("read", [nf.load, compare, read_file, read_replay], ids=lambda f: f.__name__)
def test_one_sentence(tmp_path, made, read):
    path = tmp_path / "odd.npz"
    made(path)
    with pytest.raises(nf.ArgumentError, match="odd.npz"):
        read(str(path))


@pytest.mark.parametrize("made", [claiming, cut, objects], ids=lambda f: f.__name__)
def test_at_the_shell(tmp_path, capsys, made):
    from nfloat.cli.main import main

    made(tmp_path / "odd.npz")
    with pytest.raises(SystemExit) as ended:
        main(["identify", str(tmp_path / "odd.npz")])
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.startswith("nfloat: FILE=") and said.count("\n") == 1
