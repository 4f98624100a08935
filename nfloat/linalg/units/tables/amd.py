"""AMD Instinct matrix cores (MFMA), one row per instruction and type.

CDNA1 sums exactly and rounds once; CDNA2 adds pairwise in float32 and flushes subnormals; CDNA3 truncates, floors and
rounds. The instruction's k is chained: a float32 result goes back in as C. No public model of CDNA4 (MI350) was found.
NaN payloads are not documented: NaN results here are 0x7FC00000, to be compared as "is NaN".

Sources, by tag. KM: Khattak and Mikaitis, arXiv 2512.07004. MS: MMA-Sim 2.1.1 and arXiv 2511.10909 (MSP). FT: FTTN,
arXiv 2403.00232. ISA: AMD's instruction set manuals.
"""

from __future__ import annotations

from ..sums import Arithmetic, ExactSum, FlooredSum, FlushedTree, FmaChain, IntegerSum
from ..unit import Unit

_FORMAT = {
    "f16": "float16",
    "bf16": "bfloat16",
    "bf16_1k": "bfloat16",
    "xf32": "tfloat32",
    "fp8": "float8_e4m3fnuz",
    "bf8": "float8_e5m2fnuz",
    "f32": "float32",
    "f64": "float64",
    "i8": "int8",
}
_FP8 = ("fp8", "bf8")
_FP8_NOTE = "E4M3 and E5M2 in their FNUZ forms; MI300"

# architecture, inputs, arithmetic, confidence, source, note
_ROWS: tuple[tuple[str, str, Arithmetic, str, str, str], ...] = (
    ("cdna1", "f32", FmaChain(), "B", "KM; MS", "MI100"),
    ("cdna1", "f16", ExactSum(step=4), "B", "KM; MS", "MI100, v_mfma_f32_*_f16"),
    ("cdna1", "bf16", ExactSum(step=2), "B", "KM; MS", "MI100, v_mfma_f32_*_bf16"),
    ("cdna1", "i8", IntegerSum(), "D", "ISA", "not re-measured"),
    ("cdna2", "f64", FmaChain(), "B", "KM; MS", "MI210, MI250"),
    ("cdna2", "f32", FmaChain(), "B", "KM; MS", "MI210, MI250"),
    ("cdna2", "f16", FlushedTree(step=4), "B", "KM; MS; FT", "MI210, MI250"),
    ("cdna2", "bf16", FlushedTree(step=2), "C", "MSP", "instructions without the suffix _1k"),
    ("cdna2", "bf16_1k", FlushedTree(step=4), "B", "KM; MS; FT", "instructions with the suffix _1k"),
    ("cdna2", "i8", IntegerSum(), "D", "ISA", "not re-measured"),
    ("cdna3", "f64", FmaChain(), "B", "KM; MS", "MI300"),
    ("cdna3", "f32", FmaChain(), "B", "KM; MS", "MI300"),
    ("cdna3", "f16", FlooredSum(step=8), "B", "KM; MS", "MI300; the sources differ in rare corners, here as MS"),
    ("cdna3", "bf16", FlooredSum(step=8), "B", "KM; MS", "MI300; the sources differ in rare corners, here as MS"),
    ("cdna3", "xf32", FlooredSum(step=4), "B", "KM; MS", "MI300; operands are read as tf32 (low 13 bits ignored)"),
    ("cdna3", "fp8", FlooredSum(step=16, halves=True), "B", "KM; MS", _FP8_NOTE),
    ("cdna3", "bf8", FlooredSum(step=16, halves=True), "B", "KM; MS", _FP8_NOTE),
    ("cdna3", "i8", IntegerSum(), "D", "ISA", "not re-measured"),
)


def _unit(row: tuple[str, str, Arithmetic, str, str, str]) -> Unit:
    arch, kind, arithmetic, confidence, source, note = row
    out = {"f64": "f64", "i8": "i32"}.get(kind, "f32")
    return Unit(
        name=f"amd.{arch}.mfma.{kind}.{out}",
        instruction=f"v_mfma_{out}_*_{kind}",
        a=_FORMAT[kind],
        b=_FORMAT[kind],
        output={"f64": "float64", "i32": "int32", "f32": "float32"}[out],
        arithmetic=arithmetic,
        confidence=confidence,
        source=source,
        note=note,
        mixes=tuple(k for k in _FP8 if k != kind) if kind in _FP8 else (),
    )


UNITS = tuple(_unit(row) for row in _ROWS)
