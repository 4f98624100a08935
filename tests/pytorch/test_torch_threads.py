"""What other threads do with torch is theirs: it is not emulated, and does not reach an emulation."""

import threading

import pytest

torch = pytest.importorskip("torch")

import nfloat.torch as nft

nn = torch.nn


class Waiting(nn.Module):
    """Stands still in its forward pass until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.go_on = threading.Event(), threading.Event()

    def forward(self, x):
        self.inside.set()
        assert self.go_on.wait(60)
        return x


def trained():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    optimizer = torch.optim.SGD(layer.parameters(), 0.1, momentum=0.9)
    x = torch.randn(2, 3, 8)
    for _ in range(2):
        optimizer.zero_grad()
        layer(x).square().mean().backward()
        optimizer.step()
    with torch.autocast("cpu", enabled=False):
        return [*layer.parameters()]


def emulated():
    with nft.emulate("bf16-pure-sr", seed=1) as run:
        return trained(), run.trace()


def test_a_module_that_runs_beside():
    """Layers are named, and random bits drawn, as without it."""
    expected, rows = emulated()
    waiting, found = Waiting(), []
    with nft.emulate("bf16-pure-sr", seed=1) as run:
        beside = threading.Thread(target=lambda: waiting(torch.ones(2)))
        beside.start()
        try:
            assert waiting.inside.wait(60)
            found = trained()
        finally:
            waiting.go_on.set()
            beside.join()
    assert all([torch.equal(a, b) for a, b in zip(found, expected, strict=True)])
    assert run.trace() == rows


def test_a_thread_that_trains_beside():
    expected, results = trained(), []
    with nft.emulate("bf16-pure") as run:

        def beside():
            torch.set_num_threads(1)  # each thread has a number of its own
            results.extend(trained())
            with torch.autocast("cpu", torch.bfloat16):
                results.append(torch.ones(2, 2) @ torch.ones(2, 2))

        thread = threading.Thread(target=beside)
        thread.start()
        thread.join()
    assert results.pop().dtype is torch.bfloat16
    assert all([torch.equal(a, b) for a, b in zip(results, expected, strict=True)])
    assert run.trace() == [] and run.steps == 0
