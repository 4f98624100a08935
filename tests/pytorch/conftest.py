"""PyTorch with one thread: its threads spin while they wait, which costs more than these small models do."""

import numpy as np
import pytest

import nfloat as nf


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def one_seed():
    """torch's own random numbers, the same in every test."""
    pytest.importorskip("torch").manual_seed(0)


@pytest.fixture
def is_bfloat16():
    """Whether all numbers of a tensor are bfloat16 ones."""

    def check(t):
        values = t.detach().numpy()
        return np.array_equal(nf.round(values, "bfloat16"), values)

    return check


@pytest.fixture
def both_ways(monkeypatch):
    """Checks that a run gives the same where calls are planned and where all go the general way.

    A run is a function that gives tensors, which must have the same bits, and what else must be equal.
    """
    torch = pytest.importorskip("torch")
    from nfloat.torch.machine import Machine

    begin = Machine.begin

    def plainly(self, p):
        begin(self, p)
        self.plain = False

    def check(run):
        planned, *others = run()
        monkeypatch.setattr(Machine, "begin", plainly)
        plain, *expected = run()
        same = [torch.equal(a.nan_to_num(7.0), b.nan_to_num(7.0)) for a, b in zip(planned, plain, strict=True)]
        assert all(same), same
        assert others == expected

    return check
