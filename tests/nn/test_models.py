"""The models: shapes, names, that they learn; that dropout and batch norms do as told; that drift takes them."""

import itertools

import numpy as np
import pytest

import nfloat as nf
from nfloat.errors import ArgumentError, ShapeError
from nfloat.nn import data as examples
from nfloat.nn import models
from nfloat.nn.models import MODELS, for_data

pytestmark = pytest.mark.filterwarnings("ignore::nfloat.nn.data.OtherTextWarning")

#: model -> data that it is for, small
FOR = {
    "mlp": lambda: examples.regression(examples=80),
    "cnn": examples.digits,
    "resnet": examples.digits,
    "transformer": lambda: examples.text(characters=1200, length=12),
    "lstm": lambda: examples.text(characters=1200, length=12),
}


def trainer(model, recipe, data, **options):
    made = for_data(model, data, width=16, depth=1)
    made.init(seed=1)
    optimizer = nf.nn.Adam(made.parameters(), lr=0.01)
    return nf.nn.Trainer(made, optimizer, recipe, loss=data.loss, **options)


def test_every_model_is_tried():
    assert set(FOR) == set(MODELS)
    assert all(callable(getattr(models, name)) for name in MODELS)


@pytest.mark.parametrize("recipe", ["float32", "bf16-mixed"])
@pytest.mark.parametrize("name", MODELS)
def test_it_learns(name, recipe):
    data = FOR[name]()
    made = trainer(name, recipe, data)
    losses = [made.step(data.train_x[:24], data.train_y[:24]).loss for _ in range(25)]
    assert losses[-1] < 0.8 * losses[0]


def test_names_are_places():
    names = list(models.transformer(5, length=4, width=4, depth=2, heads=2).parameters())
    assert {"token.weight", "layers.1.self_attn.in_proj_weight", "layers.0.linear2.bias", "head.bias"} <= set(names)
    resnet = models.resnet((1, 8, 8), 3, width=2, blocks=(1, 1))
    assert {"1.weight", "6.0.weight", "6.shortcut.0.weight"} <= set(resnet.parameters())
    assert "6.shortcut.1.running_var" in resnet.buffers()


def test_a_character_does_not_see_the_next():
    model = models.transformer(9, length=6, width=8, depth=2, heads=2)
    model.init(seed=0)
    one, other = np.array([[1, 2, 3, 4, 5, 6]]), np.array([[1, 2, 3, 8, 8, 8]])
    assert np.array_equal(model(one).data[:, :3], model(other).data[:, :3])
    assert not np.array_equal(model(one).data[:, 3:], model(other).data[:, 3:])


def test_the_same_masks_under_every_recipe():
    data, seen = FOR["transformer"](), []
    for recipe in ("float64", "bf16-mixed", "bf16-pure-sr"):
        layer = nf.nn.Dropout(0.5)
        with nf.nn.precision(recipe, seed=len(seen), step=3, masks=7):
            seen.append(layer(np.ones((30, 4))).data == 0)
            assert not np.array_equal(layer(np.ones((30, 4))).data == 0, seen[-1])
    assert all(np.array_equal(mask, seen[0]) for mask in seen)
    assert 30 < seen[0].sum() < 90
    made = models.transformer(data.classes, 12, 8, 1, 2, dropout=0.5)
    made.init(seed=0)
    twice = [nf.nn.gradients(made, data.train_x[:4], data.train_y[:4], step=2, masks=1)[0] for _ in range(2)]
    assert twice[0] == twice[1] != nf.nn.gradients(made, data.train_x[:4], data.train_y[:4], step=3, masks=1)[0]
    with pytest.raises(ArgumentError, match="inside of"):
        nf.nn.Dropout(0.5)([1.0])


def test_evaluation_and_gradients_change_nothing():
    data = examples.digits()
    made = trainer("resnet", "bf16-pure", data)
    made.step(data.train_x[:8], data.train_y[:8])
    before = {name: buffer.data for name, buffer in made.model.buffers().items()}
    assert all(value.size == 1 or nf.round(value, "bfloat16").tolist() == value.tolist() for value in before.values())
    assert before["2.num_batches_tracked"] == 1.0
    nf.nn.gradients(made.model, data.train_x[:8], data.train_y[:8])
    parts = nf.nn.evaluate(made.model, data.train_x[:600], data.train_y[:600])
    assert made.model.training
    assert all(buffer.data is before[name] for name, buffer in made.model.buffers().items())
    with made.model.evaluating(), nf.nn.precision("float64"):
        whole = data.loss(made.model(data.train_x[:600]), data.train_y[:600]).item()
    assert parts.loss == whole


def test_batches_of_a_text_are_the_loaders():
    data = FOR["transformer"]()
    order = list(itertools.islice(nf.nn.batches(len(data.train_x), 8, seed=3), 5))
    again = list(itertools.islice(nf.nn.batches(len(data.train_x), 8, seed=3), 5))
    assert all(np.array_equal(a, b) for a, b in zip(order, again, strict=True))
    # what follows a character in a piece is the next one of its answers
    assert np.array_equal(data.train_x[:, 1:], data.train_y[:, :-1])


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: for_data("vgg", examples.blobs()), "vgg"),
        (lambda: for_data("transformer", examples.blobs()), "is for text"),
        (lambda: for_data("cnn", examples.regression()), "is for classes"),
        (lambda: for_data("cnn", examples.blobs(features=17)), "no square"),
        (lambda: for_data("lstm", examples.digits(), depth=0), "depth=0"),
        (lambda: for_data("cnn", examples.digits(), depth=2), "depth=2 of model='cnn' must be 1"),
        (lambda: for_data("resnet", examples.digits(), activation="tanh"), "has units of its own"),
        (lambda: for_data("lstm", examples.digits(), activation="tanh"), "has units of its own"),
        (lambda: models.cnn((1, 3, 8), 4), "sides of at least 4"),
        (lambda: models.cnn((1, 8, 8), 4, pooling="min"), "pooling"),
        (lambda: models.resnet((1, 8, 8), 4, blocks=()), "blocks"),
        (lambda: models.lstm(4), "one of them"),
        (lambda: models.mlp(3, 4, activation="swish"), "swish"),
        (lambda: models.transformer(5, heads=7), "num_heads=7"),
    ],
)
def test_impossible_models(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_shapes_that_do_not_fit():
    model = models.cnn((1, 8, 8), 4, width=2)
    model.init(seed=0)
    assert model(np.ones((2, 64))).shape == model(np.ones((2, 1, 8, 8))).shape == (2, 4)
    with pytest.raises(ShapeError, match=r"\(n, 64\)"):
        model(np.ones((2, 63)))
    text = models.transformer(5, length=4, width=4, depth=1, heads=1)
    text.init(seed=0)
    with pytest.raises(ShapeError, match="at most 4"):
        text(np.zeros((1, 5), int))


@pytest.mark.parametrize("model, data", [("cnn", "digits"), ("mlp", "regression")])
def test_drift_takes_them(model, data):
    config = nf.drift.Config(
        model=model, data=data, recipes=("bf16-mixed",), steps=2, every=2, width=8, batch=16, seeds=1, ablate="none"
    )
    result = nf.drift.run(config)
    assert [item["recipe"] for item in result.summary] == ["bf16-mixed"]
