"""THE list of named formats, one entry each, with its source. Everything else iterates over it.

Names are ml_dtypes' where it has one. Families spelled on the fly (``e6m9``, ``binary8p4se``, ``fixed16.8``) and
aliases stand in ``names.py``.
"""

from __future__ import annotations

from types import MappingProxyType

from .format import Format, LowestBinade, NaNCodes

_IEEE = "IEEE 754-2019, table 3.5"
_OFP8 = "OCP 8-bit Floating Point Specification (OFP8) 1.0, 2023"
_MX = "OCP Microscaling Formats (MX) 1.0, 2023, section 5.3"
_ML = "ml_dtypes documentation (README, float8 types)"
_FNUZ = "Noune et al. 2022 (arXiv 2206.02915); ml_dtypes README"
_INTEL = "IntelLabs FP8-Emulation-Toolkit"


def _fnuz(name: str, precision: int, emin: int, emax: int, source: str = _FNUZ) -> Format:
    return Format(name=name, precision=precision, emin=emin, emax=emax, bits=8, has_inf=False,
                  nan=NaNCodes.NEGATIVE_ZERO, source=source)  # fmt: skip


def _finite(name: str, precision: int, emin: int, emax: int) -> Format:
    return Format(name=name, precision=precision, emin=emin, emax=emax, has_inf=False, nan=NaNCodes.NONE, source=_MX)


_ENTRIES = (
    Format(name="float64", precision=53, emin=-1022, emax=1023, source=_IEEE + " (binary64)"),
    Format(name="float32", precision=24, emin=-126, emax=127, source=_IEEE + " (binary32)"),
    Format(name="float16", precision=11, emin=-14, emax=15, source=_IEEE + " (binary16)"),
    Format(name="bfloat16", precision=8, emin=-126, emax=127, source="Intel BFLOAT16 Hardware Numerics Definition "
        "1.0, 2018"),
    Format(name="tfloat32", precision=11, emin=-126, emax=127, source="NVIDIA A100 architecture white paper, 2020 "
        "(1-8-10 bits)"),
    Format(name="amdfp24", precision=17, emin=-62, emax=63, source="ATI R300 pixel shader format (1-7-16 bits); Buck, "
        "GPU Gems 2, ch. 32"),
    Format(name="pxr24", precision=16, emin=-126, emax=127, source="Pixar PXR24 (1-8-15 bits), OpenEXR technical "
        "introduction"),
    Format(name="dlfloat16", precision=10, emin=-31, emax=32, max_significand=1022, has_inf=False,
           lowest_binade=LowestBinade.ZERO_FIRST,
           source="Agrawal et al., DLFloat, ARITH 2019 (1-6-9 bits, no subnormals, one NaN-infinity code per sign)"),
    Format(name="float8_e5m2", precision=3, emin=-14, emax=15, source=_OFP8 + ", E5M2"),
    Format(name="float8_e4m3fn", precision=4, emin=-6, emax=8, max_significand=14, has_inf=False,
           source=_OFP8 + ", E4M3"),
    Format(name="float8_e4m3", precision=4, emin=-6, emax=7, source=_ML + ": IEEE-like"),
    Format(name="float8_e3m4", precision=5, emin=-2, emax=3, source=_ML + ": IEEE-like"),
    _fnuz("float8_e4m3fnuz", 4, -7, 7),
    _fnuz("float8_e5m2fnuz", 3, -15, 15),
    _fnuz("float8_e4m3b11fnuz", 4, -10, 4, _ML + ": HFP8's 4-bit exponent, bias 11"),
    Format(name="float8_e3m4_intel", precision=5, emin=-2, emax=4, max_significand=30, has_inf=False,
           source=_INTEL + ": bias 3, no infinity, NaN at the top code, max 30"),
    Format(name="float8_e8m0fnu", precision=1, emin=-127, emax=127, signed=False, has_inf=False,
           lowest_binade=LowestBinade.NORMAL, source=_MX + " (E8M0 scale)"),
    _finite("float6_e2m3fn", 4, 0, 2),
    _finite("float6_e3m2fn", 3, -2, 4),
    _finite("float4_e2m1fn", 2, 0, 2),
    Format(name="int8", precision=7, emin=6, emax=6, twos_complement=True, has_inf=False, nan=NaNCodes.NONE,
           source="two's complement, saturating"),
)  # fmt: skip

#: canonical name -> Format, every named format (read-only)
FORMATS = MappingProxyType({f.name: f for f in _ENTRIES})
