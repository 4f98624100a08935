"""Record what a GPU's tensor cores compute, for ``tests/linalg/test_units_golden.py`` to read. See README.md.

    python tests/golden/record/record.py --arch sm_90a --family hopper --out tests/golden/hopper_h100.npz

Builds ``units.cu`` with nvcc, checks on small integers that operands arrive where they should, runs directed and random
rows through each instruction, writes them, and says how many results differ from nfloat's models.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import click
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "linalg"))

import unit_data

import nfloat as nf
from nfloat.linalg.units.unit import Unit

WIDE_MMA = {
    f"{kind}.{out}": f"mma_{kind}_{out}"
    for kind, out in (("f16", "f32"), ("f16", "f16"), ("bf16", "f32"), ("tf32", "f32"), ("s8", "s32"))
}
FP8 = {
    f"{a}{'' if a == b else '_' + b}.{out}": f"{a}_{b}_{out}"
    for a in ("e4m3", "e5m2")
    for b in ("e4m3", "e5m2")
    for out in ("f32", "f16")
}
NARROW = {
    f"{a}{'' if a == b else '_' + b}.{out}": f"narrow_{a}_{b}_{out}"
    for out in ("f32", "f16")
    for a, b in (
        ("e4m3", "e4m3"),
        ("e5m2", "e5m2"),
        ("e2m3", "e2m3"),
        ("e3m2", "e3m2"),
        ("e2m1", "e2m1"),
        ("e4m3", "e2m1"),
        ("e5m2", "e3m2"),
    )
}
MX = {
    f"mxf{8 if a[0] in 'e4e5' and a in ('e4m3', 'e5m2') else 4 if a == 'e2m1' else 6}_{a}.f32": f"mx_{a}_{a}_f32"
    for a in ("e4m3", "e5m2", "e2m3", "e3m2", "e2m1")
}


def named(prefix: str, table: dict[str, str], stem: str = "") -> dict[str, str]:
    """Unit names from a table of their ends -> instructions of the program."""
    return {f"nvidia.{prefix}.{end}": stem + instruction for end, instruction in table.items()}


#: family -> unit name -> instruction of units.cu
FAMILIES = {
    "turing": {"nvidia.turing.mma.f16.f32": "mma_f16_f32_k8", "nvidia.turing.mma.f16.f16": "mma_f16_f16_k8"},
    "ampere": named("ampere.mma", WIDE_MMA),
    "ada": named("ada.mma", WIDE_MMA) | named("ada.mma", FP8, "mma_"),
    "hopper": named("hopper.mma", WIDE_MMA)
    | named("hopper.mma", FP8, "mma_")
    | {"nvidia.hopper.mma_k4.tf32.f32": "mma_tf32_f32_k4"}
    | named("hopper.wgmma", FP8, "wgmma_")
    | named(
        "hopper.wgmma", {f"{x}": f"wgmma_{x.replace('.', '_')}" for x in ("f16.f32", "f16.f16", "bf16.f32", "tf32.f32")}
    ),
    "blackwell": named("blackwell.mma", {k: v for k, v in WIDE_MMA.items() if k != "s8.s32"})
    | named("blackwell.mma", FP8, "mma_")
    | {"nvidia.blackwell.mma_k4.tf32.f32": "mma_tf32_f32_k4"},
    "rtx_blackwell": named("rtx_blackwell.mma", {k: v for k, v in WIDE_MMA.items() if k != "s8.s32"})
    | named("rtx_blackwell.mma", NARROW)
    | named("rtx_blackwell.mma", MX)
    | named("rtx_blackwell.mma", {"mxf4.f32": "mxf4_f32", "nvf4.f32": "nvf4_f32"}),
}


def build(arch: str, folder: Path) -> Path:
    """The program, compiled for a GPU architecture."""
    out = folder / "units"
    subprocess.run(["nvcc", f"-arch={arch}", "-std=c++17", "-O1", "-o", str(out), str(HERE / "units.cu")], check=True)
    return out


def codes(x: np.ndarray, fmt: str, instruction: str) -> np.ndarray:
    """Values as the words the program takes; FP4 in an 8-bit container has two bits of padding below."""
    if fmt.startswith("int"):
        return x.astype(np.int64).astype(np.uint32) & 0xFF
    if fmt == "tfloat32":
        return unit_data.bits(x)
    word = np.asarray(nf.encode(x, fmt)).astype(np.uint32)
    return word << 2 if fmt == "float4_e2m1fn" and instruction.startswith(("narrow", "mx_")) else word


def results(words: np.ndarray, output: str) -> np.ndarray:
    """The program's words as values: int32, or float32 (a float16 NaN keeps its payload; 0x7FFF becomes 0x7FFFFFFF)."""
    if output == "int32":
        return words.view(np.int32)
    if output == "float32":
        return words.view(np.float32)
    value = words.astype(np.uint16).view(np.float16)
    out = value.astype(np.float32)
    payload = np.where(words & 0x3FF == 0x3FF, 0x7FFFFF, (words & 0x3FF) << 13)
    special = ((words & 0x8000) << 16) | 0x7F800000 | payload
    return np.where(np.isnan(value), special.astype(np.uint32), unit_data.bits(out)).astype(np.uint32).view(np.float32)


def operands(unit: Unit, k: int, rows: int, seed: int) -> dict[str, np.ndarray]:
    """Directed and random rows: a, b (rows, k), c (rows,), scales (rows, blocks) where the unit has them."""
    rng = np.random.default_rng(seed)
    block = getattr(unit.arithmetic, "scale_block", 0)
    if unit.a == "int8":
        a, b = (rng.integers(-128, 128, (rows, k)) for _ in range(2))
        return {"a": a, "b": b, "c": rng.integers(-(2**31), 2**31, rows)}
    out: dict[str, list] = {"a": [], "b": [], "c": [], "scale_a": [], "scale_b": []}
    for i in range(rows):
        regime = unit_data.REGIMES[i % 5]
        sa, sb = (unit_data.scales(unit, rng, (k // block,), regime) for _ in range(2)) if block else (None, None)
        if i % 2 == 0 and k == 64:
            a, b, c, sa, sb = unit_data.fp4_row(unit, rng)
        elif i % 2 == 0:
            a, b, c = unit_data.row(unit, rng, k)
        else:
            a, b = (unit_data.values(f, rng, (k,), regime) for f in (unit.a, unit.b))
            c = unit_data.values(unit.output, rng, (1,), unit_data.REGIMES[i // 5 % 5])[0] * (i % 3 > 0)
        for key, x in zip(out, (a, b, c, sa, sb), strict=True):
            out[key].append(x)
    kept = ("a", "b", "c", "scale_a", "scale_b") if block else ("a", "b", "c")
    return {key: np.array(out[key], np.float32) for key in kept}


def integers(unit: Unit, k: int) -> dict[str, np.ndarray]:
    """Rows on which every model is exact, each product and place of its own: what tells whether operands arrive."""
    rng = np.random.default_rng(1)
    a, b = (rng.choice([-1.0, 0.0, 1.0, 2.0] if unit.a != "int8" else [-1, 0, 1, 2], (200, k)) for _ in range(2))
    out = {"a": a, "b": b, "c": rng.integers(-8, 9, 200).astype(float)}
    block = getattr(unit.arithmetic, "scale_block", 0)
    return out | (
        {key: 2.0 ** rng.integers(0, 3, (200, k // block)) for key in ("scale_a", "scale_b")} if block else {}
    )


def run(program: Path, instruction: str, unit: Unit, x: dict[str, np.ndarray]) -> np.ndarray | None:
    """What the GPU returns, or None where it has no such instruction."""
    if unit.output == "float16":
        start = np.asarray(nf.encode(x["c"], "float16")).astype(np.uint32)
    else:
        start = x["c"].astype(np.int32).view(np.uint32) if unit.output == "int32" else unit_data.bits(x["c"])
    words = [start[:, None], codes(x["a"], unit.a, instruction), codes(x["b"], unit.b, instruction)]
    if "scale_a" in x:
        words += [
            np.asarray(nf.encode(x[key], unit.arithmetic.scale_format)).astype(np.uint32)
            for key in ("scale_a", "scale_b")
        ]
    rows = np.ascontiguousarray(np.concatenate(words, axis=1).astype(np.uint32))
    done = subprocess.run([str(program), instruction], input=rows.tobytes(), capture_output=True)
    if done.returncode == 3:
        print(f"{unit.name}: not on this GPU or in this build {done.stderr.decode()}")
        return None
    done.check_returncode()
    return results(np.frombuffer(done.stdout, np.uint32), unit.output)


def model(unit: Unit, x: dict[str, np.ndarray]) -> np.ndarray:
    """nfloat's results for the rows."""
    scales = {"scale_a": x["scale_a"][:, None, :], "scale_b": x["scale_b"][:, :, None]} if "scale_a" in x else {}
    return nf.matmul(x["a"][:, None, :], x["b"][:, :, None], unit, x["c"][:, None, None], **scales)[:, 0, 0]


def differing(x: np.ndarray, y: np.ndarray) -> int:
    """How many results differ in their bits."""
    return int((np.ascontiguousarray(x).view(np.uint32) != np.ascontiguousarray(y).view(np.uint32)).sum())


@click.command()
@click.option("--arch", required=True, help="nvcc's architecture: sm_75, sm_80, sm_89, sm_90a, sm_100a, sm_120a.")
@click.option("--family", required=True, type=click.Choice(sorted(FAMILIES)))
@click.option("--out", required=True, type=click.Path(path_type=Path))
@click.option("--rows", default=1500, show_default=True)
@click.option("--program", type=click.Path(path_type=Path), help="units.cu, built already; else nvcc builds it.")
@click.argument("words", nargs=-1)
def main(arch: str, family: str, out: Path, rows: int, program: Path | None, words: tuple[str, ...]) -> None:
    """Record every unit of a family whose name contains all WORDS."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        program = program or build(arch, Path(folder))
        listed = subprocess.run([str(program), "--list"], capture_output=True, text=True, check=True).stdout.split()
        depth = dict(zip(listed[::3], map(int, listed[1::3]), strict=True))
        saved: dict[str, np.ndarray] = {}
        for name, instruction in FAMILIES[family].items():
            if not all(word in name for word in words):
                continue
            unit, k = nf.units[name], depth[instruction]
            plain = integers(unit, k)
            got = run(program, instruction, unit, plain)
            if got is None:
                continue
            if differing(got, model(unit, plain)):
                print(f"{name}: small integers come out wrong; operands do not arrive as expected. Not recorded")
                continue
            x = operands(unit, k, rows, seed=2)
            d = run(program, instruction, unit, x)
            print(f"{name}: {differing(d, model(unit, x))} of {rows} differ from the model")
            saved |= {f"{name}.{key}": value for key, value in {**x, "d": d}.items()}
        np.savez_compressed(out, **saved)


if __name__ == "__main__":
    main()
