"""Golden files: written, read and compared to the bit."""

import numpy as np
import pytest

import nfloat as nf
from nfloat.testing import golden

MINE = nf.Format(
    name="mine",
    precision=3,
    emin=-3,
    emax=3,
    has_inf=False,
    nan="negative_zero",
    subnormals="flush_output",
    overflow="saturate",
)


@pytest.fixture(autouse=True)
def not_in_ci(monkeypatch):
    monkeypatch.delenv("CI", raising=False)


@pytest.mark.parametrize(
    "fmt", ["float8_e4m3fn", "float4_e2m1fn", "bfloat16", "float64", "fixed16.8", "binary5p2ue", MINE], ids=str
)
@pytest.mark.parametrize("shape", [(), (0,), (5,), (4, 9), (2, 0, 3)])
def test_what_is_written_is_read(tmp_path, fmt, shape):
    f = nf.get_format(fmt)
    x = nf.round(np.random.default_rng(1).standard_normal(shape), f, overflow="saturate")
    golden.write(tmp_path / "g.txt", x, f)
    values, found = golden.read(tmp_path / "g.txt")
    assert found == f and values.shape == shape
    nf.testing.assert_bits_equal(values, x)


def test_the_file_is_text_with_a_line_per_sixteen_codes(tmp_path):
    golden.write(tmp_path / "g.txt", np.arange(18.0).reshape(2, 9), "float16")
    lines = (tmp_path / "g.txt").read_text().splitlines()
    assert lines[:3] == ["# nfloat golden codes", "format = 'float16'", "shape = 2 9"]
    assert (
        lines[3].split() == [f"{c:04x}" for c in np.arange(16.0).astype(np.float16).view(np.uint16)] and len(lines) == 5
    )


def test_special_values(tmp_path):
    x = [np.nan, np.inf, -np.inf, -0.0, 0.0, 65504.0]
    golden.write(tmp_path / "g.txt", x, "float16")
    nf.testing.assert_bits_equal(golden.read(tmp_path / "g.txt")[0], x)
    with pytest.raises(AssertionError, match="not numbers of float8_e4m3fn"):
        golden.write(tmp_path / "h.txt", [0.3], "float8_e4m3fn")


def test_comparing(tmp_path):
    path = tmp_path / "deep" / "g.txt"
    with pytest.raises(AssertionError, match="no golden file"):
        golden.assert_golden(path, [1.0], "float16")
    golden.assert_golden(path, [1.0, 2.0], "float16", update=True)
    golden.assert_golden(path, [1.0, 2.0], "float16")
    golden.assert_golden(path, np.float32([1.0, 2.0]), "fp16")
    for values, fmt, text in (
        ([1.0, 2.5], "float16", "differ in their bits"),
        ([1.0], "float16", "shape"),
        ([1.0, 2.0], "bfloat16", "recorded in float16"),
    ):
        with pytest.raises(AssertionError, match=text):
            golden.assert_golden(path, values, fmt)


def test_no_update_in_continuous_integration(tmp_path, monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(nf.ArgumentError, match="continuous integration"):
        golden.assert_golden(tmp_path / "g.txt", [1.0], "float16", update=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello\n",
        "# nfloat golden codes\nformat = 'float16'\nshape = 3\n3c00\n",
        "# nfloat golden codes\nformat = __import__('os').getcwd()\nshape = 1\n3c00\n",
        "# nfloat golden codes\nformat = Format(name='x')\nshape = 1\n0\n",
        "# nfloat golden codes\nformat = 'float17'\nshape = 1\n0\n",
    ],
)
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "g.txt").write_text(text)
    with pytest.raises(nf.NFloatError):
        golden.read(tmp_path / "g.txt")
