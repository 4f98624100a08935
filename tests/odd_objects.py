"""Objects that stand where numbers, arrays, formats and modes belong."""

from __future__ import annotations

import decimal
import enum
import fractions
import io
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

import nfloat as nf


class Raises:
    """Raises whatever it is asked."""

    def _raise(self, *_: Any) -> Any:
        raise ZeroDivisionError("asked")

    __array__ = __index__ = __float__ = __int__ = __len__ = __iter__ = __bool__ = __str__ = __hash__ = _raise  # type: ignore[assignment]
    __eq__ = _raise  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "Raises()"


class Text(str):
    """A string that is equal to nothing."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return False


class Number(enum.IntEnum):
    """An integer with a name."""

    ONE = 1


def odd_objects() -> list[Any]:
    """What stands in an argument's place."""
    nan = float("nan")
    ragged: Any = [[1], [1, 2]]
    nested: Any = []
    for _ in range(200):
        nested = [nested]
    return [
        None,
        True,
        nan,
        float("inf"),
        -1,
        0,
        1,
        3.5,
        10**400,
        2**63,
        2**64,
        2**70,
        -(2**63),
        1j,
        "",
        "x" * 10_000,
        "\0",
        "é",
        b"",
        b"float16",
        "float16",
        "bfloat16",
        "stochastic",
        "sequential",
        "nvidia.hopper.mma.f16.f32",
        "e99m99",
        "mxfp4",
        object(),
        [],
        [[]],
        ragged,
        nested,
        {},
        {"a": 1},
        {1.0},
        (),
        (1, 2),
        lambda: 1,
        int,
        float,
        np.float32,
        ValueError,
        np.array([1, "a"], object),
        np.array([None]),
        np.zeros(2, [("a", "f4")]),
        np.array(["2020-01-01"], "M8[D]"),
        np.array([3], "m8[s]"),
        np.array("x"),
        np.ma.array([1.0, 2.0], mask=[0, 1]),
        np.array(1.0),
        np.zeros((0, 3)),
        np.broadcast_to(np.float64(1.0), (2**40,)),
        np.broadcast_to(np.float32(1.0), (2**20, 2**20)),
        np.zeros((1,) * 40),
        fractions.Fraction(1, 3),
        decimal.Decimal("0.1"),
        decimal.Decimal("sNaN"),
        (x for x in (1, 2)),
        range(3),
        np.ones(3, ml_dtypes.bfloat16),
        np.ones(3, ml_dtypes.int4),
        nf.array([1.0, 2.0], "float16"),
        nf.array([1.0], "bfloat16", "stochastic", seed=1),
        nf.quantize(np.ones(32), nf.mxfp4),
        nf.float16,
        nf.mxfp4,
        nf.Accumulator("float16"),
        nf.units["nvidia.hopper.mma.f16.f32"],
        nf.Stream(1),
        nf.nn.recipe("bf16-mixed"),
        Path("nowhere"),
        Raises(),
        Text("float16"),
        Number.ONE,
        np.str_("float16"),
        np.int8(3),
        np.bool_(True),
        np.float16(0.1),
        np.longdouble(1) / 3,
        np.array([np.longdouble(1) / 3]),
        np.arange(6.0)[::-2],
        np.ones(3).astype(">f8"),
        np.array([2**63], np.uint64),
        np.array([nan, np.inf]),
        np.full((3, 3), 1e308),
        memoryview(b"abcd"),
        bytearray(b"ab"),
        io.BytesIO(b"x"),
        np.random.default_rng(0),
        type,
        NotImplemented,
        Ellipsis,
        slice(None),
        np.dtype("f4"),
        sys,
        [np.ones(2), [1, 2]],
        [nf.float16],
        np.array([True, False]),
        -0.0,
        1e-320,
    ]
