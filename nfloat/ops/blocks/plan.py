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
    Overflow, OverflowLike, Rounding, RoundingLike, as_overflow, as_rounding, check_random_bits,
)
from ...formats.spec import SpecField, code_spec, rounding_spec
from ...kernels.blocks.lanes import MODES
from ...kernels.blocks.rule import ScaleField
from ...kernels.rounding.vector import DETERMINISTIC


@dataclass(frozen=True, eq=False, slots=True)
class BlockPlan:
    """How to round: the format, the mode, and the constants of ``kernels/blocks``.

    `single`: float32 arrays give float32 ones. `words`, `codes`: the elements'; `scale_words`, `scale`: the scales'; `second`: those of
    the other scale of four over six, or None.
    """

    format: BlockFormat
    rounding: Rounding
    single: bool
    words: NDArray[np.float64]
    codes: NDArray[np.int64]
    scale_words: NDArray[np.float64]
    scale: NDArray[np.float64]
    second: NDArray[np.float64] | None

    @property
    def draws(self) -> bool:
        """Whether elements or scales draw random bits."""
        return self.rounding.is_stochastic or self.format.scale_rounding.is_stochastic

    @property
    def power_lanes(self) -> tuple[Lane, ...]:
        """The lanes whose power form knows the elements: scales that are powers of two by their rule, and nothing else."""
        f, s = self.format, self.format.scale
        powers = f.scale_rule is not ScaleRule.ABSMAX and not f.tensor_scale
        ends = all(math.frexp(v)[0] == 0.5 for v in (self.scale[ScaleField.LEAST], s.max)) and self.scale[ScaleField.LEAST] > 2.0**-1000
        return tuple(lane for lane in (SINGLE, DOUBLE) if powers and ends and self._knows(lane))

    @property
    def quotient_lanes(self) -> bool:
        """Whether the quotient form knows the elements: see ``kernels/blocks/lanes.py`` for the 40 bits."""
        f = self.format
        p, digits = f.element.precision, f.scale.precision + 24 * f.tensor_scale
        return p <= 10 and digits + p + 1 <= 40 and self._knows(DOUBLE)

    @property
    def quotient_scales(self) -> bool:
        """Whether scales amax / (M t) of float32 magnitudes may be rounded twice: see ``kernels/blocks/scales.py``."""
        f, s = self.format, self.format.scale
        digits = f.element.precision + 24 * f.tensor_scale + s.precision + 1
        kept = s.has_zero and not s.flushes_input and not s.flushes_output and s.precision >= 2
        known = f.scale_rule is ScaleRule.ABSMAX and f.scale_rounding in DETERMINISTIC
        return known and kept and digits <= 50 and is_narrow(s, DOUBLE)

    def _knows(self, lane: Lane) -> bool:
        """Whether a lane's loops round to the element's grid."""
        e = self.format.element
        kept = e.has_subnormals and not e.flushes_input and e.min < 0 and e.precision >= 2
        return self.rounding in MODES and kept and is_narrow(e, lane)


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
    f = get_block_format(fmt)
    if scale_rule is not None:
        f = f.replace(scale_rule=as_scale_rule(scale_rule), four_over_six=None) if f.scale_rule != scale_rule else f
    mode = as_rounding(rounding)
    return _plan(f, mode, check_random_bits(mode, random_bits))


@lru_cache(maxsize=1024)
def _plan(f: BlockFormat, mode: Rounding, random_bits: int) -> BlockPlan:
    e, s = f.element, f.scale
    words = rounding_spec(e, mode, Overflow.SATURATE, random_bits)
    if e.twos_complement and f.symmetric:
        words = words.copy()
        words[[SpecField.MIN, SpecField.UNDER_MIN, SpecField.NEG_INF]] = -e.max
        words.flags.writeable = False
    scale_words = rounding_spec(s, f.scale_rounding, Overflow.SATURATE)
    second = _scale_constants(f, 4.0) if f.four_over_six is not None else None
    single = e.fits_float32 and s.fits_float32
    return BlockPlan(f, mode, single, words, code_spec(e), scale_words, _scale_constants(f, e.max), second)


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

    With amax = a 2^k, 1 <= a < 2: ceil where a > 1; even where a >= 2 - 2^-p, which rounds to 2 (a tie, its lower neighbour being odd);
    rceil where a > m.
    """
    if rule is ScaleRule.CEIL:
        return 2**52 - 1
    if rule is ScaleRule.EVEN:
        return 2 ** (52 - e.precision)
    if rule is ScaleRule.RCEIL:
        m = math.frexp(e.max)[0] * 2
        return 2**53 - 1 - int(m * 2**52)
    return 0
