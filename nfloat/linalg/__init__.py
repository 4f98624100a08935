"""Sums and products of matrices in a stated arithmetic, and algorithms made of rounded operations.

``accumulators`` (what a sum is: format, order, rounding), ``matmul`` and ``reductions`` (what users call), ``bounds``
and ``bound_orders`` (how far they may be from the exact result), ``operands`` (shapes and carriers), ``panels`` (how
what is to be rounded is packed), ``blocks`` (products of block arrays). Which kernel does a product, and why:
``gemm/``; matrix instructions of real hardware: ``units/``; `nf.linalg.solve` and its kind: ``algorithms/``. The
arithmetic itself is in ``nfloat/kernels/``.
"""

from importlib import import_module
from typing import Any

#: what is loaded on first use: name -> its module in ``algorithms/``
_LAZY = {
    **dict.fromkeys(("lu", "solve", "inv", "det"), "lu"),
    "cholesky": "cholesky",
    **dict.fromkeys(("qr", "lstsq"), "householder"),
    "eigh": "jacobi",
    "norm": "norms",
}

__all__ = sorted(_LAZY)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'nfloat.linalg' has no attribute {name!r}")
    value = getattr(import_module(f".algorithms.{_LAZY[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
