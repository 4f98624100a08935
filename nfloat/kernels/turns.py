"""Whose turn it is to compile a kernel: a lock on one byte of a file that the kernels of a cache folder share.

The system takes a lock away when its process ends, however that ends. Where there are no locks (the folder cannot be
written, the file system has none) everybody has a turn, and compiles.
"""

from __future__ import annotations

import os
import sys
import time
import zlib
from pathlib import Path

#: seconds: whoever has its turn for longer is taken to be stopped, and is not waited for
LONGEST = 300.0
#: seconds between two looks whether the turn is over
_LOOK = 0.02
_NAME = "turns.lock"


class Turn:
    """That of one kernel, named by the file that its code is found through."""

    #: descriptors of the files that are open, by path: closing one would take away all locks in it
    _open: dict[Path, int] = {}

    def __init__(self, index: Path) -> None:
        self._file = index.with_name(_NAME)
        self._byte = zlib.crc32(index.name.encode())
        self._held = False

    def take(self) -> bool:
        """Wait until no other process has it; False: there is no such lock, or its holder does not come to an end."""
        end = time.monotonic() + LONGEST
        while not self._held and time.monotonic() < end:
            try:
                self._lock(True)
                self._held = True
            except BlockingIOError:
                time.sleep(_LOOK)
            except OSError:
                return False
        return self._held

    def give_up(self) -> None:
        """Let another process have it."""
        if self._held:
            self._held = False
            self._lock(False)

    def _lock(self, wanted: bool) -> None:
        descriptor = self._open.get(self._file)
        if descriptor is None:
            descriptor = self._open[self._file] = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o666)
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, self._byte, os.SEEK_SET)
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK if wanted else msvcrt.LK_UNLCK, 1)
            except PermissionError as error:
                raise BlockingIOError(*error.args) from None
        else:
            import fcntl

            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB if wanted else fcntl.LOCK_UN, 1, self._byte)
            except PermissionError as error:  # what some systems say of a lock that another process holds
                raise BlockingIOError(*error.args) from None
