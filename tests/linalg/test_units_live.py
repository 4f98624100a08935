"""The CPU that runs the tests against the models of its own instructions: VDPBF16PS, VCVTNEPS2BF16, VPDPBUSD, AMX.

Needs a C compiler and the instruction; says what is missing where it skips. ``live_dot.c`` runs the instruction on rows
of words.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from unit_data import bits, from_hex

import nfloat as nf
from nfloat.linalg.units.names import convert

SOURCE = Path(__file__).with_name("live_dot.c")
ROWS = 20_000
REGIMES = ("moderate", "all patterns", "tiny", "near 2^-126", "specials")


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    compiler = shutil.which("gcc") or shutil.which("clang") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: the units are not compared with this CPU")
    out = tmp_path_factory.mktemp("live") / "live_dot"
    built = subprocess.run([compiler, "-O1", "-o", str(out), str(SOURCE)], capture_output=True, text=True)
    if built.returncode:
        pytest.skip(
            f"{compiler} does not build {SOURCE.name} (another processor, or no intrinsics): {built.stderr[:200]}"
        )
    return out


def live(program: Path, instruction: str, rows: np.ndarray) -> np.ndarray:
    """What the CPU returns for rows of 32-bit words."""
    done = subprocess.run(
        [str(program), instruction], input=np.ascontiguousarray(rows, np.uint32).tobytes(), capture_output=True
    )
    if done.returncode == 3:
        pytest.skip(f"this CPU has no {instruction.upper()}: the model is not compared with it")
    assert done.returncode == 0, done.stderr
    return np.frombuffer(done.stdout, np.uint32)


def words(rng: np.random.Generator, shape: tuple[int, ...], regime: str, width: int) -> np.ndarray:
    """Bit patterns of bfloat16 (16) or float32 (32) numbers."""
    if regime == "moderate":
        return bits(rng.standard_normal(shape).astype(np.float32)) >> (32 - width)
    if regime == "all patterns":
        return rng.integers(0, 2**width, shape, dtype=np.uint64).astype(np.uint32)
    sign, fraction = (
        rng.integers(0, 2, shape).astype(np.uint32),
        rng.integers(0, 2 ** (width - 9), shape).astype(np.uint32),
    )
    low, high = {"tiny": (0, 130), "near 2^-126": (60, 68), "specials": (253, 256)}[regime]
    if width == 32 and regime != "specials":
        low, high = 0, 4
    field = rng.integers(low, high, shape).astype(np.uint32)
    some = rng.random(shape) < 0.1
    return np.where(some, 0, (sign << (width - 1)) | (field << (width - 9)) | fraction).astype(np.uint32)


def as_float(bfloat: np.ndarray) -> np.ndarray:
    return (bfloat.astype(np.uint32) << 16).view(np.float32)


def compare(program: Path, instruction: str, unit: str, pairs: int, regime: str) -> None:
    rng = np.random.default_rng(11)
    rows = ROWS if pairs == 1 else ROWS // 4
    a, b = (words(rng, (rows, 2 * pairs), regime, 16) for _ in range(2))
    c = words(rng, (rows,), regime, 32)
    packed = [x[:, 0::2] | (x[:, 1::2] << 16) for x in (a, b)]
    want = live(program, instruction, np.concatenate([c[:, None], *packed], axis=1))
    got = bits(nf.matmul(as_float(a)[:, None, :], as_float(b)[:, :, None], unit, c=c.view(np.float32)[:, None, None]))[
        :, 0, 0
    ]
    wrong = np.flatnonzero(got != want)
    assert wrong.size == 0, (
        f"{wrong.size} of {rows} differ, first row {wrong[0]}: {got[wrong[0]]:08x}, CPU {want[wrong[0]]:08x}"
    )


@pytest.mark.parametrize("regime", REGIMES)
def test_vdpbf16ps(program, regime):
    compare(program, "vdpbf16ps", "intel.avx512.vdpbf16ps", 1, regime)


@pytest.mark.parametrize("regime", REGIMES)
def test_tdpbf16ps(program, regime):
    compare(program, "tdpbf16ps", "intel.amx.tdpbf16ps", 16, regime)


def test_vcvtneps2bf16(program):
    rng = np.random.default_rng(12)
    x = np.concatenate([words(rng, (ROWS,), regime, 32) for regime in REGIMES])
    want = live(program, "vcvtneps2bf16", x[:, None])
    assert np.array_equal(bits(convert(x.view(np.float32))) >> 16, want)


@pytest.mark.parametrize("instruction", ["vpdpbusd", "vpdpbusds"])
def test_integer_dots(program, instruction):
    rng = np.random.default_rng(13)
    a, b = rng.integers(0, 256, (ROWS, 4)), rng.integers(-128, 128, (ROWS, 4))
    c = rng.choice([0, 2**31 - 1, -(2**31), 2**31 - 60000], ROWS) + rng.integers(-5, 1, ROWS)
    c = np.clip(c, -(2**31), 2**31 - 1)
    shifts = np.array([0, 8, 16, 24])
    packed = [((x & 0xFF) << shifts).sum(-1).astype(np.uint32) for x in (a, b)]
    want = live(program, instruction, np.stack([c.astype(np.int32).view(np.uint32), *packed], axis=1))
    got = nf.matmul(a[:, None, :], b[:, :, None], f"intel.avx512.{instruction}", c=c[:, None, None])[:, 0, 0]
    assert np.array_equal(got.view(np.uint32), want)


def test_tdpbssd(program):
    rng = np.random.default_rng(14)
    a, b = (rng.integers(-128, 128, (ROWS // 4, 64)) for _ in range(2))
    c = rng.integers(-(2**31), 2**31, ROWS // 4)
    packed = [((x.reshape(-1, 16, 4) & 0xFF) << np.array([0, 8, 16, 24])).sum(-1).astype(np.uint32) for x in (a, b)]
    want = live(program, "tdpbssd", np.concatenate([c.astype(np.int32).view(np.uint32)[:, None], *packed], axis=1))
    got = nf.matmul(a[:, None, :], b[:, :, None], "intel.amx.tdpbssd", c=c[:, None, None])[:, 0, 0]
    assert np.array_equal(got.view(np.uint32), want)


def test_program_reads_words_as_the_models_do(program):
    """One vector of the directed list, so that a mistake in the plumbing is not taken for one of the model."""
    row = [0x4B800000, 0x3F803F80, 0x3F803F80]
    assert live(program, "vdpbf16ps", np.array([row]))[0] == 0x4B800000
    assert from_hex(["4b800000"])[0] == 2.0**24
