"""Matrix instructions of CPUs: Intel (AMX, AVX-512) and Arm (BF16 and SME), one row per instruction.

Intel's NaN rules are bitwise: a NaN operand comes out quieted, a generated one is 0xFFC00000; of several, the one that
meets the last operation as a factor wins over one in the sum. Arm returns the default NaN 0x7FC00000.

Sources, by tag. SDM: Intel's instruction reference. LIVE: compared with the instruction itself, 0 differences: on an
Intel CPU with AMX, and VDPBF16PS, VCVTNEPS2BF16, VPDPBUSD and VPDPBUSDS on AMD Zen 4, which returns the same bits; the
tests repeat it where they can. ARM: Arm's A64 and SME instruction descriptions. QEMU: its ``target/arm/tcg`` helpers.
"""

from __future__ import annotations

from ..sums import Arithmetic, Conversion, EvenOddChains, FmaChain, IntegerSum, PairSum
from ..unit import Unit

_BF16 = "bfloat16"
_EBF0 = "FPCR.EBF = 0 or no FEAT_EBF16"
_EBF1 = "FPCR.EBF = 1 with FPCR at its reset value: nearest even, subnormals kept"

# name, instruction, operand formats, output, arithmetic, confidence, source, note
_ROWS: tuple[tuple[str, str, tuple[str, str], str, Arithmetic, str, str, str], ...] = (
    ("intel.amx.tdpbf16ps", "TDPBF16PS", (_BF16, _BF16), "float32", EvenOddChains(tile=32), "A", "SDM; LIVE",
     "32 k per tile; the pseudocode of the Intrinsics Guide (one chain into C) is not what the hardware does"),
    ("intel.avx512.vdpbf16ps", "VDPBF16PS", (_BF16, _BF16), "float32", FmaChain(flush=True, odd_first=True), "A",
     "SDM; LIVE",
     "the odd element of each pair first"),
    ("intel.avx512.vcvtneps2bf16", "VCVTNEPS2BF16", ("float32", "float32"), _BF16, Conversion(), "A", "SDM; LIVE",
     "a conversion: see `nfloat.linalg.units.names.convert`"),
    ("intel.amx.tdpbssd", "TDPBSSD", ("int8", "int8"), "int32", IntegerSum(), "A", "SDM; LIVE", "wraps"),
    ("intel.avx512.vpdpbusd", "VPDPBUSD", ("uint8", "int8"), "int32", IntegerSum(), "A", "SDM; LIVE", "wraps"),
    ("intel.avx512.vpdpbusds", "VPDPBUSDS", ("uint8", "int8"), "int32", IntegerSum(saturate=True), "A", "SDM; LIVE",
     "clamps after each four products"),
    ("arm.bfdot", "BFDOT", (_BF16, _BF16), "float32", PairSum(to_odd=True), "B", "ARM; QEMU", _EBF0),
    ("arm.bfdot.ebf1", "BFDOT", (_BF16, _BF16), "float32", PairSum(to_odd=False), "B", "ARM; QEMU", _EBF1),
    ("arm.bfmmla", "BFMMLA", (_BF16, _BF16), "float32", PairSum(to_odd=True), "B", "ARM; QEMU",
     _EBF0 + "; two chained BFDOTs"),
    ("arm.bfmmla.ebf1", "BFMMLA", (_BF16, _BF16), "float32", PairSum(to_odd=False), "B", "ARM; QEMU", _EBF1),
    ("arm.bfmopa", "BFMOPA", (_BF16, _BF16), "float32", PairSum(to_odd=True), "B", "ARM; QEMU", _EBF0),
    ("arm.bfmopa.ebf1", "BFMOPA", (_BF16, _BF16), "float32", PairSum(to_odd=False), "B", "ARM; QEMU", _EBF1),
    ("arm.fmopa", "FMOPA (fp16 to fp32)", ("float16", "float16"), "float32", PairSum(to_odd=False), "B", "ARM; QEMU",
     "FPCR at its reset value"),
)  # fmt: skip

UNITS = tuple(
    Unit(name=name, instruction=instruction, a=formats[0], b=formats[1], output=output, arithmetic=arithmetic,
         confidence=confidence, source=source, note=note)
    for name, instruction, formats, output, arithmetic, confidence, source, note in _ROWS
)  # fmt: skip
