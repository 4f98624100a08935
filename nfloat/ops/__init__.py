"""Element by element: check, normalise, call one kernel.

``arguments`` and ``operands`` (what an array argument may be; several brought to one shape), ``memory`` (what is too
large), ``threads`` (over ranges of rows), ``rounder`` (one way of rounding, its constants looked up once), ``direct``
and ``direct_results`` (the short way for the commonest calls). Rounding: ``rounding`` (`round`), ``codes`` (`encode`,
`decode`), ``packing`` (`pack`, `unpack`). Arithmetic:
``arithmetic`` (`add` ... `hypot`), ``compute`` (how it is carried out). Elementary functions: ``functions`` (`exp` and
all others), ``evaluate`` (how), ``tables`` (short formats), ``approximations``, ``leading_bits`` and ``bigreal`` (the
steps of Ziv's method). ``exact_numbers``: constants that float64 does not hold. ``normal``: normal deviates that are
the same everywhere.
``watching``: who is told of every call.
``blocks/``: rounding to formats whose elements share scales.
"""
