"""Blocks of numbers that share a scale: what a scale is, and the elements over it, rounded once.

`rule.py` is the rule: every block format, one number at a time. `scales.py` (scales) and `lanes.py` with `loops.py`
(magnitudes and elements) are its fast forms for the blocks that they know; they mark the others, which the rule then
does. `fused.py` does blocks along rows in one pass, `pieces.py` whole arrays in pieces that stay in the cache;
`walks.py` is what the loops are made of; `signs.py` the random signs of the Hadamard transform.

An array is seen as (outer, n, inner), the blocks lying along n: block b of row o and column j has the number
(o * ceil(n / size) + b) * inner + j. Element i of the array draws the random bits of counter i.
"""
