"""The integers that the lanes work with, from a format's and a mode's constants."""

from __future__ import annotations

import numpy as np

from ...formats.rounding import Rounding
from ...formats.spec import CodeField
from ..bits import float32_as_int32, float64_as_int64
from ..jit import device
from ..rng import subkeys, twin_subkeys
from .walks import ONE_ZERO

_NEAREST, _STOCHASTIC = Rounding.NEAREST_EVEN.tag, Rounding.STOCHASTIC.tag
_SIGN, _TWOS, _MAX_CODE = CodeField.SIGN_SHIFT.value, CodeField.TWOS_COMPLEMENT.value, CodeField.MAX_CODE.value


@device
def mode_form(spec):
    """The tag of the mode's loop."""
    own = spec.mode == _STOCHASTIC or spec.mode == _NEAREST
    return spec.mode + ONE_ZERO if own and not np.signbit(spec.neg_zero) else spec.mode


@device
def grid_constants(spec, single):
    """The first integers of ``forms.LaneField``, for lanes of float32 or float64: those of numbers."""
    p = spec.precision
    digits, bias = (24, 127) if single else (53, 1023)
    fraction = digits - 1
    sign_bit = np.int64(0x80000000) if single else np.int64(-0x8000000000000000)
    top = np.int64(float32_as_int32(np.float32(spec.max))) if single else float64_as_int64(spec.max)
    bottom = np.int64(float32_as_int32(np.float32(spec.min))) if single else float64_as_int64(spec.min)
    return (
        np.int64((spec.emin + bias) << fraction), np.int64(((digits - p) << fraction) | (1 << (fraction - 1))),
        np.int64((1 - p) << fraction), np.int64(digits - p), sign_bit if np.signbit(spec.neg_zero) else np.int64(0),
        top, bottom,
    )  # fmt: skip


@device
def integer_constants(spec, c, single, key, section):
    """All of them; the last ones from `key`."""
    twos = c[_TWOS] == 1
    keys = subkeys(key, section) if spec.draws else np.uint64(0)
    twin = twin_subkeys(key, section) if spec.draws else np.uint64(0)
    return grid_constants(spec, single) + (  # noqa: RUF005 (Numba)
        np.int64(-1 if twos else 0), np.int64((31 if single else 63) - c[_SIGN]),
        np.int64(0 if twos else 1 << c[_SIGN]), np.int64((2 << c[_SIGN]) - 1), np.int64(c[_MAX_CODE]),
        np.int64((1 << c[_SIGN]) if twos and -spec.min > spec.max else c[_MAX_CODE]),
        np.int64(keys & np.uint64(0xFFFFFFFF)), np.int64(keys >> np.uint64(32)),
        np.int64(twin & np.uint64(0xFFFFFFFF)), np.int64(twin >> np.uint64(32)),
    )  # fmt: skip
