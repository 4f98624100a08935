"""How the sums of a product are formed, written as a string; and `SplitK`, sums whose k is dealt out.

| written | means |
|---|---|
| ``float32``, ``nvidia.hopper.mma.bf16.f32`` | a format: one sum, k ascending, products exact; a matrix unit |
| ``bfloat16:stochastic`` | with that rounding |
| ``bfloat16:product=bfloat16`` | products rounded first; so with any field of `nf.Accumulator` |
| ``pairwise:bfloat16``, ``kahan:bfloat16``, ``exact:float32`` | in that order |
| ``blocked:128:bfloat16:float32`` | blocks of 128, their sums added in float32 |
| ``interleaved:8:float32`` | 8 partial sums |
| ``split:4:float32:bfloat16`` | 4 parts of k, each summed by what follows (``bfloat16``), their sums added in float32 |
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from ...errors import AccumulatorError, as_integer
from ...formats.format import Format
from ...formats.names import get_format
from ...formats.rounding import Rounding
from ...kernels.gemm.orders import Order
from ...linalg.accumulators import COUNTED, Accumulator, AccumulatorLike, as_accumulator
from ...linalg.units.unit import Unit


@dataclass(frozen=True)
class SplitK:
    """k dealt out in consecutive parts of ceil(k / parts): each a product of its own, as GPUs do it for a long k.

    A part is summed from 0 by `accumulator`; the parts' results are added in their order, from the first one on, each
    sum rounded to `promote` (to nearest-even); then c is, in the same way.

    Parameters
    ----------
    parts : int
        At least 2; fewer where k has not so many terms.
    promote : Format or str
        The format in which results of parts are added.
    accumulator : Accumulator or Unit or format or str
        How a part is summed.

    Raises
    ------
    AccumulatorError
        If `parts` is not such an integer, or `accumulator` is split itself.

    Examples
    --------
    >>> str(SplitK(4, "fp32", "bf16"))
    'split:4:float32:bfloat16'
    """

    parts: int
    promote: Format
    accumulator: Accumulator | Unit

    def __post_init__(self) -> None:
        number = as_integer(self.parts)
        if number is None or number < 2:
            raise AccumulatorError(f"parts={self.parts!r} of a split product must be an integer of at least 2")
        object.__setattr__(self, "promote", get_format(self.promote, "promote"))
        inner = as_sums(self.accumulator)
        if isinstance(inner, SplitK):
            raise AccumulatorError(f"accumulator={inner!s} of a split product must not be split itself")
        object.__setattr__(self, "accumulator", inner)

    @property
    def stochastic(self) -> bool:
        """Whether a sum needs a seed."""
        return draws(self.accumulator)

    def __str__(self) -> str:
        return f"split:{self.parts}:{self.promote.name}:{shown(self.accumulator)}"


Sums: TypeAlias = Accumulator | Unit | SplitK
SumsLike: TypeAlias = SplitK | AccumulatorLike


def draws(sums: Sums) -> bool:
    """Whether sums need random bits."""
    return not isinstance(sums, Unit) and sums.stochastic


def as_sums(sums: SumsLike) -> Sums:
    """What a string, a format, an accumulator or a matrix unit stands for.

    Raises
    ------
    AccumulatorError, FormatError, RoundingError
        If it is none of these, or its parts contradict each other.

    Examples
    --------
    >>> as_sums("blocked:128:bfloat16:float32")
    Accumulator('bfloat16', order='blocked', block=128, promote='float32')
    """
    if isinstance(sums, SplitK):
        return sums
    if not isinstance(sums, str) or ":" not in sums:
        return as_accumulator(sums)
    first, *rest = (part.strip() for part in sums.split(":"))
    if first == "split":
        if len(rest) < 3:
            raise AccumulatorError(f"{sums!r} must be split:<parts>:<format>:<how a part is summed>")
        return SplitK(_count(sums, rest[0]), rest[1], as_sums(":".join(rest[2:])))  # type: ignore[arg-type]
    given: dict[str, Any] = {}
    if first in {order.value for order in Order}:
        given["order"] = first
        if Order(first) in COUNTED:
            given[COUNTED[Order(first)][0]] = _count(sums, rest.pop(0) if rest else "")
        first = rest.pop(0) if rest else ""
    return Accumulator(first, **given, **_fields(sums, rest, given))  # type: ignore[arg-type]


def _fields(text: str, parts: list[str], given: dict[str, Any]) -> dict[str, Any]:
    """What stands behind the format: a mode, the format of promotion, field=value."""
    found: dict[str, Any] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals:
            key, value = ("rounding" if part in {mode.value for mode in Rounding} else "promote"), part
        if key in found or key in given:
            raise AccumulatorError(f"{text!r} says twice what its {key} is")
        found[key] = int(value) if value.isdigit() else value
    if wrong := set(found) - {"product", "rounding", "promote", "overflow", "random_bits"}:
        raise AccumulatorError(
            f"{text!r}: {min(wrong)!r} is none of product=, rounding=, promote=, overflow=, random_bits="
        )
    return found


def _count(text: str, number: str) -> int:
    if not number.isdigit():
        raise AccumulatorError(f"{text!r}: {number!r} must be an integer, how many terms or parts there are")
    return int(number)


def shown(sums: Sums) -> str:
    """Sums as a string that `as_sums` reads.

    Examples
    --------
    >>> shown(as_sums("blocked:128:bfloat16:float32:toward_zero"))
    'blocked:128:bfloat16:float32:toward_zero'
    """
    if isinstance(sums, Unit):
        return sums.name
    if isinstance(sums, SplitK):
        return str(sums)
    order = [] if sums.order is Order.SEQUENTIAL else [sums.order.value]
    count = [str(getattr(sums, COUNTED[sums.order][0]))] if sums.order in COUNTED else []
    promote = [] if sums.promote is None else [sums.promote.name]
    mode = [] if sums.rounding is Rounding.NEAREST_EVEN else [sums.rounding.value]
    product = [] if sums.product is None else [f"product={sums.product.name}"]
    overflow = [] if sums.overflow is None else [f"overflow={sums.overflow.value}"]
    bits = [] if sums.random_bits is None else [f"random_bits={sums.random_bits}"]
    return ":".join([*order, *count, sums.format.name, *promote, *mode, *product, *overflow, *bits])


@lru_cache(maxsize=1024)
def described(sums: Sums) -> tuple[str, str]:
    """Sums as traces have them: everything but the mode, and the mode; of a matrix unit, its rule.

    Examples
    --------
    >>> described(as_sums("pairwise:bfloat16:toward_zero"))
    ('pairwise:bfloat16', 'toward_zero')
    """
    if isinstance(sums, Unit):
        return sums.name, sums.rule
    if isinstance(sums, SplitK):
        inner, mode = described(sums.accumulator)
        return f"split:{sums.parts}:{sums.promote.name}:{inner}", mode
    return shown(sums.replace(rounding=Rounding.NEAREST_EVEN, random_bits=None)), sums.rounding.value
