"""What a number format is. No Numba here.

``format`` (the description), ``blocks`` (formats whose elements share scales), ``catalog`` (the list), ``names``
(lookup), ``finfo``, ``rounding`` (modes and policies), ``spec`` (a kernel's constants, what overflow policies make of
each mode among them), ``lanes`` (which hardware lanes hold which formats), ``wide`` (formats that are
described and not computed in).
"""
