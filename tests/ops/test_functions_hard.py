"""float32's hardest arguments: of all numbers of 19 binades those whose result lies nearest to a number or a midpoint.

``bench/exhaustive.py singles`` finds them. Their results need 48 to 55 bits to round; float64 alone decides few of
them.
"""

from __future__ import annotations

import numpy as np
import pytest
from mpfr_oracle import rounded_to_odd

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.testing.grid import Grid, prepare, round_grid
from nfloat.testing.sweep import differs

HARDEST = {
    "exp": "-0x1.d2259ap+3 -0x1.acff2ap-2 -0x1.6d7b18p+5 0x1.344e9cp-5",
    "expm1": "0x1.84a5bap-4 -0x1.2e3b12p+1 0x1.62b666p+1 0x1.451436p+6",
    "log": "0x1.2f1fd6p+3 0x1.aa9cf2p+3 0x1.a6c9aep+0 0x1.5cff64p+5",
    "log10": "0x1.f451d2p+5 0x1.568062p+5 0x1.5c78a0p-3",
    "log1p": "0x1.b7fd86p-4 0x1.7d2286p-2 0x1.fb035ap-2 0x1.0f1fd6p+3",
    "sin": "0x1.75b8a2p-1 0x1.4f0654p+0 -0x1.75b8a2p-1 -0x1.4f0654p+0",
    "cos": "0x1.a13cb2p+1 0x1.8f219cp+5",
    "tan": "0x1.143ec4p+0 0x1.02e9bap+2",
    "sinh": "0x1.ecfeb6p-4 0x1.1389b0p-5 0x1.fbe4b0p-1",
    "cosh": "0x1.c12a50p-5 0x1.451436p+6",
    "tanh": "0x1.b1c146p+1 0x1.6fabe6p-6 0x1.22601ep-5",
    "arcsin": "0x1.cbf43cp-4 0x1.107434p-1 0x1.55688ap-1 0x1.ee836cp-1",
    "arccos": "0x1.4d04f2p-6 -0x1.427d5ap-6 0x1.145f36p-6 -0x1.d7a086p-2",
    "arctan": "0x1.1ad646p-4 0x1.ddf9f6p+0 0x1.fc5d82p+0",
}


@pytest.mark.parametrize("name", HARDEST)
def test_in_every_mode_from_either_carrier(name: str) -> None:
    x = np.array([float.fromhex(v) for v in HARDEST[name].split()], np.float32)
    z = rounded_to_odd(name, x)
    rest = z.view(np.int64) & (2**28 - 1)
    assert np.minimum(rest, 2**28 - rest).max() < 8, "an argument that is not hard"
    n = prepare(z, Grid(nf.float32))
    for mode in (m for m in Rounding if not m.is_stochastic):
        wanted = round_grid(z, n, nf.float32, mode, None)
        for operand in (x, x.astype(np.float64)):
            assert not differs(getattr(nf, name)(operand, "float32", mode), wanted).any(), f"{name} {mode}"
