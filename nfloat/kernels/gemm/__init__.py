"""Products of matrices and sums.

The rule: `orders.py` (their numbers), `plain.py` (every order, one output after the other), `running.py` (cumulative
sums), `words.py` (random words). Tiles: `shapes.py` (how large, on which CPU), `tile.py` (registers, the loop over k),
`direction.py` (the CPU's register that says how to round), `roundings.py` (one sum or product in lanes), `bodies.py`
and `pairwise.py` (the orders over these), `walk.py` (from tile to tile), and the kernels: `native.py` (float32's and
float64's own sums), `many.py` (of stacks and windows, in one call), `tiled.py` (other sums in such lanes), `cut.py`
(sums rounded toward zero, then cut), `odd.py` (to odd, then cut), `exact.py`, `half.py`; `columns.py` (sums of
columns), `norm_sums.py` (of a norm's gradients). Operands: `pack.py` (panels, and what is known of their elements),
`turned.py` (blocks turned by shuffles), `windows.py` (panels straight from images), `half_pack.py` (as half codes).
"""
