"""The picture of a recipe: every field that says what a product or an update is made of."""

from xml.etree import ElementTree

import pytest

from nfloat.nn import recipe
from nfloat.nn.recipes import recipes
from nfloat.nn.recipes.flow import flow, flow_svg, flow_text

CHANGES = {
    "forward_x": ("forward", "first"),
    "forward_w": ("forward", "second"),
    "input_gradient_dy": ("input gradient", "first"),
    "input_gradient_w": ("input gradient", "second"),
    "weight_gradient_dy": ("weight gradient", "first"),
    "weight_gradient_x": ("weight gradient", "second"),
    "activations": ("forward", "result"),
    "activation_gradients": ("input gradient", "result"),
    "weight_gradients": ("weight gradient", "result"),
    "weight_copy": ("forward", "second"),
    "weights": ("update", "first"),
    "update": ("update", "second"),
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_field_shows_where_it_holds(field):
    name, part = CHANGES[field]
    (stage,) = (s for s in flow(recipe("bf16-mixed").replace(**{field: "e6m9:stochastic"})) if s.name == name)
    assert getattr(stage, part)[1] == "e6m9:stochastic"


def test_sums_and_what_holds_where_nothing_is_said():
    changed = recipe("bf16-mixed").replace(forward="kahan:bfloat16", weight_gradient_sums="float16", gemm_inputs="e5m2")
    stages = flow(changed)
    assert [stage.sums for stage in stages] == ["kahan:bfloat16", "float32", "float16", ""]
    assert {stage.first[1] for stage in stages[:3]} == {stage.second[1] for stage in stages[:3]} == {"float8_e5m2"}
    assert flow(recipe("bf16-weights"))[0].second == ("w", "bfloat16")  # no copy: the weights themselves


@pytest.mark.parametrize("name", recipes)
def test_every_recipe_has_its_picture(name):
    lines = flow_text(recipe(name)).splitlines()
    assert len(lines) == 4 and len({line.index(">") for line in lines}) == 1
    svg = flow_svg(recipe(name))
    assert svg in recipe(name)._repr_html_()
    root = ElementTree.fromstring(svg)
    width = float(root.get("width"))
    boxes = [box for box in root.iter() if box.tag.endswith("rect")]
    assert len(boxes) == 12 and all(float(box.get("x")) + float(box.get("width")) <= width for box in boxes)
