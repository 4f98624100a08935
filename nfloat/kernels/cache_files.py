"""Numba's cache files with a digest in front: whatever is in the folder, damaged code is never run, and heals.

A file that is empty, cut, garbage or not what was written is as good as none: the kernel is compiled and written anew.
What cannot be written (a full disk, a folder that is gone) is compiled in every process, and said once.

Of several processes that need a kernel at the same moment one compiles it; the others wait for that one and load what
it has written.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.runtime import rtsys
from numba.core.sigutils import normalize_signature

from .turns import Turn

_SIZE = hashlib.sha256().digest_size


def _sealed(data: bytes) -> bytes:
    return hashlib.sha256(data).digest() + data


def _opened(text: bytes) -> bytes | None:
    """What was sealed, or None if this is not how it was."""
    data = text[_SIZE:]
    return data if hashlib.sha256(data).digest() == text[:_SIZE] else None


class KernelCache(FunctionCache):
    """A kernel's cache. What is loaded from it needs nothing of what Numba compiles with.

    Numba's own brings all of that in first: half a second of a process whose cache is full, and SciPy's linear algebra.
    """

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._cache_file: CheckedCacheFile = CheckedCacheFile.of(self._cache_file)

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        """By the arguments' types: a call finds what was compiled for a signature in words, and the other way round."""
        return super()._index_key(normalize_signature(sig)[0], codegen)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled code of a signature, or None."""
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)


class CheckedCacheFile(IndexDataCacheFile):
    """The index and the code of one kernel; loading never raises, and neither does saving."""

    said = False
    turn: Turn

    @classmethod
    def of(cls, plain: IndexDataCacheFile) -> CheckedCacheFile:
        """In the place of one that Numba made."""
        checked = cls.__new__(cls)
        checked.__dict__.update(plain.__dict__)
        checked.turn = Turn(Path(checked._index_path))
        return checked

    def load(self, key: object) -> Any:
        """The code of a key, or None: then it is this process's turn to compile it, until it saves or gives up."""
        found = self._kept(key)
        if found is None and self.turn.take():
            found = self._kept(key)
            if found is not None:
                self.turn.give_up()
        return found

    def save(self, key: object, data: object) -> None:
        """Keep the code of a key, if the folder lets us."""
        try:
            super().save(key, data)
        except OSError as error:
            self._say(error)
        finally:
            self.turn.give_up()

    def _kept(self, key: object) -> Any:
        name = self._load_index().get(key)
        return None if name is None else self._read(self._data_path(name))

    def _load_index(self) -> dict[Any, str]:
        found = self._read(self._index_path)
        if not isinstance(found, tuple) or len(found) != 3 or found[:2] != (self._version, self._source_stamp):
            return {}
        return dict(found[2])

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._write(self._index_path, (self._version, self._source_stamp, overloads))

    def _save_data(self, name: str, data: object) -> None:
        self._write(self._data_path(name), data)

    def _write(self, path: str, value: object) -> None:
        with self._open_for_write(path) as file:
            file.write(_sealed(self._dump(value)))

    def _read(self, path: str) -> Any:
        """The value in a file, or None if there is no such file or it is not as it was written."""
        try:
            data = _opened(Path(path).read_bytes())
            return None if data is None else pickle.loads(data)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._say(error)
            return None

    def _say(self, error: OSError) -> None:
        """One line in a process, unless NFLOAT_QUIET=1."""
        if not CheckedCacheFile.said and os.environ.get("NFLOAT_QUIET") != "1":
            text = f"nfloat: compiled code cannot be kept in {self._cache_path} ({error.strerror}); see nfloat doctor"
            print(text, file=sys.stderr, flush=True)
        CheckedCacheFile.said = True


def damaged(folder: Path) -> Iterator[Path]:
    """The files of a cache folder that are not as they were written; they are made anew when they are needed."""
    for path in sorted(folder.rglob("*.nb[ci]")):
        try:
            if _opened(path.read_bytes()) is None:
                yield path
        except OSError:
            yield path
