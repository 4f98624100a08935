"""Compiled code on disk: what is damaged there is as good as not there, and is made anew."""

import errno
import os

import pytest
from house_copy import ASK, UP, run
from numba.core.caching import IndexDataCacheFile
from numba.core.sigutils import normalize_signature

from nfloat.kernels.cache_files import CheckedCacheFile, damaged
from nfloat.kernels.jit import KERNELS
from nfloat.kernels.rounding import arrays

DAMAGE = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2],
    "garbage": lambda data: os.urandom(len(data)),
    "one bit": lambda data: data[:-3] + bytes([data[-3] ^ 1]) + data[-2:],
    "longer": lambda data: data + b"x",
    "a pickle": lambda data: b"\x80\x04N.",
}


@pytest.fixture
def cached(tmp_path):
    def opened(stamp="stamp"):
        return CheckedCacheFile.of(IndexDataCacheFile(str(tmp_path), "kernel-1", stamp))

    opened().save("key", ("code", 1))
    opened().save("other", ("code", 2))
    return opened


@pytest.mark.parametrize("name", DAMAGE)
@pytest.mark.parametrize("suffix", [".nbi", ".1.nbc"])
def test_damage_is_seen_and_heals(cached, tmp_path, name, suffix):
    assert cached().load("key") == ("code", 1) and cached().load("other") == ("code", 2)
    path = tmp_path / f"kernel-1{suffix}"
    path.write_bytes(DAMAGE[name](path.read_bytes()))
    assert list(damaged(tmp_path)) == [path]
    assert cached().load("key") is None
    cached().save("key", ("code", 3))
    assert cached().load("key") == ("code", 3)
    assert list(damaged(tmp_path)) == []


def test_what_is_there_for_another_source_is_not_taken(cached):
    assert cached("newer").load("key") is None and cached().load("missing") is None


def test_a_folder_where_a_file_should_be(cached, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(CheckedCacheFile, "said", False)
    monkeypatch.delenv("NFLOAT_QUIET", raising=False)
    (tmp_path / "kernel-1.nbi").unlink()
    (tmp_path / "kernel-1.nbi").mkdir()
    assert cached().load("key") is None
    cached().save("key", 1)
    assert capsys.readouterr().err.count("compiled code cannot be kept in") == 1


def test_a_full_disk_is_said_once(cached, capsys, monkeypatch):
    def full(self, path):
        raise OSError(errno.ENOSPC, "No space left on device", path)

    monkeypatch.setattr(CheckedCacheFile, "_open_for_write", full)
    monkeypatch.setattr(CheckedCacheFile, "said", False)
    monkeypatch.delenv("NFLOAT_QUIET", raising=False)
    for key in ("third", "fourth"):
        cached().save(key, 1)
    assert capsys.readouterr().err.count("(No space left on device); see nfloat doctor") == 1


def test_a_process_with_a_damaged_cache_gives_the_right_answer(house, cache):
    files = sorted(cache.rglob("*.nb[ci]"))
    assert {path.suffix for path in files} == {".nbc", ".nbi"}
    for path, damage in zip(files, (DAMAGE["garbage"], DAMAGE["cut"]) * len(files), strict=False):
        path.write_bytes(damage(path.read_bytes()))
    again = run(house, cache)
    assert again.stdout == UP and "compiling" in again.stderr
    assert run(house, cache, ASK).stderr == ""


def test_a_call_finds_what_is_compiled_for_a_signature():
    """``nfloat warmup`` compiles for signatures in words, a call for the types of its arguments."""
    kernel, signatures = arrays.round_plain, KERNELS["rounding.arrays.round_plain"][1]
    of_words, of_types = (
        [kernel._cache._index_key(kind, kernel.targetctx.codegen()) for kind in kinds]
        for kinds in (signatures, [normalize_signature(one)[0] for one in signatures])
    )
    assert of_words == of_types
