"""Arithmetic, functions and FloatArrays compile each kernel for the signatures it declares and no other."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numba.core import sigutils

import nfloat as nf
from nfloat.kernels.jit import KERNELS
from nfloat.ops import arithmetic
from nfloat.ops.approximations import APPROXIMATIONS

ARITY = {"fma": 3} | dict.fromkeys(
    ("add", "subtract", "multiply", "divide", "hypot", "remainder", "fmod", "ieee_remainder", "power", "arctan2"), 2
)
NAMES = ["sqrt", "reciprocal", "rsqrt", *(n for n in ARITY if hasattr(arithmetic, n)), *APPROXIMATIONS]
DAZ = nf.Format(name="daz", precision=11, emin=-14, emax=15, subnormals="flush_input")
MODES = [
    {"rounding": "nearest_even"},
    {"rounding": "toward_negative", "overflow": "saturate"},
    {"rounding": "stochastic", "seed": 2**64 - 1},
    {"rounding": "stochastic_b", "random_bits": 4, "seed": nf.Stream(3)},
]


def _undeclared() -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for name, (dispatcher, declared) in KERNELS.items():
        allowed = {sigutils.normalize_signature(signature)[0] for signature in declared}
        found += [(name, compiled) for compiled in dispatcher.signatures if compiled not in allowed]
    return found


@pytest.mark.parametrize("fmt", ["float16", "bfloat16", "float32", "float64", "float8_e8m0fnu", "int8", DAZ], ids=str)
def test_operations_and_functions(fmt: nf.Format | str) -> None:
    x = np.linspace(-3, 3, 40)
    given = [
        x.astype(np.float32),
        x,
        x[::-1],
        np.broadcast_to(x, (2, 40)),
        x[3],
        x[:0],
        x.tolist(),
        np.arange(40),
        0.25,
    ]
    for how in MODES:
        for name in NAMES:
            for a in given[:2]:
                getattr(nf, name)(*[a] * ARITY.get(name, 1), fmt, **how)
        for a in given:
            nf.add(a, 0.5, fmt, **how), nf.exp(a, fmt, **how), nf.fma(a, a, a, fmt, **how)
    assert _undeclared() == []


@pytest.mark.parametrize("fmt", ["float16", "float8_e5m2", "float64"])
def test_float_arrays(fmt: str) -> None:
    x = np.linspace(-3, 3, 60)
    for how in MODES:
        a = nf.array(x, fmt, **how)
        a + a, a / 3, np.sqrt(a[::-1]), np.exp(a.reshape(6, 10).T)
        np.exp(nf.array(np.tile(x, 1100), fmt, **how))
        np.add.reduce(a, where=x > 0, initial=1.0), np.add.accumulate(a), np.cumsum(a.reshape(6, 10).T, axis=0)
        b = pickle.loads(pickle.dumps(a))
        b + b, np.exp(b)
        np.add.at(a.copy(), [1, 1], a[:2]), np.multiply.outer(a, a), np.mean(a)
    assert _undeclared() == []
