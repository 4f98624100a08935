"""Random products.

Any format, order, product, mode, policy, shape, layout, carrier and kind of data, against the plain kernel.
"""

import numpy as np
from equal_bits import same_bits
from every_order import ORDERS, counted
from product_cases import DATA, FORMATS, plainly, wild

import nfloat as nf
from nfloat.formats.rounding import Rounding

SEED = 7
MORE = (
    "e3m2", "e8m22", "e5m20", "e8m4", "e4m11", "e11m12", "e2m3", "e5m1", "e8m16", "e6m25", "e11m40", "binary8p3se",
    "binary10p5sf", "int8",
    "float8_e4m3", "float8_e5m2fnuz", "float8_e3m4", "float8_e8m0fnu",
)  # fmt: skip


#: what half precision holds
NARROW = (
    "float16",
    "float8_e4m3fn",
    "float8_e5m2",
    "float8_e4m3",
    "float6_e3m2fn",
    "float6_e2m3fn",
    "float4_e2m1fn",
    "e4m4",
    "binary8p4se",
)


def accumulator(rng, formats, modes):
    """An accumulator, or None where the parts drawn do not go together (a policy that the format lacks)."""
    fmt, mode, order = str(rng.choice(formats)), modes[rng.integers(len(modes))], str(rng.choice(ORDERS))
    product = None if rng.random() < 0.5 else fmt if rng.random() < 0.7 else str(rng.choice(formats))
    promote, number = None, int(rng.integers(1, 12))
    if order == "blocked":
        promote = None if rng.random() < 0.5 else str(rng.choice(["float32", "float16", "tfloat32", "bfloat16"]))
    policy = None if rng.random() < 0.7 else str(rng.choice(["saturate", "saturate_finite", "infinity", "nan"]))
    bits = int(rng.integers(1, 61)) if mode.needs_random_bits else None
    try:
        return nf.Accumulator(
            fmt,
            product,
            mode,
            order,
            promote=promote,
            overflow=policy,
            random_bits=bits,
            **counted(nf.linalg.accumulators.Order(order), number),
        )
    except nf.NFloatError:
        return None


def operand(rng, shape, fmt):
    """Numbers of a format or of none, in either carrier and layout."""
    make = DATA[rng.integers(len(DATA))]
    x = make(rng, shape)
    if rng.random() < 0.5:
        x = np.ldexp(x, rng.integers(-20, 20, shape))
    if make is not wild or rng.random() < 0.5:
        narrow = (
            fmt
            if rng.random() < 0.7 and fmt.has_nan and fmt.signed
            else str(rng.choice(["float16", "bfloat16", "float32", "float8_e5m2"]))
        )
        x = nf.round(x, narrow, overflow="saturate_finite")
    with np.errstate(all="ignore"):
        x = x.astype(np.float32 if rng.random() < 0.6 else np.float64)
    return np.asfortranarray(x) if rng.random() < 0.3 else x


def compare(rng, formats=FORMATS + MORE, modes=tuple(Rounding), most=(30, 90, 80)):
    """One random product, computed twice.

    (accumulator, elements that differ), or None where nothing was to be computed.
    """
    acc = accumulator(rng, formats, modes)
    if acc is None:
        return None
    m, k, n = (int(rng.integers(1, top)) for top in most)
    a, b = operand(rng, (m, k), acc.format), operand(rng, (k, n), acc.format)
    c = operand(rng, (m, n), acc.format) if rng.random() < 0.4 else None
    got = nf.matmul(a, b, acc, c, seed=SEED, threads=int(rng.integers(1, 3)))
    return acc, int(np.count_nonzero(~same_bits(got, plainly(a, b, c, acc, nf.Stream(SEED).key))))
