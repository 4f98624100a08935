"""Layers, losses, masks and whole trainings against PyTorch in float64: values, gradients, steps to 1e-10.

Skipped where PyTorch is not installed.
"""

import inspect

import numpy as np
import pytest

import nfloat as nf
from nfloat import nn
from nfloat.nn.layers import LAYERS
from nfloat.nn.unsupported import UNSUPPORTED

torch = pytest.importorskip("torch")

TOLERANCE = 1e-10


@pytest.fixture(autouse=True)
def _double():
    """float64, and one thread: PyTorch's spin while they wait."""
    before, threads = torch.get_default_dtype(), torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)
    torch.set_num_threads(threads)


def image():
    return torch.randn(3, 4, 9, 9)


def one_image():
    return torch.randn(4, 8, 9)


def sequence():
    return torch.randn(3, 7, 8)


def rows():
    return torch.randn(6, 8)


def tokens():
    return torch.randint(0, 11, (3, 7))


#: layer, its arguments, what makes its operand
CASES = [
    ("Linear", (8, 5), {}, sequence),
    ("Linear", (8, 5), {"bias": False}, rows),
    ("Conv2d", (4, 6, 3), {"stride": 2, "padding": 1, "groups": 2}, image),
    ("Conv2d", (4, 6, (3, 2)), {"dilation": 2, "bias": False}, image),
    ("Conv2d", (4, 8, 3), {"padding": "same", "groups": 4}, image),
    ("Conv2d", (4, 2, 5), {"stride": (1, 3), "padding": (2, 1)}, image),
    ("Conv2d", (4, 2, (2, 4)), {"padding": "same", "dilation": (3, 1)}, image),
    ("Conv2d", (4, 2, 3), {"padding": (2, 1), "padding_mode": "reflect", "stride": 2}, image),
    ("Conv2d", (4, 2, 2), {"padding": "same", "padding_mode": "replicate", "groups": 2}, image),
    ("Conv2d", (4, 2, 3), {"padding": 1, "padding_mode": "circular"}, one_image),
    ("MaxPool2d", (3,), {"stride": 2}, image),
    ("MaxPool2d", (3,), {"padding": 1, "dilation": 2}, image),
    ("MaxPool2d", (3, 4), {"padding": 1, "ceil_mode": True}, one_image),
    ("AvgPool2d", (4, 3, 2, True), {}, image),
    ("AvgPool2d", (4, (4, 3), 1, True, False), {}, one_image),
    ("AvgPool2d", (2,), {}, image),
    ("AvgPool2d", (3,), {"stride": 2, "padding": 1, "count_include_pad": False}, image),
    ("AvgPool2d", (2,), {"divisor_override": 3}, image),
    ("BatchNorm1d", (8,), {}, rows),
    ("BatchNorm2d", (4,), {"bias": False}, image),
    ("BatchNorm1d", (7,), {"affine": False}, sequence),
    ("BatchNorm2d", (4,), {"momentum": None}, image),
    ("LayerNorm", (8,), {}, sequence),
    ("LayerNorm", ((7, 8),), {"bias": False, "eps": 1e-3}, sequence),
    ("RMSNorm", (8,), {}, sequence),
    ("GroupNorm", (2, 4), {}, image),
    ("Embedding", (11, 8), {"padding_idx": 3}, tokens),
    ("Dropout", (0.0,), {}, rows),
    ("ReLU", (), {}, rows),
    ("LeakyReLU", (0.2,), {}, rows),
    ("GELU", (), {}, rows),
    ("GELU", (), {"approximate": "tanh"}, rows),
    ("SiLU", (), {}, rows),
    ("Tanh", (), {}, rows),
    ("Sigmoid", (), {}, rows),
    ("Softmax", (), {"dim": 1}, sequence),
    ("Flatten", (), {}, image),
    ("Flatten", (1, 2), {}, image),
    ("LSTM", (8, 5), {"batch_first": True}, sequence),
    ("LSTM", (8, 4, 2), {"bidirectional": True}, sequence),
    ("GRU", (8, 5), {"batch_first": True, "bias": False}, sequence),
    ("GRU", (8, 4, 2), {"bidirectional": True}, sequence),
    ("MultiheadAttention", (8, 2), {"batch_first": True}, sequence),
    ("MultiheadAttention", (8, 4), {"bias": False}, sequence),
    ("TransformerEncoderLayer", (8, 2, 16), {"dropout": 0.0, "batch_first": True}, sequence),
    ("TransformerEncoderLayer", (8, 4, 5), {"dropout": 0.0, "norm_first": True, "activation": "gelu"}, sequence),
]


def close(name, found, expected):
    expected = expected.detach().numpy()
    assert np.shape(found) == expected.shape, name
    assert np.abs(found - expected).max() <= TOLERANCE * max(1e-30, np.abs(expected).max()), name


def both(name, args, options):
    """The same layer twice, with PyTorch's weights."""
    theirs, ours = getattr(torch.nn, name)(*args, **options), getattr(nn, name)(*args, **options)
    nn.load(ours, {key: value.numpy() for key, value in theirs.state_dict().items()})
    return theirs, ours


def every(result):
    """The tensors of a result, of tuples in tuples too."""
    if isinstance(result, tuple):
        return [tensor for part in result for tensor in every(part)]
    return [result]


def compare(theirs, ours, operands, **options):
    """Results and gradients along random directions."""
    given = [x.clone().requires_grad_(x.is_floating_point()) for x in operands]
    taken = [nn.Tensor(x.numpy(), x.is_floating_point()) if x.is_floating_point() else x.numpy() for x in operands]
    if len({id(x) for x in operands}) == 1:  # attention of something to itself
        given, taken = given[:1] * len(given), taken[:1] * len(taken)
    expected = every(theirs(*given, **{k: torch.tensor(v) if np.ndim(v) else v for k, v in options.items()}))
    with nn.precision("float64"):
        found = every(ours(*taken, **options))
        directions = [torch.randn_like(y) for y in expected]
        for y, d in zip(found, directions, strict=True):
            y.backward(d.numpy())
    torch.autograd.backward(expected, directions)
    for y, z in zip(found, expected, strict=True):
        close("result", y.data, z)
    for x, y in zip(taken, given, strict=True):
        if isinstance(x, nn.Tensor):
            close("gradient", x.grad, y.grad)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("name, args, options, operand", CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_layer(name, args, options, operand):
    theirs, ours = both(name, args, options)
    x = operand()
    compare(theirs, ours, [x] * (3 if name == "MultiheadAttention" else 1))
    parameters = ours.parameters()
    assert set(parameters) == {key for key, _ in theirs.named_parameters()}
    for key, parameter in theirs.named_parameters():
        close(key, parameters[key].grad, parameter.grad)
    for key, value in theirs.named_buffers():
        close(key, ours.buffers()[key].data, value.double())
    theirs.eval(), ours.eval()
    compare(theirs, ours, [x] * (3 if name == "MultiheadAttention" else 1))


def test_every_layer_is_compared():
    assert {case[0] for case in CASES} == set(LAYERS)


def test_attention_of_other_keys_with_masks():
    theirs, ours = both("MultiheadAttention", (8, 2), {"batch_first": True})
    query, key, value = sequence(), torch.randn(3, 5, 8), torch.randn(3, 5, 8)
    padding = np.array([[False, False, True, False, True]] * 3)
    seen = np.triu(np.ones((7, 5), bool), 2)
    seen[:, 0] = False
    compare(theirs, ours, [query, key, value], key_padding_mask=padding, attn_mask=seen)
    added = np.random.default_rng(0).standard_normal((6, 7, 5))
    compare(theirs, ours, [query, key, value], attn_mask=added, average_attn_weights=False)


@pytest.mark.parametrize("block", [None, 3, 64])
@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"scale": 0.3}])
def test_scaled_dot_product_attention(options, block):
    q, k, v = torch.randn(2, 3, 6, 4), torch.randn(2, 3, 6, 4), torch.randn(2, 3, 6, 5)
    compare(
        lambda *x: torch.nn.functional.scaled_dot_product_attention(*x, **options),
        lambda *x: nn.scaled_dot_product_attention(*x, **options, block=block),
        [q, k, v],
    )


def test_losses():
    logits, labels = torch.randn(9, 5), torch.tensor([0, 1, 2, 3, 4, 0, 2, -100, 1])
    for options in (
        {},
        {"label_smoothing": 0.1},
        {"ignore_index": 2},
        {"ignore_index": 1, "label_smoothing": 0.3, "reduction": "sum"},
    ):
        use = labels if "ignore_index" not in options else labels.clamp(min=0)
        compare(
            lambda x, use=use, options=options: torch.nn.functional.cross_entropy(x, use, **options),
            lambda x, use=use, options=options: nn.cross_entropy(x, use.numpy(), **options),
            [logits],
        )
    target = torch.rand(9, 5)
    for theirs, ours in (
        (torch.nn.functional.mse_loss, nn.mse),
        (torch.nn.functional.l1_loss, nn.l1),
        (torch.nn.functional.binary_cross_entropy_with_logits, nn.bce_with_logits),
    ):
        for how in ("mean", "sum"):
            compare(
                lambda x, f=theirs, how=how: f(x, target, reduction=how),
                lambda x, f=ours, how=how: f(x, target.numpy(), reduction=how),
                [logits],
            )


def convolutional():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.BatchNorm2d(4), torch.nn.GELU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(4, 6, 3, stride=2, padding=1), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(24, 5),
    )  # fmt: skip


def convolutional_of_ours():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.GELU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(24, 5),
    )  # fmt: skip


class Characters(torch.nn.Module):
    """The transformer of ``nn/models``, of PyTorch's parts."""

    def __init__(self, symbols, length, width, depth, heads):
        super().__init__()
        self.token, self.position = torch.nn.Embedding(symbols, width), torch.nn.Embedding(length, width)
        options = {"dropout": 0.0, "batch_first": True, "norm_first": True}
        self.layers = torch.nn.ModuleList(
            torch.nn.TransformerEncoderLayer(width, heads, 4 * width, **options) for _ in range(depth)
        )
        self.norm, self.head = torch.nn.LayerNorm(width), torch.nn.Linear(width, symbols)

    def forward(self, x):
        y = self.token(x) + self.position(torch.arange(x.shape[1]))
        mask = torch.triu(torch.ones(x.shape[1], x.shape[1], dtype=torch.bool), 1)
        for layer in self.layers:
            y = layer(y, mask)
        return self.head(self.norm(y))


def steps(theirs, ours, x, y, optimizers, count=12):
    """Both trained side by side: losses and weights stay together."""
    nn.load(ours, {key: value.numpy() for key, value in theirs.state_dict().items()})
    one, make = optimizers
    trainer, labels = nn.Trainer(ours, make(ours.parameters()), "float64"), torch.tensor(y)
    optimizer = one(theirs.parameters())
    for _ in range(count):
        optimizer.zero_grad()
        result = theirs(torch.tensor(x))
        loss = torch.nn.functional.cross_entropy(result.flatten(0, -2), labels.flatten())
        loss.backward()
        optimizer.step()
        assert abs(trainer.step(x, y).loss - loss.item()) < TOLERANCE
    # (a bias before a batch norm has no gradient but rounding's, which Adam divides by itself)
    for key, value in theirs.state_dict().items():
        if key != "0.bias":
            close(key, {**ours.parameters(), **ours.buffers()}[key].data, value.double())


OPTIMIZERS = [
    (lambda p: torch.optim.SGD(p, lr=0.05), lambda p: nn.SGD(p, lr=0.05)),
    (lambda p: torch.optim.AdamW(p, lr=0.01, eps=1e-4), lambda p: nn.AdamW(p, lr=0.01, eps=1e-4)),
]


@pytest.mark.parametrize("optimizers", OPTIMIZERS, ids=["sgd", "adamw"])
def test_training_of_images(optimizers):
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((10, 1, 8, 8)), rng.integers(0, 5, 10)
    steps(convolutional(), convolutional_of_ours(), x, y, optimizers)


@pytest.mark.parametrize("optimizers", OPTIMIZERS, ids=["sgd", "adamw"])
def test_training_of_a_transformer(optimizers):
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 9, (4, 7)), rng.integers(0, 9, (4, 7))
    theirs = Characters(9, 7, 8, 2, 2)
    steps(theirs, nn.models.transformer(9, 7, 8, 2, 2), x, y, optimizers)


def test_initial_weights_are_of_pytorchs_distributions():
    """Their spread, by layer and parameter; constants are equal."""
    for name, args in (
        ("Linear", (300, 200)), ("Conv2d", (20, 30, 5)), ("LSTM", (90, 60)), ("MultiheadAttention", (64, 2)),
        ("Embedding", (90, 50)), ("LayerNorm", (9,)),
    ):  # fmt: skip
        theirs, ours = getattr(torch.nn, name)(*args), getattr(nf.nn, name)(*args)
        ours.init(seed=0, init="torch")
        for key, value in theirs.named_parameters():
            found, expected = ours.parameters()[key].data, value.detach().numpy()
            if not expected.any():
                assert not found.any()
                continue
            assert abs(found.std() - expected.std()) <= 0.15 * expected.std(), (name, key)
            assert abs(np.abs(found).max() - np.abs(expected).max()) <= 0.4 * np.abs(expected).max(), (name, key)


@pytest.mark.parametrize("name", [*LAYERS, "SGD", "Adam", "AdamW", "RMSprop"])
def test_every_argument_of_pytorch_is_known_or_refused(name):
    theirs = getattr(torch.nn, name, None) or getattr(torch.optim, name)
    wanted = inspect.signature(theirs.__base__ if name in ("LSTM", "GRU") else theirs).parameters
    known = {*inspect.signature(getattr(nn, name).__init__).parameters, *UNSUPPORTED.get(name, {})}
    assert set(wanted) - known <= {"device", "dtype", "params", "mode"}
    for key, value in UNSUPPORTED.get(name, {}).items():
        assert key not in wanted or wanted[key].default in (value, 0.99)  # RMSprop's alpha has another name here
