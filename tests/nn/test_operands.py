"""Operands of products: rounded once per source, cut along k, scaled by the past; and precisions inside precisions."""

import numpy as np
import pytest

import nfloat as nf
from nfloat.errors import AccumulatorError, ArgumentError, FormatError
from nfloat.nn import SGD, AmaxHistory, Linear, LossScaler, LossScaling, Sequential, Tensor, Trainer, precision, recipe
from nfloat.nn.operands import Operands
from nfloat.nn.precision import Role
from nfloat.nn.recipes import Cast, as_operand
from nfloat.nn.recipes.sums import as_sums, shown

RNG = np.random.default_rng(0)
DY = {"input_gradient": (Role.GEMM_DY, Role.GEMM_W), "weight_gradient": (Role.GEMM_DY, Role.GEMM_X)}


def single(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def test_one_source_is_rounded_once_however_it_is_seen():
    x, w, dy, seen = single(6, 5), single(4, 5), single(6, 4), []
    r = recipe("tf32").replace(gemm_inputs="bfloat16:stochastic")
    with precision(r, seed=3, observer=lambda layer, tensor, before, after: seen.append((tensor, after))) as p:
        p.gemm("a", "forward", x.reshape(2, 3, 5), w.T)
        p.gemm("a", "input_gradient", dy, w, roles=DY["input_gradient"])
        p.gemm("a", "weight_gradient", dy.T, x, roles=DY["weight_gradient"])
    rounded = [tensor for tensor, _ in seen if tensor.startswith("gemm")]
    assert rounded == ["gemm.x", "gemm.w", "gemm.dy"]
    expected = nf.round(w, "bfloat16", "stochastic", seed=nf.Stream(3).child("a", "gemm.w", 0, 0))
    assert np.array_equal(dict(seen)["gemm.w"], expected)


def test_a_copy_is_shared_while_something_holds_it():
    """As a weight of a recurrent network is, which every step of a sequence takes."""
    kept, w, how = Operands(), single(4, 5), object()
    first = kept.copy(w, how, lambda: nf.round(w, "bfloat16"))
    assert kept.copy(w, how, lambda: pytest.fail("made again")) is first
    assert kept.copy(w.copy(), how, lambda: single(4, 5)) is not first
    del first
    assert kept.copy(w, how, lambda: single(1, 1)).shape == (1, 1)


def test_blocks_run_along_k_of_the_source():
    x, w, dy = single(33, 40), single(24, 40), single(33, 24)
    with precision("mxfp8") as p:
        y = p.gemm("a", "forward", x, w.T)
        dw = p.gemm("a", "weight_gradient", dy.T, x, roles=DY["weight_gradient"])
    q = nf.mxfp8_e4m3
    assert np.array_equal(y, nf.matmul(nf.quantize(x, q), nf.quantize(w, q).T, "float32"))
    assert np.array_equal(dw, nf.matmul(nf.quantize(dy, q, axis=0).T, nf.quantize(x, q, axis=0), "float32"))


@pytest.mark.filterwarnings("ignore::nfloat.linalg.units.names.SingleSourceWarning")
@pytest.mark.parametrize("weights", ["nvfp4", "nvfp4:tile=16"])
def test_a_block_scaled_unit_gets_elements_and_scales_apart(weights):
    x, w, c = single(32, 64), single(16, 64), single(16)
    unit = next(name for name in nf.units.names() if "tcgen05" in name and "nvf4" in name)
    r = recipe("nvfp4").replace(forward=unit, forward_w=weights)
    with precision(r) as p:
        y = p.gemm("a", "forward", x, w.T, c)
    if weights == "nvfp4":
        assert np.array_equal(y, nf.matmul(nf.quantize(x, nf.nvfp4), nf.quantize(w, nf.nvfp4).T, unit) + c)
    exact = nf.round(x, nf.nvfp4) @ nf.round(w, as_operand(weights).format).T + c
    assert np.allclose(y, exact, rtol=1e-4, atol=1e-4)


def test_delayed_scales_are_the_past_steps():
    r, history = (
        recipe("fp8-hybrid").replace(forward_x="float8_e4m3fn:delayed=2:margin=1", forward_w=None),
        AmaxHistory(),
    )
    w, found = np.eye(4, dtype=np.float32), []
    for step, top in enumerate((448.0, 896.0, 1.0, 1.0)):
        with precision(r, step=step, scales=history) as p:
            x = np.full((1, 4), top, np.float32)
            found.append(float(p.gemm("a", "forward", x, w)[0, 0]))
            p.gemm("a", "forward", 4 * x, w)  # another use in the step changes no scale of this one
    # scales 2, 2 (then x = 896 is held), then from amax 4 * 896, ...
    assert found[:2] == [448.0, 896.0]
    assert [amax for _, amax in history.entries["a gemm.x"]] == [4 * 896.0, 4.0, 4.0]


def test_layers_have_fields_of_their_own():
    r = recipe("bf16-pure").replace(layers={"*.head": {"weights": "float32", "forward": "float16"}})
    assert r.at("body.head.0").weights.format.name == "float32" and r.at("head").weights.format.name == "bfloat16"
    assert r.at("body.head").forward.format.name == "float16"
    assert recipe(r.name) == r
    model = Sequential(Linear(3, 3), Sequential(Linear(3, 2)))
    model.init(seed=0)
    Trainer(model, SGD(model.parameters(), lr=0.1), recipe("bf16-pure").replace(layers={"1": {"weights": "float32"}}))
    formats = {name: p.format.name for name, p in model.parameters().items()}
    assert (formats["0.weight"], formats["1.0.weight"]) == ("bfloat16", "float32")


def test_an_inner_precision_inherits_what_it_does_not_name():
    seen = []
    x = Tensor(single(500))
    for step in range(2):
        with precision("bf16-pure", seed=4, step=step, observer=lambda *what: seen.append(what)):
            for _ in range(2):
                with precision(recipe("bf16-pure").replace(activations="bfloat16:stochastic")) as p:
                    assert (p.seed, p.step) == (nf.Stream(4), step)
                    x * np.float32(1 / 3)
    results = [after.tobytes() for _, tensor, _, after in seen if tensor == "activation"]
    assert len(results) == len(set(results)) == 4


def test_micro_batches_draw_bits_of_their_own():
    def keys(micro_batch):
        p = precision("mxfp4", 1, 2, micro_batch=micro_batch)
        return {p.stream("0", "gemm.dy").key for _ in range(3)}

    assert len(keys(0) | keys(1) | keys(2)) == 9
    assert precision("mxfp4", 1, 2, micro_batch=1).stream("a", "b") == nf.Stream(1).child(
        "a", "b", 2, "micro-batch", 1, 0
    )
    model = Sequential(Linear(6, 3))
    model.init(seed=0)
    x, y = single(8, 6), RNG.integers(0, 3, 8)
    whole = Trainer(model, SGD(model.parameters(), lr=1e-9), "float64")
    parts = whole.step(x, y, micro_batches=4).gradients
    for name, gradient in whole.step(x, y).gradients.items():
        assert np.allclose(gradient, parts[name], rtol=1e-6, atol=1e-9)
    with pytest.raises(ArgumentError, match="micro_batches=3"):
        whole.step(x, y, micro_batches=3)


def test_clamped_gradients_reach_the_scaler():
    model = Sequential(Linear(4, 3))
    model.init(seed=0)
    r = recipe("fp16-mixed").replace(activation_gradients="float8_e4m3fn:saturate", loss_scaling=LossScaling(2.0**14))
    trainer = Trainer(model, SGD(model.parameters(), lr=0.1), r)
    x, y = single(8, 4), RNG.integers(0, 3, 8)
    trace = [trainer.step(x, y) for _ in range(10)]
    assert trace[0].skipped and not trace[-1].skipped
    assert [t.scale for t in trace[:2]] == [2.0**14, 2.0**13]
    # operands too, whether anyone watches or not
    r = recipe("fp16-mixed").replace(gemm_inputs="float8_e4m3fn:saturate", loss_scaling=LossScaling(2.0**14))
    skipped = []
    for observer in (None, lambda *what: None):
        model.init(seed=0)
        trainer = Trainer(model, SGD(model.parameters(), lr=0.1), r)
        skipped.append([trainer.step(x, y, observer=observer).skipped for _ in range(6)])
    assert skipped[0] == skipped[1] and skipped[0][0] and not skipped[0][-1]
    # round first: 464 is a tie that goes down, 465 is not
    from nfloat.nn.clamping import clamped

    assert clamped(Cast("float8_e4m3fn", overflow="saturate").edge, np.array([464.0, 465.0, -1e9, np.inf, np.nan])) == 3
    assert clamped(Cast("fixed16.8").edge, np.array([127.99609375, 128.0])) == 1
    assert Cast("float16").edge is None


def test_the_scale_ends_where_float32_does():
    scaler = LossScaler(LossScaling(initial=2.0**126, interval=1))
    for _ in range(4):
        scaler.update(True)
    assert scaler.scale == 2.0**127


def test_sums_show_their_overflow():
    seen = {}
    r = recipe("bf16-pure").replace(forward="float16")
    with precision(r, observer=lambda layer, tensor, before, after: seen.update({tensor: (before, after)})) as p:
        p.gemm("a", "forward", np.full((1, 2), 256.0, np.float32), np.full((2, 1), 256.0, np.float32))
    before, after = seen["forward.sum"]
    assert before is after and np.isposinf(after).all()


@pytest.mark.parametrize(
    "text, parts",
    [
        ("float8_e4m3fn:delayed=16:margin=1", (16, 1, None)),
        ("nvfp4:stochastic:tile=16", (None, 0, None)),
        ("mxfp4:rceil:hadamard=32", (None, 0, 32)),
    ],
)
def test_operands_as_text(text, parts):
    cast = as_operand(text)
    assert (cast.delayed, cast.margin, cast.hadamard) == parts
    assert as_operand(str(cast)) == cast


@pytest.mark.parametrize(
    "text",
    ["bfloat16:stochastic", "blocked:128:bfloat16:float32", "interleaved:8:float32:toward_zero", "kahan:float16",
     "split:4:float32:pairwise:bfloat16", "bfloat16:product=float16:overflow=saturate"],
)  # fmt: skip
def test_sums_as_text(text):
    assert shown(as_sums(text)) == text
    assert recipe(f"bf16-mixed+forward={text}").forward == as_sums(text)


@pytest.mark.parametrize(
    "changes, error, message",
    [
        ({"activations": "mxfp4"}, FormatError, "mxfp4 shares scales"),
        ({"forward_x": "float8_e4m3fn:tile=4"}, ArgumentError, "takes 'current' or 'delayed'"),
        ({"forward_x": "mxfp4:delayed=4"}, ArgumentError, "scales of its own"),
        ({"forward_x": "mxfp4:hadamard=12"}, ArgumentError, "hadamard=12"),
        ({"forward_x": "mxfp4:hadamard=16"}, ArgumentError, "hadamard=16 and None of the operands of forward"),
        ({"forward_x": "mxfp4:saturate"}, ArgumentError, "leave the overflow policy out"),
        ({"forward": "blocked:bfloat16"}, AccumulatorError, "'bfloat16' must be an integer"),
        ({"forward": "split:4:float32"}, AccumulatorError, "split:<parts>"),
        ({"forward": "bfloat16:lanes=4"}, AccumulatorError, "'lanes' is none of"),
        ({"layers": {"a": {"source": "x"}}}, ArgumentError, "'source' is not a field of a layer"),
        ({"layers": {"a+b": {}}}, ArgumentError, "pattern 'a\\+b'"),
        ({"states": 3}, ArgumentError, "states=3"),
    ],
)
def test_mistakes_are_named(changes, error, message):
    with pytest.raises(error, match=message):
        recipe("bf16-mixed").replace(**changes)
