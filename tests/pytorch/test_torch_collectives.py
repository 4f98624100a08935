"""Several processes: gradients in buckets are those of parameters, and what is summed among processes is rounded."""

import copy
import subprocess
import sys

import numpy as np
import pytest

import nfloat as nf

torch = pytest.importorskip("torch")
distributed = pytest.importorskip("torch.distributed")
if not distributed.is_gloo_available():
    pytest.skip("torch without gloo", allow_module_level=True)

import nfloat.torch as nft
from nfloat.errors import ArgumentError

nn, Parallel = torch.nn, torch.nn.parallel.DistributedDataParallel


@pytest.fixture
def alone():
    """A group of one process."""
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))


def trained(model, x, steps=3):
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    return [t.clone() for t in model.state_dict().values()]


@pytest.mark.parametrize("views", [False, True])
@pytest.mark.parametrize("recipe", ["float32", "bf16-mixed", "bf16-pure-sr", "fp8-hybrid"])
def test_one_process_trains_as_without(alone, recipe, views):
    """Gradients were cast as activations on their way through the buckets."""
    plain, x = network(), torch.randn(9, 4)
    own = copy.deepcopy(plain)
    parallel = Parallel(own, gradient_as_bucket_view=views)
    with nft.emulate(recipe, model=plain, seed=1):
        expected = trained(plain, x)
    with nft.emulate(recipe, model=own, seed=1) as run:
        found = trained(parallel, x)
    for a, b in zip(found, expected, strict=True):
        assert torch.equal(a, b)
    rows = [row for row in run.trace() if row["operation"] == "allreduce"]
    assert "in its own type" in {row["role"] for row in rows} and all(row["calls"] == 3 for row in rows)


def test_sums_of_what_is_stored(alone):
    with nft.emulate("bf16-mixed"):
        x = torch.full((3,), 1.0) * 1.0078125
        distributed.all_reduce(x)
        assert torch.equal(x * 1.0, torch.full((3,), 1.0078125))
        parts = [torch.empty(3)]
        distributed.all_gather(parts, x)
        assert torch.equal(parts[0], x)
        distributed.barrier()


def test_buckets_of_layers_of_their_own_are_refused(alone):
    recipe = nf.nn.recipe("bf16-pure").replace(layers={"3": {"weight_gradients": "float16"}})
    model = network()
    with nft.emulate(recipe, model=model), pytest.raises(ArgumentError, match="reduce them one by one"):
        trained(Parallel(model), torch.randn(9, 4))
    model.zero_grad()
    with nft.emulate(recipe, model=model):
        model(torch.randn(9, 4)).square().mean().backward()
        for p in model.parameters():
            distributed.all_reduce(p.grad)


PROCESS = """
import sys, torch, torch.distributed as distributed, nfloat.torch as nft
rank, store, recipe = int(sys.argv[1]), sys.argv[2], sys.argv[3]
distributed.init_process_group("gloo", store=distributed.FileStore(store, 2), rank=rank, world_size=2)
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
x = torch.randn(2, 5, 4)[rank]
with nft.emulate(recipe, model=model):
    parallel = torch.nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    parallel(x).square().mean().backward()
    optimizer.step()
print(torch.cat([t.detach().reshape(-1) for p in model.parameters() for t in (p.grad, p)]).numpy().tobytes().hex())
distributed.destroy_process_group()
"""


@pytest.mark.parametrize("recipe", ["bf16-pure"])
def test_two_processes(tmp_path, recipe):
    """Each process' gradient is halved, and their sum rounded, as gradients are stored."""
    command = [sys.executable, "-c", PROCESS]
    both = [
        subprocess.Popen([*command, str(rank), str(tmp_path / "store"), recipe], stdout=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    first, second = (process.communicate(timeout=300)[0] for process in both)
    assert first == second and first

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    each = []
    for x in torch.randn(2, 5, 4):
        own = copy.deepcopy(model)
        with nft.emulate(recipe, model=own):
            own(x).square().mean().backward()
        each.append([p.grad.numpy() for p in own.parameters()])
    expected = []
    for p, halves in zip(model.parameters(), zip(*each, strict=True), strict=True):
        one, other = (nf.round(g * np.float32(0.5), "bfloat16") for g in halves)
        p.grad = torch.from_numpy(nf.round(one + other, "bfloat16"))
        expected.append(p)
    with nft.emulate(recipe, model=model):
        torch.optim.SGD(expected, 0.1).step()
    values = torch.cat([t.detach().reshape(-1) for p in expected for t in (p.grad, p)]).numpy()
    assert values.tobytes().hex() == first.strip()


def test_tensors_spread_over_processes_are_refused(alone):
    from torch.distributed import _functional_collectives as functional

    with nft.emulate("float32"), pytest.raises(ArgumentError, match="give each process its own model"):
        functional.all_reduce(torch.ones(3), "sum", distributed.group.WORLD)
