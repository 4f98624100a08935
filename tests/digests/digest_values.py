"""Digests of rounding, codes, arithmetic, functions, FloatArrays, streams and random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random

import numpy as np
from digest_inputs import Named, digest, generator, moderate, near, words

import nfloat as nf
from nfloat.formats.rounding import Overflow, Rounding
from nfloat.ops.normal import standard_normal
from nfloat.testing.random_formats import random_format

SPELLED = ("e6m9", "e8m13", "e5m7", "binary8p3se", "binary8p4se", "binary6p3se", "fixed8.4", "fixed16.8")
ARITHMETIC = {"add": 2, "subtract": 2, "multiply": 2, "divide": 2, "fma": 3, "sqrt": 1, "reciprocal": 1, "rsqrt": 1,
              "remainder": 2, "fmod": 2, "ieee_remainder": 2, "hypot": 2}  # fmt: skip
FUNCTIONS = {"exp": 1, "exp2": 1, "expm1": 1, "log": 1, "log2": 1, "log10": 1, "log1p": 1, "sin": 1, "cos": 1, "tan": 1,
             "sinh": 1,
             "cosh": 1, "tanh": 1, "arcsin": 1, "arccos": 1, "arctan": 1, "arctan2": 2, "erf": 1, "sigmoid": 1,
             "softplus": 1,
             "gelu": 1, "power": 2}  # fmt: skip
UFUNCS = ("exp", "log", "sqrt", "tanh", "sin", "reciprocal", "square", "absolute")


def digests() -> Iterator[Named]:
    """Each with its name."""
    for fmt in (*nf.FORMATS.values(), *map(nf.get_format, SPELLED)):
        yield f"round {fmt.name}", partial(rounded, fmt)
        yield f"codes {fmt.name}", partial(codes, fmt)
    for i in range(12):
        yield f"round formats at random {i}", partial(at_random, i)
    for name, operands in ARITHMETIC.items():
        yield f"arithmetic {name}", partial(arithmetic, name, operands)
    for name, operands in FUNCTIONS.items():
        yield f"function {name}", partial(function, name, operands)
    for name in ("float16", "bfloat16", "float8_e4m3fn"):
        yield f"FloatArray {name}", partial(float_array, name)
    yield "streams", streams
    yield "normal deviates", lambda: digest(standard_normal(np.random.default_rng(5), (50, 400)))


def rounded(fmt: nf.Format) -> str:
    """Every mode and policy, both carriers."""
    rng = generator("round", fmt.name)
    x = np.concatenate([words(rng, 60, np.float64), near(fmt, rng, 20)])
    with np.errstate(over="ignore"):
        inputs = (x, x.astype(np.float32), words(rng, 60, np.float32))
    found = []
    for mode in Rounding:
        for policy in (None, *Overflow):
            if (policy is Overflow.INFINITY and not fmt.has_inf) or (policy is Overflow.NAN and fmt.nan == "none"):
                continue
            bits = 3 if mode.needs_random_bits else None
            found += [
                nf.round(x, fmt, mode, overflow=policy, seed=7 if mode.is_stochastic else None, random_bits=bits)
                for x in inputs
            ]
    return digest(*found)


def at_random(i: int) -> str:
    """Four formats that nobody thought of."""
    rng = Random(1000 + i)
    return digest(*(rounded(random_format(rng)) for _ in range(4)))


def codes(fmt: nf.Format) -> str:
    """The codes of its values, and the values of its codes."""
    rng = generator("codes", fmt.name)
    x = np.asarray(nf.round(np.concatenate([near(fmt, rng, 30), [0.0, -0.0, 1e300, -1e300]]), fmt))
    x = x[~np.isnan(x)]
    made = nf.encode(x, fmt)
    any_codes = rng.integers(0, 2**fmt.bits - 1, 200, dtype=np.uint64, endpoint=True).astype(np.asarray(made).dtype)
    return digest(made, nf.decode(made, fmt), nf.decode(any_codes, fmt))


def arithmetic(name: str, operands: int) -> str:
    """Formats of every kind of lane, every mode, ordinary numbers and random words."""
    rng, found = generator(name), []
    for fmt in (
        "float8_e5m2",
        "float8_e4m3fn",
        "float4_e2m1fn",
        "bfloat16",
        "float16",
        "tfloat32",
        "float32",
        "e6m9",
        "e8m13",
        "float64",
    ):
        for dtype in (np.float32, np.float64):
            ordinary = [moderate(rng, (40,), dtype=dtype) for _ in range(operands)]
            anything = [words(rng, 40, dtype) for _ in range(operands)]
            for mode in (
                Rounding.NEAREST_EVEN,
                Rounding.TOWARD_ZERO,
                Rounding.TOWARD_POSITIVE,
                Rounding.TO_ODD,
                Rounding.STOCHASTIC,
            ):
                seed = 3 if mode.is_stochastic else None
                found += [getattr(nf, name)(*x, fmt, mode, seed=seed) for x in (ordinary, anything)]
    return digest(*found)


def function(name: str, operands: int) -> str:
    """Correctly rounded, so equal whatever the machine approximates them by."""
    rng, found = generator(name), []
    for fmt in ("float8_e4m3fn", "float16", "bfloat16", "float32", "float64"):
        ordinary = [moderate(rng, (30,), 4) for _ in range(operands)]
        if name in ("log", "log2", "log10", "power"):
            ordinary[0] = np.abs(ordinary[0])
        anything = [words(rng, 20, np.float32) for _ in range(operands)]
        for mode in ("nearest_even", "toward_negative"):
            found += [getattr(nf, name)(*x, fmt, mode) for x in (ordinary, anything)]
    return digest(*found)


def float_array(name: str) -> str:
    """Operators, functions, folds and products of an array in a format."""
    rng = generator("FloatArray", name)
    a, b = (nf.array(moderate(rng, (6, 7), 3, np.float32), name) for _ in range(2))
    with np.errstate(all="ignore"):
        found = [
            a + b,
            a - b,
            a * b,
            a / b,
            -a,
            a @ b.T,
            a.sum(),
            a.sum(axis=0),
            a.mean(axis=1),
            np.cumsum(a, axis=1),
            np.maximum(a, b),
        ]
        found += [getattr(np, function)(a) for function in UFUNCS]
    return digest(*(x.values if hasattr(x, "values") else x for x in found))


def streams() -> str:
    """Keys of names, and the bits of counters."""
    keys = [nf.Stream(seed).child("layer", i, "é").key for seed in (0, 1, 2**63) for i in range(5)]
    x = np.full(500, 1.0 + 2.0**-9)
    return digest(np.array(keys, np.uint64), nf.round(x, "bfloat16", "stochastic", seed=nf.Stream(1).child("a")))
