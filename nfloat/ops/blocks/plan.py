"""`BlockPlan`: one way of rounding to a block format, with the constants of its kernels derived once, exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...errors import RoundingError
from ...formats.blocks import BlockFormat, BlockFormatLike, Nonfinite, ScaleRule, as_scale_rule, get_block_format
from ...formats.format import Format
from ...formats.lanes import DOUBLE, SINGLE, Lane, is_narrow
from ...formats.rounding import (
    Overflow,
    OverflowLike,
    Rounding,
    RoundingLike,
    as_overflow,
    as_rounding,
    check_random_bits,
)
from ...formats.spec import SpecField, code_spec, rounding_spec
from ...kernels.blocks.rule import ScaleField
from ...kernels.blocks.walks import MODES
from ...kernels.rounding.vector import DETERMINISTIC


@dataclass(frozen=True, eq=False, slots=True)
class BlockPlan:
    """How to round: the format, the mode, and the constants of ``kernels/blocks``.

    `single`: float32 arrays give float32 ones. `words`, `codes`: the elements'; `scale_words`, `scale`: the scales';
    `second`: those of the other scale of four over six, or None. `power_lanes`: the lanes (by their digits) whose
    power form knows the elements; `quotient`, `short`: whether the quotient form does, and the short one for float32
    arrays; `quotient_scales`: whether lanes make the scales amax / (M t).
    """

    format: BlockFormat
    rounding: Rounding
    single: bool
    words: NDArray[np.float64]
    codes: NDArray[np.int64]
    scale_words: NDArray[np.float64]
    scale: NDArray[np.float64]
    second: NDArray[np.float64] | None
    power_lanes: tuple[int, ...]
    quotient: bool
    short: bool
    quotient_scales: bool

    @property
    def draws(self) -> bool:
        """Whether elements or scales draw random bits."""
        return self.rounding.is_stochastic or self.format.scale_rounding.is_stochastic


def block_plan(
    fmt: BlockFormatLike,
    rounding: RoundingLike,
    scale_rule: ScaleRule | str | None = None,
    random_bits: int | None = None,
    overflow: OverflowLike | None = None,
) -> BlockPlan:
    """The plan for these arguments.

    Raises
    ------
    FormatError, RoundingError
        If one of them is unknown or they contradict each other.
    """
    policy = as_overflow(overflow)
    if policy not in (None, Overflow.SATURATE):
        raise RoundingError(f"overflow={policy.value!r}: elements of a block format saturate; use None or 'saturate'")
    mode = as_rounding(rounding)
    rule = None if scale_rule is None else as_scale_rule(scale_rule)
    return _plan(get_block_format(fmt), rule, mode, check_random_bits(mode, random_bits))


@lru_cache(maxsize=1024)
def _plan(f: BlockFormat, rule: ScaleRule | None, mode: Rounding, random_bits: int) -> BlockPlan:
    if rule not in (None, f.scale_rule):
        f = f.replace(scale_rule=rule, four_over_six=None)
    e, s = f.element, f.scale
    words = rounding_spec(e, mode, Overflow.SATURATE, random_bits)
    if e.twos_complement and f.symmetric:
        words = words.copy()
        words[[SpecField.MIN, SpecField.UNDER_MIN, SpecField.NEG_INF]] = -e.max
        words.flags.writeable = False
    return BlockPlan(
        format=f, rounding=mode, single=e.fits_float32 and s.fits_float32, words=words, codes=code_spec(e),
        scale_words=rounding_spec(s, f.scale_rounding, Overflow.SATURATE), scale=_scale_constants(f, e.max),
        second=_scale_constants(f, 4.0) if f.four_over_six is not None else None,
        power_lanes=tuple(lane.digits for lane in (SINGLE, DOUBLE) if _has_powers(f) and _knows(e, mode, lane)),
        short=_divides_short(f, mode) and _knows(e, mode, SINGLE),
        quotient=_divides(f, mode) and _knows(e, mode, DOUBLE), quotient_scales=_divides_scales(f),
    )  # fmt: skip


def _knows(e: Format, mode: Rounding, lane: Lane) -> bool:
    """Whether a lane's loops round to the element's grid in this mode."""
    kept = e.has_subnormals and not e.flushes_input and e.min < 0 and e.precision >= 2
    return mode in MODES and kept and is_narrow(e, lane)


def _has_powers(f: BlockFormat) -> bool:
    """Whether every scale is a power of two that lanes find by integers: those at the ends of the range too."""
    least = _scale_constants(f, f.element.max)[ScaleField.LEAST]
    ends = all(math.frexp(v)[0] == 0.5 for v in (least, f.scale.max)) and least > 2.0**-1000
    return f.scale_rule is not ScaleRule.ABSMAX and not f.tensor_scale and ends


def _divides(f: BlockFormat, mode: Rounding) -> bool:
    """Whether float64 lanes know quotients: see ``kernels/blocks/quotients.py``, for random bits ``forms.py``."""
    p = f.element.precision
    if mode.is_stochastic:
        return p <= 10 and _digits(f) + p + 1 <= 40
    return p <= 40 and f.element.emin >= -200


def _divides_short(f: BlockFormat, mode: Rounding) -> bool:
    """Whether float32 lanes do: the rest of d, times what rounding decides at, must be exact."""
    p = f.element.precision
    return mode is Rounding.NEAREST_EVEN and p <= 12 and f.element.emin >= -16 and _digits(f) - 24 + p + 1 <= 24


def _digits(f: BlockFormat) -> int:
    """The bits of scale times tensor scale."""
    return f.scale.precision + 24 * f.tensor_scale


def _divides_scales(f: BlockFormat) -> bool:
    """Whether float64 lanes know the quotients that are scales."""
    s = f.scale
    kept = s.has_zero and not s.flushes_input and not s.flushes_output and 2 <= s.precision <= 40
    known = f.scale_rule is ScaleRule.ABSMAX and f.scale_rounding in DETERMINISTIC and f.four_over_six is None
    return known and kept and is_narrow(s, DOUBLE)


def _scale_constants(f: BlockFormat, largest: float) -> NDArray[np.float64]:
    """The vector of `ScaleField`."""
    e = f.element
    c = np.zeros(len(ScaleField))
    c[ScaleField.POWER] = f.scale_rule is not ScaleRule.ABSMAX
    c[ScaleField.ADD] = _binade_up(f.scale_rule, e)
    c[ScaleField.TOP] = math.frexp(e.max)[1] - 1
    c[ScaleField.LARGEST] = largest
    c[ScaleField.LEAST] = f.scale.smallest_normal if f.scale.flushes_input else f.scale.smallest_subnormal
    c[ScaleField.GREATEST] = f.scale.max
    c[ScaleField.INFINITE_IS_NAN] = f.nonfinite is Nonfinite.NAN
    c[ScaleField.NAN_IS_NAN] = not e.has_nan and f.scale.has_nan
    c.flags.writeable = False
    return c


def _binade_up(rule: ScaleRule, e: Format) -> int:
    """What to add to the 52 fraction bits of amax so that they carry exactly where the rule goes one binade up.

    With amax = a 2^k, 1 <= a < 2: ceil where a > 1; even where a >= 2 - 2^-p, which rounds to 2 (a tie, its lower
    neighbour being odd); rceil where a > m.
    """
    if rule is ScaleRule.CEIL:
        return 2**52 - 1
    if rule is ScaleRule.EVEN:
        return 2 ** (52 - e.precision)
    if rule is ScaleRule.RCEIL:
        m = math.frexp(e.max)[0] * 2
        return 2**53 - 1 - int(m * 2**52)
    return 0
