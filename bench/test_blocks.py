"""Block formats against a copy of the same float32 array: values, codes and scales, along either axis."""

from __future__ import annotations

import numpy as np
import pytest

import nfloat as nf

TARGETS = {"mxfp8_e4m3": 1.6, "mxfp4": 1.6, "mxint8": 1.6, "nvfp4": 2.5}
#: how much longer another axis may take
ANY_AXIS = 1.5


def _array() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((4096, 1024)).astype(np.float32)


@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize("name", TARGETS)
def test_values(ratio, name, axis):
    x = _array()
    target = TARGETS[name] * (1 if axis else ANY_AXIS)
    ratio(lambda: nf.round(x, nf.BLOCK_FORMATS[name], axis=axis), lambda: np.copy(x), target)


@pytest.mark.parametrize("name", TARGETS)
def test_codes_and_scales(ratio, name):
    x = _array()
    ratio(lambda: nf.quantize(x, nf.BLOCK_FORMATS[name]), lambda: np.copy(x), TARGETS[name])
