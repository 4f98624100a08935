"""Who asks for the plain values of a FloatArray: other libraries' arithmetic is refused by name.

``np.asarray(a)`` gives the values, and whoever writes that knows that what follows is not rounded. A function of SciPy
writes it on its own, and would compute in float32 and return a plain array: emulation lost in silence. So it is refused
there, and the message says what to write. What libraries do in compiled code cannot be seen here.
"""

from __future__ import annotations

import sys
from types import FrameType

from ..errors import ArgumentError

#: packages, or parts of one, that compute on what they are given
_COMPUTING = ("scipy", "sklearn", "numpy.polynomial")


def refuse_foreign_arithmetic(frame: FrameType | None) -> None:
    """Refuse the values to a computing library that is among the callers, NumPy's frames passed over.

    Raises
    ------
    ArgumentError
        If there is one; the message names the function.
    """
    frames: list[tuple[str, str]] = []
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if _is_in(module, _COMPUTING):
            frames.append((module, frame.f_code.co_name))
        elif not _is_in(module, ("numpy",)):
            break
        frame = frame.f_back
    if frames:
        name = _public_name(frames)
        raise ArgumentError(
            f"{name} computes on plain values, with no rounding to the array's format; nf.linalg, nf.fft and NumPy's "
            f"functions on FloatArrays round every operation; to leave the format, pass np.asarray(a)"
        )


def _is_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _public_name(frames: list[tuple[str, str]]) -> str:
    """The function that the user has called: the outermost one that its package shows."""
    for module, name in reversed(frames):
        parts = module.split(".")
        public = ".".join(parts[: next((i for i, part in enumerate(parts) if part.startswith("_")), len(parts))])
        if hasattr(sys.modules.get(public), name):
            return f"{public}.{name}"
    return f"a function of {frames[-1][0].partition('._')[0]}"
