"""Recipes as TOML: what is written is read again, and what is wrong is named with its file."""

import pytest

from nfloat import nn
from nfloat.drift import Config, from_toml, to_toml
from nfloat.errors import NFloatError
from nfloat.nn.recipes import recipes
from nfloat.nn.recipes import to_toml as recipe_toml

CHANGED = (
    "nvfp4+loss_scaling=256",
    "bf16-pure+states=m=float32,v=bfloat16+[0]weights=float32+[0]state=float32+[*.head]forward_x=mxfp4",
    "bf16-mixed+weight_copy=+[1]weight_copy=",
    "fp16-mixed+forward=blocked:128:bfloat16:float32+weights=bfloat16:stochastic",
)


@pytest.mark.parametrize("name", [*recipes, *CHANGED])
def test_a_recipe_survives_its_file(name, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(recipe_toml(name))
    found = nn.recipe(str(path))
    assert found.replace(name="x", source="") == nn.recipe(name).replace(name="x", source="")
    # its name says all of it, without the file
    assert nn.recipe(found.name).replace(source="") == found.replace(source="")


def test_wide_layers_can_be_taken_back(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(recipe_toml(nn.recipe("nvfp4").replace(layers={})))
    assert nn.recipe(str(path)).layers == ()


def test_a_file_takes_further_changes(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('base = "bf16-pure"\nloss_scaling = 1024\n[layers."0"]\nweights = "float32"\n')
    found = nn.recipe(f"{path}+update=float32+[1]weights=float16")
    assert found.loss_scaling.initial == 1024.0 and found.update.format.name == "float32"
    assert [found.at(layer).weights.format.name for layer in "012"] == ["float32", "float16", "bfloat16"]


def test_a_run_does_not_depend_on_the_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('base = "bf16-mixed"\nweights = "bf16"\n')
    config = Config(recipes=("float32", str(path)))
    assert config.recipes == ("float32", "bf16-mixed+weights=bfloat16")
    path.unlink()
    assert from_toml(to_toml(config)) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "base= is missing"),
        ('base = "bf16-pur"', "base='bf16-pur' is not a named recipe; did you mean"),
        ("base = [1]", "is not a named recipe"),
        ('base = "bf16-pure"\nwieghts = "e4m3"', "unknown key 'wieghts'; did you mean 'weights'"),
        ('base = "bf16-pure"\nweights = "e4m33x"', "is not a number format"),
        ('base = "bf16-pure"\nweights = ""', "must name a format"),
        ('base = "bf16-pure"\nweights = 3', "weights=3 must be text"),
        ('base = "bf16-pure"\nloss_scaling = true', "loss_scaling=True must be text"),
        ('base = "bf16-pure"\n[layers.a]\nname = "x"', "layers.a: unknown key 'name'"),
        ('base = "bf16-pure"\n[layers.a]\nweights = 1', "layers.a.weights=1 must be text"),
        ('base = "bf16-pure"\nlayers = "x"', "layers='x' must be a table"),
        ('base = "bf16-pure"\n[states]\nm = 3', "states.m=3 must be text"),
        ("x = [[[", "not valid TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_path(text, message, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(NFloatError, match="mine.toml") as error:
        nn.recipe(str(path))
    assert message in str(error.value)


def test_a_file_that_is_not_there():
    with pytest.raises(NFloatError, match=r"recipe='none.toml' cannot be read: No such file"):
        Config(recipes=("none.toml",))
