"""Ctrl-C ends a rounding by the plain rule within a second, however large the array is."""

import signal
import subprocess
import sys
import time

PROGRAM = """
import signal
import numpy as np, nfloat as nf
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the tests were started with
fmt = nf.Format(name="own", precision=30, emin=-1000, emax=1000)
nf.round(np.ones(100), fmt, "to_odd")
x = np.full(1 << 26, 1.1)
print("begun", flush=True)
while True:
    nf.round(x, fmt, "to_odd")
"""


def test_ctrl_c_is_heard_between_pieces():
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.3)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors and time.monotonic() - start < 2.0  # of which Python's own end takes a part
