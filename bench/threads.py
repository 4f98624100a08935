"""Two threads against one: a product of 512 x 512 matrices, beside what the machine gives to loops in registers.

    python bench/threads.py         a line for each, from one run
    python bench/threads.py 50      so many repeats

The loops touch no memory and share nothing; two whole products side by side, each with one thread, share no work, and
neither do the product's halves as products of their own, which begin and end with nobody to wait for but each other.
Where two of either take longer than one, the machine does not give two CPUs at full speed (another process, a
hypervisor, two threads of one core, a lower clock, caches that are shared), and one product by two threads does hardly
better: its figure is to be read against theirs. A loop of one chain waits for its own results most of the time, and two
threads of one core do it in the time of one; eight chains keep a core busy, as a product does. Where the former gains
and the latter does not, the machine's two CPUs are one core, whatever it says of itself.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

import nfloat as nf

#: steps of the loop, about 20 ms
STEPS = 10_000_000


@numba.njit(nogil=True)
def spin(steps: int) -> np.uint64:
    """Xorshift: a chain of operations in registers that no compiler shortens."""
    x = np.uint64(88172645463325252)
    for _ in range(steps):
        x ^= x << np.uint64(13)
        x ^= x >> np.uint64(7)
        x ^= x << np.uint64(17)
    return x


@numba.njit(nogil=True)
def spin_eight(steps: int) -> np.uint64:
    """Eight chains of such operations, side by side."""
    a = b = c = d = e = f = g = h = np.uint64(88172645463325252)
    for _ in range(steps):
        a ^= a << np.uint64(13)
        b ^= b << np.uint64(7)
        c ^= c << np.uint64(17)
        d ^= d << np.uint64(5)
        e ^= e >> np.uint64(13)
        f ^= f >> np.uint64(7)
        g ^= g >> np.uint64(17)
        h ^= h >> np.uint64(5)
    return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main(repeats: int) -> None:
    """The command."""
    acc = nf.Accumulator("bfloat16", product="bfloat16")
    rng = np.random.default_rng(0)
    a, b = (nf.round(rng.standard_normal((512, 512)).astype(np.float32), "bfloat16") for _ in range(2))
    with ThreadPoolExecutor(1) as other:

        def side_by_side(loop: Callable[[int], object]) -> None:
            there = other.submit(loop, STEPS // 2)
            loop(STEPS // 2)
            there.result()

        def product(threads: int) -> None:
            nf.matmul(a, b, acc, threads=threads)

        def two_products() -> None:
            there = other.submit(product, 1)
            product(1)
            there.result()

        def two_halves() -> None:
            there = other.submit(nf.matmul, a[256:], b, acc, threads=1)
            nf.matmul(a[:256], b, acc, threads=1)
            there.result()

        def one_after_the_other() -> None:
            product(1)
            product(1)

        pairs = {
            "product": (lambda: product(1), lambda: product(2)),
            "its halves side by side": (lambda: product(1), two_halves),
            "products side by side": (one_after_the_other, two_products),
            "one chain in registers": (lambda: spin(STEPS), lambda: side_by_side(spin)),
            "eight chains": (lambda: spin_eight(STEPS), lambda: side_by_side(spin_eight)),
        }
        ratios: dict[str, list[float]] = {name: [] for name in pairs}
        for repeat in range(repeats + 1):
            for name, (one, two) in pairs.items():
                ratio = seconds(one) / seconds(two)
                if repeat > 0:  # the first compiles, or loads
                    ratios[name].append(ratio)
    for name, found in ratios.items():
        low, middle, high = statistics.quantiles(found, n=4)
        print(f"{name:24} {middle:5.2f}   quartiles {low:.2f} to {high:.2f}")


if __name__ == "__main__":
    main(max(3, int(sys.argv[1])) if len(sys.argv) > 1 else 25)
