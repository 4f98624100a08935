"""Every compiled function of nfloat, and nowhere else. The rules and the words are in README.md beside this file.

``jit``, ``inlined``, ``cache_files`` and ``turns`` (the decorators, what device functions become, the cache, which
process compiles), ``machine`` (what this CPU has), ``bits`` and ``rng`` (bit patterns, random bits), ``lanes`` (numbers
side by side in LLVM IR), ``carried`` (a loop over values in registers), ``outlined`` (loops as functions of their own),
``to_odd`` (sums with known errors); then ``rounding``, ``arithmetic``, ``blocks``, ``gemm`` and ``units``, each with a
map of its own.
"""
