"""Rounding to block formats: check, normalise, call kernels block by block.

``layout`` (which elements share a scale, as kernels see an array), ``plan`` (one way of rounding, its constants
looked up once), ``run`` (scales, then elements, by the rule or its fast forms), ``values`` (`round_blocks`, which
`nf.round` calls). The array of codes and scales is ``nfloat.blocks``'s.
"""
