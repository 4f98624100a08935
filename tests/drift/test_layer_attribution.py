"""Layers in groups, and recipes that hold in some of them alone."""

from nfloat import nn
from nfloat.drift.layers import ELSEWHERE, MOST, groups_of, layers_of, only, without

LAYERS = ("token", "layers.0.attention.out", "layers.0.linear", "layers.1.linear", "head")


def test_groups_are_as_fine_as_their_number_allows():
    assert list(groups_of(LAYERS)) == list(LAYERS)
    many = [f"layers.{i}.{part}" for i in range(3) for part in ("a", "b", "c")] + ["head"]
    assert list(groups_of(many)) == ["layers.0", "layers.1", "layers.2", "head"]
    flat = groups_of([str(i) for i in range(19)])
    assert len(flat) == MOST
    assert [place for places in flat.values() for place in places] == [str(i) for i in range(19)]
    assert layers_of(["a.weight", "a.bias", "b.c.weight"]) == ("a", "b.c")


def test_only_and_without_are_each_other_s_rest():
    own = nn.recipe("bf16-pure").replace(layers={"layers.1.linear": {"weights": "float16"}})
    names = {"bfloat16": True, "float16": True, "float64": False}
    elsewhere = "layers.0"  # an addition between layers
    for group in (*groups_of(LAYERS), ELSEWHERE):
        for change, inside in ((only, True), (without, False)):
            made = change(own, LAYERS, group)
            for layer in (*LAYERS, elsewhere):
                is_in = layer == group or (group == ELSEWHERE and layer == elsewhere)
                assert names[made.at(layer).weights.format.name] == (is_in == inside), (group, layer)
    assert only(own, LAYERS, "layers.1.linear").at("layers.1.linear").weights.format.name == "float16"
    assert only(own, LAYERS, "layers.1.linear").at("layers.1.linear.inner").weights.format.name == "float16"
