"""Block formats at random against the rational model: formats, rules, modes, axes, arrays with awkward blocks."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.quantize import quantize
from ..errors import FormatError, RepresentationError
from ..formats.blocks import BLOCK_FORMATS, BlockFormat, ScaleRule
from ..formats.names import get_format
from ..formats.rounding import Rounding
from .block_oracle import quantize_exact
from .random_formats import random_format
from .sweep import Report

SCALES = ("float32", "float8_e8m0fnu", "float8_e4m3fn", "bfloat16", "float8_e5m2", "binary8p1uf", "fixed8.4")
_MODES = tuple(mode for mode in Rounding if not mode.is_stochastic)


def random_block_format(draw: Random) -> BlockFormat:
    """A named block format with any rule, or any element format over one of several scale formats."""
    rule = draw.choice(tuple(ScaleRule))
    if draw.random() < 0.5:
        return draw.choice(tuple(BLOCK_FORMATS.values())).replace(scale_rule=rule)
    while True:
        try:
            return BlockFormat(
                name="drawn", element=random_format(draw), block=draw.choice((1, 2, 5, 16, 24, 32, 48, None)),
                scale=get_format(draw.choice(SCALES)), scale_rule=rule, tensor_scale=draw.random() < 0.3,
                symmetric=draw.random() < 0.5,
            )  # fmt: skip
        except FormatError:
            continue


def random_array(draw: Random, dtype: type) -> NDArray[np.floating]:
    """Rows of all sizes: common numbers, ties, zeros, powers of two; now and then an infinity or a NaN."""
    generator = np.random.default_rng(draw.getrandbits(63))
    x = generator.standard_normal((4, 50)) * 2.0 ** generator.integers(-150, 127, size=(4, 1))
    x[0] = generator.integers(-64, 64, 50) / 4 * 2.0 ** draw.randint(-10, 10)
    x[1, ::3] = 0.0
    if draw.random() < 0.2:
        x[2, draw.randrange(50)] = draw.choice((np.inf, -np.inf, np.nan))
    with np.errstate(over="ignore"):
        return x.astype(dtype)


def sweep_blocks(number: int, seed: int) -> Report:
    """Quantise so many arrays and compare elements, scales and tensor scale with the model, bit for bit."""
    report = Report(get_format("float32"), formats=number)
    for i in range(number):
        draw = Random(f"{seed} {i}")
        fmt, mode, axis = random_block_format(draw), draw.choice(_MODES), draw.choice((0, 1))
        x = random_array(draw, draw.choice((np.float32, np.float64)))
        report.inputs += x.size
        _compare(report, f"seed {seed} {i}: {fmt!r} {mode.value} axis {axis}", x, fmt, mode, axis)
    return report


def _compare(report: Report, what: str, x: NDArray[Any], fmt: BlockFormat, mode: Rounding, axis: int) -> None:
    try:
        q = quantize(x, fmt, mode, axis=axis)
    except RepresentationError:  # a NaN that nothing can say
        return
    exact = quantize_exact(x, fmt, mode, axis=axis)
    there = ~np.isnan(q.products)
    elements, desired = (np.where(there, e, 0.0).reshape(-1) for e in (q.elements.astype(np.float64), exact.elements))
    report.compare(what, x.reshape(-1), elements, desired)
    scales = q.scales.astype(np.float64).reshape(-1)
    report.compare(f"{what}: scales", scales, scales, exact.scales.reshape(-1))
    report.compare(
        f"{what}: tensor scale", np.array([q.tensor_scale]), np.array([q.tensor_scale]), np.array([exact.tensor_scale])
    )
