"""`BlockFormat`: elements of one format that share a scale, block by block; and `BLOCK_FORMATS`. No Numba here.

A block format says what an element is, what a scale is, which elements share one (`block`), and by which rule the scale
follows from them (`ScaleRule`). What a block of numbers becomes is decided in ``kernels/blocks/rule.py``.

Sources: OCP Microscaling Formats (MX) 1.0, 2023; NVIDIA, Pretraining Large Language Models with NVFP4, 2025
(arXiv 2509.25149); DeepSeek-V3, 2024 (arXiv 2412.19437) for FP8 scaled by tiles.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from types import MappingProxyType
from typing import Any, TypeAlias

from ..errors import FormatError, as_integer, nearest_names
from .format import Format
from .names import get_format
from .rounding import Rounding, as_rounding

#: float32, in which a tensor scale is kept: digits, exponent of its greatest and of its least number
_T_DIGITS, _T_EMAX, _T_LEAST = 24, 127, -149


class ScaleRule(str, Enum):
    """How a scale follows from the block's greatest finite magnitude amax; M = m 2^E is the largest element."""

    #: 2^(floor(log2 amax) - E): OCP MX 1.0
    FLOOR = "floor"
    #: 2^(ceil(log2 amax) - E)
    CEIL = "ceil"
    #: amax rounded to the element's precision (nearest-even) first, then floor
    EVEN = "even"
    #: 2^ceil(log2(amax / M)): the least power of two that clips nothing
    RCEIL = "rceil"
    #: amax / M itself, rounded to the scale's format by `BlockFormat.scale_rounding`
    ABSMAX = "absmax"

    def __str__(self) -> str:
        return self.value


class Nonfinite(str, Enum):
    """What becomes of NaNs and infinities in a block; a scale never follows from them."""

    #: an infinity saturates; a NaN stays one in its place, or takes the block with it where elements have no NaN
    SATURATE = "saturate"
    #: either makes the whole block NaN, through its scale
    NAN = "nan"
    #: either is an error
    RAISE = "raise"

    def __str__(self) -> str:
        return self.value


class FourOverSix(str, Enum):
    """By which error a block of E2M1 chooses between the scales amax / 6 and amax / 4; six where they are equal."""

    #: the sum of squared errors
    MSE = "mse"
    #: the sum of magnitudes of errors
    MAE = "mae"

    def __str__(self) -> str:
        return self.value


#: consecutive elements along one axis, None for all of it; a pair along two axes; or "tensor": all elements
Block: TypeAlias = int | tuple[int | None, int | None] | str | None


@dataclass(frozen=True, kw_only=True, repr=False)
class BlockFormat:
    """A block format: elements that share a scale.

    Parameters
    ----------
    name : str
        Any label.
    element : Format or str
        The elements' format. Two's complement counts as a fraction: MXINT8 has "fixed8.6", not "int8".
    block : int or None or pair or "tensor"
        How many consecutive elements along the axis share a scale (None: all of it); for tiles a pair, along two axes;
        or "tensor" for one scale in all.
    scale : Format or str
        The scales' format; its positive numbers are used.
    scale_rule : ScaleRule or str
        "floor", "ceil", "even", "rceil" (powers of two) or "absmax".
    tensor_scale : bool
        Whether there is a second scale, a float32 number for the whole tensor: amax / (M times `scale_bound`).
    scale_rounding : Rounding or str
        How "absmax" rounds a scale.
    scale_bound : float, optional
        The block scale of the tensor's greatest block, where there is a tensor scale; default: the largest scale.
    four_over_six : FourOverSix or str, optional
        "mse" or "mae": each block of E2M1 takes the better of amax / 6 and amax / 4 as its scale. Errors are summed in
        float64, in the order of the elements.
    symmetric : bool
        Whether two's complement elements leave their least number unused (-2 in MXINT8), as implementations do.
    nonfinite : Nonfinite or str
        "saturate", "nan", "raise".
    source : str
        Where the definition stands.

    Raises
    ------
    FormatError
        If the fields contradict each other, or a dequantised value would not be a float64 number.

    Examples
    --------
    >>> from nfloat.formats.blocks import BlockFormat
    >>> f = BlockFormat(name="mine", element="float6_e3m2fn", block=64, scale="float8_e8m0fnu")
    >>> f.bits_per_element
    6.125
    >>> eval(repr(f)) == f
    True
    """

    name: str
    element: Format
    block: Block
    scale: Format
    scale_rule: ScaleRule = ScaleRule.FLOOR
    tensor_scale: bool = False
    scale_rounding: Rounding = Rounding.NEAREST_EVEN
    scale_bound: float | None = None
    four_over_six: FourOverSix | None = None
    symmetric: bool = True
    nonfinite: Nonfinite = Nonfinite.SATURATE
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for key, kind in (("name", str), ("tensor_scale", bool), ("symmetric", bool), ("source", str)):
            if not isinstance(getattr(self, key), kind):
                raise FormatError(
                    f"{key}={getattr(self, key)!r} of block format {self.name!r} must be a {kind.__name__}"
                )
        object.__setattr__(self, "element", get_format(self.element, "element"))
        object.__setattr__(self, "scale", get_format(self.scale, "scale"))
        object.__setattr__(self, "scale_rounding", as_rounding(self.scale_rounding))
        object.__setattr__(self, "block", self._checked_block())
        for key, choices in (("scale_rule", ScaleRule), ("nonfinite", Nonfinite), ("four_over_six", FourOverSix)):
            object.__setattr__(self, key, _choice(self.name, key, choices, getattr(self, key)))
        self._check_scale()
        self._check_range()

    def _checked_block(self) -> Block:
        """The block's size, as integers; None for a whole axis."""
        if isinstance(self.block, str) and self.block == "tensor":
            return "tensor"
        sizes = tuple(self.block) if isinstance(self.block, (tuple, list)) else (self.block,)
        numbers = tuple(None if size is None else as_integer(size) for size in sizes)
        wrong = any(n is None and size is not None for n, size in zip(numbers, sizes, strict=True))
        if wrong or len(numbers) not in (1, 2) or any(n is not None and n < 1 for n in numbers):
            raise FormatError(
                f"block={self.block!r} of block format {self.name!r} must be a positive integer, None (the whole "
                "axis), a pair of these, or 'tensor'"
            )
        return numbers if len(numbers) == 2 else numbers[0]

    def _check_scale(self) -> None:
        where = f"of block format {self.name!r}"
        if self.scale_rounding.needs_random_bits:
            raise FormatError(f"scale_rounding={self.scale_rounding.value!r} {where} must take no stated random bits")
        if self.four_over_six is not None and (
            self.scale_rule is not ScaleRule.ABSMAX or (self.element.precision, self.element.max) != (2, 6.0)
        ):
            raise FormatError(
                f"four_over_six={self.four_over_six.value!r} {where} needs E2M1 elements and 'absmax' scales"
            )
        if self.scale_bound is None:
            return
        bound = self.scale_bound
        if not self.tensor_scale or isinstance(bound, bool) or not isinstance(bound, (int, float)):
            raise FormatError(f"scale_bound={bound!r} {where} must be a number, and needs tensor_scale=True")
        if not 0.0 < bound <= self.scale.max or math.frexp(bound)[0] * 2.0**_T_DIGITS % 1.0:
            raise FormatError(f"scale_bound={bound!r} {where} must be in (0, {self.scale.max}], of 24 bits at most")
        object.__setattr__(self, "scale_bound", float(bound))

    def _check_range(self) -> None:
        """Element times scale times tensor scale must be exact in float64, and M times a tensor scale as well."""
        e, s, t = self.element, self.scale, self.tensor_scale
        digits = e.precision + s.precision + _T_DIGITS * t
        least = _least(e) + _least(s) + _T_LEAST * t
        if digits > 53 or least < -1074 or e.emax + 1 + s.emax + 1 + _T_EMAX * t > 1022:
            raise FormatError(
                f"block format {self.name!r}: element {e.name!r} times scale {s.name!r}"
                f"{' times a float32' if t else ''} takes {digits} bits, from 2^{least} up; every "
                "dequantised value must be a float64 number (53 bits, 2^-1074 to 2^1022)"
            )

    @property
    def largest_scale(self) -> float:
        """The block scale of the tensor's greatest block: `scale_bound`, or the largest scale."""
        return self.scale.max if self.scale_bound is None else self.scale_bound

    @property
    def sizes(self) -> tuple[int | None, int | None] | None:
        """The block as a pair of sizes, the first one None (not 1) for a block along one axis; None for "tensor"."""
        if self.block == "tensor":
            return None
        return self.block if isinstance(self.block, tuple) else (1, self.block)  # type: ignore[return-value]

    @property
    def is_tile(self) -> bool:
        """Whether a block lies along two axes."""
        return isinstance(self.block, tuple)

    @property
    def bits_per_element(self) -> float:
        """Bits of an element and of its share in the block's scale; of the element alone where blocks have no size."""
        sizes = self.sizes
        if sizes is None or None in sizes:
            return float(self.element.bits)
        return self.element.bits + self.scale.bits / (sizes[0] * sizes[1])  # type: ignore[operator]

    def replace(self, **changes: Any) -> BlockFormat:
        """A copy with other fields."""
        return BlockFormat(**{**{f.name: getattr(self, f.name) for f in fields(self)}, **changes})

    def __repr__(self) -> str:
        parts = []
        for f in fields(self):
            value = getattr(self, f.name)
            if f.compare and (value != f.default or f.name in ("name", "element", "block", "scale")):
                plain = (
                    _spelled(value) if isinstance(value, Format) else value.value if isinstance(value, Enum) else value
                )
                parts.append(f"{f.name}={plain!r}")
        return f"BlockFormat({', '.join(parts)})"

    def _repr_html_(self) -> str:
        from ..pictures.format_cards import block_html  # loaded for notebooks alone

        return block_html(self)

    def __str__(self) -> str:
        return self.name


BlockFormatLike: TypeAlias = BlockFormat | str


def _least(f: Format) -> int:
    """The exponent of the unit of a format's least numbers."""
    return f.emin - f.precision + 1


def _spelled(f: Format) -> Format | str:
    """A format by its name, if that means it."""
    try:
        return f.name if get_format(f.name) == f else f
    except FormatError:
        return f


def _choice(name: str, key: str, kind: type[Enum], value: object) -> Enum | None:
    try:
        return None if value is None and kind is FourOverSix else kind(value if isinstance(value, str) else "")
    except ValueError:
        allowed = ", ".join(repr(m.value) for m in kind)
        raise FormatError(f"{key}={value!r} of block format {name!r} must be one of {allowed}") from None


def as_scale_rule(rule: ScaleRule | str) -> ScaleRule:
    """The `ScaleRule` that `rule` names.

    Raises
    ------
    FormatError
        If there is no such rule.
    """
    try:
        return ScaleRule(rule if isinstance(rule, str) else "")  # arrays of odd dtypes cannot even be compared
    except ValueError:
        known = ", ".join(repr(r.value) for r in ScaleRule)
        raise FormatError(f"scale_rule={rule!r} must be None (the format's own) or one of {known}") from None


_OCP = "OCP Microscaling Formats (MX) 1.0, 2023, section 5.2"
_NVFP4 = "NVIDIA NVFP4, 2025 (arXiv 2509.25149); TransformerEngine's documentation"


def _mx(name: str, element: str) -> BlockFormat:
    return BlockFormat(name=name, element=element, block=32, scale="float8_e8m0fnu", source=_OCP)  # type: ignore[arg-type]


_ENTRIES = (
    _mx("mxfp8_e4m3", "float8_e4m3fn"),
    _mx("mxfp8_e5m2", "float8_e5m2"),
    _mx("mxfp6_e2m3", "float6_e2m3fn"),
    _mx("mxfp6_e3m2", "float6_e3m2fn"),
    _mx("mxfp4", "float4_e2m1fn"),
    _mx("mxint8", "fixed8.6"),
    BlockFormat(
        name="nvfp4", element="float4_e2m1fn", block=16, scale="float8_e4m3fn",  # type: ignore[arg-type]
        scale_rule=ScaleRule.ABSMAX, tensor_scale=True, source=_NVFP4,
    ),
)  # fmt: skip

#: name -> BlockFormat, every named block format (read-only)
BLOCK_FORMATS: Mapping[str, BlockFormat] = MappingProxyType({f.name: f for f in _ENTRIES})


def get_block_format(fmt: BlockFormatLike, argument: str = "fmt") -> BlockFormat:
    """The block format that a name stands for; a `BlockFormat` passes through.

    Raises
    ------
    FormatError
        If nothing has that name.

    Examples
    --------
    >>> from nfloat.formats.blocks import get_block_format
    >>> get_block_format("mxfp4").block
    32
    """
    if isinstance(fmt, BlockFormat):
        return fmt
    if not isinstance(fmt, str):
        raise FormatError(
            f"{argument}={fmt!r} must be a BlockFormat or a block format's name, not {type(fmt).__name__}"
        )
    key = fmt.strip().lower()
    if key not in BLOCK_FORMATS:
        raise FormatError(f"{argument}={fmt!r} is not a block format; {nearest_names(key, BLOCK_FORMATS)}")
    return BLOCK_FORMATS[key]
