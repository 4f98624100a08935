"""CPUs that this one is not, by Numba's settings: a program run in a process of its own must print the same.

Their compiled code is kept beside this CPU's, in a folder of its own, so that only a first run compiles it.
"""

import contextlib
import io
import os
import platform
import subprocess
import sys

from nfloat.kernels.jit import cache_root, cpu_features

HERE = cpu_features().partition(" ")[2]
AVX2 = "+avx,+avx2,+bmi,+bmi2,+cx16,+f16c,+fma,+lzcnt,+movbe,+popcnt,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3"

#: Numba's CPU name and features: plain x86-64 (no FMA, no AVX, no F16C), AVX2, this CPU without its half arithmetic
CPUS = {"x86-64": ("x86-64", "+sse2"), "avx2": ("haswell", AVX2)}
#: those whose code few machines can run, and every one can compile: AVX-512, and half arithmetic
AVX512 = ("skylake-avx512", f"{AVX2},+avx512f,+avx512bw,+avx512dq,+avx512vl,+avx512cd")
AVX512_FP16 = ("sapphirerapids", f"{AVX512[1]},+avx512fp16")
FEAT_FP16 = ("generic", "+neon,+fullfp16")
HALF = AVX512_FP16
if platform.machine().lower() not in ("x86_64", "amd64"):
    CPUS = {"generic": ("generic", "")}
    HALF = FEAT_FP16
elif "+avx512fp16" in HERE:
    CPUS["no half arithmetic"] = ("skylake-avx512", HERE.replace("+avx512fp16", "-avx512fp16"))


def compiled_for(cpu, features):
    """What a process is to find in its environment to compile for a CPU."""
    return {"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": features}


def environment_of(cpu):
    """That of another CPU, by its name here, and where its compiled code is kept."""
    settings = HALF if cpu == "half" else CPUS[cpu]
    return {**compiled_for(*settings), "NFLOAT_CACHE_DIR": f"{cache_root()}-other-cpus"}


def printed(program, cpu):
    """What a Python program prints on another CPU."""
    environment = {**os.environ, "NFLOAT_QUIET": "1", **environment_of(cpu)}
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr
    return run.stdout


def printed_here(program):
    """What it prints in this process."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(program, {})
    return out.getvalue()
