"""The sweep of products at random (`random_products.py`).

For so many seeds in the tests, for hours as ``nfloat check --products``.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import count

from .random_products import draw, shrink, source, wrong

#: seeds that one task goes through, some seconds of work
BLOCK = 1000
#: failures that are made small and written down, of each block
MOST_SHOWN = 3


@dataclass
class ProductReport:
    """What was compared: products with the seeds first .. last, their outputs, and those that were wrong.

    `failures` has a line of Python for some of the wrong ones, each made as small as it gets, with what it gave and
    should give.
    """

    first: int
    last: int
    products: int = 0
    outputs: int = 0
    wrong: int = 0
    failures: list[str] = field(default_factory=list)

    def include(self, other: ProductReport) -> None:
        """Count another report's products too."""
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.products = self.products + other.products
        self.outputs = self.outputs + other.outputs
        self.wrong = self.wrong + other.wrong
        self.failures += other.failures


def sweep_products(seeds: range) -> ProductReport:
    """Draw, compute and compare the products with these seeds."""
    report = ProductReport(seeds[0], seeds[-1])
    for seed in seeds:
        product = draw(seed)
        found = wrong(product)
        report.products = report.products + 1
        report.outputs = report.outputs + product.outputs
        report.wrong = report.wrong + len(found)
        if found and len(report.failures) < MOST_SHOWN:
            small = shrink(product)
            i, j, got, want = wrong(small)[0]
            report.failures.append(f"seed {seed}: {source(small)}  # [{i}, {j}] is {got!r}, not {want!r}")
    return report


def run_products(minutes: float, seed: int = 0, jobs: int = 1) -> Iterator[ProductReport]:
    """Reports on blocks of seeds from `seed` on, until so many minutes have passed.

    `jobs` blocks at a time, each in its own process.
    """
    end, blocks = time.monotonic() + 60 * minutes, (range(first, first + BLOCK) for first in count(seed, BLOCK))
    if jobs == 1:
        while time.monotonic() < end:
            yield sweep_products(next(blocks))
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        running = {pool.submit(sweep_products, next(blocks)) for _ in range(jobs)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for task in done:
                if time.monotonic() < end:
                    running.add(pool.submit(sweep_products, next(blocks)))
                yield task.result()
