"""Shorter ways of the bridge against the plain ones, bit for bit: rows, pieces, float32 for short numbers."""

import numpy as np
import pytest

import nfloat as nf

torch = pytest.importorskip("torch")

import nfloat.torch as nft
from nfloat.nn.ops import OPS
from nfloat.nn.ops.convolution import _turned
from nfloat.nn.precision import Precision
from nfloat.torch.operations import normal, updates
from nfloat.torch.operations.elementwise import innocuous

EXACT = Precision(nf.nn.recipe("bf16-mixed"))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("single", [True, False])
@pytest.mark.parametrize("shape", [(1, 1), (7, 33), (300, 257)])
def test_rows_have_a_norm_s_own_bits(rng, shape, single):
    x, dy = (rng.standard_normal(shape).astype(np.float32) * 10 for _ in range(2))
    weight, bias = rng.standard_normal((2, shape[1])).astype(np.float32)
    y, kept = OPS["layer_norm"].forward(EXACT, "a", x, weight, bias, axes=1, eps=1e-5)
    wide = [torch.from_numpy(a.astype(np.float64)).view(1, -1) for a in (weight, bias)]
    out, dx = normal.empty(shape, single), normal.empty(shape, single)
    products = normal.empty(shape, False)
    found, variance = normal.norm(torch.from_numpy(x), *wide, 1e-5, out)
    normal.norm_backward(found, torch.from_numpy(dy), dx, products)
    gradient = OPS["layer_norm"].backward(EXACT, "a", kept, dy, (True, False, False))[0]
    dtype = np.float32 if single else np.float64
    assert np.array_equal(out.numpy(), y.astype(dtype)) and np.array_equal(dx.numpy(), gradient.astype(dtype))
    assert np.array_equal(found.mean, kept.mean.ravel()) and np.array_equal(found.inverse, kept.inverse.ravel())
    assert np.array_equal(products.numpy(), dy * ((x - kept.mean) * kept.inverse)) and (variance >= 0).all()


@pytest.mark.parametrize("mask", [None, "matrix", "stack"])
def test_rows_have_softmax_s_own_bits(rng, mask):
    x = rng.standard_normal((6, 40, 130)).astype(np.float32) * 5
    given = {None: None, "matrix": rng.standard_normal((40, 130)), "stack": rng.standard_normal((6, 40, 130))}[mask]
    if given is not None:
        given[rng.random(given.shape) < 0.3] = -np.inf
    y, _ = OPS["softmax"].forward(EXACT, "a", x, mask=given)
    flat, out = torch.from_numpy(x).view(-1, 130), normal.empty((240, 130), False)
    normal.softmax(flat, None if given is None else torch.from_numpy(given).reshape(-1, 130), out)
    assert np.array_equal(out.numpy().reshape(y.shape), y)
    stored, dy = y.astype(np.float32), rng.standard_normal(x.shape).astype(np.float32)
    (dx,) = OPS["softmax"].backward(EXACT, "a", (stored, -1), dy, (True,))
    normal.softmax_backward(torch.from_numpy(stored).view(-1, 130), torch.from_numpy(dy).view(-1, 130), out)
    assert np.array_equal(out.numpy().reshape(y.shape), dx)


NORMS = {
    "batch": lambda: torch.nn.BatchNorm2d(6),
    "group": lambda: torch.nn.GroupNorm(3, 6),
    "plain": lambda: torch.nn.GroupNorm(2, 6, affine=False),
    "layer": lambda: torch.nn.LayerNorm(5),
    "axes": lambda: torch.nn.LayerNorm((4, 5)),
    "bare": lambda: torch.nn.LayerNorm(5, bias=False),
}


@pytest.mark.parametrize("recipe", ["float32", "bf16-mixed", "fp16-pure"])
@pytest.mark.parametrize("name", NORMS)
def test_norms_by_rows_and_by_nn_agree(monkeypatch, name, recipe):
    def run():
        torch.manual_seed(0)
        model, x = NORMS[name](), torch.randn(7, 6, 4, 5, requires_grad=True)
        with nft.emulate(recipe, model=model) as own:
            y = model(x * 1.0)
            (y * y).sum().backward()
        return [y, x.grad, *(p.grad for p in model.parameters()), *model.buffers()], own.trace()

    by_rows, trace = run()
    monkeypatch.setattr("nfloat.torch.operations.norms.is_by_rows", lambda *_: False)
    by_nn, other = run()
    assert all(torch.equal(a, b) for a, b in zip(by_rows, by_nn, strict=True))
    assert trace == other


@pytest.mark.parametrize("operation", ["add", "sub", "mul"])
def test_float32_forms_what_short_numbers_make(rng, operation):
    names = ("bfloat16", "float16", "float8_e4m3fn", "float8_e5m2", "float6_e2m3fn")
    shapes = [(2, -144), (5, -135), (8, -126), *((p, e) for p in (2, 5, 9, 11) for e in (-117, -60, -9))]
    others = [nf.Format(name=f"t{p}_{e}", precision=p, emin=e, emax=min(-e, 127)) for p, e in shapes]
    exact = {"add": np.add, "sub": np.subtract, "mul": np.multiply}[operation]
    seen = 0
    for fmt in [nf.get_format(n) for n in names] + others:
        if not innocuous(operation, fmt, fmt, fmt):
            continue
        scale = 2.0 ** rng.integers(fmt.emin - fmt.precision, min(fmt.emax, 126) + 1, (2, 20_000))
        x, y = nf.round(rng.standard_normal((2, 20_000)) * scale, fmt, overflow="saturate").astype(np.float32)
        if operation != "mul":
            y = np.where(
                rng.random(y.size) < 0.5, nf.round(x * rng.uniform(-2, 2, x.size), fmt, overflow="saturate"), y
            )
        with np.errstate(all="ignore"):
            once = nf.round(exact(x, y, dtype=np.float64), fmt)
            twice = nf.round(exact(x, y, dtype=np.float32), fmt)
        assert np.array_equal(once, twice, equal_nan=True), fmt
        assert np.array_equal(np.signbit(once), np.signbit(twice)), fmt
        seen += 1
    assert seen >= 12


def test_float32_is_not_asked_where_it_would_round_twice():
    wide, deep = (
        nf.Format(name="wide", precision=12, emin=-30, emax=30),
        nf.Format(name="deep", precision=8, emin=-140, emax=30),
    )
    assert not innocuous("add", wide, wide, wide) and not innocuous("mul", deep, deep, deep)
    assert not innocuous("div", nf.float16, nf.float16, nf.float16)
    assert not innocuous("add", nf.float16, nf.bfloat16, nf.bfloat16)


@pytest.mark.parametrize("make", [
    lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    lambda p: torch.optim.SGD(p, 0.1),
    lambda p: torch.optim.AdamW(p, 0.1),
    lambda p: torch.optim.RMSprop(p, 0.1),
])  # fmt: skip
@pytest.mark.parametrize("recipe", ["float32", "bf16-pure-kahan", "bf16-pure-sr"])
def test_a_step_in_pieces_is_the_step(monkeypatch, recipe, make):
    def run(piece):
        monkeypatch.setattr(updates, "_PIECE", piece)
        torch.manual_seed(0)
        model = torch.nn.Linear(30, 11)
        optimizer = make(model.parameters())
        with nft.emulate(recipe, model=model, optimizer=optimizer) as own:
            for _ in range(3):
                optimizer.zero_grad()
                model(torch.randn(4, 30)).square().mean().backward()
                optimizer.step()
        states = [v for s in optimizer.state.values() for v in s.values() if isinstance(v, torch.Tensor)]
        return [*model.parameters(), *states], own.trace()

    (whole, trace), (pieces, other) = run(1 << 16), run(64)
    assert all(torch.equal(a, b) for a, b in zip(whole, pieces, strict=True))
    assert trace == other


@pytest.mark.parametrize("optimizer", [torch.optim.RMSprop, torch.optim.Adagrad])
def test_a_parameter_of_no_axes_takes_any_step(optimizer):
    scale = torch.nn.Parameter(torch.tensor(0.5))
    steps = optimizer([scale], lr=0.1)
    with nft.emulate("float32", optimizer=steps):
        (scale * 3.0).square().backward()
        steps.step()
    assert scale.shape == () and scale.item() < 0.5


@pytest.mark.parametrize("mode", ["toward_zero", "toward_positive"])
def test_float32_in_another_mode_is_rounded_so(mode):
    recipe = nf.nn.recipe("float32").replace(activations=f"float32:{mode}", update=f"float32:{mode}",
                                             weights=f"float32:{mode}")  # fmt: skip
    x, y = torch.tensor([1.0, -1.0]), torch.tensor([2.0**-30, 2.0**-30])
    weight = torch.nn.Parameter(torch.ones(2))
    with nft.emulate(recipe, optimizer=torch.optim.SGD([weight], 1.0)):
        found = (x * 1.0) + (y * 1.0)
        with torch.no_grad():
            weight.add_(y)
    expected = nf.round(x.numpy() + y.double().numpy(), "float32", mode)
    assert found.tolist() == expected.tolist()
    assert weight.tolist() == nf.round(np.ones(2) + y.double().numpy(), "float32", mode).tolist()


@pytest.mark.parametrize(("groups", "shape"), [(1, (130, 70, 3, 3)), (2, (6, 2, 3, 2)), (4, (4, 1, 1, 1))])
def test_kernels_turned_over_in_blocks(rng, groups, shape):
    w = rng.standard_normal(shape)
    plain = w.reshape(groups, -1, *shape[1:]).swapaxes(1, 2)
    assert np.array_equal(_turned(w, groups).reshape(plain.shape), plain)
