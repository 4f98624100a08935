"""The error of a matrix product in any accumulator: formats, roundings, orders, lengths, data, seeds.

A cell is one product (size, k) @ (k, size) of random matrices against the float64 product of the very operands, so that
the accumulator alone makes the error; with `inputs` the operands are rounded first, and the error is against the
product of the unrounded ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...errors import ArgumentError, as_integer
from ...formats.names import get_format
from ...runs.rows import Value
from ...studies.samples import DISTRIBUTIONS, draw
from ..task import Task


@dataclass(frozen=True)
class Cell:
    """One product.

    Parameters
    ----------
    accumulator : str
        A format's name, or a matrix instruction's (then `rounding`, `order` and `product` must be as they are here).
    rounding : str
        Of every sum.
    order : str
        "sequential", "pairwise", "kahan", "exact"; "blocked:32" (blocks of 32), "blocked:32:float32" (whose sums are
        added in float32), "interleaved:8" (8 partial sums).
    product : str
        The format to which products are rounded first; "": they stay exact.
    inputs : str
        The format to which operands are rounded first; "": they stay as they are.
    k, size : int
        Length of the sums, and rows and columns of the result.
    data : str
        A distribution of ``studies/samples.py``.
    seed : int
    """

    accumulator: str = "float32"
    rounding: str = "nearest_even"
    order: str = "sequential"
    product: str = ""
    inputs: str = ""
    k: int = 256
    size: int = 16
    data: str = "normal"
    seed: int = 0

    def __post_init__(self) -> None:
        for key in ("k", "size", "seed"):
            least = 0 if key == "seed" else 1
            if as_integer(getattr(self, key)) is None or getattr(self, key) < least:
                raise ArgumentError(f"{key}={getattr(self, key)!r} must be an integer of at least {least}")
        if self.data not in DISTRIBUTIONS:
            raise ArgumentError(f"data={self.data!r} is unknown; known: {', '.join(DISTRIBUTIONS)}")
        if self.inputs:
            get_format(self.inputs)
        _accumulator(self)


def _accumulator(cell: Cell) -> object:
    """What `nf.matmul` takes.

    Raises
    ------
    NFloatError
        If there is no such format, instruction, mode or order.
    """
    import nfloat as nf

    if cell.accumulator in nf.units.names():
        if (cell.rounding, cell.order, cell.product) != ("nearest_even", "sequential", ""):
            raise ArgumentError(
                f"accumulator={cell.accumulator!r} has its own rounding, order and product; leave them out"
            )
        return cell.accumulator
    order, *rest = cell.order.split(":")
    names = ("lanes",) if order == "interleaved" else ("block", "promote")
    options: dict[str, object] = dict(zip(names, rest, strict=False))
    for key in options.keys() & {"block", "lanes"}:
        if not str(options[key]).isdecimal():
            raise ArgumentError(f"order={cell.order!r}: {options[key]!r} must be a number, as in 'blocked:32'")
        options[key] = int(str(options[key]))
    if len(rest) > len(options):
        raise ArgumentError(f"order={cell.order!r} has too many parts; e.g. 'blocked:32:float32', 'interleaved:8'")
    return nf.Accumulator(
        cell.accumulator, product=cell.product or None, rounding=cell.rounding, order=order, **options
    )


def measure(cell: Cell) -> Mapping[str, Value]:
    """Errors relative to the exact product: Frobenius, greatest element by element, and the mean with its sign."""
    import nfloat as nf

    stream = nf.Stream(cell.seed).child("sweep", "product", cell.data, cell.k, cell.size)
    a = draw(cell.data, (cell.size, cell.k), stream.child("a"))
    b = draw(cell.data, (cell.k, cell.size), stream.child("b"))
    exact = nf.matmul(a, b, "float64", threads=1)
    bits = stream.child(cell.accumulator, cell.rounding, cell.order)
    computed = nf.matmul(a, b, _accumulator(cell), inputs=cell.inputs or None, seed=bits, threads=1)
    with np.errstate(all="ignore"):
        error = computed.astype(np.float64) - exact
        relative = np.abs(error) / np.abs(exact)
        sign = [float(e) / abs(float(x)) for e, x in zip(error.ravel(), exact.ravel(), strict=True) if x]
    return {
        "error": _norm(error) / _norm(exact),
        "error_max": float(relative.max()),
        "bias": math.fsum(sign) / len(sign) if sign and all(map(math.isfinite, sign)) else math.nan,
        "finite": int(np.count_nonzero(np.isfinite(computed))),
    }


def _norm(x: np.ndarray) -> float:
    flat = x.ravel().tolist()
    if not all(map(math.isfinite, flat)):
        return math.inf
    return math.sqrt(math.fsum(value * value for value in flat))


TASK = Task(
    name="product",
    title="The error of a matrix product against float64",
    cell=Cell,
    measure=measure,
    value="error",
    also=(draw,),
)
