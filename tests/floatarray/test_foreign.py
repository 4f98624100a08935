"""What other libraries and NumPy's other functions do with a FloatArray: refused by name, with advice that works."""

import re

import numpy as np
import pytest
import scipy  # its parts load when they are first asked for
from in_one_test import in_one_test

import nfloat as nf

A = nf.array([[0.5, 0.25], [0.25, 0.375]], "float16")
CALLS = {
    "scipy.special.softmax": lambda: scipy.special.softmax(A),
    "scipy.special.logsumexp": lambda: scipy.special.logsumexp(A),
    "scipy.linalg.lu": lambda: scipy.linalg.lu(A),
    "scipy.linalg.solve": lambda: scipy.linalg.solve(A, A[0]),
    "scipy.linalg.inv": lambda: scipy.linalg.inv(A),
    "scipy.linalg.expm": lambda: scipy.linalg.expm(A),
    "scipy.fft": lambda: scipy.fft.fft(A),
    "scipy.signal": lambda: scipy.signal.convolve(A, A),
    "scipy.stats": lambda: scipy.stats.zscore(A),
    "scipy.integrate": lambda: scipy.integrate.simpson(A),
    "numpy.polynomial": lambda: np.polynomial.polynomial.polyval(0.5, A[0]),
}


@pytest.mark.parametrize("name", CALLS)
def test_arithmetic_of_others_is_refused_by_name(name):
    with pytest.raises(nf.ArgumentError, match=f"{re.escape(name)}.* computes on plain values"):
        CALLS[name]()


def test_whoever_asks_for_the_values_gets_them():
    assert np.asarray(A).tolist() == A.tolist() and np.array(A, float).dtype == float
    assert scipy.linalg.inv(np.asarray(A)).shape == (2, 2)
    np.testing.assert_allclose(A, A.values)


@pytest.mark.parametrize("name", ["erf", "expit", "exp2", "log1p"])
def test_functions_that_nfloat_has_are_named(name):
    ufunc = getattr(scipy.special, name)
    if getattr(np, name, None) is ufunc:
        return
    with pytest.raises(nf.ArgumentError, match=rf"scipy\.special\.{name} .*; nf\.(\w+)\(a\) rounds") as error:
        ufunc(A)
    own = re.search(r"nf\.(\w+)\(a\)", str(error.value)).group(1)
    assert np.allclose(np.asarray(getattr(nf, own)(A)), ufunc(np.asarray(A)), rtol=1e-3)


UNDEFINED = [getattr(np, name) for name in dir(np) if isinstance(getattr(np, name), np.ufunc)]
UNDEFINED += [scipy.special.j0, scipy.special.gamma, scipy.special.cbrt]


@in_one_test("ufunc", sorted(set(UNDEFINED), key=lambda u: u.__name__))
def test_advice_exists_and_runs(ufunc):
    """A ufunc works, or its error says what to write, and that can be written."""
    if ufunc is np.matmul or ufunc.signature:
        return
    a, b = A[0], A[1]
    try:
        ufunc(*(a, b)[: ufunc.nin])
    except nf.ArgumentError as error:
        text = str(error)
        call = re.search(r"it is (.*?)(?:, and nf.array of each result)?$", text)
        if call is None:
            assert "takes other kinds of numbers" in text and ufunc in (np.isnat, np.ldexp)
            return
        with np.errstate(invalid="ignore"):  # of arccosh
            assert eval(call.group(1), {"np": np, "nf": nf, "scipy": scipy, "a": a, "b": b}) is not None
        assert "rounded again" in text or "bit patterns" in text  # the first is no single rounding, and does not say so
