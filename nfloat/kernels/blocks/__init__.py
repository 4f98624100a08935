"""Blocks of numbers that share a scale: what a scale is, and the elements over it, rounded once.

`rule.py` is the rule: every block format, one number at a time. The others are its fast forms, for the blocks that they
know; they mark the rest, which the rule then does. `magnitudes.py` and `scales.py`: from blocks to scales. `forms.py`
with `quotients.py`: what an element becomes over its scale, as IR; `lanes.py` with `loops.py`: loops over blocks that
do it; `constants.py`: what they take from a format; `walks.py`: what loops are made of. `pieces.py`: arrays in pieces
that stay in the cache; `fused.py`: blocks along rows in one pass. `signs.py`: the Hadamard transform's random signs.
`outside.py`: sums of blocks that are scaled outside a matrix unit.

An array is seen as (outer, n, inner), the blocks lying along n: block b of row o and column j has the number
(o * ceil(n / size) + b) * inner + j. Element i of the array draws the random bits of counter i.
"""
