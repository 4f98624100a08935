"""Every operation, forward and backward, against torch itself in float64; and what a recipe makes of it."""

import numpy as np
import pytest

import nfloat as nf

torch = pytest.importorskip("torch")

import nfloat.torch as nft

F = torch.nn.functional
INDEX = torch.tensor([2, 0, 2])


def shaped(*shape):
    return torch.linspace(-1.5, 2.0, int(np.prod(shape)), dtype=torch.float64).reshape(shape).sin()


#: name -> (function of tensors that ask for gradients, their shapes)
CASES = {
    "mm": (lambda a, b: a @ b, (3, 4), (4, 2)),
    "bmm": (lambda a, b: a @ b, (2, 3, 4), (2, 4, 2)),
    "addmm": (lambda c, a, b: torch.addmm(c, a, b), (2,), (3, 4), (4, 2)),
    "addmm scaled": (lambda c, a, b: torch.addmm(c, a, b, beta=0.5, alpha=2.0), (3, 2), (3, 4), (4, 2)),
    "baddbmm": (lambda c, a, b: torch.baddbmm(c, a, b), (2, 3, 2), (2, 3, 4), (2, 4, 2)),
    "addbmm": (lambda c, a, b: torch.addbmm(c, a, b), (3, 2), (2, 3, 4), (2, 4, 2)),
    "mv": (lambda a, b: a @ b, (3, 4), (4,)),
    "addmv": (lambda c, a, b: torch.addmv(c, a, b), (3,), (3, 4), (4,)),
    "dot": (lambda a, b: a @ b, (4,), (4,)),
    "outer": (torch.outer, (3,), (4,)),
    "einsum": (lambda a, b: torch.einsum("bij,bkj->bik", a, b), (2, 3, 4), (2, 5, 4)),
    "linear": (F.linear, (2, 3, 4), (5, 4), (5,)),
    "linear of a view": (lambda x, w, b: F.linear(x.transpose(0, 1), w, b), (2, 3, 4), (5, 4), (5,)),
    "bilinear": (F.bilinear, (3, 4), (3, 2), (5, 4, 2), (5,)),
    "conv1d": (lambda x, w, b: F.conv1d(x, w, b, padding=1), (2, 3, 7), (4, 3, 3), (4,)),
    "conv2d": (lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1), (2, 3, 6, 5), (4, 3, 3, 3), (4,)),
    "conv2d in groups": (lambda x, w: F.conv2d(x, w, dilation=2, groups=2), (2, 4, 6, 6), (4, 2, 2, 2)),
    "conv3d": (lambda x, w, b: F.conv3d(x, w, b, padding=1), (1, 2, 4, 4, 4), (3, 2, 3, 3, 3), (3,)),
    "conv_transpose2d": (
        lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1),
        (2, 4, 3, 3), (4, 3, 3, 3), (3,),
    ),
    "conv_transpose in groups": (
        lambda x, w: F.conv_transpose1d(x, w, stride=3, groups=2, dilation=2), (2, 4, 5), (4, 2, 3)
    ),
    "attention": (F.scaled_dot_product_attention, (2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 4)),
    "attention, causal": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), *((2, 2, 4, 4),) * 3
    ),
    "attention, masked": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=torch.eye(4).bool() | (torch.arange(4) < 2)),
        *((2, 2, 4, 4),) * 3,
    ),
    "attention, grouped": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True),
        (2, 4, 3, 4), (2, 2, 5, 4), (2, 2, 5, 4),
    ),
    "add": (lambda a, b: torch.add(a, b, alpha=0.5), (3, 4), (4,)),
    "sub": (lambda a, b: 2.0 - a - b, (3, 4), (3, 1)),
    "mul": (lambda a, b: a * b * 0.3, (3, 4), (4,)),
    "div": (lambda a, b: a / (b + 3.0) / 1.7, (3, 4), (4,)),
    "pow": (lambda a: (a + 3.0).pow(2.5) + a.pow(2), (3, 4)),
    "roots": (lambda a: (a + 3.0).sqrt() + (a + 3.0).rsqrt() + (a + 3.0).reciprocal(), (3, 4)),
    "exponentials": (lambda a: a.exp() + (a + 3.0).log() + a.expm1() + (a + 3.0).log1p() + a.sin() * a.cos(), (3, 4)),
    "erf": (lambda a: a.erf() + torch.special.erfinv(a * 0.1), (3, 4)),
    "tanh": (torch.tanh, (3, 4)),
    "sigmoid": (torch.sigmoid, (3, 4)),
    "relu": (lambda a: F.relu(a) + F.relu6(a), (3, 4)),
    "leaky_relu": (F.leaky_relu, (3, 4)),
    "gelu": (lambda a: F.gelu(a) + F.gelu(a, approximate="tanh"), (3, 4)),
    "silu": (F.silu, (3, 4)),
    "elu": (lambda a: F.elu(a) + F.selu(a) + F.celu(a), (3, 4)),
    "softplus": (lambda a: F.softplus(a) + F.mish(a) + F.logsigmoid(a), (3, 4)),
    "hard": (lambda a: F.hardswish(a) + F.hardsigmoid(a) + F.hardtanh(a), (3, 4)),
    "rrelu": (lambda a: (torch.manual_seed(0), F.rrelu(a, training=True))[1], (3, 4)),
    "prelu": (F.prelu, (3, 4), (4,)),
    "glu": (F.glu, (3, 4)),
    "softmax": (lambda a: F.softmax(a, 1), (3, 4)),
    "softmax of a number": (lambda a: F.softmax(a, 0), ()),
    "log_softmax of a number": (lambda a: F.log_softmax(a, 0) * a, ()),
    "softmax of nothing": (lambda a: F.softmax(a, 1), (3, 0)),
    "log_softmax of nothing": (lambda a: F.log_softmax(a, 1), (3, 0)),
    "log_softmax": (lambda a: F.log_softmax(a, 0), (3, 4)),
    "logsumexp": (lambda a: a.logsumexp(1), (3, 4)),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (4,), w, b), (3, 4), (4,), (4,)),
    "layer_norm, bare": (lambda x: F.layer_norm(x, (3, 4)), (2, 3, 4)),
    "rms_norm": (lambda x, w: F.rms_norm(x, (4,), w, 1e-6), (3, 4), (4,)),
    "group_norm": (lambda x, w, b: F.group_norm(x, 2, w, b), (3, 4, 5), (4,), (4,)),
    "batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), (5, 4, 3), (4,), (4,)),
    "instance_norm": (lambda x: F.instance_norm(x), (3, 4, 5)),
    "norm": (lambda a: a.norm() + a.norm(1) + torch.linalg.vector_norm(a, 3.0), (3, 4)),
    "var": (lambda a: a.var(1) + a.std(0).sum() + a.mean(), (3, 4)),
    "sum": (lambda a: a.sum(0) + a.sum() + a.mean((0, 1)), (3, 4)),
    "cumsum": (lambda a: a.cumsum(1) + a.cumprod(0) + a.prod(), (3, 4)),
    "extremes": (lambda a: a.max() + a.min(1).values.sum() + a.amax(0).sum() + a.sort(1).values.sum() * 0.5, (3, 4)),
    "clamp": (lambda a: a.clamp(-0.5, 0.7) + a.clamp(min=0.1) + a.abs() - a.neg(), (3, 4)),
    "where": (lambda a, b: torch.where(a > b, a * 2.0, b) + torch.maximum(a, b), (3, 4), (3, 4)),
    "lerp": (lambda a, b: torch.lerp(a, b, 0.3) + torch.addcmul(a, a, b, value=0.2), (3, 4), (3, 4)),
    "gather": (lambda a: a.gather(1, INDEX[:, None]) + a[INDEX].sum() + a.index_select(0, INDEX).sum(), (3, 4)),
    "scatter": (lambda a: torch.zeros(3, 4, dtype=a.dtype).index_add(0, INDEX, a) * 2.0, (3, 4)),
    "scatter_add": (
        lambda a: torch.zeros(3, dtype=a.dtype).scatter_add(0, INDEX, a) + a.scatter_reduce(0, INDEX, a, "mean"), (3,)
    ),
    "put": (lambda a, b: a.index_put((INDEX,), b, accumulate=True), (3, 4), (3, 4)),
    "put by number": (lambda a, b: a.put(INDEX, b, accumulate=True), (3, 4), (3,)),
    "round": (lambda a: torch.round(a, decimals=1), (3, 4)),
    "shapes": (lambda a: torch.cat([a.T, a.T.flip(0)], 1).roll(1) + torch.stack([a.T, a.T], 1).flatten(1), (3, 4)),
    "slices": (lambda a: a[1:, ::2] * 2.0 + a.narrow(0, 0, 2)[:, :2] + F.pad(a, (1, 1))[1:, 2:4], (3, 4)),
    "triangles": (lambda a: a.tril() + a.triu(1) + a.diagonal().sum() + a.masked_fill(a > 0, 0.3), (4, 4)),
    "embedding": (lambda w: F.embedding(torch.tensor([[1, 0], [2, 1]]), w, padding_idx=2), (3, 4)),
    "embedding_bag": (lambda w: F.embedding_bag(torch.tensor([[1, 0], [2, 1]]), w), (3, 4)),
    "max_pool": (lambda a: F.max_pool2d(a, 2) + F.adaptive_max_pool2d(a, 2), (2, 3, 4, 4)),
    "max_pool, overlapping": (lambda a: F.max_pool2d(a, (1, 3), (2, 1)), (2, 3, 4, 6)),
    "max_pool3d, overlapping": (lambda a: F.max_pool3d(a, 3, 1, 1), (2, 3, 4, 4)),
    "adaptive_max_pool": (lambda a: F.adaptive_max_pool2d(a, 3), (2, 3, 4, 4)),
    "avg_pool": (lambda a: F.avg_pool2d(a, 2) + F.adaptive_avg_pool2d(a, 2), (2, 3, 4, 4)),
    "interpolate": (
        lambda a: F.interpolate(a, scale_factor=2.0) + F.interpolate(a, scale_factor=2.0, mode="bilinear"), (1, 2, 3, 3)
    ),
    "pixel_shuffle": (lambda a: F.pixel_shuffle(a, 2) * 1.5, (1, 4, 3, 3)),
    "cdist": (lambda a, b: torch.cdist(a, b), (3, 4), (2, 4)),
    "cross_entropy": (lambda z: F.cross_entropy(z, INDEX), (3, 4)),
    "cross_entropy, smooth": (lambda z: F.cross_entropy(z, INDEX, label_smoothing=0.1, ignore_index=0), (3, 4)),
    "cross_entropy, smoothed": (lambda z: F.cross_entropy(z, INDEX, label_smoothing=0.1), (3, 4)),
    "attention, empty row": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, torch.tensor([[True, False], [False] * 2, [True] * 2])),
        (1, 2, 3, 4), (1, 2, 2, 4), (1, 2, 2, 4),
    ),
    "windows": (lambda a: a.unfold(1, 3, 1).sum(-1) + F.pad(a, (1, 1), mode="reflect")[:, :2], (3, 4)),
    "factorisations": (
        lambda a: torch.linalg.solve(a @ a.T + torch.eye(3, dtype=a.dtype), a) + torch.linalg.det(a[:, :3]), (3, 4)
    ),
    "cross_entropy, images": (lambda z: F.cross_entropy(z, torch.tensor([[1, 2], [0, 1]])), (2, 3, 2)),
    "cross_entropy, weighted": (
        lambda z: F.cross_entropy(z, INDEX, torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=z.dtype), reduction="sum"), (3, 4)
    ),
    "cross_entropy, soft": (lambda z, t: F.cross_entropy(z, t.softmax(1)), (3, 4), (3, 4)),
    "mse": (lambda a, b: F.mse_loss(a, b) + F.mse_loss(a, b, reduction="sum"), (3, 4), (3, 4)),
    "l1": (lambda a, b: F.l1_loss(a, b) + F.smooth_l1_loss(a, b) + F.huber_loss(a, b), (3, 4), (3, 4)),
    "ctc": (
        lambda a: F.ctc_loss(
            a.log_softmax(-1), torch.tensor([[1, 2], [3, 1]]), torch.tensor([4, 5]), torch.tensor([2, 1])
        ),
        (5, 2, 4),
    ),
    "bce": (
        lambda a, b: F.binary_cross_entropy_with_logits(a, b.sigmoid())
        + F.binary_cross_entropy(a.sigmoid(), b.sigmoid()),
        (3, 4), (3, 4),
    ),
    "kl_div": (lambda a, b: F.kl_div(a.log_softmax(1), b.softmax(1), reduction="batchmean"), (3, 4), (3, 4)),
    "in place": (lambda a: a.clone().mul_(2.0).add_(a, alpha=0.5).sub_(0.1).div_(3.0).addcmul_(a, a).relu_(), (3, 4)),
}  # fmt: skip


def derivatives(function, operands):
    given = [t.clone().requires_grad_() for t in operands]
    value = function(*given)
    weights = torch.linspace(0.5, 1.5, value.numel(), dtype=value.dtype).reshape(value.shape)
    (value * weights).sum().backward()
    return [value.detach(), *(t.grad for t in given)]


@pytest.mark.parametrize("name", sorted(CASES))
def test_in_float64(name):
    function, *shapes = CASES[name]
    operands = [shaped(*shape) * (1.0 + 0.1 * i) for i, shape in enumerate(shapes)]
    expected = derivatives(function, operands)
    with nft.emulate("float64") as run:
        found = derivatives(function, operands)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype and one.shape == other.shape
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-11, atol=1e-13)
    assert run.trace()


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_result_is_a_number_of_the_format(name):
    """Under bf16-pure whatever the forward pass leaves and every gradient is a bfloat16 number, or a loss."""
    function, *shapes = CASES[name]
    operands = [nft.round(shaped(*shape).float(), "bfloat16") for shape in shapes]
    with nft.emulate("bf16-pure"):
        value, *gradients = derivatives(function, operands)
    for t in (value, *gradients):
        stored = nf.round(t.numpy(), "bfloat16")
        loss = t is value and t.dim() == 0
        assert loss or np.array_equal(stored, t.numpy(), equal_nan=True)


def test_rows_of_a_parameter_that_are_taken_twice():
    table, taken = torch.nn.Parameter(shaped(9, 2).float()), torch.tensor([[0, 1], [1, 8]])
    weights = nft.round(shaped(2, 2, 2).float(), "bfloat16")
    with nft.emulate("bf16-pure"):
        (table[taken] * weights).sum().backward()
    exact = np.zeros((9, 2))
    np.add.at(exact, taken.numpy(), weights.double().numpy())
    assert np.array_equal(table.grad.numpy(), nf.round(exact, "bfloat16"))


def test_an_operation_that_nobody_knows_is_wide_and_rounded_once():
    x = torch.linspace(0.1, 2.0, 50)
    with nft.emulate("bf16-pure") as run:
        y = torch.special.bessel_j0(x)
    stored = nf.round(x.numpy(), "bfloat16").astype(np.float64)
    exact = torch.special.bessel_j0(torch.from_numpy(stored)).numpy()
    assert np.array_equal(y.numpy(), nf.round(exact, "bfloat16"))
    assert [row["how"] for row in run.trace() if row["role"] == "activation"] == ["by default"]


@pytest.mark.parametrize("recipe", ["float32", "bf16-mixed"])
def test_results_lie_in_memory_as_torch_s_do(recipe):
    """Or programs could not look at them in another shape, and masks of dropout would be drawn in another order."""
    x, w = shaped(2, 4, 5, 5).float(), shaped(3, 4, 2, 2).float()
    functions = (
        lambda x: x * 2.0, lambda x: x + x, torch.exp, torch.tanh, F.silu, F.gelu, F.relu, lambda x: F.conv2d(x, w),
        lambda x: F.batch_norm(x, None, None, training=True), lambda x: F.max_pool2d(x, 2),
        lambda x: F.group_norm(x, 2), lambda x: x + x.contiguous(), lambda x: x.contiguous() * x,
        lambda x: F.scaled_dot_product_attention(x, x, x), lambda x: F.silu(x[:, 1:3]), lambda x: F.glu(x[..., :4]),
    )  # fmt: skip
    for given in (x.to(memory_format=torch.channels_last), x.transpose(2, 3)):
        expected = [f(given).stride() for f in functions]
        with nft.emulate(recipe):
            assert [f(given).stride() for f in functions] == expected
            assert [f(given * 1.0).stride() for f in functions] == expected  # planned


@pytest.mark.parametrize("recipe", ["float32", "bf16-mixed"])
def test_gradients_lie_in_memory_as_torch_s_do(recipe):
    x, w = shaped(2, 4, 5, 5).float().to(memory_format=torch.channels_last), shaped(3, 4, 2, 2).float()
    heads = shaped(2, 5, 3, 4).float().transpose(1, 2)
    functions = (
        (lambda x: F.group_norm(x, 2), x), (lambda x: F.batch_norm(x, None, None, training=True), x),
        (lambda x: F.conv2d(x, w), x), (lambda x: x + x.contiguous(), x),
        (lambda x: F.scaled_dot_product_attention(x, x * 2, x * 3), heads),
        (F.gelu, x), (F.silu, x * 1.0), (torch.tanh, heads), (F.leaky_relu, heads),
    )  # fmt: skip

    def strides(f, given):
        given = given.detach().requires_grad_()
        y = f(given)
        return torch.autograd.grad(y, given, torch.ones_like(y))[0].stride()

    expected = [strides(*case) for case in functions]
    with nft.emulate(recipe):
        assert [strides(*case) for case in functions] == expected


def test_memory_is_shared():
    from nfloat.torch.tensors import array_of, tensor_of

    t = torch.ones(3)
    array_of(t)[0] = 5.0
    assert t[0] == 5.0
    a = np.zeros(3, np.float32)
    tensor_of(a, torch.float32)[1] = 2.0
    assert a[1] == 2.0
