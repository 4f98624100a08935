"""Each kernel is compiled for the signatures it declares and no other.

Every further one would cost seconds at a first call.
"""

import subprocess
import sys

import numpy as np
import pytest
from every_mode import DETERMINISTIC, MODES
from every_order import ORDERS, counted

import nfloat as nf
from nfloat.kernels.jit import KERNELS

LAYOUTS = {
    "contiguous": lambda a: a,
    "strided": lambda a: np.repeat(a, 2)[::2],
    "reversed": lambda a: a[::-1],
    "read-only": lambda a: np.broadcast_to(a, a.shape),
    "swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "two-dimensional": lambda a: a.reshape(10, 10),
    "fortran": lambda a: np.asfortranarray(a.reshape(10, 10)),
    "list": lambda a: a.tolist(),
    "scalar": lambda a: a[0],
    "empty": lambda a: a[:0],
    "integers": lambda a: np.arange(100),
}


def undeclared():
    """(kernel, signature) of everything that was compiled and is not declared."""
    from numba.core import sigutils

    found = []
    for name, (dispatcher, declared) in KERNELS.items():
        allowed = {sigutils.normalize_signature(signature)[0] for signature in declared}
        found += [(name, compiled) for compiled in dispatcher.signatures if compiled not in allowed]
    return found


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rounding_and_codes_compile_nothing_undeclared(layout):
    x = np.linspace(-3, 3, 100)
    for fmt in (
        "float16",
        "bfloat16",
        "dlfloat16",
        "float8_e4m3fn",
        "float8_e8m0fnu",
        "tfloat32",
        "float32",
        "float64",
        "e9m3",
        "int8",
    ):
        for carrier in (np.float32, np.float64):
            a = LAYOUTS[layout](x.astype(carrier))
            for mode in MODES:
                seeds = (nf.Stream(1).child("x"), 3, 2**64 - 1) if mode.is_stochastic else (None,)
                for seed in seeds:
                    how = {"random_bits": 4 if mode.needs_random_bits else None, "seed": seed, "overflow": "saturate"}
                    nf.decode(nf.encode(nf.round(a, fmt, mode, **how), fmt, mode, **how), fmt)
    assert undeclared() == []


def test_products_and_units_compile_nothing_undeclared():
    a = nf.round(np.linspace(-3, 3, 80), "float8_e4m3fn")
    for x in (a, a.astype(np.float32), a[::-1]):
        x = x.reshape(8, 10)
        for fmt in ("float16", "bfloat16", "float32", "float64"):
            for order in ORDERS:
                for mode in DETERMINISTIC:
                    nf.matmul(x, x.T, nf.Accumulator(fmt, rounding=mode, order=order, **counted(order, 3)), x @ x.T)
        for acc in (
            nf.Accumulator("bfloat16", rounding="stochastic"),
            nf.Accumulator("float8_e5m2", "float8_e5m2", rounding="stochastic"),
        ):
            nf.matmul(x, x.T, acc, seed=1)
        for unit in (
            "nvidia.hopper.mma.f16.f32",
            "nvidia.hopper.mma.f16.f16",
            "amd.cdna3.mfma.f16.f32",
            "intel.amx.tdpbf16ps",
            "arm.bfdot",
            "amd.cdna2.mfma.f64.f64",
        ):
            fixed, c = x.copy(), np.zeros((8, 8), np.float32)
            fixed.flags.writeable = c.flags.writeable = False
            nf.matmul(x, x.T, unit), nf.matmul(fixed, np.asfortranarray(x.T), unit, c)
            nf.matmul(np.stack([x, x]), x.T, unit)
        nf.sum(x, "float16"), nf.cumsum(x, "float16")
    assert undeclared() == []


def test_warm_up_compiles_what_calls_need():
    """After `nfloat warmup` a call compiles nothing more."""
    code = (
        "import numpy as np, nfloat as nf\n"
        "import nfloat.ops.rounding, nfloat.ops.codes\n"
        "from nfloat.kernels import jit\n"
        "for name, seconds in jit.warm_up(): pass\n"
        "before = {name: len(d.signatures) for name, (d, _) in jit.KERNELS.items()}\n"
        "for dtype in (np.float32, np.float64):\n"
        "    x = np.linspace(-1, 1, 50).astype(dtype)\n"
        "    for fmt in ('float16', 'bfloat16', 'dlfloat16'):\n"
        "        nf.decode(nf.encode(x, fmt), fmt)\n"
        "        nf.round(x, fmt); nf.round(x, fmt, 'stochastic', seed=nf.Stream(5))\n"
        "after = {name: len(d.signatures) for name, (d, _) in jit.KERNELS.items()}\n"
        "assert before == after, (before, after)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
