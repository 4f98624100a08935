"""The two decorators, the cache key and the warm-up list: the only place that calls Numba's compiler.

``@device``: inlined into kernels, never called from Python (``@routine``: the same, out of line).
``@kernel(signature, ...)``: what Python calls; nogil, cached.

Numba's disk cache looks only at the file of the cached function, so that after a change in a callee it would go on
serving the old arithmetic. Here the cache folder's name is a digest of *every* kernel source and of the formats' (whose
tags and layouts are compiled in), of the versions of Numba and llvmlite, and of the CPU's features: any change starts
an empty folder. Nothing compiles at import.

Environment: ``NFLOAT_CACHE_DIR`` (where), ``NFLOAT_CACHE=0`` (no cache), ``NFLOAT_QUIET=1`` (do not say what is
compiled). ``NUMBA_DISABLE_JIT=1`` is refused at the first kernel that is called.
"""

from __future__ import annotations

import gc
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
from llvmlite import binding as llvm
from numba.core import event

from ..errors import NFloatError
from .cache_files import CheckedCacheFile, KernelCache
from .inlined import KernelCompiler, counted, inlined_function

_SOURCES = Path(__file__).parent
#: what compiled code is made from: the kernels, and the tags and layouts they take from the formats
_DIGESTED = (_SOURCES, _SOURCES.parent / "formats")
_KEEP_DIGESTS = 4

#: every kernel: name -> (dispatcher, signatures it is compiled for)
KERNELS: dict[str, tuple[Any, tuple[str, ...]]] = {}


def cpu_features() -> str:
    """The CPU name and feature list that compiled code depends on.

    Numba's settings override the host's, empty ones too.
    """
    name = os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name()
    features = os.environ.get("NUMBA_CPU_FEATURES")
    return f"{name} {llvm.get_host_cpu_features().flatten() if features is None else features}"


def source_digest() -> str:
    """Hex digest over all sources of compiled code, the compilers' versions and the CPU."""
    h = hashlib.sha256()
    for path in sorted(path for folder in _DIGESTED for path in folder.rglob("*.py")):
        h.update(path.relative_to(_SOURCES.parent).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    versions = f"{numba.__version__} {llvmlite.__version__} {sys.version_info[:2]} {cpu_features()}"
    return hashlib.sha256(h.digest() + versions.encode()).hexdigest()[:16]


def cache_root() -> Path:
    """The folder that holds the cache folders: NFLOAT_CACHE_DIR, else the user's cache folder."""
    if os.environ.get("NFLOAT_CACHE_DIR"):
        return Path(os.environ["NFLOAT_CACHE_DIR"])
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", str(Path.home()))
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "nfloat"


def _open_cache() -> Path | None:
    """This version's cache folder, writable, or None where there can be none. Old digests are removed."""
    if os.environ.get("NFLOAT_CACHE") == "0":
        return None
    try:
        folder = cache_root() / source_digest()
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            return None
        os.utime(folder)
        older = sorted((p for p in folder.parent.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)
        for path in older[:-_KEEP_DIGESTS]:
            shutil.rmtree(path, ignore_errors=True)
    except (OSError, RuntimeError):
        return None
    return folder


#: where compiled code is kept, or None: then every process compiles for itself
CACHE_DIR = _open_cache()


def device(function: Callable[..., Any]) -> Any:
    """A compiled function that only compiled functions call; LLVM inlines it."""
    return inlined_function(function, error_model="numpy", forceinline=True)


def routine(function: Callable[..., Any]) -> Any:
    """A compiled function that only compiled functions call, kept out of line: for long code with many callers."""
    return inlined_function(function, error_model="numpy")


def call_compiled(context: Any, builder: Any, function: Any, signature: Any, args: Any) -> Any:
    """A call of a `device` function or a `routine` from an intrinsic's code: it is linked as where others call it."""
    kind = numba.typeof(function)
    kind.get_call_type(context.typing_context, signature.args, {})
    called = context.get_function(kind, signature)
    context.add_linking_libs(called.libs)
    return called(builder, args)


def kernel(*signatures: str, possible: bool = True) -> Callable[[Callable[..., Any]], Any]:
    """A compiled function that Python calls, for exactly these signatures (one per carrier). It holds no lock.

    Compiled on first use, or by `warm_up`. The arguments are normalised by the caller, so no other signature appears.
    Where it is not `possible` (the CPU lacks what it is made of) there is no kernel, and nobody may call it.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        if not possible:
            return function
        name = f"{function.__module__.removeprefix('nfloat.kernels.')}.{function.__name__}"
        if numba.config.DISABLE_JIT:
            KERNELS[name] = (_Refused(function), signatures)
            return KERNELS[name][0]
        ours = {"pipeline_class": KernelCompiler, "no_cfunc_wrapper": True, "_nrt": counted(function)}
        dispatcher = numba.njit(nogil=True, error_model="numpy", **ours)(function)
        if CACHE_DIR is not None:
            before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(CACHE_DIR)
            try:
                dispatcher._cache = KernelCache(function)
            finally:
                numba.config.CACHE_DIR = before
        KERNELS[name] = (dispatcher, signatures)
        return dispatcher

    return decorate


@lru_cache(maxsize=512)
def entry_point(kernel: Any, index: int = 0) -> Callable[..., Any]:
    """The compiled function behind one of a kernel's signatures, compiled or loaded if it is not there yet.

    It costs half of what a call of the kernel costs, because it does not look which signature its arguments have: the
    caller vouches for dtype, dimensions and contiguity.
    """
    signatures = next(known for dispatcher, known in KERNELS.values() if dispatcher is kernel)
    return kernel.compile(signatures[index])


def warm_up(names: Iterable[str] | None = None) -> Iterator[tuple[str, float]]:
    """Compile kernels of the imported modules (None: all), or load them from the cache; yields (name, seconds)."""
    for name in KERNELS if names is None else names:
        dispatcher, signatures = KERNELS[name]
        start = time.perf_counter()
        for signature in signatures:
            dispatcher.compile(signature)
        yield name, time.perf_counter() - start


class _Refused:
    """In a kernel's place where NUMBA_DISABLE_JIT is set.

    There is no interpreted form of what LLVM's instructions say.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.py_func = function

    def __call__(self, *_: Any) -> Any:
        setting = os.environ.get("NUMBA_DISABLE_JIT", "1")
        raise NFloatError(
            f"NUMBA_DISABLE_JIT={setting} turns Numba's compiler off, and nfloat computes in compiled code only "
            f"({self.py_func.__name__} here); unset NUMBA_DISABLE_JIT and start Python anew"
        )

    compile = __call__


class _Announcer(event.Listener):
    """Says on stderr what is being compiled: a first call takes seconds, and nobody should wonder why."""

    def __init__(self) -> None:
        self._said: set[Any] = set()  # a kernel of several signatures is compiled several times, and said once

    def on_start(self, event: Any) -> None:
        dispatcher = event.data["dispatcher"]
        if _is_kernel(dispatcher) and os.environ.get("NFLOAT_QUIET") != "1" and dispatcher.py_func not in self._said:
            self._said.add(dispatcher.py_func)
            where = "once per machine" if CACHE_DIR is not None else "no writable cache: in every process"
            print(f"nfloat: compiling {dispatcher.py_func.__name__} ({where})", file=sys.stderr, flush=True)

    def on_end(self, event: Any) -> None:
        """What could not be compiled, or was interrupted, another process may try."""
        file = getattr(event.data["dispatcher"]._cache, "_cache_file", None)
        if isinstance(file, CheckedCacheFile) and sys.exc_info()[0] is not None:
            file.turn.give_up()


class _NoCollections(event.Listener):
    """Nobody looks for garbage while a kernel is compiled.

    Numba makes hundreds of thousands of objects, and Python would look at all that there are again and again: a tenth
    of the time, more beside a large package. Numba compiles one kernel at a time.
    """

    def __init__(self) -> None:
        self._resume = False

    def on_start(self, event: Any) -> None:
        if _is_kernel(event.data["dispatcher"]):
            self._resume = gc.isenabled()
            gc.disable()

    def on_end(self, event: Any) -> None:
        """Whether it could be compiled or not."""
        if _is_kernel(event.data["dispatcher"]) and self._resume:
            gc.enable()


def _is_kernel(dispatcher: Any) -> bool:
    return any(dispatcher is d for d, _ in KERNELS.values())


for _listener in (_Announcer(), _NoCollections()):
    event.register("numba:compile", _listener)
