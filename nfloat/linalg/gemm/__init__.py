"""Which kernel does a product, and why.

`stacks.py` (from stacks to products), `dispatch.py` (from a product to kernel calls), `route.py` (the candidates for an
accumulator, and what each asks of the operands), `constants.py` (a format's row of constants, and what lanes do with
it), `facts.py` (what one look at an operand tells), `halves.py` (products in half lanes), `small.py` (small products,
without looking twice).
"""
