"""The same recipes for PyTorch models: an unchanged model and loop, computed as a recipe says, on the CPU.

The only room that imports torch (extra ``torch``). ``emulate`` is the context; inside it a dispatch mode below autograd
(``mode``) hands each aten operation to its row in ``operations``, so that forward, backward and optimiser steps pass
through alike. ``known`` is what is known of a tensor's memory (a parameter, an activation, a gradient), ``parts`` what
a result is in a step; ``knowledge`` tells both, and ``machine``, which stands on it, reads operands and stores results
by them, through `nfloat.nn.precision.Precision`, the one place that rounds; ``places`` says in which module of the
model an operation belongs, ``scaling`` scales losses, ``stepping`` joins an optimiser's step, ``joining`` linear maps
and ``recurrent`` the cells of recurrent networks, ``refusals`` says what is not emulated, ``tracing`` counts what was
rounded, ``ways`` looks up once how results are stored, ``plans`` what calls that are alike share, ``tensors`` shares
memory with NumPy, ``drift`` measures drift, ``functions`` holds `round`, `matmul` and `quantize` of tensors.
"""

from ..errors import MissingExtraError

try:
    import torch as _torch  # noqa: F401
except ModuleNotFoundError:
    raise MissingExtraError("nfloat.torch needs PyTorch: pip install 'nfloat[torch]'") from None

from .drift import drift as drift
from .emulate import Emulation as Emulation
from .emulate import emulate as emulate
from .functions import matmul as matmul
from .functions import quantize as quantize
from .functions import round as round

__all__ = ["Emulation", "drift", "emulate", "matmul", "quantize", "round"]
