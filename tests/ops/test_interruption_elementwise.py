"""Ctrl-C ends a rounding by the plain rule within a second, however large the array is; no bit depends on pieces."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.ops import rounder

PROGRAM = """
import signal, sys
import numpy as np, nfloat as nf
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the tests were started with
fmt = nf.Format(name="own", precision=30, emin=-1000, emax=1000)
mode = {"rounding": sys.argv[1], "seed": 1 if sys.argv[1] == "stochastic" else None}
nf.round(np.ones(100), fmt, **mode)
x = np.full(1 << 26, 1.1)
print("begun", flush=True)
while True:
    nf.round(x, fmt, **mode)
"""


@pytest.mark.parametrize("mode", ["to_odd", "stochastic"])
def test_ctrl_c_is_heard_between_pieces(mode):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, mode], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.3)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors and time.monotonic() - start < 2.0  # of which Python's own end takes a part


PLAIN = [
    nf.Format(name="own", precision=30, emin=-1000, emax=1000),
    *(
        nf.Format(name=f"p60_{way}", precision=30, emin=-9, emax=900, subnormals=way)
        for way in ("flush", "flush_input")
    ),
    nf.get_format("binary8p4se"),
]


@pytest.mark.parametrize("fmt", PLAIN, ids=lambda f: f.name)
def test_pieces_give_the_same_bits(monkeypatch, fmt):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(700) * np.exp(rng.uniform(-700, 700, 700))
    x[:7] = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.7e308, 5e-324]
    x = x.reshape(7, 100)
    modes = [(m, 7 if m in ("stochastic_a", "stochastic_b", "stochastic_c") else None) for m in Rounding]
    seeds = [5 if m.is_stochastic else None for m, _ in modes]

    def results():
        return [nf.round(x, fmt, m, random_bits=bits, seed=s) for (m, bits), s in zip(modes, seeds, strict=True)]

    want = results()
    monkeypatch.setattr(rounder, "LARGE", 99)
    monkeypatch.setattr(rounder, "_PIECE", 64)
    for whole, pieces in zip(want, results(), strict=True):
        assert whole.tobytes() == pieces.tobytes()
