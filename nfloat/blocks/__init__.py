"""Arrays in block formats: codes and scales, what files hold of them, and what quantising did to them.

``array`` (`BlockArray`), ``quantize`` (`quantize`, `quantize_both`), ``layouts`` (scales and blocks in the orders that
Blackwell's tensor cores read and GGUF files have), ``files`` (what safetensors files hold of them), ``safetensors``
(how those are laid out), ``delayed`` (scales from the past), ``hadamard``, ``diagnostics`` and their ``picture``. What
a block of numbers becomes is decided in ``nfloat.ops.blocks`` and its kernels; where other tools give other numbers,
and why, stands in ``docs/explanation/block_formats.md``.
"""
