"""The public surface, pinned: a name appears or goes only together with this list."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import nfloat as nf

SURFACE = {
    "Accumulator", "AccumulatorError", "BLOCK_FORMATS", "BlockArray", "BlockFormat", "blocks", "hadamard", "load",
    "quantize", "quantize_both", "save", "ArgumentError", "FORMATS", "FloatArray", "Format", "FormatError",
    "MissingExtraError", "linalg", "fft", "ifft", "convolve", "polyval",
    "NFloatError", "RepresentationError", "RoundingError", "SeedError", "ShapeError", "Stream", "array", "cumsum",
    "decode", "display", "dot", "explain",
    "drift", "encode", "finfo", "get_format", "matmul", "nn", "numpy_dtype", "pack", "report", "round", "studies",
    "sum", "sweep", "testing",
    "units", "unpack", "view_codes", "view_dtype",
    # arithmetic
    "add", "subtract", "multiply", "divide", "fma", "sqrt", "reciprocal", "rsqrt", "remainder", "hypot",
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin",
    "arccos", "arctan",
    "arctan2", "fmod", "ieee_remainder", "from_codes", "erf", "sigmoid", "softplus", "gelu", "power",
}  # fmt: skip


def test_all_is_the_list():
    assert set(nf.__all__) == SURFACE | set(nf.FORMATS) | set(nf.BLOCK_FORMATS)


def test_every_name_loads_and_is_documented():
    for name in sorted(SURFACE):
        assert getattr(nf, name) is not None, name
        assert not callable(getattr(nf, name)) or getattr(nf, name).__doc__, name


def test_formats_need_no_numba():
    code = (
        "import sys, nfloat as nf; f = nf.get_format('e4m3fn'); nf.finfo(f); nf.FORMATS; nf.bfloat16; "
        "nf.Stream(1).child('a');"
        "sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _modules():
    """Those with examples, by their files: `pkgutil.walk_packages` would import every room in each process."""
    package = Path(nf.__file__).parent
    parts = [
        path.relative_to(package.parent).with_suffix("").parts
        for path in sorted(package.rglob("*.py"))
        if ">>> " in path.read_text()
    ]
    names = [
        ".".join(names[:-1] if names[-1] == "__init__" else names)
        for names in parts
        if len(names) > 2 or names[-1] != "__init__"
    ]
    return [name for name in names if ".kernels" not in name and ".cli" not in name and "plugin" not in name]


def _module(name):
    """The module; those of an extra alone are looked at where it is installed."""
    if name.startswith("nfloat.torch"):
        pytest.importorskip("torch")
    return importlib.import_module(name)


@pytest.mark.parametrize("name", _modules())
def test_examples_in_docstrings(name, monkeypatch):
    monkeypatch.setattr("linecache.checkcache", lambda filename=None: None)  # looked at before every example: all files
    failed, _ = doctest.testmod(_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0
