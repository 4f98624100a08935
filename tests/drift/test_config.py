"""Configurations: what is refused and in which words, and that TOML brings back the same value."""

import dataclasses

import pytest
from in_one_test import in_one_test

import nfloat as nf
from nfloat.drift import Config, from_toml, to_toml
from nfloat.drift.comparison import DEFAULT_RECIPES
from nfloat.drift.config import MODELS, read_config
from nfloat.drift.defaults import DEFAULTS, OF_MODEL
from nfloat.errors import ArgumentError, FormatError, NFloatError, RoundingError


@in_one_test(
    ("field", "value", "words"),
    [
        ("steps", -1, "steps=-1 must be an integer of at least 1"),
        ("steps", 0, "steps=0"),
        ("steps", 2.0, "steps=2.0"),
        ("steps", True, "steps=True"),
        ("seed", -3, "seed=-3 must be an integer of at least 0"),
        ("batch", 0, "batch=0"),
        ("width", 0, "width=0"),
        ("depth", -1, "depth=-1"),
        ("every", 0, "every=0"),
        ("lr", 0.0, "lr=0.0 must be a positive, finite number"),
        ("lr", float("nan"), "lr=nan"),
        ("lr", float("inf"), "lr=inf"),
        ("lr", "0.1", "lr='0.1'"),
        ("seeds", 0, "seeds=0 must be an integer of at least 1"),
        ("ablate", "best", "ablate='best' is unknown"),
        (
            "recipes",
            ("tf32+loss_scaling=much",),
            "loss_scaling='much' must be a LossScaling, 'dynamic'",
        ),
        ("attribute", 1, "attribute=1 must be True or False"),
        ("model", "mpl", "model='mpl' is unknown; did you mean 'mlp'?"),
        ("optimizer", "adan", "did you mean 'adam'"),
        ("activation", "step", "activation='step' is unknown"),
        ("data", "digit", "data='digit' is unknown"),
        (
            "data",
            "table.xlsx",
            "it must be 'digits', 'mnist5k', 'text', 'blobs', 'regression', or the path of",
        ),
        ("recipes", (), "recipes=() must name at least one recipe"),
        ("recipes", "bf16-pure", "recipes='bf16-pure' must be a tuple of recipes or their names"),
        ("recipes", ("bf16-pur",), "did you mean 'bf16-pure'"),
        ("recipes", ("tf32", "tf32"), "'tf32' stands there twice"),
        ("recipes", (3,), "3 must be the name of a recipe, or a recipe"),
    ],
)
def test_refused(field, value, words):
    with pytest.raises(NFloatError) as caught:
        Config(**{field: value})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_numbers_that_no_machine_holds():
    with pytest.raises(ArgumentError, match="lr=<a number of many digits> must be a positive, finite number"):
        Config(lr=10**400)
    with pytest.raises(ArgumentError, match="width=1000000000000: a layer's weights"):
        nf.drift.run(Config(data="blobs", width=10**12, steps=1, recipes=("float32",), ablate="none"))


def test_recipes_with_other_fields():
    made = nf.nn.recipe("bf16-mixed+weights=e4m3fn:stochastic+weight_copy=")
    assert str(made.weights) == "float8_e4m3fn:stochastic"
    assert made.weight_copy is None
    assert made.name == "bf16-mixed+weights=e4m3fn:stochastic+weight_copy="
    assert nf.nn.recipe("fp16-pure+loss_scaling=0.25").loss_scaling.initial == 0.25
    assert nf.nn.recipe("fp16-pure+loss_scaling=dynamic").loss_scaling.interval == 2000
    with pytest.raises(FormatError, match="'e99m1'"):
        nf.nn.recipe("bf16-mixed+weights=e99m1")
    with pytest.raises(RoundingError, match="'stochastik'"):
        nf.nn.recipe("bf16-mixed+weights=bf16:stochastik")
    with pytest.raises(ArgumentError, match="did you mean 'weights'"):
        nf.nn.recipe("bf16-mixed+weihgts=bf16")


def test_recipe_objects():
    base = nf.nn.recipe("bf16-mixed")
    pairwise = nf.Accumulator("float16", order="pairwise", product="float16")
    objects = (
        base,
        base.replace(weights="float8_e4m3fn:stochastic", weight_copy=None),
        base.replace(forward=pairwise, loss_scaling=nf.nn.LossScaling.static(128.0)),
        base.replace(forward="nvidia.hopper.mma.bf16.f32", loss_scaling=nf.nn.LossScaling()),
    )
    config = Config(recipes=objects)
    assert config.recipes == tuple(r.name for r in objects) and config == Config(recipes=config.recipes)
    assert from_toml(to_toml(config)) == config
    for name, recipe in zip(config.recipes, objects, strict=True):
        assert nf.nn.recipe(name) == recipe
    assert Config(recipes=("tf32", base)).recipes == ("tf32", "bf16-mixed")
    for wrong in (base.replace(name="mine", weights="e4m3"), base.replace(loss_scaling=nf.nn.LossScaling(growth=3.0))):
        with pytest.raises(ArgumentError, match="does not say all of this recipe"):
            Config(recipes=(wrong,))
    for name in ("bf16-mixed+forward=Accumulator('float16', order='x')", "bf16-mixed+forward=Accumulator(open('x'))"):
        with pytest.raises(NFloatError):
            nf.nn.recipe(name)


@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config(data='odd "name" \\ ü.csv', recipes=("tf32", "bf16-pure+weights=e4m3"), steps=7, lr=1e-300),
        Config(seed=2**63 - 1, attribute=False, lr=0.1 + 0.2, depth=0, activation="tanh", optimizer="adam"),
    ],
)
def test_toml_brings_back_the_same(config):
    assert from_toml(to_toml(config)) == config
    assert from_toml(to_toml(config)).digest == config.digest


def test_what_is_not_said_is_the_model_s():
    short = Config(model="cnn", lr=0.3)
    assert Config(model="cnn").lr == 0.01
    assert (short.width, short.steps, short.every, short.lr, short.optimizer) == (32, 320, 40, 0.3, "sgd")
    assert Config(model="transformer", data="text").optimizer == from_toml('model = "lstm"').optimizer == "adam"
    assert from_toml(to_toml(short)) == short and short.replace(model="mlp").width == 32
    assert (Config().width, Config().steps, Config().every) == (64, 1290, 30)
    own = {field.name for field in dataclasses.fields(Config) if field.default is OF_MODEL}
    for model in MODELS:
        assert set(DEFAULTS[model]) == own
        assert all(type(value) is type(DEFAULTS["mlp"][key]) for key, value in DEFAULTS[model].items())


def test_configurations_of_other_runs_are_called_what_they_are():
    for text, what in (("[run]\nsteps = 3", "a search"), ('task = "product"', "a sweep"), ('study = "x"', "a study")):
        with pytest.raises(ArgumentError, match=f"f.toml: this is the configuration of {what}, not of a drift run"):
            from_toml(text, source="f.toml")


def test_toml_writes_every_field_and_missing_ones_have_defaults():
    keys = [line.split(" = ")[0] for line in to_toml(Config()).splitlines()[1:]]
    assert keys[0] == "data" and sorted(keys) == sorted(f.name for f in dataclasses.fields(Config))
    assert from_toml("") == Config()
    assert from_toml("steps = 3").recipes == DEFAULT_RECIPES
    assert from_toml("lr = 1").lr == 1.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("step = 3", "f.toml: unknown key 'step'; did you mean 'steps'"),
        ('steps = "3"', "f.toml: Expected `int`, got `str` - at `$.steps`"),
        ('recipes = ["tf32", 3]', "at `$.recipes[1]`"),
        ("steps = -1", "f.toml: steps=-1 must be an integer of at least 1"),
        ("steps = ", "f.toml: not valid TOML"),
    ],
)
def test_toml_is_strict(text, words):
    with pytest.raises(ArgumentError) as caught:
        from_toml(text, source="f.toml")
    assert words in str(caught.value)


def test_unreadable_file(tmp_path):
    with pytest.raises(ArgumentError, match="cannot be read: No such file"):
        read_config(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"data = '\xe9'")
    with pytest.raises(ArgumentError, match="not UTF-8"):
        read_config(tmp_path / "latin.toml")


def test_recorded_steps_end_with_the_last():
    assert Config(steps=45, every=20).recorded_steps == (0, 20, 40, 45)
    assert Config(steps=40, every=20).recorded_steps == (0, 20, 40)
    assert Config(steps=1, every=20).recorded_steps == (0, 1)


def test_digest_sees_every_field():
    others = {
        "data": "blobs",
        "width": 1,
        "depth": 2,
        "activation": "tanh",
        "recipes": ("tf32",),
        "steps": 2,
        "seed": 1,
        "seeds": 2,
        "ablate": "all",
        "batch": 2,
        "optimizer": "adam",
        "lr": 0.5,
        "loss": "l1",
        "every": 3,
        "attribute": False,
        "record": ("*.grad",),
    }
    fields = {field.name for field in dataclasses.fields(Config)} - {"model"}  # one model, so there is no other
    assert set(others) == fields
    digests = {Config().replace(**{key: value}).digest for key, value in others.items()}
    assert len(digests | {Config().digest}) == len(others) + 1
