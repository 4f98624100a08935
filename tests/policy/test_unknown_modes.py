"""A mode or an order that nobody has written a fast path for.

Each leaves it to the plain rule, or refuses it by name.
"""

import numpy as np
import pytest
from llvmlite import ir

import nfloat as nf
from nfloat.errors import AccumulatorError, RoundingError
from nfloat.formats.rounding import Draws, Family, ModeFacts, Rounding
from nfloat.formats.spec import rounding_spec
from nfloat.kernels.gemm import exact as gemm_exact
from nfloat.kernels.gemm import plain as gemm
from nfloat.kernels.gemm.orders import Order
from nfloat.kernels.rounding import arrays as elementwise
from nfloat.kernels.rounding import scalar, vector
from nfloat.linalg.bounds import matmul_bound
from nfloat.linalg.gemm import route
from nfloat.linalg.gemm.constants import corrections
from nfloat.linalg.gemm.dispatch import plain_call
from nfloat.ops import rounder


def member(kind, name, **fields):
    """One more member of an enumeration, which nothing has been told of."""
    new = str.__new__(kind, name)
    new._name_, new._value_, new.tag = name.upper(), name, len(kind)
    for key, value in fields.items():
        setattr(new, key, value)
    return new


class Other:
    """A family that is none of the four."""


MODES = [
    member(Rounding, "of another family", facts=ModeFacts(Other())),
    member(Rounding, "by a coin", facts=ModeFacts(Family.STOCHASTIC, draws=Draws.COIN)),
]
#: for a mode whose facts say all of it, some fast paths have a form by themselves: away from zero on both sides
AWAY = member(Rounding, "away from zero", facts=ModeFacts(Family.DIRECTED, away=(True, True)))
ORDER = member(Order, "from the middle")


def lanes():
    """(lanes, a number in them, a grid) of a function that is being built."""
    function = ir.Function(ir.Module(), ir.FunctionType(ir.VoidType(), []), "f")
    v = vector.Lanes(ir.IRBuilder(function.append_basic_block()), 16)
    return v, v.number(1.0), vector.Grid(*[v.word(1)] * 5)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_array_loops_leave_it_to_the_plain_rule(mode):
    for fmt in nf.FORMATS.values():
        words = rounding_spec(fmt, mode)
        for kernel in (rounder._kernel32(fmt, mode, words), rounder._kernel64(fmt, mode, words)):
            assert kernel in (None, elementwise.round_plain)  # None: the format is the carrier itself


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_vector_forms_refuse_it(mode):
    v, x, grid = lanes()
    with pytest.raises(RoundingError, match=f"{mode.value}.*vector.round_narrow"):
        vector.round_narrow(v, x, grid, mode)
    with pytest.raises(RoundingError, match=f"{mode.value}.*vector.round_same"):
        vector.round_same(v, x, grid, mode)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_tiles_leave_it_to_the_plain_rule(mode):
    assert corrections(mode) is None
    for fmt in (nf.float16, nf.bfloat16, nf.float32, nf.float64, nf.float8_e4m3fn, nf.get_format("e8m13")):
        for order in (Order.SEQUENTIAL, Order.PAIRWISE, Order.KAHAN):
            for product in (None, fmt):
                assert route.candidates(nf.Accumulator(fmt, product, mode, order)) == ()
        kernels = {c.kernel for c in route.candidates(nf.Accumulator(fmt, None, mode, "exact"))}
        assert kernels <= {gemm_exact.exact64}, "whose one rounding is the plain rule's"


def test_a_mode_is_done_where_its_facts_say_all():
    v, x, grid = lanes()
    assert vector.round_narrow(v, x, grid, AWAY) is not None
    assert vector.round_same(v, x, grid, AWAY) is not None
    assert corrections(AWAY)[0] == 0.0


def test_the_plain_rule_names_the_modes_that_it_has():
    assert set(scalar.RULES) == set(Rounding)
    assert set(gemm.RULES) == set(Order)


def test_an_order_without_a_rule_is_refused_by_name():
    acc = nf.Accumulator("bfloat16", order=ORDER)
    assert route.candidates(acc) == ()
    with pytest.raises(AccumulatorError, match=r"from the middle.*kernels/gemm/plain.py"):
        plain_call(acc)
    with pytest.raises(AccumulatorError, match=r"from the middle.*kernels/gemm/plain.py"):
        nf.matmul(np.ones((2, 2)), np.ones((2, 2)), acc)
    with pytest.raises(AccumulatorError, match=r"from the middle.*bound_orders.py"):
        matmul_bound(np.ones((2, 2)), np.ones((2, 2)), acc)
