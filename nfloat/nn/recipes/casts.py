"""How one tensor is rounded: `Cast`, number by number; `BlockCast`, numbers that share scales.

As strings, parts separated by colons: the format first, then what differs from the default, in any order.

| written | means |
|---|---|
| ``bfloat16``, ``mxfp8_e4m3``, ``nvfp4`` | that format, to nearest-even |
| ``bfloat16:stochastic``, ``nvfp4:stochastic`` | in that mode |
| ``bfloat16:stochastic_a:random_bits=8`` | with so many random bits |
| ``float8_e4m3fn:saturate`` | with that overflow policy (numbers without scales) |
| ``float8_e4m3fn:current`` | one float32 scale for the whole tensor, amax / M, from the tensor itself |
| ``float8_e4m3fn:delayed=1024:margin=1`` | the same, from the last so many steps' amax, times 2^margin |
| ``nvfp4:tile=16`` | blocks of 16 x 16: the same in both directions (weights) |
| ``mxfp4:rceil`` | with that scale rule |
| ``nvfp4:hadamard=16`` | after the random Hadamard transform of 16 numbers along k (weight gradients) |

Sources: ``nfloat/formats/blocks.py``; Micikevicius et al. 2022 (arXiv:2209.05433) and NVIDIA TransformerEngine's
documentation for delayed scaling; NVIDIA 2025 (arXiv:2509.25149) for transform and tiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from ...errors import ArgumentError, FormatError, as_integer, check_kind, nearest_names
from ...formats.blocks import BLOCK_FORMATS, BlockFormat, ScaleRule
from ...formats.catalog import FORMATS
from ...formats.format import Format
from ...formats.names import get_format
from ...formats.rounding import Overflow, Rounding, as_overflow, as_rounding, check_random_bits
from ...ops.rounder import Rounder, rounder
from ..clamping import edge


@dataclass(frozen=True)
class Cast:
    """One way of rounding a tensor: format, mode, overflow policy, number of random bits.

    Strings stand for formats and modes. Written ``"bfloat16"`` or ``"bfloat16:stochastic"`` where a recipe wants one.

    Examples
    --------
    >>> str(Cast("bf16", "stochastic"))
    'bfloat16:stochastic'
    """

    format: Format
    rounding: Rounding = Rounding.NEAREST_EVEN
    overflow: Overflow | None = None
    random_bits: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "format", get_format(self.format))
        object.__setattr__(self, "rounding", as_rounding(self.rounding))
        object.__setattr__(self, "overflow", as_overflow(self.overflow))
        check_random_bits(self.rounding, self.random_bits)

    @cached_property
    def carrier(self) -> np.dtype[Any]:
        """float32 where it holds every number of the format, else float64."""
        return np.dtype(np.float32 if self.format.fits_float32 else np.float64)

    @cached_property
    def exact_in(self) -> tuple[np.dtype[Any], ...]:
        """The NumPy types whose arrays hold numbers of the format only, so that nothing has to be rounded."""
        whole = self.format in (FORMATS["float32"], FORMATS["float64"]) and self.overflow is None
        return (np.dtype(self.format.name),) if whole else ()

    @cached_property
    def native_in(self) -> tuple[np.dtype[Any], ...]:
        """The NumPy types whose own arithmetic rounds just so: of those, where it is to nearest-even."""
        return self.exact_in if self.rounding is Rounding.NEAREST_EVEN else ()

    @cached_property
    def nearest(self) -> Cast:
        """The same format, to nearest-even: how values that come from outside are stored."""
        return self if self.rounding is Rounding.NEAREST_EVEN else Cast(self.format, overflow=self.overflow)

    @cached_property
    def rounder(self) -> Rounder:
        """What does it."""
        return rounder(self.format, self.rounding, self.overflow, self.random_bits)

    @cached_property
    def stochastic(self) -> bool:
        """Whether it draws random bits."""
        return self.rounding.is_stochastic

    @cached_property
    def edge(self) -> float | None:
        """The least magnitude that is clamped, an overflow that no infinity shows; None where it shows."""
        return edge(self.rounder)

    @property
    def precision(self) -> int:
        """Significand bits of a number."""
        return self.format.precision

    @property
    def largest(self) -> float:
        """The greatest finite number."""
        return self.format.max

    @property
    def label(self) -> str:
        """The format as traces have it: without the mode."""
        return self.format.name

    def __str__(self) -> str:
        parts = [self.format.name, *_mode(self.rounding, self.random_bits)]
        return ":".join(parts if self.overflow is None else [*parts, self.overflow.value])


@dataclass(frozen=True)
class BlockCast:
    """One way of rounding an operand of a product to elements that share scales, in blocks along k.

    Parameters
    ----------
    format : BlockFormat
        Elements, blocks, scales.
    rounding : Rounding or str
        How elements are rounded.
    random_bits : int, optional
        N of stochastic_a, _b, _c.
    delayed : int, optional
        Of one scale for the whole tensor: it follows from the greatest magnitude of the last so many tensors of that
        place; None: from the tensor itself.
    margin : int
        The scale is 2^margin times larger than the format's rule says.
    hadamard : int, optional
        Size of the random Hadamard transform along k that goes before; the other operand must have it too.

    Raises
    ------
    ArgumentError
        If delayed scaling, a margin or a transform does not fit the format.

    Examples
    --------
    >>> str(as_operand("nvfp4:stochastic:hadamard=16"))
    'nvfp4:stochastic:hadamard=16'
    >>> as_operand("float8_e4m3fn:delayed=16").format.block
    'tensor'
    """

    format: BlockFormat
    rounding: Rounding = Rounding.NEAREST_EVEN
    random_bits: int | None = None
    delayed: int | None = None
    margin: int = 0
    hadamard: int | None = None

    def __post_init__(self) -> None:
        check_kind("format", self.format, BlockFormat, "a block format, such as nf.mxfp8_e4m3")
        object.__setattr__(self, "rounding", as_rounding(self.rounding))
        check_random_bits(self.rounding, self.random_bits)
        if self.delayed is not None and not (_is_count(self.delayed) and self.one_scale):
            raise ArgumentError(f"delayed={self.delayed!r} must be a positive integer, with one scale for the tensor")
        if as_integer(self.margin) is None or abs(self.margin) > 64 or (self.margin and not self.one_scale):
            raise ArgumentError(f"margin={self.margin!r} must be an integer in -64..64, with one scale for the tensor")
        size = self.hadamard
        if size is not None and (not _is_count(size) or size & (size - 1) or size > 4096):
            raise ArgumentError(f"hadamard={size!r} must be a power of two up to 4096")

    @property
    def one_scale(self) -> bool:
        """Whether one scale is all there is, so that it may be applied to the product's result."""
        return self.format.block == "tensor" and not self.format.tensor_scale

    @cached_property
    def carrier(self) -> np.dtype[Any]:
        """float32 where it holds every element and scale, else float64."""
        fits = self.format.element.fits_float32 and self.format.scale.fits_float32
        return np.dtype(np.float32 if fits else np.float64)

    @cached_property
    def stochastic(self) -> bool:
        """Whether it draws random bits."""
        return self.rounding.is_stochastic or self.format.scale_rounding.is_stochastic

    @property
    def precision(self) -> int:
        """Significand bits of an element."""
        return self.format.element.precision

    @property
    def largest(self) -> float:
        """Infinity: what is clamped depends on the block."""
        return float("inf")

    @property
    def label(self) -> str:
        """The format as traces have it: without the mode."""
        return ":".join([*_block_parts(self), *_more(self)])

    def __str__(self) -> str:
        return ":".join([*_block_parts(self), *_mode(self.rounding, self.random_bits), *_more(self)])


CastLike: TypeAlias = Cast | Format | str
OperandLike: TypeAlias = Cast | BlockCast | Format | BlockFormat | str


def as_cast(cast: CastLike) -> Cast:
    """The `Cast` that a format, a format's name or ``"format:rounding"`` stands for.

    Raises
    ------
    FormatError, RoundingError, ArgumentError
        If there is no such format or mode, or it has scales.
    """
    if isinstance(cast, Cast):
        return cast
    if isinstance(cast, BlockCast | BlockFormat) or _is_block(cast):
        raise FormatError(f"{cast!s} shares scales: that is for operands of products, such as gemm_inputs")
    if isinstance(cast, str) and ":" in cast:
        found = _parsed(cast)
        if _SCALED & set(found):
            raise FormatError(f"{cast!r} shares a scale: that is for operands of products, such as gemm_inputs")
        return Cast(**found)
    return Cast(get_format(cast))


def as_operand(cast: OperandLike) -> Cast | BlockCast:
    """The way of rounding an operand that a format, a block format, their names or a string with colons stand for.

    Raises
    ------
    FormatError, RoundingError, ArgumentError
        If there is no such format or mode, or the parts contradict each other.
    """
    if isinstance(cast, BlockCast):
        return cast
    if isinstance(cast, BlockFormat):
        return BlockCast(cast)
    if not isinstance(cast, str):
        return as_cast(cast)
    found = _parsed(cast)
    scaled = {key: found.pop(key) for key in _SCALED if key in found}
    if not scaled and isinstance(found["format"], Format):
        return Cast(**found)
    if "overflow" in found:
        raise ArgumentError(f"{cast!r}: elements that share a scale saturate; leave the overflow policy out")
    return BlockCast(_scaled_format(cast, found.pop("format"), scaled), **found, **scaled)


#: what only elements that share scales have
_SCALED = {"current", "delayed", "margin", "hadamard", "tile", "scale_rule"}
_NUMBERS = {"random_bits", "delayed", "margin", "hadamard", "tile"}


def _is_block(cast: object) -> bool:
    return isinstance(cast, str) and cast.partition(":")[0].strip().lower() in BLOCK_FORMATS


def _parsed(text: str) -> dict[str, Any]:
    """The parts of a string by what they are."""
    first, *rest = text.split(":")
    found: dict[str, Any] = {"format": BLOCK_FORMATS[first.strip().lower()] if _is_block(first) else get_format(first)}
    for part in rest:
        key, value = _part(text, part.strip())
        if key in found:
            raise ArgumentError(f"{text!r} says twice what its {key} is")
        found[key] = value
    return found


def _part(text: str, part: str) -> tuple[str, Any]:
    key, equals, number = part.partition("=")
    if equals or key in ("delayed", "hadamard"):
        value = int(number) if number.removeprefix("-").isdigit() else {"delayed": 1024, "hadamard": 16}.get(key)
        if key not in _NUMBERS or value is None or (equals and not number):
            raise ArgumentError(f"{text!r}: {part!r} must be one of {', '.join(sorted(_NUMBERS))}, each =<integer>")
        return key, value
    if key == "current":
        return key, True
    for name, kinds in (("scale_rule", ScaleRule), ("overflow", Overflow)):
        if key in {one.value for one in kinds}:
            return name, kinds(key)
    return "rounding", as_rounding(key)


def _scaled_format(text: str, fmt: Format | BlockFormat, scaled: dict[str, Any]) -> BlockFormat:
    """The block format of a string; takes out of `scaled` what belongs to it."""
    one = scaled.pop("current", False) or "delayed" in scaled
    if isinstance(fmt, Format):
        if not one:
            raise ArgumentError(
                f"{text!r}: a format without scales takes 'current' or 'delayed' for one; "
                f"{nearest_names(fmt.name, BLOCK_FORMATS)}"
            )
        fmt = per_tensor(fmt)
    elif one:
        raise ArgumentError(f"{text!r}: 'current' and 'delayed' go with a format that has no scales of its own")
    changes: dict[str, Any] = {}
    if "tile" in scaled:
        size = scaled.pop("tile")
        changes = {"block": (size, size), "name": f"{fmt.name}:tile={size}"}
    if "scale_rule" in scaled:
        rule = scaled.pop("scale_rule")
        changes = {**changes, "scale_rule": rule, "name": f"{changes.get('name', fmt.name)}:{rule.value}"}
    return fmt.replace(**changes) if changes else fmt


def per_tensor(element: Format) -> BlockFormat:
    """Elements under one float32 scale, amax / M.

    Examples
    --------
    >>> per_tensor(FORMATS["float8_e4m3fn"]).block
    'tensor'
    """
    return BlockFormat(
        name=f"{element.name}:current", element=element, block="tensor", scale=FORMATS["float32"],
        scale_rule=ScaleRule.ABSMAX,
    )  # fmt: skip


def _is_count(value: object) -> bool:
    number = as_integer(value)
    return number is not None and number >= 1


def _mode(rounding: Rounding, random_bits: int | None) -> list[str]:
    mode = [] if rounding is Rounding.NEAREST_EVEN else [rounding.value]
    return mode if random_bits is None else [*mode, f"random_bits={random_bits}"]


def _block_parts(cast: BlockCast) -> list[str]:
    if cast.delayed is None:
        return [cast.format.name]
    return [cast.format.name.removesuffix(":current"), f"delayed={cast.delayed}"]


def _more(cast: BlockCast) -> list[str]:
    margin = [f"margin={cast.margin}"] if cast.margin else []
    return margin if cast.hadamard is None else [*margin, f"hadamard={cast.hadamard}"]
