"""Substitution in triangular systems, by columns, as BLAS's trsv does: every product, difference and quotient rounded.

For column j, ascending (lower) or descending (upper): x_j = R(b_j / t_jj), then b_i = R(b_i - R(t_ij x_j)) for all i
that are left.
"""

from __future__ import annotations

from ...errors import ArgumentError
from .calculation import Calculation, Floats


def solve_lower(c: Calculation, t: Floats, b: Floats, *, unit: bool = False) -> Floats:
    """x with t x = b; b has shape (n, k). `unit`: the diagonal counts as ones."""
    x = b.copy()
    for j in range(t.shape[0]):
        if not unit:
            x[j] = c.divide(x[j], t[j, j])
        if j + 1 < t.shape[0]:
            x[j + 1 :] = c.minus_products(x[j + 1 :], t[j + 1 :, j], x[j])
    return x


def solve_upper(c: Calculation, t: Floats, b: Floats) -> Floats:
    """x with t x = b; b has shape (n, k)."""
    x = b.copy()
    for j in range(t.shape[0] - 1, -1, -1):
        x[j] = c.divide(x[j], t[j, j])
        if j:
            x[:j] = c.minus_products(x[:j], t[:j, j], x[j])
    return x


def check_diagonal(name: str, t: Floats) -> None:
    """Refuse a triangular matrix that divides by zero.

    Raises
    ------
    ArgumentError
        If an element of the diagonal is 0.
    """
    for j in range(min(t.shape)):
        if t[j, j] == 0.0:
            raise ArgumentError(f"{name}: a is singular in this arithmetic: pivot {j} is 0; use a longer format")
