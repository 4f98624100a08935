"""Arithmetic and elementary functions: exact results, rounded once.

`wide.py` (exact results of 128 bits and their rounding), `fused.py` (a b + c d), `long_sum.py` (sums without end);
`results.py` (add ... remainder by the rule), `roots.py`, `remainders.py`, `operations.py` (their numbers),
`results_lanes.py` and `short.py` (in lanes, for short formats), `functions.py` and `functions_lanes.py` (what an
approximation settles), `elementary.py` (functions of losses and activations, float64, the same bits everywhere),
`cross_entropy.py` (a loss and its gradient), `norms.py` and `softmax.py` (rows, forward and backward), `halves.py`
(their sums), `pooling.py` (the greatest number of a window), `updates.py` (a parameter's step in one pass), `tables.py`
(formats of 8 bits), `folds.py` (sums along arrays).
"""
