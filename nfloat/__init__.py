"""nfloat: a laboratory for number formats on an ordinary CPU. The public surface, one screen.

Formats and streams load at once and import no Numba; everything that computes loads on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .errors import (
    AccumulatorError as AccumulatorError,
)
from .errors import (
    ArgumentError as ArgumentError,
)
from .errors import (
    FormatError as FormatError,
)
from .errors import (
    MissingExtraError as MissingExtraError,
)
from .errors import (
    NFloatError as NFloatError,
)
from .errors import (
    RepresentationError as RepresentationError,
)
from .errors import (
    RoundingError as RoundingError,
)
from .errors import (
    SeedError as SeedError,
)
from .errors import (
    ShapeError as ShapeError,
)
from .formats.blocks import BLOCK_FORMATS as BLOCK_FORMATS
from .formats.blocks import BlockFormat as BlockFormat
from .formats.catalog import FORMATS as FORMATS
from .formats.finfo import finfo as finfo
from .formats.format import Format as Format
from .formats.names import get_format as get_format
from .streams import Stream as Stream

__version__ = "0.1.0"

#: what is loaded on first use: name -> the module that holds it
_LAZY = {
    **dict.fromkeys(("round",), "ops.rounding"),
    **dict.fromkeys(
        (
            "add",
            "subtract",
            "multiply",
            "divide",
            "fma",
            "sqrt",
            "reciprocal",
            "rsqrt",
            "hypot",
            "remainder",
            "fmod",
            "ieee_remainder",
        ),
        "ops.arithmetic",
    ),
    **dict.fromkeys(
        (
            "exp",
            "exp2",
            "expm1",
            "log",
            "log2",
            "log10",
            "log1p",
            "sin",
            "cos",
            "tan",
            "sinh",
            "cosh",
            "tanh",
            "arcsin",
            "arccos",
            "arctan",
            "arctan2",
            "erf",
            "sigmoid",
            "softplus",
            "gelu",
            "power",
        ),
        "ops.functions",
    ),
    **dict.fromkeys(("array", "from_codes", "FloatArray"), "floatarray.array"),
    "BlockArray": "blocks.array",
    **dict.fromkeys(("quantize", "quantize_both"), "blocks.quantize"),
    **dict.fromkeys(("save", "load"), "floatarray.files"),
    "hadamard": "blocks.hadamard",
    "Accumulator": "linalg.accumulators",
    "matmul": "linalg.matmul",
    **dict.fromkeys(("cumsum", "dot", "sum"), "linalg.reductions"),
    **dict.fromkeys(("fft", "ifft"), "linalg.algorithms.fourier"),
    **dict.fromkeys(("convolve", "polyval"), "linalg.algorithms.polynomials"),
    "units": "linalg.units.names",
    **dict.fromkeys(("encode", "decode"), "ops.codes"),
    **dict.fromkeys(("pack", "unpack"), "ops.packing"),
    **dict.fromkeys(("numpy_dtype", "view_codes", "view_dtype"), "interop"),
    "explain": "display.explanation",
}
_SUBPACKAGES = ("blocks", "display", "drift", "linalg", "nn", "report", "studies", "sweep", "testing")


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = getattr(import_module(f".{_LAZY[name]}", __name__), name)
    elif name in _SUBPACKAGES:
        value = import_module(f".{name}", __name__)
    elif name in FORMATS:
        value = FORMATS[name]
    elif name in BLOCK_FORMATS:
        value = BLOCK_FORMATS[name]
    else:
        raise AttributeError(f"module 'nfloat' has no attribute {name!r}")
    globals()[name] = value
    return value


_EAGER = (
    "AccumulatorError",
    "ArgumentError",
    "BLOCK_FORMATS",
    "BlockFormat",
    "FORMATS",
    "Format",
    "FormatError",
    "MissingExtraError",
    "NFloatError",
    "RepresentationError",
    "RoundingError",
    "SeedError",
    "ShapeError",
    "Stream",
    "finfo",
    "get_format",
)

__all__ = sorted({*_EAGER, *_LAZY, *_SUBPACKAGES, *FORMATS, *BLOCK_FORMATS})


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
