"""What the precision context does.

Where it rounds (observed), which GEMMs it calls (spied on), which random bits it uses.
"""

import sys
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import nfloat as nf
import nfloat.nn
from nfloat.errors import ArgumentError, SeedError
from nfloat.nn import (
    SGD,
    Adam,
    Linear,
    ReLU,
    Sequential,
    Tensor,
    Trainer,
    cross_entropy,
    gradients,
    precision,
    recipe,
    recipes,
)
from nfloat.nn.precision import current

pytestmark = pytest.mark.usefixtures("threads_for_little_work")

#: observed tensor -> field of the recipe
FIELDS = {
    "input": "activations",
    "activation": "activations",
    "activation.grad": "activation_gradients",
    "gemm.x": "gemm_inputs",
    "gemm.w": "gemm_inputs",
    "gemm.dy": "gemm_inputs",
    "": "weights",
    ".copy": "weight_copy",
    ".grad": "weight_gradients",
    ".update": "update",
    ".state": "state",
    ".compensation": "compensation",
}


def field(tensor):
    return FIELDS[tensor.removeprefix("weight").removeprefix("bias").removesuffix(".m").removesuffix(".v")]


def trainer(name, optimizer=SGD, batch=48, width=40, **options):
    rng = np.random.default_rng(2)
    model = Sequential(Linear(30, width), ReLU(), Linear(width, 6))
    model.init(seed=rng)
    made = Trainer(model, optimizer(model.parameters(), lr=0.05), name, **options)
    return made, rng.standard_normal((batch, 30)), rng.integers(0, 6, batch)


def run(name, steps=3, **options):
    """The weights after some steps, by name."""
    made, x, y = trainer(name, **options)
    for _ in range(steps):
        made.step(x, y)
    return {key: value.data for key, value in made.model.parameters().items()}


def equal(one, other):
    return all(np.array_equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", recipes)
def test_every_tensor_is_stored_in_the_format_of_its_field(name):
    seen = []
    made, x, y = trainer(name, optimizer=Adam)
    made.step(x, y, observer=lambda *what: seen.append(what))
    for layer, tensor, before, after in seen:
        if tensor.endswith("sum"):  # seen as it came from the accumulators
            assert before is after
            continue
        cast = getattr(made.recipe, field(tensor))
        if cast is None:  # operands with scales of their own: tests/nn/test_operands.py
            assert tensor.startswith("gemm.")
            continue
        assert before.shape == after.shape
        assert after.dtype == made.recipe.carrier
        assert np.array_equal(after, nf.round(after, cast.format)), (layer, tensor)
        if not cast.rounding.is_stochastic:
            assert np.array_equal(after, nf.round(before, cast.format)), (layer, tensor)


@pytest.mark.parametrize("name", recipes)
def test_what_is_rounded_and_how_often(name):
    r, seen = recipe(name), Counter()
    made, x, y = trainer(name, optimizer=Adam)
    made.step(x, y, observer=lambda layer, tensor, *_: seen.update([(layer, tensor)]))
    expected = Counter(
        {
            ("0", "input"): 1,
            ("0", "activation"): 1,
            ("2", "activation"): 1,
            ("2", "activation.grad"): 1,
            ("1", "activation.grad"): 1,
        }
    )
    scaled = r.forward_x is not None
    for layer in ("0", "2"):
        expected.update(
            {(layer, f"{product}.sum"): 1 for product in ("forward", "weight_gradient")} | {(layer, "sum"): 1}
        )
        for own in ("weight", "bias"):
            expected.update(
                {(layer, own): 1, (layer, own + ".grad"): 1, (layer, own + ".update"): 1}
                | {(layer, own + moment): 1 for moment in (".state.m", ".state.v")}
            )
            expected.update({(layer, own + ".copy"): 1} if r.weight_copy else {})
            expected.update({(layer, own + ".compensation"): 3} if r.compensation else {})
        once = r.gemm_inputs or (r.forward_x and r.forward_x.one_scale)
        expected.update({(layer, f"gemm.{operand}"): 1 for operand in ("x", "w", "dy")} if once else {})
    expected[("2", "input_gradient.sum")] = 1  # nobody asks for the first layer's
    if scaled and not r.forward_x.one_scale:  # blocks along k, cut for each product; square tiles once
        twice = 1 if name == "nvfp4" else 2
        expected.update({("0", "gemm.x"): 2, ("0", "gemm.w"): 1, ("0", "gemm.dy"): 1})
        expected.update({("2", "gemm.x"): 2, ("2", "gemm.w"): twice, ("2", "gemm.dy"): 2})
    assert seen == expected


@pytest.mark.parametrize("name", recipes)
def test_every_gemm_goes_through_matmul_with_the_recipes_accumulator(name, monkeypatch):
    module, calls = sys.modules["nfloat.nn.precision"], []
    matmul, small_product, column_sums = module.matmul, module.small_product, module.column_sums

    def spy(a, b, accumulator, c=None, **options):
        result = matmul(a, b, accumulator, c, **options)
        calls.append((accumulator, a.shape, b.shape, c is not None))
        return result

    def spy_small(a, b, c, accumulator, rounded):
        result = small_product(a, b, c, accumulator, rounded)
        if result is not None:
            calls.append((accumulator, a.shape, b.shape, c is not None))
        return result

    def spy_sums(x, accumulator):
        result = column_sums(x, accumulator)
        if result is not None:
            calls.append((accumulator, (1, len(x)), x.shape, False))
        return result

    monkeypatch.setattr(module, "matmul", spy)
    monkeypatch.setattr(module, "small_product", spy_small)
    monkeypatch.setattr(module, "column_sums", spy_sums)
    # three accumulators that are told apart
    forward, backward, sums = (nf.Accumulator(recipe(name).carrier.name, promote=None) for _ in range(3))
    r = recipe(name).replace(forward=forward, backward=backward, sums=sums)
    made, x, y = trainer(r)
    made.step(x, y)
    # the scale of a whole operand is applied to the sums, the bias added after that
    bias = name not in ("fp8-hybrid", "fp8-current", "nvfp4")
    assert [(id(acc), *rest) for acc, *rest in calls] == [
        (id(forward), (48, 30), (30, 40), bias),
        (id(forward), (48, 40), (40, 6), bias),
        (id(backward), (48, 6), (6, 40), False),  # dx of layer 2
        (id(backward), (6, 48), (48, 40), False),  # dW of layer 2
        (id(sums), (1, 48), (48, 6), False),
        (id(backward), (40, 48), (48, 30), False),  # dW of layer 0; nobody asks for its dx
        (id(sums), (1, 48), (48, 40), False),
    ]


def test_sums_of_rows_have_an_accumulator_of_their_own():
    """Ones stop at 256 in bfloat16."""
    p = precision(recipe("float32").replace(sums="bfloat16"))
    assert p.sum_rows("", np.ones((300, 2), np.float32)).tolist() == [256.0, 256.0]


def test_no_other_product_of_matrices():
    """NumPy's own products do not stand in the engine's sources."""
    for path in sorted(Path(nfloat.nn.__path__[0]).rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        assert not any(
            word in source for word in ("np.dot", "np.matmul", "np.einsum", "np.tensordot", "np.inner", ".dot(")
        ), path.name


@pytest.mark.parametrize("name", recipes)
def test_bits_do_not_depend_on_threads(name):
    assert equal(run(name, threads=1, batch=128, width=160), run(name, threads=2, batch=128, width=160))


@pytest.mark.parametrize("name", recipes)
def test_same_seed_same_bits(name):
    assert equal(run(name, seed=7), run(name, seed=7))
    assert equal(run(name, seed=7), run(name, seed=8)) == (not recipe(name).stochastic)


def test_stochastic_accumulators_use_the_seed():
    r = recipe("bf16-pure").replace(forward=nf.Accumulator("bfloat16", rounding="stochastic"))
    assert equal(run(r, seed=1), run(r, seed=1))
    assert not equal(run(r, seed=1), run(r, seed=2))


def test_matrix_instructions_as_accumulators():
    unit = "nvidia.hopper.mma.f16.f32"
    r = recipe("fp16-mixed").replace(forward=unit, backward=unit)
    assert r.name == f"fp16-mixed+forward={unit}+backward={unit}"
    weights = run(r, threads=1)
    assert equal(weights, run(r, threads=2))
    assert not equal(weights, run("fp16-mixed"))


def test_no_two_tensors_steps_or_roundings_share_random_bits():
    keys = [
        precision("bf16-pure-sr", 5, step).stream(tensor, role).key
        for step in range(3)
        for tensor in ("0.weight", "0.bias", "2.weight")
        for role in ("", ".update", ".state")
    ]
    p = precision("bf16-pure-sr", 5, 3)
    keys += [p.stream("0.weight", "").key for _ in range(4)]
    assert len(set(keys)) == len(keys)


def test_stream_is_the_documented_one():
    p = precision("bf16-pure-sr", nf.Stream(9).child("run"), 4)
    assert p.stream("0.weight", ".update") == nf.Stream(9).child("run", "0.weight", ".update", 4, 0)
    assert p.stream("0.weight", ".update") == nf.Stream(9).child("run", "0.weight", ".update", 4, 1)


def test_stochastic_weights_are_rounded_with_their_stream():
    w = Tensor([1.0], requires_grad=True, parameter=True, name="w")
    w.grad = np.array([1.0])
    with precision("bf16-pure-sr", seed=3, step=2):
        SGD({"w": w}, lr=2.0**-10).step()
    expected = nf.round(np.float32([1.0 - 2.0**-10]), "bf16", "stochastic", seed=nf.Stream(3).child("w", "", 2, 0))
    assert np.array_equal(w.data, expected)


def test_outside_is_float64_and_contexts_nest():
    def one_third():
        return (Tensor([1.0]) * (1 / 3)).data

    assert one_third() == np.float64([1 / 3])
    with precision("bf16-pure"):
        inner = one_third()
        with precision("fp16-pure"):
            assert one_third() == np.float32(np.float16(np.float16(1 / 3)))
        assert one_third() == inner == np.float32(0.333984375)
    assert one_third() == np.float64([1 / 3])


def test_threads_of_the_caller_do_not_see_each_other():
    seen = []
    with precision("bf16-pure"):
        other = threading.Thread(target=lambda: seen.append(current().recipe.name))
        other.start()
        other.join()
    assert seen == ["float64"]


def test_backward_runs_under_the_precision_of_its_forward():
    made, x, y = trainer("bf16-pure")
    with precision("bf16-pure"):
        loss = cross_entropy(made.model(x), y)
    loss.backward()
    outside = {key: value.grad for key, value in made.model.parameters().items()}
    assert equal(outside, gradients(made.model, x, y, "bf16-pure")[1])


def test_gradient_at_the_same_weights():
    made, x, y = trainer("bf16-pure")
    before = {key: value.data for key, value in made.model.parameters().items()}
    _, exact = gradients(made.model, x, y)
    result = made.step(x, y)
    for key, gradient in exact.items():
        assert gradient.dtype == np.float64
        error = np.linalg.norm(result.gradients[key] - gradient) / np.linalg.norm(gradient)
        assert 2.0**-14 < error < 2.0**-4
    assert all(value.dtype == np.float32 for value in before.values())


def test_a_weight_that_was_never_stored_is_read_as_if_it_were():
    model = Sequential(Linear(8, 4))
    model.init(seed=1)
    x = np.random.default_rng(1).standard_normal((3, 8))
    with precision("fp16-pure"):
        first = model(x).data
        model.init(seed=1)
        assert np.array_equal(model(x).data, first)
    assert model.parameters()["0.weight"].format.name == "float16"


def test_gradients_added_up_are_rounded():
    w = Tensor([1.0], requires_grad=True, parameter=True, name="w")
    with precision("bf16-pure"):
        for factor in (1.0, 2.0**-9):
            (w * factor).sum().backward()
    assert w.grad == 1.0


def test_mistakes_are_named():
    with pytest.raises(ArgumentError, match="step=-1"):
        precision("tf32", step=-1)
    with pytest.raises(SeedError, match=r"seed=1\.5"):
        precision("tf32", seed=1.5)
    with pytest.raises(ArgumentError, match="'fp16' is not a recipe"):
        precision("fp16")
