"""Rounding over numbers and arrays.

`scalar.py` is THE rounding; `vector.py` its form in lanes, `constants.py` what these know of a format. Loops over
arrays: `streaming.py` (blocks, streams, what is refused), `arrays.py` (round) and `bodies.py` (what its blocks go
through), `special.py` (formats that flush, of one bit, with float64's exponents), `sums.py` (of two arrays, with random
words), `codes.py` and `codes_vector.py` (encode and decode by the rule, in lanes), `given_words.py` (with random words
that the caller gives).
"""
