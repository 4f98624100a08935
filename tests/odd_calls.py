"""Calls of public functions with odd objects in the place of one or two arguments, drawn by a seed.

Each call must return, or raise an NFloatError, within seconds. In the tests a few hundred of them; all of them by

    python tests/odd_calls.py 4000 --seed 0

which prints what raised something else, and what hung, and ends with exit code 1 if there was any.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

import numpy as np
from odd_objects import odd_objects
from odd_rooms import Call, calls_of_rooms

import nfloat as nf

#: seconds after which a call hangs
PATIENCE = 10.0


def calls() -> list[Call]:
    """The public functions: those of `nf` itself, and what the rooms offer."""
    return [*_calls(), *calls_of_rooms()]


def _calls() -> list[Call]:
    x, m = np.array([0.5, 1.5, 2.0], np.float32), np.array([[2.0, 1.0], [1.0, 3.0]])
    how = {"rounding": "nearest_even", "overflow": None, "random_bits": None, "seed": None}
    of_format = {"fmt": "float16", **how}
    found = [
        Call("round", nf.round, {"x": x, **of_format, "axis": None, "scale_rule": None}),
        Call("encode", nf.encode, {"x": x, **of_format}),
        Call("decode", nf.decode, {"codes": [1, 2], "fmt": "float16"}),
        Call("pack", nf.pack, {"codes": [1, 2], "fmt": "float4_e2m1fn"}),
        Call("unpack", nf.unpack, {"buffer": b"a", "fmt": "float4_e2m1fn", "shape": 2}),
        Call("array", nf.array, {"x": x, **of_format}),
        Call("from_codes", nf.from_codes, {"codes": [1], **of_format}),
        Call("fma", nf.fma, {"x": x, "y": x, "z": x, **of_format}),
        Call(
            "matmul",
            nf.matmul,
            {
                "a": m,
                "b": m,
                "acc": "float16",
                "c": None,
                "inputs": None,
                "output": None,
                "seed": None,
                "threads": 1,
                "scale_a": None,
                "scale_b": None,
            },
        ),
        Call("dot", nf.dot, {"a": x, "b": x, "acc": "float16", "seed": None}),
        Call("sum", nf.sum, {"x": m, "acc": "float16", "axis": 0, "keepdims": False, "inputs": None, "seed": None}),
        Call("cumsum", nf.cumsum, {"x": m, "acc": "float16", "axis": 0, "seed": None}),
        Call(
            "Accumulator",
            nf.Accumulator,
            {
                "format": "float16",
                "product": None,
                "rounding": "nearest_even",
                "order": "blocked",
                "block": 4,
                "promote": None,
                "overflow": None,
                "random_bits": None,
                "lanes": None,
            },
        ),
        Call(
            "Format",
            nf.Format,
            {
                "name": "mine",
                "precision": 5,
                "emin": -6,
                "emax": 7,
                "bits": 0,
                "signed": True,
                "has_inf": True,
                "nan": "top",
                "max_significand": 0,
                "lowest_binade": "subnormal",
                "subnormals": "kept",
                "twos_complement": False,
                "overflow": None,
                "source": "",
            },
        ),
        Call(
            "BlockFormat",
            nf.BlockFormat,
            {
                "name": "mine",
                "element": "float6_e3m2fn",
                "block": 64,
                "scale": "float8_e8m0fnu",
                "scale_rule": "floor",
                "tensor_scale": False,
            },
        ),
        Call("get_format", nf.get_format, {"fmt": "float16"}),
        Call("finfo", nf.finfo, {"fmt": "float16"}),
        Call(
            "quantize",
            nf.quantize,
            {"x": m, "fmt": nf.mxfp4, "axis": -1, "rounding": "nearest_even", "scale_rule": None, "seed": None},
        ),
        Call("hadamard", nf.hadamard, {"x": np.ones(16), "size": 16, "seed": 0, "axis": -1}),
        Call("numpy_dtype", nf.numpy_dtype, {"fmt": "float16"}),
        Call("view_codes", nf.view_codes, {"array": x}),
        Call("view_dtype", nf.view_dtype, {"codes": np.array([1], np.uint16), "fmt": "float16"}),
        Call("Stream", nf.Stream, {"seed": 1}),
        Call("Stream.child", lambda a, b: nf.Stream(1).child(a, b), {"a": "x", "b": 1}),
        Call("save", lambda arrays: nf.save("/dev/null", arrays), {"arrays": {"a": nf.array(x, "float16")}}),
        Call(
            "solve",
            nf.linalg.solve,
            {"a": m, "b": [1.0, 2.0], **of_format, "refinements": 1, "factor": None, "residual": None},
        ),
        Call("norm", nf.linalg.norm, {"x": m, **of_format, "ord": None, "axis": None}),
        Call("lstsq", nf.linalg.lstsq, {"a": m, "b": [1.0, 2.0], **of_format}),
        Call("lu", nf.linalg.lu, {"a": m, **of_format, "p_indices": False}),
        *(
            Call(name, getattr(nf.linalg, name), {"a": m, **of_format})
            for name in ("cholesky", "qr", "inv", "det", "eigh")
        ),
        Call("fft", nf.fft, {"x": x, **of_format, "axis": -1}),
        Call("ifft", nf.ifft, {"x": x, **of_format, "axis": -1}),
        Call("polyval", nf.polyval, {"p": x, "x": x, **of_format}),
        Call("convolve", nf.convolve, {"a": x, "v": x, **of_format, "mode": "full"}),
        Call("recipe", nf.nn.recipe, {"name": "bf16-mixed"}),
        Call(
            "Recipe.replace",
            lambda weights, forward: nf.nn.recipe("bf16-mixed").replace(weights=weights, forward=forward),
            {"weights": "float16", "forward": "float32"},
        ),
        Call(
            "Config",
            nf.drift.Config,
            {
                "data": "blobs",
                "model": "mlp",
                "width": 4,
                "depth": 1,
                "recipes": ("float32",),
                "steps": 2,
                "seed": 0,
                "seeds": 1,
                "batch": 4,
                "optimizer": "sgd",
                "lr": 0.1,
                "every": 1,
                "ablate": "none",
                "attribute": False,
                "activation": "relu",
            },
        ),
        Call("assert_ulp", nf.testing.assert_ulp, {"actual": x, "desired": x, "fmt": "float32", "max_ulp": 1}),
        Call("matmul_bound", nf.testing.matmul_bound, {"a": m, "b": m, "accumulator": "float16"}),
        Call("FloatArray + x", lambda x: nf.array([1.0, 2.0, 3.0], "float16") + x, {"x": 1.0}),
        Call(
            "astype",
            lambda fmt, rounding: nf.array([1.0], "float16").astype(fmt, rounding),
            {"fmt": "bfloat16", "rounding": None},
        ),
        Call(
            "replace",
            lambda **k: nf.array([1.0], "float16").replace(**k),
            {"rounding": "toward_zero", "overflow": None, "random_bits": None, "seed": None},
        ),
    ]
    for name in ("add", "subtract", "multiply", "divide", "hypot", "remainder", "power"):
        found.append(Call(name, getattr(nf, name), {"x": x, "y": x, **of_format}))
    for name in ("sqrt", "rsqrt", "exp", "log", "tanh", "sigmoid", "gelu", "erf"):
        found.append(Call(name, getattr(nf, name), {"x": x, **of_format}))
    return found


class Finding(NamedTuple):
    """A call that raised something else, or hung."""

    name: str
    changed: dict[str, Any]
    error: str

    def __str__(self) -> str:
        def shown(value: object) -> str:
            try:
                return repr(value)[:60]
            except Exception as error:  # Raises and deep nests
                return f"<{type(value).__name__}, whose repr raises {type(error).__name__}>"

        return f"{self.name}({', '.join(f'{k}={shown(v)}' for k, v in self.changed.items())}): {self.error}"


class Hang(BaseException):
    """A call took too long."""


def findings(count: int, seed: int) -> Iterator[Finding]:
    """What `count` calls turned up. Needs the main thread, where alarms arrive."""
    rng, known = Random(seed), calls()

    def alarm(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, alarm)
    try:
        for _ in range(count):
            call = rng.choice(known)
            odd = odd_objects()
            names = rng.sample(list(call.arguments), min(len(call.arguments), rng.choice((1, 1, 2))))
            changed = {name: rng.choice(odd) for name in names}
            found = _outcome(call, changed)
            if found is not None:
                yield Finding(call.name, changed, found)
    finally:
        signal.signal(signal.SIGALRM, before)


def _outcome(call: Call, changed: dict[str, Any]) -> str | None:
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call.function(**{**call.arguments, **changed})
    except (nf.NFloatError, AssertionError):
        return None
    except Hang:
        return "hung"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:150]}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return None


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=4000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    os.chdir(tempfile.mkdtemp())  # some of what is odd is a good path
    found = list(findings(given.count, given.seed))
    for finding in found:
        print(finding)
    hung = sum(finding.error == "hung" for finding in found)
    print(f"{given.count} calls: {len(found) - hung} raised something else than an NFloatError, {hung} hung")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
