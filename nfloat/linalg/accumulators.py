"""`Accumulator`: what a sum of products means, as a frozen value: format, product, rounding, order, policies.

R is one rounding to `format`, P one to `product` (None: the product stays exact). s starts at c, or 0:

sequential   s = R(s + P(a_k b_k)), k ascending
pairwise     neighbours (0, 1), (2, 3), ... are added by R, level by level; an odd last one passes up unchanged;
             c is added last
blocked      `block` consecutive k sequentially from 0; the block sums are added in order to c, rounded to `promote`
kahan        y = R(P(a_k b_k) - e); t = R(s + y); e = R(R(t - s) - y); s = t (Kahan 1965), e starting at 0
exact        R(c + sum of P(a_k b_k)), the sum exact
interleaved  `lanes` partial sums, of every lanes-th k, each sequentially from 0; these added pairwise, then c
             (SIMD and GPU reductions)

Sources: Higham, Accuracy and Stability of Numerical Algorithms, ch. 4; Blanchard, Higham and Mary, SIAM J. Sci. Comput.
42, 2020 (blocked with promotion).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias, Union

from ..errors import AccumulatorError, FormatError, as_integer, nearest_names
from ..formats.format import Format
from ..formats.names import FormatLike, get_format
from ..formats.rounding import Overflow, Rounding, as_overflow, as_rounding, check_random_bits
from ..formats.spec import rounding_spec
from ..kernels.gemm.orders import Order

if TYPE_CHECKING:
    from .units.unit import Unit


#: partial sums are kept for each thread
MOST_LANES = 1 << 16
#: what a sum is in each order, in short
SUMS = {
    Order.SEQUENTIAL: "s = R(s + P(a_k b_k)), k ascending",
    Order.PAIRWISE: "neighbours are added, level by level, then c",
    Order.BLOCKED: "blocks of consecutive k in sequence, their sums added in order to c",
    Order.KAHAN: "y = R(P(a_k b_k) - e); t = R(s + y); e = R(R(t - s) - y); s = t",
    Order.EXACT: "R(c + the exact sum of P(a_k b_k))",
    Order.INTERLEAVED: "one partial sum a lane, these added pairwise, then c",
}
#: the orders that need a number: its field, what it is, and the most that it may be
COUNTED = {
    Order.BLOCKED: ("block", "the number of terms per block", None),
    Order.INTERLEAVED: ("lanes", "the number of partial sums", MOST_LANES),
}
#: the fields that one order alone has
_OWNERS = {**{count[0]: order for order, count in COUNTED.items()}, "promote": Order.BLOCKED}


@dataclass(frozen=True)
class Accumulator:
    """How a sum of products is formed: format, product rounding, mode and order.

    Parameters
    ----------
    format : Format or str
        The format of the running sum.
    product : Format or str, optional
        Products are rounded to it first; None: they stay exact (`R(s + a*b)` is fused).
    rounding : str
        The mode of every rounding in it (sums, products and promotion).
    order : str
        "sequential", "pairwise", "blocked", "kahan", "exact" or "interleaved"; see the module.
    block : int, optional
        Terms per block; needed by "blocked", and by nothing else.
    promote : Format or str, optional
        Where "blocked" adds its block sums; None: the same format.
    overflow : str, optional
        Policy of every rounding; None: each format's own.
    random_bits : int, optional
        N of stochastic_a, _b, _c. "stochastic" rounds up where floor(v 2^32) + R >= 2^32, v the exact fraction of the
        exact sum and R 32 random bits.
    lanes : int, optional
        Partial sums of "interleaved", 1 to 65536; needed by it, and by nothing else.

    Raises
    ------
    AccumulatorError
        If the fields contradict each other.
    FormatError, RoundingError
        If a format, mode or policy is unknown, or a policy does not fit a format.

    Examples
    --------
    >>> from nfloat import Accumulator
    >>> Accumulator("bfloat16", order="blocked", block=128, promote="float32").result_format.name
    'float32'
    """

    format: Format
    product: Format | None = None
    rounding: Rounding = Rounding.NEAREST_EVEN
    order: Order = Order.SEQUENTIAL
    block: int | None = None
    promote: Format | None = None
    overflow: Overflow | None = None
    random_bits: int | None = None
    lanes: int | None = None

    def __post_init__(self) -> None:
        for key in ("format", "product", "promote"):
            if key == "format" or getattr(self, key) is not None:
                self._set(key, get_format(getattr(self, key), key))
        self._set("rounding", as_rounding(self.rounding))
        self._set("overflow", as_overflow(self.overflow))
        try:
            self._set("order", Order(self.order if isinstance(self.order, str) else ""))
        except ValueError:
            hint = nearest_names(str(self.order), [o.value for o in Order])
            raise AccumulatorError(f"order={self.order!r} is not an order of summation; {hint}") from None
        self._check_count()
        bits = check_random_bits(self.rounding, self.random_bits)
        for fmt in (self.format, self.product, self.promote):
            if fmt is not None:
                rounding_spec(
                    fmt, self.rounding, self.overflow, bits
                )  # raises where the policy does not fit the format

    def _set(self, key: str, value: object) -> None:
        object.__setattr__(self, key, value)

    def _check_count(self) -> None:
        """The fields that belong to one order each."""
        for key, order in _OWNERS.items():
            value = getattr(self, key)
            if value is not None and self.order is not order:
                raise AccumulatorError(
                    f"{key}={value!s} has no meaning for order={self.order.value!r}; it belongs to "
                    f"order={order.value!r}"
                )
        if self.order not in COUNTED:
            return
        key, what, most = COUNTED[self.order]
        number = as_integer(getattr(self, key))
        if number is None or number < 1 or (most is not None and number > most):
            allowed = "an integer >= 1" if most is None else f"an integer in 1..{most}"
            raise AccumulatorError(f"{key}={getattr(self, key)!r}: order={self.order.value!r} needs {what}, {allowed}")
        self._set(key, number)

    @property
    def result_format(self) -> Format:
        """The format of the result: `promote` where there is one, else `format`."""
        return self.promote or self.format

    @property
    def terms(self) -> int:
        """Terms per block, or lanes, as kernels take them: no more than there can be in a sum; 0 for other orders."""
        return min(getattr(self, COUNTED[self.order][0]), 1 << 40) if self.order in COUNTED else 0

    @property
    def stochastic(self) -> bool:
        """Whether a sum needs a seed."""
        return self.rounding.is_stochastic

    def __hash__(self) -> int:
        # kept, since accumulators are the keys of caches
        if "_hash" not in self.__dict__:
            self._set("_hash", hash(tuple(getattr(self, f.name) for f in fields(self))))
        return self.__dict__["_hash"]

    def replace(self, **changes: object) -> Accumulator:
        """A copy with other fields.

        Raises
        ------
        AccumulatorError
            If there is no such field, or they contradict each other.
        """
        known = [f.name for f in fields(self)]
        for key in changes:
            if key not in known:
                raise AccumulatorError(
                    f"{key}={changes[key]!r}: an Accumulator has no field {key!r}; {nearest_names(key, known)}"
                )
        return Accumulator(**{**{f.name: getattr(self, f.name) for f in fields(self)}, **changes})

    def _repr_html_(self) -> str:
        from ..cards import card

        facts = [
            (f.name, value.name if isinstance(value, Format) else getattr(value, "value", value))
            for f in fields(self)
            if (value := getattr(self, f.name)) is not None
        ]
        return card("Accumulator", facts, note=f"{self.order.value}: {SUMS[self.order]}")

    def __repr__(self) -> str:
        parts = [repr(self.format.name)]
        for f in fields(self)[1:]:
            value = getattr(self, f.name)
            if value is not None and value != f.default:
                parts.append(
                    f"{f.name}={value.name if isinstance(value, Format) else getattr(value, 'value', value)!r}"
                )
        return f"Accumulator({', '.join(parts)})"


AccumulatorLike: TypeAlias = Union[Accumulator, "Unit", FormatLike]


def as_accumulator(acc: AccumulatorLike) -> Accumulator | Unit:
    """The `Accumulator` or matrix unit that `acc` stands for: one itself, a format, a format's name, a unit's name.

    Raises
    ------
    AccumulatorError
        If it is none of these.
    """
    if isinstance(acc, Accumulator):
        return acc
    if isinstance(acc, Format):
        return _of_format(acc)
    if isinstance(acc, str):
        return _of_name(acc)
    from .units.unit import Unit  # the tables of units load when one is named

    if isinstance(acc, Unit):
        return acc
    raise AccumulatorError(
        f"acc={acc!r} must be an nf.Accumulator, a format, or the name of a format or matrix unit, not "
        f"{type(acc).__name__}"
    )


@lru_cache(maxsize=256)
def _of_format(fmt: Format) -> Accumulator:
    return Accumulator(fmt)


@lru_cache(maxsize=256)
def _of_name(name: str) -> Accumulator | Unit:
    try:
        return Accumulator(get_format(name))
    except FormatError as error:
        if "." in name:
            from .units.names import units

            return units[name]
        raise AccumulatorError(f"acc={name!r} is neither a format nor a matrix unit: {error}") from None
