"""What notebooks and prompts show of nfloat's objects: short text, escaped cards for light and dark pages."""

from xml.etree import ElementTree

import numpy as np
import pytest

import nfloat as nf
from nfloat.cards import card, table

NAME = '<b>&"'
FORMAT = nf.Format(name=NAME, precision=3, emin=-2, emax=3)


@pytest.fixture(scope="module")
def result():
    config = nf.drift.Config(data="blobs", recipes=("bf16-pure", "fp16-pure"), steps=3, width=4, seeds=2, ablate="none")
    return nf.drift.run(config)


def step_result():
    model = nf.nn.Sequential(nf.nn.Linear(4, 3), nf.nn.ReLU(), nf.nn.Linear(3, 2))
    model.init(seed=0)
    with_step = nf.nn.train.StepResult(
        0.5, {name: np.ones(p.data.shape) for name, p in model.parameters().items()}, 1.0, False
    )
    assert len(with_step.gradients) == 4
    return with_step


OBJECTS = {
    "Format": lambda: FORMAT,
    "BlockFormat": lambda: nf.mxfp4.replace(name=NAME),
    "BlockFormat of a tensor": lambda: nf.BlockFormat(name=NAME, element="e5m2", block="tensor", scale="float32"),
    "Explanation": lambda: nf.explain(0.1, FORMAT),
    "one number": lambda: nf.array(0.1, FORMAT),
    "FloatArray": lambda: nf.array(np.ones((300, 40)), FORMAT),
    "FloatArray of none": lambda: nf.array(1.5, FORMAT),
    "BlockArray": lambda: nf.quantize(np.ones((64, 64)), nf.mxfp4),
    "Accumulator": lambda: nf.Accumulator(FORMAT, order="blocked", block=4, promote="float32"),
    "Unit": lambda: nf.units["nvidia.hopper.mma.f16.f32"],
    "Recipe": lambda: nf.nn.recipe("bf16-mixed").replace(name=NAME),
    "StepResult": step_result,
}


def check(value, *, most=1000):
    assert len(repr(value)) <= most
    text = value._repr_html_()
    assert len(text) < 20_000 and NAME not in text and "<script" not in text
    root = ElementTree.fromstring(f"<div>{text}</div>".replace("<br>", "<br/>"))
    assert "".join(root.itertext()).strip()
    # nothing sets a colour of text or background that a dark page would swallow
    colours = [node.get("style") or "" for node in root.iter()]
    assert not [style for style in colours if "color:" in style.replace("color:inherit", "")]


@pytest.mark.parametrize("name", OBJECTS)
def test_short_text_and_a_card(name):
    check(OBJECTS[name]())


def test_of_a_result(result):
    check(result, most=300)
    assert "bf16-pure: " in repr(result) and "rows" in repr(result)
    assert result._repr_html_().count("<tr>") == 3


def test_of_a_study():
    study = nf.studies.run("stagnation")
    check(study, most=100)
    assert repr(study).startswith("Result('stagnation', ")


def test_large_arrays_are_cut():
    a = nf.array(np.ones((300, 40)), "float16")
    assert len(repr(a)) < 1000 and a._repr_html_().count("<td") == 64
    assert repr(nf.units["nvidia.hopper.mma.f16.f32"]) == "Unit('nvidia.hopper.mma.f16.f32', confidence='A')"
    assert repr(nf.nn.recipe("bf16-mixed")) == "Recipe('bf16-mixed')"
    assert repr(step_result()).startswith("StepResult(loss=0.5, gradients=<4 tensors>")


def test_cells_are_escaped():
    assert "&lt;b&gt;&amp;" in table((NAME,), [(NAME,)]) and table((NAME,), [(NAME,)]).count(NAME) == 0
    assert NAME not in card(NAME, [(NAME, NAME)], note=NAME)
