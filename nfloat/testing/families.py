"""Which formats the exhaustive check goes through.

The catalogue, every P3109 name, spelled ones, and some that have no name.

The last ones are there for what the named ones lack: one binade, a top binade cut to a single number, ranges at the
ends of the carriers, a policy of their own. Fast paths choose themselves by such properties.
"""

from __future__ import annotations

from ..errors import FormatError
from ..formats.catalog import FORMATS
from ..formats.format import Format, LowestBinade, NaNCodes, Subnormals
from ..formats.names import get_format
from ..formats.rounding import Overflow
from .grid import TABLE_BITS


def p3109_names() -> list[str]:
    """Every P3109 name with 3 <= K <= 16 whose numbers are float64 numbers."""
    names = (f"binary{k}p{p}{s}{d}" for k in range(3, 17) for s in "su" for p in range(1, k + (s == "u")) for d in "ef")
    return [name for name in names if _exists(name)]


def _exists(name: str) -> bool:
    try:
        get_format(name)
    except FormatError:
        return False
    return True


def spelled_names() -> list[str]:
    """Every ``eXmY`` and ``intN`` of up to 16 bits, aliases of named formats too, and some fixed-point formats."""
    floats = [f"e{e}m{m}" for e in range(2, 12) for m in range(1, TABLE_BITS - e)]
    return [*floats, *(f"int{bits}" for bits in range(2, TABLE_BITS + 1)), *FIXED]


#: fixed point: units above and below one, ranges below and beyond float32's precision
FIXED = (
    "fixed4.2",
    "fixed8.4",
    "fixed8.-3",
    "fixed8.140",
    "fixed16.8",
    "fixed16.20",
    "fixed16.-100",
    "fixed16.200",
    "fixed12.-300",
)

#: spelled formats of more than 16 bits: at the edges of what float32 and float64 lanes can do
WIDE = (
    "e7m20", "e7m21", "e7m22", "e7m23", "e8m16", "e8m20", "e8m21", "e8m22", "e5m18", "e9m23", "e11m20", "e11m48",
    "e11m49", "e11m50",
    "e11m51", "e10m49", "e10m50", "e10m51", "e10m52", "e4m30", "fixed32.16", "fixed40.0", "fixed54.20", "int24",
    "int32",
)  # fmt: skip

#: formats that no name spells, each with something that the named ones lack
UNNAMED = (
    Format(name="one binade", precision=4, emin=3, emax=3),
    Format(name="only powers", precision=1, emin=-4, emax=3),
    Format(name="only powers, bias -1", precision=1, emin=2, emax=7),
    Format(name="only powers, zero first", precision=1, emin=3, emax=9, lowest_binade=LowestBinade.ZERO_FIRST),
    Format(name="only powers, subnormal in float32", precision=1, emin=-140, emax=-130),
    Format(name="only powers, subnormal in float64", precision=1, emin=-1070, emax=-1030),
    Format(name="only powers, among float32's subnormal numbers", precision=1, emin=-130, emax=-100),
    Format(name="top cut to a power", precision=5, emin=-6, emax=5, max_significand=16),
    Format(name="unsigned, no specials", precision=4, emin=-6, emax=8, signed=False, has_inf=False, nan=NaNCodes.NONE),
    Format(name="unsigned with infinity", precision=3, emin=-6, emax=8, signed=False),
    Format(name="unsigned, flushes", precision=4, emin=-6, emax=7, signed=False, subnormals=Subnormals.FLUSH),
    Format(
        name="unsigned, zero first", precision=4, emin=-6, emax=7, signed=False, lowest_binade=LowestBinade.ZERO_FIRST
    ),
    Format(
        name="64 bits, FNUZ zero",
        precision=53,
        emin=-1022,
        emax=1023,
        bits=64,
        has_inf=False,
        nan=NaNCodes.NEGATIVE_ZERO,
    ),
    Format(name="saturates of itself", precision=3, emin=-6, emax=8, overflow=Overflow.SATURATE),
    Format(name="keeps infinity", precision=3, emin=-6, emax=8, overflow=Overflow.SATURATE_FINITE),
    Format(name="bfloat16 without infinity", precision=8, emin=-126, emax=127, has_inf=False, max_significand=254),
    Format(name="bfloat16 with FNUZ zero", precision=8, emin=-126, emax=127, has_inf=False, nan=NaNCodes.NEGATIVE_ZERO),
    Format(name="bfloat16 cut short", precision=8, emin=-126, emax=-90),
    Format(name="large numbers", precision=5, emin=100, emax=127),
    Format(name="below float32's normal numbers", precision=5, emin=-140, emax=-100),
    Format(name="unit is the least normal float32", precision=5, emin=-121, emax=0),
    Format(name="unit is the next one down", precision=5, emin=-122, emax=0),
    Format(name="least float64 numbers", precision=5, emin=-1070, emax=-1000),
    Format(name="largest float64 numbers", precision=5, emin=960, emax=1023),
    Format(
        name="no zero, precision 3",
        precision=3,
        emin=-6,
        emax=8,
        signed=False,
        has_inf=False,
        lowest_binade=LowestBinade.NORMAL,
    ),
    Format(name="zero first, with infinity", precision=4, emin=-8, emax=7, lowest_binade=LowestBinade.ZERO_FIRST),
    Format(name="more bits than needed", precision=4, emin=-6, emax=7, bits=12),
)


def families() -> dict[str, list[Format]]:
    """The formats that the exhaustive check goes through, by family."""
    small = [f for f in FORMATS.values() if f.bits <= TABLE_BITS]
    flushed = [
        get_format(name).replace(name=f"{name}-{how}", subnormals=how)
        for name in (
            "float16",
            "bfloat16",
            "float8_e4m3fn",
            "float8_e8m0fnu",
            "binary8p3se",
            "binary8p1sf",
            "tfloat32",
            "float32",
            "e11m20",
            "float64",
        )
        for how in ("flush_output", "flush_input", "flush")
    ]
    return {
        "catalogue": small,
        "catalogue, more than 16 bits": [f for f in FORMATS.values() if f.bits > TABLE_BITS],
        "spelled": [get_format(name) for name in spelled_names()],
        "spelled, more than 16 bits": [get_format(name) for name in WIDE],
        "unnamed": list(UNNAMED),
        "flushed": flushed,
        "p3109": [get_format(name) for name in p3109_names()],
    }
