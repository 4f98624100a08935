"""Models of matrix instructions.

`tables/` (one row each), `names.py` (`nf.units`: all of them by name), `unit.py` and `sums.py` (what a row says),
`matmul.py` (a product by a unit), `operands.py`, `jobs.py` (which kernel, and its call), `run.py`, `integers.py`,
`splits.py` (split k), `outside.py` (blocks that are scaled outside), `quick.py` (products of matrices, without looking
twice).
"""
