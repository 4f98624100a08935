"""Files that others depend on: replaced whole or not at all, read only where that ends, one writer to a folder.

`replace_text` and `replace_file` (a new file in the old one's place), `read_text` (regular files alone, up to a limit),
`FolderLock`, `DAMAGED`.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .errors import ArgumentError

#: larger files are not read: no file of a run comes near
LARGEST = 1 << 31
#: what NumPy raises, beside OSError, where an archive of arrays is none, is cut, or claims what no memory holds
DAMAGED = (
    ValueError, KeyError, TypeError, AttributeError, EOFError, MemoryError, RuntimeError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
#: how the name of a file that is being written begins and ends
_BEGUN = ".nfloat-", ".new"


def as_path(value: Any, argument: str) -> Path:
    """An argument as a path.

    Raises
    ------
    ArgumentError
        If it names none.
    """
    try:
        path = Path(value)
    except Exception as error:  # what an object's own methods raise
        raise ArgumentError(f"{argument}: {type(value).__name__} is no path ({error})") from None
    if "\0" in str(path):
        raise ArgumentError(f"{argument}={value!r} is no path: it has a NUL character")
    return path


def replace_text(path: Path, text: str) -> None:
    """Put a text where a file is or is to be; whoever reads sees the old one or the new one, also after a kill.

    Raises
    ------
    OSError
        As `replace_file`.
    """
    replace_file(path, (text.encode("utf-8"),))


def replace_file(path: Path, pieces: Iterable[bytes]) -> None:
    """Put a file, given in pieces, where one is or is to be; whoever reads sees the old one or the new one.

    Raises
    ------
    OSError
        If it cannot be written, or `path` is a link (which could lead anywhere) or no regular file; then nothing has
        changed.
    """
    if path.is_symlink():
        raise OSError(errno.ELOOP, "it is a link, which is not followed", str(path))
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    begun = path.with_name(f"{_BEGUN[0]}{path.name}-{os.getpid()}{_BEGUN[1]}")
    try:
        with begun.open("wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        os.replace(begun, path)
    except BaseException:
        begun.unlink(missing_ok=True)
        raise


def is_begun(name: str) -> bool:
    """Whether this is the name of a file that `replace_text` was interrupted in writing."""
    return name.startswith(_BEGUN[0]) and name.endswith(_BEGUN[1])


def read_text(path: Path) -> str:
    """The text of a regular file in UTF-8, line ends as they are.

    Raises
    ------
    OSError
        If it cannot be read, is a folder, device or pipe (reading one may never end), or has more than `LARGEST` bytes.
    UnicodeDecodeError
        If it is not UTF-8.
    """
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    if facts.st_size > LARGEST:
        raise OSError(errno.EFBIG, f"{facts.st_size} bytes, more than the {LARGEST} that are read", str(path))
    return path.read_bytes().decode("utf-8")


def reason(error: OSError | UnicodeDecodeError) -> str:
    """Why a file cannot be read or written, in the words of the system."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else "not UTF-8"


class FolderLock:
    """Held by the one process that writes into a folder; the system takes it away when the process ends, however.

    Raises
    ------
    BlockingIOError
        If another process, or another lock of this one, holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._descriptor: int | None = None
        if sys.platform == "win32":
            import msvcrt

            descriptor = os.open(folder / f"{_BEGUN[0]}lock{_BEGUN[1]}", os.O_RDWR | os.O_CREAT)
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            except OSError as error:
                os.close(descriptor)
                raise BlockingIOError(error.errno, "another process writes into it", str(folder)) from None
        else:
            import fcntl

            descriptor = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES):
                    os.close(descriptor)
                    raise BlockingIOError(error.errno, "another process writes into it", str(folder)) from None
                # else a file system without locks: then there is none
        self._descriptor = descriptor

    def release(self) -> None:
        """Let others write."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
