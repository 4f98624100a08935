"""FloatArray: values + format + rounding, with NumPy's ufuncs, operators and functions.

``rounded`` (the data, and what an operand may be), ``dtypes`` (which arrays may stand beside it), ``foreign`` (who may
have the values), ``array`` (the class and `array`), ``methods`` (what makes it look like an ndarray), ``ufuncs`` (calls
of ufuncs), ``folds`` (reduce, accumulate, outer, at), ``functions``, ``moving``, ``statistics``, ``einsum`` and
``linear`` (NumPy's functions on whole arrays), ``float64`` (the same calls in float64), ``files`` and ``npy`` (saved
and loaded).
"""
