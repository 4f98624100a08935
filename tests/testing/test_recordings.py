"""Recorded outputs against the models: anyone's file, its mistakes in one line, differences in the exit code."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import nfloat as nf
from nfloat.cli.main import group
from nfloat.testing.recordings import compare, unit_of

UNITS = ["nvidia.hopper.mma.f16.f32", "nvidia.ampere.mma.bf16.f32", "amd.cdna3.mfma.f16.f32"]


@pytest.fixture
def recording(tmp_path):
    """Made by the models, so that no set differs."""
    rng, arrays = np.random.default_rng(0), {}
    for unit in UNITS:
        a, b = (np.asarray(nf.round(rng.standard_normal((20, 16)), nf.units[unit].a), np.float32) for _ in "ab")
        c = rng.standard_normal(20).astype(np.float32)
        d = nf.matmul(a[:, None, :], b[:, :, None], unit, c[:, None, None])[:, 0, 0]
        arrays |= {f"{unit}.{part}": x for part, x in zip("abcd", (a, b, c, d), strict=True)}
    np.savez(tmp_path / "r.npz", **arrays)
    return tmp_path / "r.npz", arrays


def run(*args):
    try:
        return CliRunner().invoke(group, ["check", "--units", *map(str, args)])
    except SystemExit:  # pragma: no cover
        raise


def test_equal_and_different(recording):
    path, arrays = recording
    assert [(c.name, c.rows, c.differ) for c in compare(path)] == [(unit, 20, 0) for unit in sorted(UNITS)]
    assert run(path).exit_code == 0
    arrays[f"{UNITS[0]}.d"][7] *= np.float32(1 + 2**-23)
    np.savez(path, **arrays)
    done = run(path, "--json")
    assert done.exit_code == 1
    wrong = next(row for row in json.loads(done.output) if row["name"] == UNITS[0])
    assert (wrong["differ"], wrong["first"], wrong["confidence"]) == (1, 7, "A")


def test_names_of_sets():
    assert unit_of("A100.bf16.f32") == "nvidia.ampere.mma.bf16.f32"
    assert unit_of("H100.e5m2.f32") == "nvidia.hopper.wgmma.e5m2.f32"
    with pytest.raises(nf.ArgumentError, match="names no unit"):
        unit_of("Z9.f16.f32")


def test_files_that_are_no_recordings(recording, tmp_path):
    path, arrays = recording
    (tmp_path / "text.npz").write_text("no")
    with pytest.raises(nf.ArgumentError, match=r"is no \.npz file of recorded outputs"):
        compare(tmp_path / "text.npz")
    np.savez(tmp_path / "none.npz")
    with pytest.raises(nf.ArgumentError, match="holds no arrays"):
        compare(tmp_path / "none.npz")
    for change, words in (
        ({f"{UNITS[0]}.d": np.zeros(3, np.float32)}, "has the shapes"),
        ({"what.a": np.zeros(3)}, r"lacks what\.b"),
        ({f"{UNITS[0]}.a": np.full((20, 16), 0.1)}, "is not a value of float16"),
    ):
        np.savez(path, **{**arrays, **change})
        with pytest.raises(nf.ArgumentError, match=words):
            compare(path)
