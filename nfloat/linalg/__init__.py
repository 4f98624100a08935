"""Sums and products of matrices in a stated arithmetic.

``accumulators`` (what a sum is: format, order, rounding), ``matmul`` and ``reductions`` (what users call), ``bounds``
and ``bound_orders`` (how far they may be from the exact result), ``operands`` (shapes and carriers), ``blocks``
(products of block arrays), ``threads``. Which kernel does a product, and why: ``gemm/``; matrix instructions of real
hardware: ``units/``. The arithmetic itself is in ``nfloat/kernels/``.
"""
