"""Sums and products of matrices in a stated arithmetic.

``accumulators`` (what a sum is: format, order, rounding), ``matmul`` and ``reductions`` (what users call), ``operands`` (shapes and
carriers), ``threads``; matrix instructions of real hardware: ``unit``, ``units``, ``unit_matmul``. The arithmetic itself is in
``nfloat/kernels/``.
"""
