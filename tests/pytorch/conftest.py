"""PyTorch with one thread: its threads spin while they wait, which costs more than these small models do."""

import pytest


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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
