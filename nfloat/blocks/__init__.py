"""Arrays in block formats: codes and scales, what files hold of them, and what quantising did to them.

``array`` (`BlockArray`), ``quantize`` (`quantize`, `quantize_both`), ``layouts`` (scales in the order that
Blackwell's tensor cores read), ``files`` (what safetensors files hold of them), ``safetensors`` (how those are laid
out), ``delayed`` (scales from the past), ``hadamard``, ``diagnostics`` and their ``picture``. What a block of numbers
becomes is decided in
``nfloat.ops.blocks`` and its kernels.
"""
