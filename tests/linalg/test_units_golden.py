"""Units against outputs recorded on GPUs, where such a file is at hand.

Two kinds of file, both .npz with arrays ``<GPU>.<operands>.<result>.{a,b,c,d}``, one dot product a row: outputs that
Khattak and Mikaitis recorded (MATLAB-tensor-core, BSD-2-Clause), which are not part of this repository (NFLOAT_GOLDEN
names the file, else ``../shared/golden/tensor_cores.npz`` is looked for); and what ``tests/golden/record`` makes, kept
as ``tests/golden/*.npz``.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import unit_oracle

import nfloat as nf
from nfloat.linalg.units import jobs as unit_jobs
from nfloat.testing.recordings import unit_of

pytestmark = pytest.mark.filterwarnings("ignore::nfloat.linalg.units.names.SingleSourceWarning")

ROOT = Path(__file__).resolve().parents[2]
WHERE = [Path(os.environ.get("NFLOAT_GOLDEN", ROOT.parent / "shared" / "golden" / "tensor_cores.npz"))]
WHERE += sorted((ROOT / "tests" / "golden").glob("*.npz"))


def sets() -> list:
    found = [path for path in WHERE if path.is_file()]
    cases = [(path, key) for path in found for key in sorted({k.rsplit(".", 1)[0] for k in np.load(path).files})]
    return cases or [
        pytest.param(None, "", marks=pytest.mark.skip(reason=f"no recorded outputs: {WHERE[0]} is not there"))
    ]


CASES = sets()
IDS = [key for _, key in CASES] if len(CASES[0]) == 2 else None


@pytest.mark.of_each
@pytest.mark.parametrize(("path", "key"), CASES, ids=IDS)
@pytest.mark.parametrize("form", ["fast", "any operands"])
def test_recorded_outputs(path, key, form, monkeypatch):
    if form == "any operands":
        monkeypatch.setattr(unit_jobs, "exact_in_float32", lambda *_: False)
    data = np.load(path)
    a, b, c, d = (data[f"{key}.{x}"] for x in "abcd")
    scales = {}
    if f"{key}.scale_a" in data:
        scales = {"scale_a": data[f"{key}.scale_a"][:, None, :], "scale_b": data[f"{key}.scale_b"][:, :, None]}
    got = nf.matmul(a[:, None, :], b[:, :, None], unit_of(key), c[:, None, None], **scales)[:, 0, 0]
    wrong = np.flatnonzero(got.view(np.uint32) != d.view(np.uint32))
    assert wrong.size == 0, f"{key}: {wrong.size} of {len(d)} differ, first row {wrong[0]}"


@pytest.mark.parametrize(("path", "key"), CASES, ids=IDS)
def test_oracle_on_recorded_outputs(path, key):
    data = np.load(path)
    a, b, c, d = (data[f"{key}.{x}"][:60] for x in "abcd")
    unit = nf.units[unit_of(key)]
    if unit.output == "int32":
        got = [
            (sum(int(x) * int(y) for x, y in zip(a[i], b[i], strict=True)) + int(c[i])) % 2**32 for i in range(len(d))
        ]
    else:
        scales = [
            (data[f"{key}.scale_a"][i], data[f"{key}.scale_b"][i]) if f"{key}.scale_a" in data else None
            for i in range(len(d))
        ]
        got = [unit_oracle.dot(unit, a[i], b[i], c[i], scales[i]) for i in range(len(d))]
    assert got == [int(x) for x in d.view(np.uint32)]
