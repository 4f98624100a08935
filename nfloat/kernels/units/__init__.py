"""Matrix instructions, bit for bit: tiles of each arithmetic.

`tile.py` (the tile, the integers of a call, the walk), `pack.py` (operands and their exponents), `steps.py` (what
several share). NVIDIA: `aligned.py`, `grouped.py` (FP4). AMD: `amd.py`. Intel, float32 and float64 units:
`chain.py`, `chain_plain.py` (Intel's rules for NaN). Arm: `pair.py`.
"""
