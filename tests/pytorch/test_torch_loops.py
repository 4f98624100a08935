"""Unchanged training loops: torch's own results under float64, and learning under narrow recipes."""

import contextlib
import copy

import numpy as np
import pytest

import nfloat as nf

torch = pytest.importorskip("torch")

from torch.utils.checkpoint import checkpoint

import nfloat.torch as nft

F, nn = torch.nn.functional, torch.nn
STEPS = 20


@pytest.fixture(autouse=True)
def one_seed():
    torch.manual_seed(0)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.gru = nn.LSTM(4, 6, 2, batch_first=True, bidirectional=True), nn.GRU(12, 6, batch_first=True)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        return self.head(self.gru(self.lstm(x)[0])[0][:, -1])


class Graph(nn.Module):
    def __init__(self):
        super().__init__()
        self.edges = torch.randint(0, 6, (2, 14))
        self.inner, self.head = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, x):
        h = self.inner(x).relu()
        total = torch.zeros_like(h).index_add_(0, self.edges[1], h[self.edges[0]])
        count = torch.zeros(len(x), dtype=x.dtype).index_add_(0, self.edges[1], torch.ones(14, dtype=x.dtype))
        return self.head(total / count.clamp(min=1.0).unsqueeze(1))


class Checkpointed(nn.Module):
    def __init__(self, reentrant):
        super().__init__()
        self.one, self.other = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.GELU()), nn.Linear(8, 3)
        self.reentrant = reentrant

    def forward(self, x):
        x = x.clone().requires_grad_()
        return self.other(checkpoint(self.one, x, use_reentrant=self.reentrant))


class Seq2Seq(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.head = nn.Transformer(4, 2, 1, 1, 8, dropout=0.1, batch_first=True), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.inner(x, x * 0.5)[:, -1])


def small():
    return nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 3))


def images():
    return nn.Sequential(
        nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(),
        nn.Linear(16, 3),
    )  # fmt: skip


FLAT, SEQUENCE = (6, 4), (6, 5, 4)
MODELS = {
    "small": (small, FLAT),
    "images": (images, FLAT),
    "recurrent": (Recurrent, SEQUENCE),
    "graph": (Graph, FLAT),
    "checkpoint": (lambda: Checkpointed(False), FLAT),
    "reentrant checkpoint": (lambda: Checkpointed(True), FLAT),
    "encoder and decoder": (Seq2Seq, SEQUENCE),
}
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "sgd, dampened": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, dampening=0.1, foreach=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.01, foreach=True),
    "adam, amsgrad": lambda p: torch.optim.Adam(p, lr=0.01, amsgrad=True, foreach=False),
    "adamw, its rate a tensor": lambda p: torch.optim.AdamW(p, lr=torch.tensor(0.01)),  # of float32
    "adamw, fused": lambda p: torch.optim.AdamW(p, lr=0.01, fused=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.05),
    "nadam": lambda p: torch.optim.NAdam(p, lr=0.01),
    "adadelta": lambda p: torch.optim.Adadelta(p, lr=0.5),
    "asgd, foreach": lambda p: torch.optim.ASGD(p, lr=0.05, foreach=True),
    "lbfgs": lambda p: torch.optim.LBFGS(p, lr=0.1, max_iter=2),
}


def loop(model, x, y, make, steps=STEPS):
    """A loop with clipping, accumulation and a schedule."""
    optimizer = make(model.parameters())
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    losses = []

    def closure():
        optimizer.zero_grad()
        for half in (slice(0, len(x), 2), slice(1, len(x), 2)) if model.training and len(x) > 6 else (slice(None),):
            loss = F.cross_entropy(model(x[half]), y[half])
            loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        return loss

    for step in range(steps):
        torch.manual_seed(step)
        losses.append(float(optimizer.step(closure).detach()))
        schedule.step()
    return losses


def data(shape, dtype=torch.float64):
    return torch.randn(shape, dtype=dtype), torch.randint(0, 3, (shape[0],))


def distance(model, other):
    pairs = list(zip(model.state_dict().values(), other.state_dict().values(), strict=True))
    error = sum(float((a.double() - b.double()).square().sum()) for a, b in pairs)
    return (error / sum(float(b.double().square().sum()) for _, b in pairs)) ** 0.5


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize("recipe", ["float64", "float32"])
def test_models_give_torch_s_own_results(name, recipe):
    make, shape = MODELS[name]
    dtype = torch.float64 if recipe == "float64" else torch.float32
    model = make().to(dtype)
    twin, (x, y) = copy.deepcopy(model), data((12, *shape[1:]) if name != "graph" else shape, dtype)
    expected = loop(twin, x, y, OPTIMIZERS["sgd"])
    with nft.emulate(recipe, model=model) as run:
        losses = loop(model, x, y, OPTIMIZERS["sgd"])
    limit = 1e-12 if recipe == "float64" else 2e-6
    np.testing.assert_allclose(losses, expected, rtol=limit * 10)
    assert distance(model, twin) < limit
    assert [row["operation"] for row in run.trace() if row["how"]] == []


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_optimizers_give_torch_s_own_results(name):
    model = small().double()
    twin, (x, y) = copy.deepcopy(model), data(FLAT)
    expected = loop(twin, x, y, OPTIMIZERS[name])
    with nft.emulate("float64", model=model):
        losses = loop(model, x, y, OPTIMIZERS[name])
    np.testing.assert_allclose(losses, expected, rtol=1e-11)
    assert distance(model, twin) < 1e-12


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize("recipe", ["bf16-pure-sr", "fp16-mixed"])
def test_models_learn(name, recipe):
    make, shape = MODELS[name]
    model, (x, y) = make(), data(shape, torch.float32)
    with nft.emulate(recipe, model=model, seed=1) as run:
        losses = loop(model, x, y, OPTIMIZERS["adamw, fused"], 12)
    assert np.isfinite(losses).all()
    assert min(losses[-4:]) < losses[0]
    weights = nf.nn.recipe(recipe).weights.format
    for parameter in model.parameters():
        values = parameter.detach().numpy()
        assert np.array_equal(nf.round(values, weights), values)
    assert run.steps == 12


def test_two_optimizers():
    generator, judge = (
        nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2)),
        nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)),
    )
    optimizers = [torch.optim.Adam(m.parameters(), lr=0.02) for m in (generator, judge)]
    ones, zeros, judged = torch.ones(16, 1), torch.zeros(16, 1), F.binary_cross_entropy_with_logits
    with nft.emulate("bf16-mixed", model=[generator, judge], optimizer=optimizers) as run:
        for _ in range(10):
            made, real = generator(torch.randn(16, 2)), torch.randn(16, 2) * 0.1 + 1.0
            optimizers[1].zero_grad()
            (judged(judge(real), ones) + judged(judge(made.detach()), zeros)).backward()
            optimizers[1].step()
            optimizers[0].zero_grad()
            judged(judge(made), ones).backward()
            optimizers[0].step()
    assert run.steps == 20
    assert all(torch.isfinite(p).all() for m in (generator, judge) for p in m.parameters())


def test_a_variational_autoencoder():
    encode, decode = nn.Linear(8, 6), nn.Sequential(nn.Linear(3, 8))
    optimizer, x = torch.optim.Adam([*encode.parameters(), *decode.parameters()], lr=0.05), torch.rand(16, 8)
    losses = []
    with nft.emulate("bf16-mixed", model=[encode, decode], optimizer=optimizer):
        for _ in range(20):
            mean, spread = encode(x).chunk(2, 1)
            sample = mean + torch.randn_like(mean) * (0.5 * spread).exp()
            loss = F.mse_loss(decode(sample), x, reduction="sum")
            loss = loss - 0.05 * torch.sum(1 + spread - mean.pow(2) - spread.exp())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_a_grad_scaler_of_the_loop_s_own():
    found = []
    for own in (True, False):
        torch.manual_seed(0)
        model, (x, y) = small().eval(), data(FLAT, torch.float32)
        optimizer, scaler = torch.optim.SGD(model.parameters(), lr=0.1), torch.amp.GradScaler("cpu", enabled=own)
        with nft.emulate("fp16-mixed", model=model, optimizer=optimizer) as run:
            for _ in range(5):
                optimizer.zero_grad()
                scaler.scale(F.cross_entropy(model(x), y)).backward()
                scaler.step(optimizer)
                scaler.update()
        assert (run.scaler is None) == own
        found.append([p.detach().numpy().tobytes() for p in model.parameters()])
    assert found[0] == found[1]  # the recipe's scale is the scaler's


def test_hooks_retained_graphs_and_gradients_of_gradients():
    x, w = torch.tensor([1.5, -0.5], requires_grad=True), nn.Parameter(torch.tensor([0.5, 2.0]))
    seen = []
    with nft.emulate("bf16-mixed"):
        y = x * w
        y.register_hook(lambda g: seen.append(g.clone()) or g * 2.0)
        y.sum().backward(retain_graph=True)
        first = w.grad.clone()
        y.sum().backward()
        assert torch.equal(w.grad, 2 * first)
        (slope,) = torch.autograd.grad((x.tanh() * 3.0).sum(), x, create_graph=True)
        slope.square().sum().backward()
    assert len(seen) == 2 and torch.equal(first, torch.tensor([3.0, -1.0]))
    assert torch.isfinite(x.grad).all()


def test_inference_mode_and_eval():
    model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    x = torch.randn(2, 3, 8)
    with nft.emulate("bf16-mixed", model=model):
        with torch.no_grad():
            one = model(x)
        with torch.inference_mode():
            other = model(x)
        trained = model(x).detach()
    assert torch.equal(one, trained)
    assert torch.equal(other, trained)


def test_layers_of_their_own():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    recipe = nf.nn.recipe("float32").replace(layers={"1": {"activations": "float8_e4m3fn"}})
    with nft.emulate(recipe, model=model):
        y = model(torch.randn(2, 4)).detach().numpy()
    assert np.array_equal(nf.round(y, "float8_e4m3fn"), y)


def test_random_bits_of_steps_differ_and_of_seeds_agree():
    def weights(seed, step=0):
        torch.manual_seed(0)
        model, (x, y) = small().eval(), data(FLAT, torch.float32)
        with nft.emulate("bf16-pure-sr", model=model, seed=seed, step=step):
            loop(model, x, y, OPTIMIZERS["adamw, fused"], 2)
        return [p.detach().numpy().tobytes() for p in model.parameters()]

    assert weights(1) == weights(1)
    assert weights(1) != weights(2)
    assert weights(1) != weights(1, step=7)


def test_resnet18():
    models = pytest.importorskip("torchvision").models
    model = models.resnet18(num_classes=4)
    x, y = torch.randn(4, 3, 32, 32), torch.randint(0, 4, (4,))
    with nft.emulate("bf16-mixed", model=model) as run:
        losses = loop(model, x, y, lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9), 4)
    assert losses[-1] < losses[0]
    assert [row["operation"] for row in run.trace() if row["how"]] == []


@pytest.mark.parametrize("name", ["gpt2", "llama", "bert"])
def test_language_models(name):
    transformers = pytest.importorskip("transformers")
    sizes = {
        "vocab_size": 32,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    ids = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    if name == "gpt2":
        config = transformers.GPT2Config(vocab_size=32, n_positions=16, n_embd=16, n_layer=1, n_head=2, **ids)
        model = transformers.GPT2LMHeadModel(config)
    elif name == "llama":
        model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, num_key_value_heads=1, **ids))
    else:
        model = transformers.BertForMaskedLM(transformers.BertConfig(**sizes, max_position_embeddings=16, **ids))
    tokens = torch.randint(3, 32, (2, 8))
    optimizer, losses = torch.optim.AdamW(model.parameters(), lr=0.01), []
    with nft.emulate("fp8-hybrid", model=model, optimizer=optimizer) as run:
        for _ in range(6):
            optimizer.zero_grad()
            loss = model(input_ids=tokens, labels=tokens).loss
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert [row["operation"] for row in run.trace() if row["how"]] == []


def test_parameters_that_no_model_names():
    """Each is one of its own, however many there are; random bits go by the order in which they are met."""

    def trained(recipe):
        torch.manual_seed(0)
        model = torch.nn.Sequential(*[torch.nn.Linear(2, 2) for _ in range(150)]).double()
        optimizer = torch.optim.AdamW(model.parameters(), 0.01)
        with nft.emulate(recipe, seed=3) if recipe else contextlib.nullcontext():
            for _ in range(2):
                optimizer.zero_grad()
                model(torch.ones(3, 2, dtype=torch.float64)).square().mean().backward()
                optimizer.step()
        return list(model.parameters())

    for found, expected in zip(trained("float64"), trained(None), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    first = trained("bf16-pure-sr")
    for found, expected in zip(trained("bf16-pure-sr"), first, strict=True):  # other objects in other places
        assert torch.equal(found, expected)


def test_gradients_of_scaled_losses_that_no_model_names():
    """They are divided by the scale wherever they arrive, in parameters and in other leaves."""

    def trained(named):
        torch.manual_seed(0)
        model, extra = torch.nn.Linear(4, 3), torch.zeros(3, requires_grad=True)
        optimizer, x = torch.optim.SGD([*model.parameters(), extra], 0.1), torch.randn(6, 4)
        with nft.emulate("fp16-mixed", model=model if named else None):
            for _ in range(3):
                optimizer.zero_grad()
                for half in (x[:3], x[3:]):
                    (model(half) + extra).square().mean().backward()
                optimizer.step()
        return [*model.parameters(), extra, extra.grad]

    named, unnamed = trained(True), trained(False)
    assert all([torch.equal(a, b) for a, b in zip(named, unnamed, strict=True)])
    assert 0.0 < float(unnamed[-1].abs().max()) < 2.0


@pytest.mark.parametrize("by_hand", [True, False])
def test_steps_within_the_backward_pass_of_a_scaled_loss_are_refused(by_hand):
    model, x = torch.nn.Linear(4, 3), torch.randn(6, 4)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def hook(p):
        with torch.no_grad():
            if by_hand:
                p.sub_(p.grad)
            else:
                optimizer.step()

    model.weight.register_post_accumulate_grad_hook(hook)
    with nft.emulate("fp16-mixed", model=model), pytest.raises(nf.NFloatError, match="loss_scaling=False"):
        model(x).sum().backward()
    with nft.emulate("fp16-mixed", model=model, loss_scaling=False):
        model(x).sum().backward()


def test_a_backward_pass_that_an_error_ends_leaves_gradients_as_they_were():
    model, x = torch.nn.Linear(4, 3), torch.randn(6, 4)

    def fail(gradient):
        raise ValueError("a hook")

    with nft.emulate("fp16-mixed", model=model):
        (model(x).mean() * 0.1).backward()
        before = model.bias.grad.clone()
        y = model(x)
        y.register_hook(fail)
        with pytest.raises(ValueError, match="a hook"):
            y.sum().backward()
        assert torch.equal(model.bias.grad, before) and bool(before.isfinite().all())
