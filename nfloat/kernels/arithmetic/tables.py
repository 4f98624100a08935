"""Results looked up by code: for formats of at most 16 bits, a function is a table."""

from __future__ import annotations

from ..jit import kernel

_PAIRS = [(value, code) for value in ("float32", "float64") for code in ("uint8", "uint16")]


@kernel(*(f"void(Array({value}, 1, 'C', readonly=True), {code}[::1], {value}[::1])" for value, code in _PAIRS))
def look_up(table, codes, out):
    """out[i] = table[codes[i]]; the table has an entry for every code."""
    for i in range(out.size):
        out[i] = table[codes[i]]
