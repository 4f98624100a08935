"""An AArch64 Linux under emulation, from Debian's packages and Python's wheels, in a folder.

Nothing of this system is changed.

``prepare(folder)`` fetches (once) QEMU's user-mode emulator, Debian's arm64 Python and the wheels of nfloat's
dependencies, and returns the command that runs that Python; `NotHereError` says what is missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = (
    "libc6",
    "libgcc-s1",
    "libstdc++6",
    "zlib1g",
    "libexpat1",
    "libffi8",
    "libbz2-1.0",
    "liblzma5",
    "libssl3",
    "libuuid1",
    "libsqlite3-0",
    "libcrypt1",
)
WHEELS = ("numpy", "numba", "scipy", "ml-dtypes", "click")
PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_17_aarch64", "manylinux_2_27_aarch64", "manylinux_2_28_aarch64")


class NotHereError(Exception):
    """A setting that this machine cannot have, and why."""


def prepare(folder: Path) -> tuple[list[str], dict[str, str]]:
    """(command of the emulated Python, environment it needs)."""
    for tool in ("apt-get", "apt-cache", "dpkg"):
        if shutil.which(tool) is None:
            raise NotHereError(f"the arm64 Python comes from Debian's packages, and there is no {tool}")
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "complete"
    if not done.exists():
        try:
            _fetch(folder)
        except subprocess.CalledProcessError as error:
            raise NotHereError(
                f"{' '.join(error.cmd[:2])} ended with {error.returncode}: {last_line(error.stderr)}"
            ) from None
        done.touch()
    root = folder / "root"
    python = next((root / "usr" / "bin").glob("python3.[0-9]*"), None)
    if python is None:
        raise NotHereError("Debian's package holds no Python")
    emulator = str(folder / "qemu" / "usr" / "bin" / "qemu-aarch64-static")
    return [emulator, "-L", str(root), str(python)], {"PYTHONPATH": str(folder / "site")}


def _fetch(folder: Path) -> None:
    debs = folder / "debs"
    for path in (debs, folder / "lists" / "partial", folder / "apt" / "archives" / "partial"):
        path.mkdir(parents=True, exist_ok=True)
    foreign = [
        "-o",
        "APT::Architecture=arm64",
        "-o",
        "APT::Architectures=arm64",
        "-o",
        f"Dir::State::Lists={folder / 'lists'}",
        "-o",
        f"Dir::Cache={folder / 'apt'}",
        "-o",
        "APT::Sandbox::User=root",
    ]
    run(["apt-get", *foreign, "update"])
    version = _python_version(foreign)
    pythons = [f"python{version}-minimal", f"libpython{version}-minimal", f"libpython{version}-stdlib"]
    run(["apt-get", *foreign, "download", *pythons, *PACKAGES], debs)
    run(["apt-get", "download", "qemu-user-static"], debs)
    for deb in sorted(debs.glob("*.deb")):
        run(["dpkg", "-x", str(deb), str(folder / ("qemu" if deb.name.startswith("qemu") else "root"))])
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--target",
            str(folder / "site"),
            *platforms,
            "--python-version",
            version,
            "--only-binary=:all:",
            *WHEELS,
        ]
    )


def _python_version(foreign: list[str]) -> str:
    """Debian's Python, such as 3.11: what its package python3 depends on."""
    text = run(["apt-cache", *foreign, "depends", "python3-minimal"])
    names = [word for word in text.split() if word.startswith("python3.") and word.endswith("-minimal")]
    if not names:
        raise NotHereError("Debian's package python3-minimal names no Python")
    return names[0].removeprefix("python").removesuffix("-minimal")


def run(command: list[str], folder: Path | None = None, **environment: str) -> str:
    """What a command prints."""
    return subprocess.run(
        command,
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C", **environment},
    ).stdout


def last_line(text: str) -> str:
    """The end of what a command said."""
    return (text.strip().splitlines() or ["(it said nothing)"])[-1]
