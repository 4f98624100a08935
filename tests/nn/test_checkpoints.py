"""Checkpoints: a resumed run is the uninterrupted one; what lies in the files; what is refused."""

import json

import numpy as np
import pytest

import nfloat as nf
from nfloat.errors import ArgumentError, ShapeError
from nfloat.nn import Adam, Cosine, Linear, Momentum, ReLU, Sequential, Trainer, WarmUp, recipe, recipes, restore, save

pytestmark = pytest.mark.usefixtures("threads_for_little_work")


def training(how, optimizer=None, seed=5):
    model = Sequential(Linear(20, 16), ReLU(), Linear(16, 4))
    model.init(seed=0)
    made = optimizer or (lambda p: Adam(p, lr=WarmUp(Cosine(0.01, steps=20), steps=3), clip_norm=0.5))
    return Trainer(model, made(model.parameters()), how, seed=seed)


def run(trainer, generator, steps):
    for _ in range(steps):
        x, y = generator.standard_normal((32, 20)), generator.integers(0, 4, 32)
        trainer.step(x, y, micro_batches=2)
    return {name: p.data for name, p in trainer.model.parameters().items()}


@pytest.mark.parametrize("name", [*recipes, "bf16-pure+weights=e5m9:stochastic+states=v=float32+loss_scaling=4"])
def test_a_resumed_run_has_the_same_bits(name, tmp_path):
    whole = run(training(name, seed=nf.Stream(7).child("run", 2)), np.random.default_rng(1), 6)
    first, generator = training(name, seed=nf.Stream(7).child("run", 2)), np.random.default_rng(1)
    run(first, generator, 3)
    save(tmp_path / "at 3", first, generator=generator)
    resumed = training(name, seed=0)
    found = restore(tmp_path / "at 3", resumed)
    assert resumed.steps == 3 and resumed.optimizer.steps == first.optimizer.steps
    again = run(resumed, found.generator, 3)
    for key, values in whole.items():
        assert again[key].dtype == values.dtype
        assert np.array_equal(again[key], values, equal_nan=True), key


def test_weights_are_codes_of_their_own_format(tmp_path):
    how = recipe("bf16-pure").replace(layers={"2": {"weights": "float8_e4m3fn"}})
    trainer = training(how)
    save(tmp_path, trainer)
    torch_types = pytest.importorskip("safetensors").safe_open(tmp_path / "model.safetensors", "np").keys()
    assert sorted(torch_types) == ["0.bias", "0.weight", "2.bias", "2.weight"]
    data = (tmp_path / "model.safetensors").read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert (header["0.weight"]["dtype"], header["2.weight"]["dtype"]) == ("BF16", "F8_E4M3")
    found = restore(tmp_path)
    assert list(found.formats.values()) == ["bfloat16", "bfloat16", "float8_e4m3fn", "float8_e4m3fn"]
    for name, parameter in trainer.model.parameters().items():
        assert np.array_equal(found.values[name], parameter.data)


def test_a_state_dict_that_others_saved(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    rng = np.random.default_rng(0)
    state = {"0.weight": rng.standard_normal((16, 20)).astype(np.float32), "0.bias": np.zeros(16, np.float16),
             "2.weight": rng.standard_normal((4, 16)), "2.bias": np.ones(4, np.float32)}  # fmt: skip
    numpy.save_file(state, tmp_path / "model.safetensors")
    model = training("float32").model
    restore(tmp_path / "model.safetensors", model)
    assert all(np.array_equal(model.parameters()[name].data, values) for name, values in state.items())


def test_what_does_not_fit_is_named(tmp_path):
    save(tmp_path / "one", training("bf16-pure"))
    with pytest.raises(ArgumentError, match="recipe is 'fp16-pure', the checkpoint's 'bf16-pure'"):
        restore(tmp_path / "one", training("fp16-pure"))
    with pytest.raises(ArgumentError, match="it is Momentum, and the checkpoint holds Adam"):
        restore(tmp_path / "one", training("bf16-pure", lambda p: Momentum(p, lr=0.1)))
    other = Sequential(Linear(20, 15), ReLU(), Linear(15, 4))
    other.init(seed=0)
    with pytest.raises(ShapeError, match=r"'0.weight'.*of shape \(16, 20\)"):
        restore(tmp_path / "one", other)
    with pytest.raises(ArgumentError, match="generator"):
        _ = restore(tmp_path / "one").generator
    save(tmp_path / "two", training("bf16-pure").model)
    with pytest.raises(ArgumentError, match="holds no training"):
        restore(tmp_path / "two", training("bf16-pure"))
    (tmp_path / "two" / "model.safetensors").write_bytes(b"12345678garbage")
    with pytest.raises(ArgumentError, match="safetensors"):
        restore(tmp_path / "two")
    with pytest.raises(ArgumentError, match="a Trainer has its own"):
        save(tmp_path / "three", training("bf16-pure"), training("bf16-pure").optimizer)
