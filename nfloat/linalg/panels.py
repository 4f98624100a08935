"""Packing an operand that is to be rounded first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from ..kernels.gemm.pack import pack_rounded
from ..kernels.jit import entry_point
from ..ops.rounder import Rounder, round_into


def pack_panels(
    pack: Callable[..., None],
    x: NDArray[Any],
    width: int,
    out: NDArray[Any],
    panels: tuple[int, int],
    how: Rounder | None,
) -> None:
    """Panels first .. last - 1 of x (k, n) by a `pack` for its type and that of `out`, of numbers rounded by `how`.

    In one pass over float32 numbers that ``kernels/gemm/pack.py`` rounds; others are rounded where they are packed,
    and so are all if it tells that one is too large. Zeros that pad them stay what they are: see `packed_rounding`.
    """
    if how is None:
        pack(x, width, out, *panels)
        return
    in_one_pass = how.in_one_form and x.itemsize == out.itemsize == 4
    if not in_one_pass or entry_point(pack_rounded)(x, width, out, *panels, how.spec_array) != 0:
        pack(x, width, out, *panels)
        packed = out[: (panels[1] - panels[0]) * width * x.shape[0]]
        round_into(how, packed, packed)
