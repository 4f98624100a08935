"""Whether a computed product, sum, norm or softmax is ever beyond its bound: ten million cases, random and adversarial.

    python bench/bounds.py [CASES]

Each product is in a random format, order and rounding; its operands are alike, of wide range, ties, all ones (sums that
stagnate), cancelling, or growing and falling. Every element is held against the rigorous bound and against what
``assert_matmul(by="probable")`` allows at its usual confidence; lines of softmax, norms and sums against their
intervals. Prints the counts; exit code 1 if one is beyond.
"""

from __future__ import annotations

import sys
import time

import numpy as np

import nfloat as nf
from nfloat.linalg.bounds import matmul_bound
from nfloat.testing import error_bound
from nfloat.testing.products import allowance

FORMATS = ("float16", "bfloat16", "float8_e5m2", "float8_e4m3fn", "tfloat32", "e6m9", "e5m4")
MODES = ("nearest_even", "nearest_away", "toward_zero", "toward_positive", "stochastic", "to_odd")
ORDERS = ({"order": "sequential"}, {"order": "pairwise"}, {"order": "blocked", "block": 8}, {"order": "kahan"},
          {"order": "interleaved", "lanes": 4}, {"order": "exact"},
          {"order": "blocked", "block": 4, "promote": "float32"})  # fmt: skip
KINDS = ("alike", "wide", "ties", "ones", "cancelling", "falling", "constant")
SIZE = 48
EXACT = nf.Accumulator("float64", order="exact")


def operand(rng: np.random.Generator, kind: str, shape: tuple[int, int], fmt: str, along: int) -> np.ndarray:
    """One operand of a kind; k runs along an axis."""
    x = rng.standard_normal(shape)
    if kind == "wide":
        x *= np.exp2(rng.integers(-5, 3, shape))
    elif kind == "ties":
        x = np.round(x * 2) / 2
    elif kind == "ones":
        x = np.ones(shape)
    elif kind == "constant":
        x = np.full(shape, rng.standard_normal())
    elif kind == "cancelling":
        half = np.take(x, range(shape[along] // 2), axis=along)
        x = np.concatenate([half, -half, np.take(x, range(2 * (shape[along] // 2), shape[along]), axis=along)], along)
    elif kind == "falling":
        x = np.abs(x) * np.exp2(-np.arange(shape[along]) / 6.0).reshape((-1, 1) if along == 0 else (1, -1))
    return np.asarray(nf.round(x, fmt, overflow="saturate_finite"), np.float64)


def products(rng: np.random.Generator, count: int) -> tuple[int, list[int]]:
    """So many products: elements, and those beyond the rigorous and the probable bound."""
    done, beyond = 0, [0, 0]
    for _ in range(count):
        fmt, k = str(rng.choice(FORMATS)), int(rng.integers(1, 70))
        kinds = [str(rng.choice(KINDS)) for _ in "ab"]
        a, b = operand(rng, kinds[0], (SIZE, k), fmt, 1), operand(rng, kinds[1], (k, SIZE), fmt, 0)
        order = ORDERS[rng.integers(len(ORDERS))]
        acc = nf.Accumulator(fmt, product=fmt if rng.random() < 0.4 else None, rounding=str(rng.choice(MODES)), **order)
        c = None if rng.random() < 0.5 else nf.round(rng.standard_normal((SIZE, SIZE)), fmt)
        got = np.asarray(nf.matmul(a, b, acc, c, seed=int(rng.integers(2**62))), np.float64)
        exact = np.asarray(nf.matmul(a, b, EXACT, c), np.float64)
        error = np.abs(got - exact)
        judges = (
            np.asarray(matmul_bound(a, b, acc, c)) + np.abs(exact) * 2.0**-52,
            allowance(a, b, acc, c, exact, "probable", 0.999).error,
        )
        for i, allowed in enumerate(judges):
            wrong = ~((error <= allowed) | np.isinf(allowed))
            beyond[i] += int(wrong.sum())
            if wrong.any():
                print(("rigorous", "probable")[i], acc, kinds, k, float((error / allowed)[wrong].max()))
        done += got.size
    return done, beyond


def lines(rng: np.random.Generator) -> tuple[int, int]:
    """Softmax, norms and sums of lines of every kind: elements, and those beyond their bound."""
    done = beyond = 0
    for fmt in ("float16", "bfloat16", "tfloat32"):
        for kind in KINDS:
            x = operand(rng, kind, (2000, 16), fmt, 1)
            e = nf.exp(nf.subtract(x, x.max(-1, keepdims=True), fmt), fmt)
            total = nf.sum(nf.multiply(x, x, fmt), fmt, axis=-1)
            found = (
                (nf.divide(e, nf.sum(e, fmt, axis=-1, keepdims=True), fmt), error_bound("softmax", x, fmt)),
                (nf.sqrt(total, fmt), error_bound("norm", x, nf.Accumulator(fmt, product=fmt))),
                (nf.sum(x, fmt, axis=-1), error_bound("sum", x, fmt)),
            )
            for got, bound in found:
                beyond += int(((got < bound.low) | (got > bound.high)).sum())
                done += got.size
    return done, beyond


def main(cases: int) -> int:
    """Products and lines in turn until there are so many elements."""
    rng, start = np.random.default_rng(7), time.monotonic()
    of_products = of_lines = rigorous = probable = 0
    while of_products + of_lines < cases:
        done, beyond = products(rng, 100)
        more, out = lines(rng)
        of_products, of_lines = of_products + done, of_lines + more
        rigorous, probable = rigorous + beyond[0] + out, probable + beyond[1]
        print(
            f"{of_products} elements of products, {of_lines} of softmax, norms and sums: {rigorous} beyond a rigorous "
            f"bound, {probable} beyond the probable one; {time.monotonic() - start:.0f} s",
            flush=True,
        )
    return int(rigorous + probable > 0)


if __name__ == "__main__":
    sys.exit(main(int(float(sys.argv[1])) if len(sys.argv) > 1 else 10_000_000))
