"""Which kernel does a product, and why.

`stacks.py` (from stacks to products), `dispatch.py` (from a product to kernel calls), `route.py` (the candidates for an
accumulator), `candidate.py` (what one asks of the operands), `choice.py` (one for many products), `direct.py` (the same
for sums that a lane rounds first), `constants.py` (a format's row of constants, and what lanes do with it), `facts.py`
(what one look at an operand tells), `halves.py` (products in half lanes), `small.py` (small products, without looking
twice), `windows.py` (products with all that windows of images see), `native_windows.py` (by the hardware's own sums, in
one call), `images.py` (how images lie for that).
"""
