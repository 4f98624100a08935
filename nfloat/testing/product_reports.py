"""What a failed `assert_matmul` says: the worst element, its error taken apart, what it might be, how to get it again.

The error of nf.matmul's own element is a sum of three, each the difference of two computations that differ in one
thing: products rounded or exact, partial sums rounded in this order or not at all, the exact sum rounded at the end or
not. Text only; ``products.py`` decides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.array import BlockArray
from ..errors import NFloatError
from ..formats.format import Format
from ..formats.names import get_format
from ..kernels.gemm.orders import Order
from ..linalg.accumulators import Accumulator
from ..linalg.matmul import matmul
from ..linalg.units.unit import Unit
from ..ops.rounding import round as round_to
from . import failures
from .arrays import as_double
from .asserts import ulp

Doubles = NDArray[np.float64]
_EXACT = Accumulator(get_format("float64"), order=Order.EXACT)


@dataclass(frozen=True)
class Product:
    """A call of `assert_matmul`: what was computed, of what, and how it is meant to be."""

    actual: NDArray[np.floating]
    a: Any
    b: Any
    c: NDArray[np.floating] | None
    how: Accumulator | Unit
    options: Mapping[str, Any]

    @property
    def blocks(self) -> bool:
        """Whether the operands are block arrays."""
        return isinstance(self.a, BlockArray) or isinstance(self.b, BlockArray)

    @property
    def name(self) -> str:
        """What computes, with its options, for a sentence."""
        how = repr(self.how) if isinstance(self.how, Accumulator) else self.how.name
        more = ", ".join(f"{key}={value!s}" for key, value in self.options.items() if key != "seed")
        return f"{how} with {more}" if more else how

    def operands(self, inputs: tuple[Format, Format] | None) -> tuple[Doubles, Doubles]:
        """a and b, rounded where they are."""
        x, y = as_double(self.a, "a"), as_double(self.b, "b")
        return (x, y) if inputs is None else (np.asarray(round_to(x, inputs[0])), np.asarray(round_to(y, inputs[1])))

    def element(self, index: tuple[int, ...]) -> tuple[Doubles, Doubles, Doubles | None]:
        """The row, the column and the start of one element, as matrices of one row and one column."""
        x, y = as_double(self.a, "a"), as_double(self.b, "b")
        left, right = x.ndim > 1, y.ndim > 1
        stack = index[: len(index) - left - right]
        row = x if not left else _of_stack(x, stack)[index[len(stack)]]
        column = y if not right else _of_stack(y, stack)[:, index[-1]]
        start = None if self.c is None else np.full((1, 1), np.broadcast_to(self.c, self.actual.shape)[index])
        return row.reshape(1, -1), column.reshape(-1, 1), None if start is None else np.asarray(start, np.float64)


def _of_stack(x: Doubles, stack: tuple[int, ...]) -> Doubles:
    """The matrix of a broadcast stack at a place."""
    own = x.shape[:-2]
    place = stack[len(stack) - len(own) :]
    return x[tuple(0 if size == 1 else i for size, i in zip(own, place, strict=True))]


def prediction_text(
    product: Product,
    got: Doubles,
    desired: Doubles,
    far: Doubles,
    wrong: NDArray[np.bool_],
    f: Format | None,
    max_ulp: float,
) -> str:
    """What was found where bits, or ulp, were predicted."""
    worst = int(np.argmax(np.where(wrong, np.where(np.isnan(far), np.inf, far), -1.0)))
    x, y = float(got.flat[worst]), float(desired.flat[worst])
    limit = f"differ by more than {max_ulp:g} ulp of {f.name} from" if max_ulp and f is not None else "are not"
    lines = [
        f"{failures.share(wrong)} {limit} what {product.name} computes",
        f"worst is {failures.place(worst, got.shape)}"
        + ("" if f is None else f": {float(far.flat[worst]):.6g} ulp of {f.name}"),
        *failures.beside(x, y, f),
        *_apart(product, worst, x, f),
        *_guesses(got, desired),
        f"which arithmetic it is: nf.testing.identify(a, b, actual{'' if product.c is None else ', c'})",
        "reproduce: " + _again(product, worst, x, {**product.options, "max_ulp": max_ulp} if max_ulp else {}),
    ]
    return "\n".join(line for line in lines if line)


def _apart(product: Product, worst: int, actual: float, f: Format | None) -> list[str]:
    """The exact value, and where the errors of both come from."""
    acc = product.how
    if f is None or not isinstance(acc, Accumulator) or acc.stochastic or set(product.options) - {"output"}:
        return []
    try:
        row, column, start = product.element(_index(product, worst))
    except NFloatError:
        return []
    alone = acc.replace(format=acc.result_format, product=None, order=Order.EXACT, block=None, promote=None, lanes=None)
    steps = [acc, acc.replace(product=None), alone, _EXACT]
    model, unrounded, ordered, exact = (
        float(np.asarray(matmul(row, column, one, start), np.float64)[0, 0]) for one in steps
    )
    if not all(map(math.isfinite, (model, unrounded, ordered, exact))):
        return [f"  exact    {exact!r}: a sum on the way overflows"]
    parts = f"rounded products {model - unrounded:+.3g}, order of the sum {unrounded - ordered:+.3g}"
    width = f"width of {acc.result_format.name} {ordered - exact:+.3g}"
    return [
        f"  exact    {exact!r}",
        f"  errors: actual {actual - exact:+.3g}; desired {model - exact:+.3g} = {parts}, {width}",
    ]


def _guesses(got: Doubles, desired: Doubles) -> list[str]:
    """What the whole of it looks like."""
    if not got.any():
        return ["actual is zero throughout"]
    if got.ndim == 2 and got.shape[0] == got.shape[1] > 1 and np.array_equal(got.T, desired):
        return ["actual is the transpose of what was to come"]
    if np.array_equal(got, -desired):
        return ["actual has the wrong sign throughout"]
    with np.errstate(all="ignore"):
        ratio = got / desired
    scale = ratio[np.isfinite(ratio)]
    if scale.size > 1 and scale[0] != 1 and np.all(scale == scale[0]):
        return [f"actual is {float(scale[0])!r} times what was to come, throughout"]
    return []


def _index(product: Product, worst: int) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(worst, product.actual.shape))


def _again(product: Product, worst: int, actual: float, options: Mapping[str, Any], *, alone: bool = True) -> str:
    """The one element alone as a call; the user's own where that is too long, or its verdict hangs on the others."""
    index = _index(product, worst)
    acc = failures.accumulator_argument(product.how)
    more = "".join(f", {key}={failures.source(value)}" for key, value in {**product.options, **options}.items())
    whole = f"nf.testing.assert_matmul(actual, a, b, {acc}{'' if product.c is None else ', c'}{more})"
    if "seed" in product.options or product.blocks or not alone:
        return whole
    row, column, start = product.element(index)
    numbers = [failures.numbers_argument(x) for x in (row, column, *(() if start is None else (start,)))]
    if None in numbers:
        return f"{whole}  # {failures.place(worst, product.actual.shape)}"
    last = "" if start is None else f", {numbers[2]}"
    return f"nf.testing.assert_matmul([[{failures.argument(actual)}]], {numbers[0]}, {numbers[1]}, {acc}{last}{more})"


def too_many_ulp_text(product: Product, f: Format, max_ulp: float) -> str:
    """So many ulp that nothing fails."""
    return (
        f"no test: a matrix of zeros would pass, since no number of {product.name}'s result is more than "
        f"max_ulp={max_ulp:g} from zero ({f.name} has 2^{f.precision} ulp from 0 to the end of a binade at most)\n"
        "take a smaller max_ulp: a few, for another order of summation"
    )


def no_test_text(product: Product, exact: Doubles, allowed: Doubles, formula: str, by: str) -> str:
    """A bound so wide that nothing fails it."""
    ratio = float(np.max(np.abs(exact) / np.where(allowed > 0, allowed, 1.0)))
    return (
        f"no test: a matrix of zeros would pass, since no |a @ b| is beyond the {by} judge's allowance (the greatest "
        f"is {ratio:.3g} of it)\n"
        f"  {product.name}: {formula}\n"
        "compare with the prediction (by='prediction', the default, with max_ulp= for another order of summation), or "
        "take a shorter k or a wider accumulator"
    )


def beyond_text(
    product: Product,
    got: Doubles,
    exact: Doubles,
    allowed: Doubles,
    wrong: NDArray[np.bool_],
    formula: str,
    f: Format,
    options: Mapping[str, Any],
) -> str:
    """Elements beyond a bound; `f` is the format whose ulp is meant, `options` are the judge's."""
    error = np.abs(got - exact)
    with np.errstate(invalid="ignore"):
        ratio = np.where(wrong, np.nan_to_num(error / np.maximum(allowed, 5e-324), nan=np.inf), 0.0)
    worst = int(np.argmax(ratio))
    x, y = float(got.flat[worst]), float(exact.flat[worst])
    return "\n".join(
        [
            f"{failures.share(wrong)} are beyond the bound of {product.name}",
            f"worst is {failures.place(worst, got.shape)}: |error| {error.flat[worst]:.3g} "
            f"({float(error.flat[worst] / ulp(y, f)):.6g} ulp of {f.name}) > {allowed.flat[worst]:.3g} = {formula}",
            *failures.beside(x, y, f, "exact"),
            *_guesses(got, exact),
            "reproduce: " + _again(product, worst, x, options, alone=abs(y) > float(allowed.flat[worst])),
        ]
    )
