"""A task whose cells do what cells should not: for tests of what a sweep makes of that."""

import os
import signal
import time
from dataclasses import dataclass

from nfloat.errors import ArgumentError
from nfloat.sweep import Task


@dataclass(frozen=True)
class Cell:
    """What to do; `seed` tells cells apart."""

    what: str = "fine"
    seed: int = 0
    x: float = 0.5


def measure(cell):
    if cell.what == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if cell.what == "exits":
        os._exit(7)
    if cell.what == "stops":
        os.kill(os.getpid(), signal.SIGSTOP)
    if cell.what == "hangs":
        time.sleep(1000)
    if cell.what == "raises":
        raise KeyError("no")
    if cell.what == "refuses":
        raise ArgumentError("what='refuses' must be something else")
    if cell.what == "prints":
        print("hello")
        os.write(1, b"raw\n")
    if cell.what == "eats":
        return {"y": float(len(bytearray(3 << 30)))}
    if cell.what == "naps":
        time.sleep(0.05)
    return {"y": (cell.seed + cell.x) / 3, "bits": int(8 * cell.x), "none": None, "endless": float("inf")}


TASK = Task("misbehaving", "Cells that misbehave", Cell, measure, "y", "bits")


def differs(cell):
    return {"y": float(os.getpid())}


DIFFERS = Task("differs", "Another number on another worker", Cell, differs, "y")


def plain(cell):
    return {"y": cell.seed * cell.x, "bits": cell.seed + 1}


PLAIN = Task("plain", "Nothing but a product", Cell, plain, "y", "bits")
