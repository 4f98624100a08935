"""Kill drift runs at random moments, go on, and hold the rows against those of a run that nobody disturbed.

    python tests/kills.py 40 --seed 0

prints how many kills there were, by signal, how many hit while rows were there and not complete, and whether a row was
lost, doubled or changed.
"""

from __future__ import annotations

import argparse
import collections
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def command(out: Path) -> list[str]:
    """A run that writes rows all the time."""
    options = "--data blobs --width 8 --recipes float32,bf16-pure --steps 60 --every 1 --seeds 2 --ablate none"
    return [sys.executable, "-m", "nfloat.cli.main", "drift", *options.split(), "--out", str(out)]


def rows_of(folder: Path) -> bytes:
    """The rows that are there."""
    path = folder / "rows.jsonl"
    return path.read_bytes() if path.exists() else b""


def killed(folder: Path, whole: int, rng: Random, seconds: float, inside: bool) -> tuple[signal.Signals | None, str]:
    """Start the command, and kill it at a random moment, or as soon as some of its rows are there.

    The signal, or None where the run was done before; what a run that was not killed complained of.
    """
    process = subprocess.Popen(command(folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    end = time.monotonic() + rng.uniform(0.1, 1.1) * seconds
    while process.poll() is None and time.monotonic() < (end + 100 * seconds if inside else end):
        if inside and len(rows_of(folder)) > rng.random() ** 2 * whole:
            break
        time.sleep(0.002)
    if process.poll() is None:
        chosen = rng.choice(SIGNALS)
        process.send_signal(chosen)
        process.communicate()
        return chosen, ""
    _, errors = process.communicate()
    return None, errors.decode().strip()[-200:] if process.returncode else ""


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=40)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng, folder = Random(given.seed), Path(tempfile.mkdtemp())
    start = time.monotonic()
    subprocess.run(command(folder / "whole"), check=True, capture_output=True)
    whole, seconds = rows_of(folder / "whole"), time.monotonic() - start
    kills: collections.Counter[str] = collections.Counter()
    inside = wrong = 0
    said: collections.Counter[str] = collections.Counter()
    while sum(kills.values()) < given.count:
        shutil.rmtree(folder / "killed", ignore_errors=True)
        chosen: signal.Signals | None = signal.SIGKILL
        while chosen is not None and sum(kills.values()) < given.count:
            chosen, errors = killed(folder / "killed", len(whole), rng, seconds, inside=rng.random() < 0.5)
            said.update([errors] if errors else [])
            if chosen is not None:
                kills[chosen.name] += 1
                inside += 0 < len(rows_of(folder / "killed")) < len(whole)
        subprocess.run(command(folder / "killed"), capture_output=True, check=False)
        wrong += rows_of(folder / "killed") != whole
    print(f"{sum(kills.values())} kills ({dict(kills)}), {inside} of them with some of the rows written; "
          f"{wrong} folders with other rows in the end; errors of runs that were not killed: {dict(said)}")  # fmt: skip
    shutil.rmtree(folder)
    return int(wrong > 0 or bool(said))


if __name__ == "__main__":
    sys.exit(main())
