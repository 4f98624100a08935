"""NVIDIA tensor cores, one row per instruction and type.

Regularities, which the rows spell out and a test checks: a step takes 8, 16 or 32 bytes of each operand (Volta; Turing
to Ada; Hopper on); F = 23, 24, 25; the clamp lies F - 18 below the least normal exponent of the output. FP8 on Ada and
on Hopper's wgmma keeps F = 13. FP8 through ``mma.sync`` on Hopper and data-centre Blackwell has no unit: the compiler
emits two FP16 instructions and a separate addition. Operands are read exactly (no flushing); tf32 registers are read
without their low 13 bits (a NaN whose payload lies there alone counts as infinite).

Special values: a NaN operand, 0 times infinity or infinities of both signs give the NaN 0x7FFFFFFF (float16: 0x7FFF);
products do not overflow; a zero result is +0.

Sources, by tag. KM: Khattak and Mikaitis, MATLAB-tensor-core (BSD-2-Clause) and arXiv 2512.07004, with outputs recorded
on V100, A100, A2, L40S, RTX 1000, H100, H200, B200. MS: MMA-Sim 2.1.1 and arXiv 2511.10909. HK: Hawkeye, arXiv
2603.20421. ME: mmaemu 0.1.0, replays of cuBLAS calls on H100 and RTX 4060. NC: Cankaya's bit-exact Qwen3 forward pass.
FT: FTTN, arXiv 2403.00232. PTX: the PTX ISA manual. H200: measured on an H200 (CUDA 13.0, driver 580.159, 2026-11-26):
about 62 million outputs of each Hopper row (FP8 of two formats: 42 million at least), chains of one to four
instructions, operands of all kinds (ties of the cut, cancellation, subnormals, infinities, NaNs, signed zeros, C of any
size), 0 differ from the row, NaN bits included but for float64's, whose payloads are not modelled; WMMA, and mma.sp on
what it keeps, add up as the dense rows do. ``tests/golden/hopper_h200.npz`` keeps some.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..sums import AlignedSum, FmaChain, GroupedSum, IntegerSum, Output
from ..unit import Unit

_FORMAT = {
    "f16": "float16",
    "bf16": "bfloat16",
    "tf32": "tfloat32",
    "e4m3": "float8_e4m3fn",
    "e5m2": "float8_e5m2",
    "e2m3": "float6_e2m3fn",
    "e3m2": "float6_e3m2fn",
    "e2m1": "float4_e2m1fn",
}
_FP8 = ("e4m3", "e5m2")
_NARROW = ("e4m3", "e5m2", "e2m3", "e3m2", "e2m1")
_TWO = "KM recordings (0 of 5000 differ); MS; HK"
_ONE = "MS"
_LOWERED = (
    "Two FP16 steps over k mod 4 in {0,1} and {2,3} from +0, then a rounded addition of C. The compiler may change it."
)
_MEASURED = "H200 (0 of some 60 million differ)"
_HOPPER = _MEASURED + "; " + _TWO

# architecture.instruction, inputs, output, products a step, F, clamp, confidence, source, note
_ROWS = (
    ("volta.mma", "f16", "f32", 4, 23, -131, "A", _TWO, "mma.sync.m8n8k4"),
    ("volta.mma", "f16", "f16", 4, 23, -19, "A", _TWO, "mma.sync.m8n8k4; the clamp is B"),
    ("turing.mma", "f16", "f32", 8, 24, -132, "C", _ONE, "mma.sync.m16n8k8"),
    ("turing.mma", "f16", "f16", 8, 24, -20, "C", _ONE, "mma.sync.m16n8k8"),
    ("turing.mma_k4", "f16", "f32", 4, 23, -131, "C", _ONE, "mma.sync.m8n8k4, with Volta's numbers"),
    ("turing.mma_k4", "f16", "f16", 4, 23, -19, "C", _ONE, "mma.sync.m8n8k4, with Volta's numbers"),
    ("ampere.mma", "f16", "f32", 8, 24, -132, "A", _TWO, "mma.sync.m16n8k16 is two steps"),
    (
        "ampere.mma",
        "f16",
        "f16",
        8,
        24,
        -20,
        "A",
        _TWO,
        "mma.sync.m16n8k16 is two steps, rounded between; the clamp is B",
    ),
    ("ampere.mma", "bf16", "f32", 8, 24, -132, "A", _TWO, "mma.sync.m16n8k16 is two steps; the clamp is B"),
    ("ampere.mma", "tf32", "f32", 4, 24, -132, "A", _TWO, "mma.sync.m16n8k8 is two steps"),
    ("ada.mma", "f16", "f32", 8, 24, -132, "A", _TWO, "mma.sync.m16n8k16 is two steps"),
    ("ada.mma", "f16", "f16", 8, 24, -20, "A", _TWO, "mma.sync.m16n8k16 is two steps, rounded between; the clamp is B"),
    ("ada.mma", "bf16", "f32", 8, 24, -132, "A", _TWO, "mma.sync.m16n8k16 is two steps; the clamp is B"),
    ("ada.mma", "tf32", "f32", 4, 24, -132, "A", _TWO, "mma.sync.m16n8k8 is two steps"),
    (
        "ada.mma",
        "fp8",
        "f32",
        16,
        13,
        -132,
        "A",
        _TWO + "; ME",
        "mma.sync.m16n8k32 is two steps; result cut to 13 fraction bits",
    ),
    ("ada.mma", "fp8", "f16", 16, 13, -20, "A", _TWO, "mma.sync.m16n8k32 is two steps; the clamp is C"),
    ("hopper.mma", "f16", "f32", 16, 25, -133, "A", _HOPPER, "mma.sync.m16n8k16"),
    ("hopper.mma", "f16", "f16", 16, 25, -21, "A", _HOPPER, "mma.sync.m16n8k16"),
    ("hopper.mma", "bf16", "f32", 16, 25, -133, "A", _HOPPER, "mma.sync.m16n8k16"),
    ("hopper.mma_k8", "f16", "f32", 8, 25, -133, "A", _MEASURED, "mma.sync.m16n8k8"),
    ("hopper.mma_k8", "f16", "f16", 8, 25, -21, "A", _MEASURED, "mma.sync.m16n8k8"),
    ("hopper.mma_k8", "bf16", "f32", 8, 25, -133, "A", _MEASURED, "mma.sync.m16n8k8"),
    ("hopper.mma", "tf32", "f32", 8, 25, -133, "A", _MEASURED + "; MS; FT; KM", "mma.sync.m16n8k8"),
    ("hopper.mma_k4", "tf32", "f32", 4, 25, -133, "A", _HOPPER, "mma.sync.m16n8k4, what WMMA m16n16k8 lowers to"),
    ("hopper.mma", "fp8", "f32", 16, 25, -133, "A", _MEASURED + "; KM recordings (B200)", _LOWERED),
    ("hopper.mma", "fp8", "f16", 16, 25, -21, "A", _HOPPER, _LOWERED),
    ("hopper.mma_k16", "fp8", "f32", 8, 25, -133, "A", _MEASURED, _LOWERED),
    ("hopper.mma_k16", "fp8", "f16", 8, 25, -21, "A", _MEASURED, _LOWERED),
    ("hopper.wgmma", "f16", "f32", 16, 25, -133, "A", _MEASURED + "; MS; KM; HK", "wgmma.mma_async.m64nNk16"),
    ("hopper.wgmma", "f16", "f16", 16, 25, -21, "A", _MEASURED + "; MS; KM", "wgmma.mma_async.m64nNk16"),
    ("hopper.wgmma", "bf16", "f32", 16, 25, -133, "A", _MEASURED + "; MS; KM; HK", "wgmma.mma_async.m64nNk16"),
    ("hopper.wgmma", "tf32", "f32", 8, 25, -133, "A", _MEASURED + "; MS; KM", "wgmma.mma_async.m64nNk8"),
    (
        "hopper.wgmma",
        "fp8",
        "f32",
        32,
        13,
        -133,
        "A",
        _MEASURED + "; KM recordings with C = 0; ME on cuBLAS; MS; HK",
        "wgmma.mma_async.m64nNk32; result cut to 13 fraction bits",
    ),
    ("hopper.wgmma", "fp8", "f16", 32, 13, -21, "A", _MEASURED + "; MS; KM", "wgmma.mma_async.m64nNk32"),
    ("blackwell.mma", "f16", "f32", 16, 25, -133, "A", _TWO, "mma.sync.m16n8k16 on sm_100"),
    ("blackwell.mma", "f16", "f16", 16, 25, -21, "A", _TWO, "mma.sync.m16n8k16 on sm_100"),
    ("blackwell.mma", "bf16", "f32", 16, 25, -133, "A", _TWO, "mma.sync.m16n8k16 on sm_100"),
    ("blackwell.mma", "tf32", "f32", 8, 25, -133, "B", "MS; KM", "mma.sync.m16n8k8 on sm_100"),
    ("blackwell.mma_k4", "tf32", "f32", 4, 25, -133, "A", _TWO, "mma.sync.m16n8k4 on sm_100, what WMMA lowers to"),
    ("blackwell.mma", "fp8", "f32", 16, 25, -133, "A", "KM recordings (B200, 0 of 5000 differ)", _LOWERED),
    ("blackwell.mma", "fp8", "f16", 16, 25, -21, "A", "KM recordings (H100, H200, B200, 0 of 5000 differ)", _LOWERED),
    ("blackwell.tcgen05", "f16", "f32", 16, 25, -133, "C", _ONE, "tcgen05.mma.kind::f16"),
    ("blackwell.tcgen05", "f16", "f16", 16, 25, -21, "C", _ONE, "tcgen05.mma.kind::f16"),
    ("blackwell.tcgen05", "bf16", "f32", 16, 25, -133, "C", _ONE, "tcgen05.mma.kind::f16"),
    ("blackwell.tcgen05", "tf32", "f32", 8, 25, -133, "C", _ONE, "tcgen05.mma.kind::tf32"),
    ("blackwell.tcgen05", "narrow", "f32", 32, 25, -133, "C", _ONE, "tcgen05.mma.kind::f8f6f4"),
    ("blackwell.tcgen05", "narrow", "f16", 32, 25, -21, "C", _ONE, "tcgen05.mma.kind::f8f6f4"),
    ("blackwell.tcgen05", "mx", "f32", 32, 25, -133, "C", _ONE, "tcgen05.mma.kind::mxf8f6f4.block_scale.block32"),
    ("rtx_blackwell.mma", "f16", "f32", 16, 25, -133, "B", "MS; ME", "mma.sync.m16n8k16 on sm_120"),
    ("rtx_blackwell.mma", "f16", "f16", 16, 25, -21, "B", "MS; ME", "mma.sync.m16n8k16 on sm_120"),
    ("rtx_blackwell.mma", "bf16", "f32", 16, 25, -133, "B", "MS; ME", "mma.sync.m16n8k16 on sm_120"),
    ("rtx_blackwell.mma", "tf32", "f32", 8, 25, -133, "B", "MS; ME", "mma.sync.m16n8k8 on sm_120"),
    ("rtx_blackwell.mma", "narrow", "f32", 32, 25, -133, "C", _ONE, "mma.sync.m16n8k32.kind::f8f6f4 on sm_120"),
    ("rtx_blackwell.mma", "narrow", "f16", 32, 25, -21, "C", _ONE, "mma.sync.m16n8k32.kind::f8f6f4 on sm_120"),
    (
        "rtx_blackwell.mma",
        "mx",
        "f32",
        32,
        25,
        -133,
        "C",
        _ONE,
        "mma.sync.m16n8k32.kind::mxf8f6f4.block_scale on sm_120",
    ),
)

# architecture.instruction, name, scale block, scale format, note: e2m1 operands, k = 64
_FP4_ROWS = tuple(
    (instruction, name, block, scale, f"{ptx} with {note}")
    for instruction, ptx in (
        ("blackwell.tcgen05", "tcgen05.mma.kind::mxf4nvf4"),
        ("rtx_blackwell.mma", "mma.sync.m16n8k64.kind::mxf4nvf4"),
    )
    for name, block, scale, note in (
        ("mxf4", 32, "float8_e8m0fnu", "a ue8m0 scale per 32"),
        ("mxf4_16", 16, "float8_e8m0fnu", "a ue8m0 scale per 16"),
        ("nvf4", 16, "float8_e4m3fn", "a ue4m3 scale per 16 (the sign bit is ignored)"),
    )
)

_F64 = ("ampere", "hopper", "blackwell")
_INTEGERS = (
    *((arch, kind) for arch in ("turing", "ampere", "ada") for kind in ("s8", "u8", "s4", "u4")),
    ("hopper", "s8"),
    ("hopper", "u8"),
)


def _output(out: str, fraction: int) -> Output:
    if out == "f16":
        return Output.NEAREST_16
    return Output.TRUNCATE_14 if fraction == 13 else Output.TRUNCATE_24


def _aligned(row: tuple[Any, ...]) -> Iterator[Unit]:
    """The unit or units of one row: `fp8`, `narrow` and `mx` stand for several operand formats that may be mixed."""
    instruction, kind, out, step, fraction, clamp, confidence, source, note = row
    tokens = {"fp8": _FP8, "narrow": _NARROW, "mx": _NARROW}.get(kind, (kind,))
    lowered = note is _LOWERED
    arithmetic = AlignedSum(
        step=step,
        fraction=fraction,
        clamp=clamp,
        output=_output(out, fraction),
        pairs_apart=lowered,
        promote=2 * step if lowered else 0,
        scale_block=32 if kind == "mx" else 0,
        scale_format="float8_e8m0fnu" if kind == "mx" else "",
    )
    ptx = (
        f"mma.sync.m16n8k{2 * step}, emitted as FP16 instructions"
        if lowered
        else note.partition(";")[0].partition(" is ")[0]
    )
    for token in tokens:
        label = f"mxf{_FORMAT[token][5]}_{token}" if kind == "mx" else token
        yield Unit(
            name=f"nvidia.{instruction}.{label}.{out}",
            instruction=ptx,
            a=_FORMAT[token],
            b=_FORMAT[token],
            output="float16" if out == "f16" else "float32",
            arithmetic=arithmetic,
            confidence=confidence,
            source=source,
            note=note,
            mixes=tuple(t for t in tokens if t != token),
        )


def _fp4(row: tuple[Any, ...]) -> Unit:
    instruction, name, block, scale, note = row
    return Unit(
        name=f"nvidia.{instruction}.{name}.f32",
        instruction=note.partition(" with")[0],
        a="float4_e2m1fn",
        b="float4_e2m1fn",
        output="float32",
        arithmetic=GroupedSum(scale_block=block, scale_format=scale),
        confidence="C",
        source=_ONE,
        note=note + "; the clamp and the rule for zero groups changed between versions of the source",
    )


def _others() -> Iterator[Unit]:
    for arch in _F64:
        yield Unit(
            name=f"nvidia.{arch}.mma.f64.f64",
            instruction="mma.sync.m8n8k4.f64",
            a="float64",
            b="float64",
            output="float64",
            arithmetic=FmaChain(),
            confidence="A" if arch == "hopper" else "B",
            source=(_MEASURED if arch == "hopper" else "MS; KM"),
            note="the same with m16n8k16; a NaN's payload is not modelled",
        )
    for arch, kind in _INTEGERS:
        word = f"{'u' if kind[0] == 'u' else ''}int{kind[1:]}"
        yield Unit(
            name=f"nvidia.{arch}.mma.{kind}.s32",
            instruction=f"mma.sync (.{kind})",
            a=word,
            b=word,
            output="int32",
            arithmetic=IntegerSum(),
            confidence="A" if arch == "hopper" else "D",
            source=_MEASURED if arch == "hopper" else "PTX",
            note="wraps without .satfinite" + ("" if arch == "hopper" else "; not re-measured"),
        )


UNITS = (*(unit for row in _ROWS for unit in _aligned(row)), *(_fp4(row) for row in _FP4_ROWS), *_others())
