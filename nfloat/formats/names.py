"""From a name to a format: aliases, and the families that are spelled on the fly.

``e6m9`` (IEEE-like: bias 2^(e-1) - 1, infinities, NaNs, subnormals), ``binary8p4se`` (IEEE P3109 Interim Report v4.0,
an unapproved draft: K = 3..16, no conformance is claimed), ``fixed16.8`` and ``int12`` (two's complement, saturating).
"""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias

from ..errors import FormatError, nearest_names
from .catalog import FORMATS
from .format import Format, NaNCodes
from .rounding import Overflow
from .wide import WideFormat, refusal, wide_format

FormatLike: TypeAlias = Format | str

#: other spellings -> canonical name (read-only); lookup ignores case
ALIASES = MappingProxyType({
    "fp16": "float16", "half": "float16", "binary16": "float16", "f16": "float16",
    "bf16": "bfloat16", "brain": "bfloat16",
    "tf32": "tfloat32", "tensorfloat32": "tfloat32",
    "fp32": "float32", "single": "float32", "binary32": "float32", "f32": "float32",
    "fp64": "float64", "double": "float64", "binary64": "float64", "f64": "float64",
    "fp24": "amdfp24", "fp24_amd": "amdfp24", "dlfloat": "dlfloat16", "1-6-9": "dlfloat16",
    "e5m2": "float8_e5m2", "fp8_e5m2": "float8_e5m2",
    "e4m3fn": "float8_e4m3fn", "fp8_e4m3": "float8_e4m3fn", "fp8_e4m3fn": "float8_e4m3fn",
    "e4m3": "float8_e4m3", "e3m4": "float8_e3m4",
    "e4m3fnuz": "float8_e4m3fnuz", "e5m2fnuz": "float8_e5m2fnuz", "e4m3b11fnuz": "float8_e4m3b11fnuz",
    "e4m3b11": "float8_e4m3b11fnuz", "e3m4_intel": "float8_e3m4_intel",
    "e8m0": "float8_e8m0fnu", "e8m0fnu": "float8_e8m0fnu", "ue8m0": "float8_e8m0fnu",
    "e2m3": "float6_e2m3fn", "e2m3fn": "float6_e2m3fn", "fp6_e2m3": "float6_e2m3fn",
    "e3m2": "float6_e3m2fn", "e3m2fn": "float6_e3m2fn", "fp6_e3m2": "float6_e3m2fn",
    "e2m1": "float4_e2m1fn", "e2m1fn": "float4_e2m1fn", "fp4": "float4_e2m1fn", "fp4_e2m1": "float4_e2m1fn",
})  # fmt: skip

#: names that say the width alone -> what they may stand for
AMBIGUOUS = MappingProxyType({
    **dict.fromkeys(("fp8", "float8", "f8"), ("float8_e4m3fn", "float8_e5m2")),
    **dict.fromkeys(("fp6", "float6"), ("float6_e2m3fn", "float6_e3m2fn")),
    "mxfp8": ("mxfp8_e4m3", "mxfp8_e5m2"), "mxfp6": ("mxfp6_e2m3", "mxfp6_e3m2"),
    "fixed": ("fixed16.8", "int8"),
})  # fmt: skip

#: a number in a name has one spelling, so that a format has one name
_N = "(0|[1-9][0-9]*)"
_IEEE_LIKE = re.compile(rf"e{_N}m{_N}\Z")
_P3109 = re.compile(rf"binary{_N}p{_N}([su])([ef])\Z")
_FIXED = re.compile(rf"fixed{_N}\.(0|-?[1-9][0-9]*)\Z")
_INT = re.compile(rf"int{_N}\Z")
#: no name is longer; one that is would be slow to compare with the known ones
_LONGEST = 60


def get_format(fmt: FormatLike, argument: str = "fmt") -> Format:
    """The format that a name stands for; a `Format` passes through.

    Parameters
    ----------
    fmt : Format or str
        A canonical name or alias (any case), or ``e<X>m<Y>``, ``binary<K>p<P><s|u><e|f>``,
        ``fixed<bits>.<fraction bits>``, ``int<bits>``. P3109 formats need exponents that float64 has (P >= K - 11,
        unsigned K - 10).
    argument : str
        What an error calls it.

    Raises
    ------
    FormatError
        If nothing has that name; the message lists the nearest names.

    Examples
    --------
    >>> from nfloat import get_format
    >>> get_format("bf16").name, get_format("e6m9").max, get_format("binary8p4se").max
    ('bfloat16', 4290772992.0, 224.0)
    """
    if isinstance(fmt, Format):
        return fmt
    if not isinstance(fmt, str):
        raise FormatError(f"{argument}={fmt!r} must be a Format or a format's name, not {type(fmt).__name__}")
    try:
        return _lookup(fmt)
    except FormatError as error:
        text = str(error)
        raise FormatError(
            f"{argument}{text[3:]}" if text.startswith("fmt=") else f"{argument}={fmt!r}: {text}"
        ) from None


@lru_cache(maxsize=4096)
def _lookup(name: str) -> Format:
    key = name.strip().lower()
    if len(key) > _LONGEST:
        raise FormatError(
            f"fmt={key[:_LONGEST] + '...'!r} ({len(key)} characters) is not a number format; no name has more than "
            f"{_LONGEST}"
        )
    if key in AMBIGUOUS:
        raise FormatError(f"fmt={name!r} says the width alone; name one of {', '.join(map(repr, AMBIGUOUS[key]))}")
    if (wide := wide_format(key)) is not None:
        raise refusal("fmt", wide.name)
    key = ALIASES.get(key, key)
    if key in FORMATS:
        return FORMATS[key]
    for pattern, build in ((_IEEE_LIKE, _ieee_like), (_P3109, _p3109), (_FIXED, _fixed), (_INT, _integer)):
        match = pattern.match(key)
        if match:
            return build(key, *match.groups())
    hint = nearest_names(key, [*FORMATS, *ALIASES])
    raise FormatError(f"fmt={name!r} is not a number format; {hint}; or spell e6m9, binary8p4se, fixed16.8, int8")


def _ieee_like(name: str, exponent: str, mantissa: str) -> Format:
    e, m = int(exponent), int(mantissa)
    if not (2 <= e <= 11 and 1 <= m <= 52):
        raise FormatError(f"fmt={name!r}: the exponent width must be in 2..11 and the fraction width in 1..52")
    bias = 2 ** (e - 1) - 1
    return Format(
        name=name, precision=m + 1, emin=1 - bias, emax=bias, bits=1 + e + m, source="IEEE 754-like: bias 2^(e-1) - 1"
    )


def _p3109(name: str, width: str, precision: str, sign: str, domain: str) -> Format:
    f = _p3109_fields(name, int(width), int(precision), sign == "s", domain == "e")
    if f.emax > 1023 or f.emin - f.precision + 1 < -1074:
        least = f.bits - 10 - f.signed
        raise FormatError(f"{refusal('fmt', name)} (with K = {f.bits}, computing needs P >= {least})")
    return Format(
        name=name, precision=f.precision, emin=f.emin, emax=f.emax, bits=f.bits, signed=f.signed, has_inf=f.has_inf,
        max_significand=f.max_significand, nan=NaNCodes.NEGATIVE_ZERO if f.signed else NaNCodes.TOP,
        overflow=Overflow.INFINITY if f.has_inf else Overflow.SATURATE, source=f.source,
    )  # fmt: skip


def _p3109_fields(name: str, k: int, p: int, signed: bool, extended: bool) -> WideFormat:
    """A P3109 format of any exponents.

    Raises
    ------
    FormatError
        If the family has none of that name.
    """
    if not 3 <= k <= 16:
        raise FormatError(f"fmt={name!r}: P3109 widths here are K = 3..16")
    if not 1 <= p <= (k - 1 if signed else k):
        raise FormatError(f"fmt={name!r}: P3109 needs 0 < P < K (signed) or 0 < P <= K (unsigned)")
    bias = 2 ** (k - p - 1) if signed else 2 ** (k - p)
    if signed:  # 0 .. 2^(K-1) - 1, the last one infinity where extended; NaN stands at -0
        max_code = 2 ** (k - 1) - 1 - extended
    else:  # NaN is the last code, infinity the one before it where extended
        max_code = 2**k - 2 - extended
    top, fraction = divmod(max_code, 2 ** (p - 1))
    return WideFormat(
        name=name, bits=k, precision=p, emin=1 - bias, emax=top - bias, max_significand=2 ** (p - 1) + fraction,
        signed=signed, has_inf=extended, unsigned_zero=True,
        source="IEEE P3109 Interim Report v4.0 (unapproved draft, no conformance claimed)",
    )  # fmt: skip


def described_only(fmt: object) -> WideFormat | None:
    """The format of a name in which nothing computes (``wide.py``), or None: for any other name, `get_format` has it.

    Examples
    --------
    >>> described_only("float128").precision, described_only("binary16p4se").emax, described_only("float16")
    (113, 2047, None)
    """
    match = _P3109.match(fmt.strip().lower()) if isinstance(fmt, str) else None
    if match is None:
        return wide_format(fmt)
    width, precision, sign, domain = match.groups()
    if len(width) > 3 or len(precision) > 3:
        return None
    try:
        f = _p3109_fields(match.group(), int(width), int(precision), sign == "s", domain == "e")
    except FormatError:
        return None
    return f if f.emax > 1023 or f.emin - f.precision + 1 < -1074 else None


def _fixed(name: str, width: str, fraction: str) -> Format:
    bits, frac = int(width), int(fraction)
    if not 2 <= bits <= 54:
        raise FormatError(f"fmt={name!r}: fixed point needs 2..54 bits (every value must be a float64 value)")
    if not bits - 1024 <= frac <= 1074:  # the least number is -2^(bits - 1 - frac), the unit 2^-frac
        raise FormatError(
            f"fmt={name!r}: fixed point of {bits} bits needs {bits - 1024}..1074 fraction bits (every value must be a "
            "float64 value)"
        )
    p = bits - 1
    return Format(name=name, precision=p, emin=p - 1 - frac, emax=p - 1 - frac, bits=bits, twos_complement=True,
                  has_inf=False,
                  nan=NaNCodes.NONE, source="two's complement fixed point, saturating")  # fmt: skip


def _integer(name: str, width: str) -> Format:
    return _fixed(name, width, "0").replace(name=name, source="two's complement, saturating")
