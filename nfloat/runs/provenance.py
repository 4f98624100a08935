"""Where a run came from: the version of the code, and the facts that may differ between equal runs.

`code_digest` must agree for two runs to give the same bits; `surroundings` is everything else worth keeping (versions,
machine, time). Neither stands in ``rows.jsonl``.
"""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import os
import platform
import sys
from pathlib import Path

#: the packages whose versions may matter to a bit
PACKAGES = ("nfloat", "numpy", "numba", "llvmlite", "scipy", "ml_dtypes", "scikit-learn")

#: rooms, and wings of rooms, that change no measurement; of a study or a task, its own source is digested beside
_APART = {"cli", "page", "report", "studies", "sweep", "testing"}


def code_digest() -> str:
    """SHA-256 over the package's sources that can change a measurement: all but pages and command line."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        if _APART.isdisjoint(path.relative_to(root).parts):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def surroundings() -> dict[str, object]:
    """Versions, machine and the time now (UTC)."""
    return {
        "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
