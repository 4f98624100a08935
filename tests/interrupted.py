"""Ctrl-C in the middle of long calls: a process of its own says how long each went on computing."""

import subprocess
import sys

PROGRAM = """
import os, signal, threading, time, numpy as np, nfloat as nf
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's & turns it off
for name in nf.__all__:
    getattr(nf, name)  # all is imported: Ctrl-C in the middle of an import leaves half a package, of Numba too
{setup}

def interrupt():
    begun = time.process_time()
    while time.process_time() < begun + 0.1:
        time.sleep(0.01)
    sent.append(time.process_time())
    os.kill(os.getpid(), signal.SIGINT)

def at_rest():
    "The processor's seconds when no thread computes any more."
    before = -1.0
    while time.process_time() > before + 0.005:
        before = time.process_time()
        time.sleep(0.05)
    return before

for name, call in {{{calls}}}.items():
    sent = []
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        call()
    except KeyboardInterrupt:
        print(name, at_rest() - sent[0], sep=": ")
    thread.join()
"""


def seconds_after_ctrl_c(calls, setup):
    """For every call (name -> expression that takes seconds) the processor's seconds between Ctrl-C and its end.

    Of all threads together: a busy machine makes no difference to them. A call that was over before is left out.
    """
    calls = ", ".join(f"{name!r}: lambda: {call}" for name, call in calls.items())
    program = PROGRAM.format(setup=setup, calls=calls)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=400)
    assert run.returncode == 0, run.stderr
    return {name: float(seconds) for name, seconds in (line.split(": ") for line in run.stdout.splitlines())}
