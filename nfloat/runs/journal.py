"""`Journal`: a file to which lines are appended and whose every line vouches for itself.

A line is a flat JSON object whose last entry, ``crc``, is the CRC-32 of all before it. So after a kill, a full disk or
a lost machine one knows of each line whether it is whole, and no line has to be given up because of another: nothing
that was appended is lost, and no half line is read as data. A folder of rows that one process makes in order is vouched
for by its provenance instead (``folder.py``); a journal is for rows that come in any order, by hundreds of thousands:
its lines pass by one at a time and are not kept.

One process appends (whoever opens it holds the folder's lock); anybody may read at any time.
"""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..files import replace_file

#: seconds after which what was appended is on the disk, should the machine itself fail
_EVERY = 2.0
#: what stands before the CRC
SEAL = b',"crc":"'
#: bytes of the end of a line: seal, eight digits, quote, brace
_LENGTH = len(SEAL) + 8 + 2


class Place(NamedTuple):
    """Where a line stands."""

    start: int
    length: int


def sealed(line: str) -> str:
    """A flat JSON object with its CRC as last entry, as a journal holds it, without the line end.

    Examples
    --------
    >>> sealed('{"x":1}')
    '{"x":1,"crc":"8a13e47b"}'
    """
    body = line[:-1]
    return f'{body}{SEAL.decode()}{zlib.crc32(body.encode("utf-8")):08x}"}}'


def is_sealed(line: bytes) -> bool:
    """Whether a line, without its end, is whole.

    Examples
    --------
    >>> is_sealed(sealed('{"x":1}').encode()), is_sealed(sealed('{"x":1}').replace("1", "2", 1).encode())
    (True, False)
    """
    body, seal = line[:-_LENGTH], line[-_LENGTH:]
    return seal.startswith(SEAL) and seal[len(SEAL) :] == f'{zlib.crc32(body):08x}"}}'.encode()


def whole_lines(path: Path) -> Iterator[tuple[Place, bytes]]:
    """The lines of a journal that are whole, and where they stand; nothing of a file that is not there."""
    start = 0
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n") and is_sealed(line[:-1]):
                yield Place(start, len(line)), line[:-1]
            start += len(line)


class Journal:
    """A journal open for appending.

    Whatever is no whole line in it (what a kill, a full disk or a bad sector left) is taken out when it is opened.

    Parameters
    ----------
    path : Path
        Made if it is not there.

    Attributes
    ----------
    damaged : int
        How many bytes were taken out.

    Raises
    ------
    OSError
        If it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = self._mend()
        self._file = path.open("ab", buffering=0)
        self._size = os.fstat(self._file.fileno()).st_size
        self._synced = time.monotonic()

    def append(self, lines: Iterable[str]) -> None:
        """Write sealed lines at the end, all or none of them.

        Raises
        ------
        OSError
            If there is no room; what was there before is kept, and nothing else.
        """
        text = "".join(line + "\n" for line in lines).encode("utf-8")
        try:
            written = self._file.write(text)
            while written < len(text):
                written += self._file.write(text[written:])
        except OSError:
            os.ftruncate(self._file.fileno(), self._size)
            raise
        self._size += len(text)
        if time.monotonic() - self._synced > _EVERY:
            self.sync()

    def sync(self) -> None:
        """Have the system put everything on the disk."""
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def close(self) -> None:
        """The end."""
        self._file.close()

    def rearrange(self, places: Iterable[Place]) -> None:
        """Put the lines into this order; each must be named once.

        Raises
        ------
        OSError
            If there is no room for a copy; then nothing has changed.
        """
        self.sync()
        self._file.close()
        try:
            _replace_by(self.path, places)
        finally:
            self._file = self.path.open("ab", buffering=0)
            self._size = os.fstat(self._file.fileno()).st_size

    def _mend(self) -> int:
        size = self.path.stat().st_size if self.path.exists() else 0
        whole = sum(place.length for place, _ in whole_lines(self.path))
        if whole < size:
            _replace_by(self.path, (place for place, _ in whole_lines(self.path)))
        return size - whole


def _replace_by(path: Path, places: Iterable[Place]) -> None:
    """The file made anew of these of its lines, in this order; whoever reads sees the old one or the new one."""
    with path.open("rb") as old:

        def pieces() -> Iterator[bytes]:
            for start, length in places:
                if old.tell() != start:
                    old.seek(start)
                yield old.read(length)

        replace_file(path, pieces())
