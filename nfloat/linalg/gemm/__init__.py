"""Which kernel does a product, and why.

`dispatch.py` (from a product to kernel calls), `route.py` (the candidates for an accumulator, and what each asks of the
operands), `constants.py` (a format's row of constants, and what lanes can do with it), `facts.py` (what one look at an
operand tells), `halves.py` (products in half lanes).
"""
