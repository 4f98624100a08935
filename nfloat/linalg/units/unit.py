"""`Unit`: one matrix instruction as a frozen value.

The rows stand in ``units/tables/``, lookup in ``units/names.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as _replace
from functools import cached_property
from math import lcm
from typing import Any

from ...errors import AccumulatorError, nearest_names
from ...formats.format import Format
from ...formats.names import get_format
from .sums import AlignedSum, Arithmetic, Conversion, FmaChain, IntegerSum, Output, PairSum, require

#: what the letters mean, as tables print it
CONFIDENCE = {
    "A": "reproduced: 0 differences against recorded or live hardware outputs",
    "B": "two independent sources agree",
    "C": "one source only",
    "D": "inferred; verify before relying on it",
}

#: integer operands: name -> (least, greatest)
INTEGER_RANGES = {"int8": (-128, 127), "uint8": (0, 255), "int4": (-8, 7), "uint4": (0, 15)}

_OPTIONS = ("promote", "split_k", "split_tile", "split_interleaved")


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One matrix instruction: what goes in, what comes out, and how it adds up.

    Attributes
    ----------
    name : str
        ``vendor.architecture.instruction.inputs.output``; with options ``...@promote=128,split_k=2``.
    instruction : str
        As the vendor writes it.
    a, b, output : str
        Formats of the operands and of C and D.
    arithmetic : Arithmetic
        The rule and its numbers; see ``units/sums.py``.
    confidence : str
        "A" reproduced on recorded or live hardware outputs, "B" two independent sources, "C" one source, "D" inferred.
    source, note : str
        Where the numbers come from, and what is open.
    mixes : tuple of str
        Other operand formats that the same instruction takes on either side, as name tokens.
    promote : int
        If not 0: sums of `promote` consecutive k start from +0 and are added to the result by a plain float32 addition
        (CUTLASS' and DeepGEMM's two-level accumulation: 128).
    split_k : int
        Into how many parts k is divided; each part is summed from +0, the parts are added in order by float32
        additions.
    split_tile, split_interleaved : int, bool
        Parts are whole tiles of `split_tile` k (0: as `tile` says): consecutive runs, or tile t to part t mod split_k.
    """

    name: str
    instruction: str
    a: str
    b: str
    output: str
    arithmetic: Arithmetic
    confidence: str
    source: str
    note: str = ""
    mixes: tuple[str, ...] = ()
    promote: int = 0
    split_k: int = 1
    split_tile: int = 0
    split_interleaved: bool = False

    def __hash__(self) -> int:
        return hash(self.name)  # of equal units, too; that of all fields takes microseconds

    def __repr__(self) -> str:
        return f"Unit({self.name!r}, confidence={self.confidence!r})"

    def _repr_html_(self) -> str:
        from ...cards import card

        facts = (
            ("instruction", self.instruction), ("a", self.a), ("b", self.b), ("result", self.output),
            ("arithmetic", type(self.arithmetic).__name__), ("mixes", ", ".join(self.mixes) or None),
            ("confidence", f"{self.confidence}: {CONFIDENCE[self.confidence]}"), ("note", self.note or None),
        )  # fmt: skip
        return card(self.name, facts, note=self.source)

    def __post_init__(self) -> None:
        require(
            self.confidence in CONFIDENCE, f"confidence={self.confidence!r} of unit {self.name!r} must be A, B, C or D"
        )
        require(bool(self.source), f"source of unit {self.name!r} must not be empty")
        outputs = ("float32", "float16", "float64", "int32", "bfloat16")
        require(self.output in outputs, f"output={self.output!r} of unit {self.name!r} must be one of {outputs}")
        if isinstance(self.arithmetic, IntegerSum):
            known = set(INTEGER_RANGES)
            require(
                {self.a, self.b} <= known,
                f"a={self.a!r}, b={self.b!r} of unit {self.name!r} must be in {sorted(known)}",
            )
        else:
            self._check_formats()
        self._check_options()

    def _check_formats(self) -> None:
        a, b = self.formats
        s = self.arithmetic
        if isinstance(s, AlignedSum):
            fits16 = (s.output is Output.NEAREST_16) == (self.output == "float16")
            require(fits16, f"output={self.output!r} of unit {self.name!r} does not go with {s.output.value!r}")
            # the kernel keeps two int32 partial sums, C in the first, and their sum as sign and 32-bit magnitude
            largest = _largest_significand(a) * _largest_significand(b) * s.step + 2
            fits = largest * 2**s.fraction < 2**32 and (largest + 2) * 2 ** (s.fraction - 1) < 2**31
            require(
                fits, f"unit {self.name!r}: {s.step} products of {self.a} and {self.b} with F={s.fraction} pass 32 bits"
            )
        elif not isinstance(s, Conversion | FmaChain):
            require(self.output == "float32", f"output={self.output!r} of unit {self.name!r} must be 'float32'")
        if isinstance(s, PairSum):
            exact = a.precision + b.precision <= 24
            require(exact, f"unit {self.name!r}: a product of {self.a} and {self.b} must fit 24 bits")

    def _check_options(self) -> None:
        for key, least in (("promote", 0), ("split_k", 1), ("split_tile", 0)):
            value = getattr(self, key)
            fits = isinstance(value, int) and not isinstance(value, bool) and value >= least
            require(fits, f"{key}={value!r} of unit {self.name!r} must be an integer of at least {least}")
        if not self.promote and self.split_k == 1:
            return
        plain = self.output == "float32" and not isinstance(self.arithmetic, Conversion)
        require(plain, f"promote and split_k need output 'float32', and unit {self.name!r} has {self.output!r}")
        for key in ("promote", "split_tile"):
            value = getattr(self, key)
            require(value % self.whole == 0, f"{key}={value} of unit {self.name!r} must be a multiple of {self.whole}")
        fits = not self.promote or self.split_k == 1 or self.tile % self.promote == 0
        require(
            fits, f"split_tile={self.split_tile} of unit {self.name!r} must be a multiple of promote={self.promote}"
        )

    @property
    def tile(self) -> int:
        """k that split k keeps together: `split_tile`, or 128 bytes of an operand, as cuBLAS and CUTLASS have it."""
        bits = 32 if self.a == "tfloat32" else get_format(self.a).bits
        return self.split_tile or lcm(1024 // bits, self.whole, self.promote or 1)

    @property
    def whole(self) -> int:
        """k that belong together in the instruction: a step, a tile, pairs, a block of scales."""
        s = self.arithmetic
        return max(getattr(s, "whole", s.step), getattr(s, "tile", 1), getattr(s, "scale_block", 0))

    @property
    def vendor(self) -> str:
        """nvidia, amd, intel or arm."""
        return self.name.partition(".")[0]

    @cached_property
    def formats(self) -> tuple[Format, Format]:
        """The operands' formats (not for integer units, whose operands are plain integers)."""
        return get_format(self.a), get_format(self.b)

    @property
    def rule(self) -> str:
        """The arithmetic in one line."""
        text = self.arithmetic.rule
        text += f", float32 sum every {self.promote}" if self.promote else ""
        return text + (f", k in {self.split_k} parts" if self.split_k > 1 else "")

    def replace(self, **options: Any) -> Unit:
        """The unit with other options: promote, split_k, split_tile, split_interleaved.

        Raises
        ------
        AccumulatorError
            If an option is unknown or does not fit the unit.

        Examples
        --------
        >>> from nfloat.linalg.units.names import units
        >>> units["nvidia.hopper.wgmma.e4m3.f32"].replace(promote=128).name
        'nvidia.hopper.wgmma.e4m3.f32@promote=128'
        """
        for key in options:
            if key not in _OPTIONS:
                raise AccumulatorError(f"{key!r} is not an option of a unit; {nearest_names(key, _OPTIONS)}")
        values = {key: options.get(key, getattr(self, key)) for key in _OPTIONS}
        defaults = {key: getattr(type(self), key) for key in _OPTIONS}
        text = ",".join(f"{key}={int(values[key])}" for key in _OPTIONS if values[key] != defaults[key])
        name = self.name.partition("@")[0] + (f"@{text}" if text else "")
        return _replace(self, name=name, **values)

    def __str__(self) -> str:
        return self.name


def _largest_significand(fmt: Format) -> float:
    """The greatest significand of a format as a number in 1..2."""
    if fmt.emin == fmt.emax:
        return fmt.max_significand / 2 ** (fmt.precision - 1)
    return 2 - 2.0 ** (1 - fmt.precision)
