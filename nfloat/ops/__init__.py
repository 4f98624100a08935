"""Element by element: check, normalise, call one kernel.

``arguments`` (what an array argument may be), ``rounder`` (one way of rounding, its constants looked up once),
``rounding`` (`round`), ``codes`` (`encode`, `decode`), ``packing`` (`pack`, `unpack`).
"""
