"""Initial weights: He's, and PyTorch's defaults. float64, from a NumPy generator's bits, the same on every machine.

"he": normal of standard deviation sqrt(2 / fan_in), biases zero (He et al. 2015, arXiv:1502.01852), for the weights of
linear layers and convolutions. "torch": what PyTorch's layers draw by default: uniform in +-1/sqrt(fan_in), biases too.
The distributions are PyTorch's; the numbers are not, its generator being another. Layers that He et al. do not speak of
(recurrent ones, attention's projections, embeddings) start as PyTorch's do under either name.
"""

from __future__ import annotations

import math

import numpy as np

from ...ops.normal import standard_normal
from ..precision import Floats
from ..tape import Tensor


def uniform(generator: np.random.Generator, shape: tuple[int, ...], bound: float) -> Floats:
    """Uniform numbers in -bound..bound: of 53 bits each, so that the product rounds once.

    Examples
    --------
    >>> bool((abs(uniform(np.random.default_rng(0), (100,), 0.5)) <= 0.5).all())
    True
    """
    return (2.0 * generator.random(shape) - 1.0) * bound


def draw_affine(generator: np.random.Generator, init: str, weight: Tensor, bias: Tensor | None, fan_in: int) -> None:
    """Initial values of the weight and bias of a linear layer or a convolution."""
    if init == "he":
        weight.data = standard_normal(generator, weight.shape) * math.sqrt(2.0 / fan_in)
    else:
        weight.data = uniform(generator, weight.shape, 1.0 / math.sqrt(fan_in))
    if bias is not None:
        drawn = init == "torch"
        bias.data = uniform(generator, bias.shape, 1.0 / math.sqrt(fan_in)) if drawn else np.zeros(bias.shape)


def xavier_uniform(generator: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Uniform in +-sqrt(6 / (rows + columns)) (Glorot and Bengio 2010)."""
    return uniform(generator, shape, math.sqrt(6.0 / (shape[0] + shape[1])))
