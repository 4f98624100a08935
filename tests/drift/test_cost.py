"""The cost of a recipe: elements counted by training a step, and the formula's numbers worked out by hand."""

import pytest

import nfloat as nf
from nfloat import nn
from nfloat.drift import Config
from nfloat.drift.cost import bits, cost_of, count_elements, rounds_of
from nfloat.nn.recipes import as_operand

#: 16 features, 5 units, 10 classes (blobs), batch 8
CONFIG = Config(data="blobs", width=5, batch=8, optimizer="adam")
IN, HIDDEN, OUT, BATCH = 16, 5, 10, 8


@pytest.fixture(scope="module")
def counts():
    return count_elements(CONFIG.trainable(), 0)


def test_every_tensor_is_counted_once(counts):
    data = nn.load_data("blobs")
    features, classes = data.features, data.classes
    first, last = HIDDEN * features, classes * HIDDEN
    assert counts["0", "weights"] == first + HIDDEN and counts["2", "weights"] == last + classes
    assert counts["0", "state.m"] == counts["0", "state.v"] == counts["0", "compensation"] == first + HIDDEN
    assert counts["0", "activations"] == BATCH * (features + HIDDEN)  # the batch, and the layer's result
    assert counts["0", "forward_x"] == counts["0", "weight_gradient_x"] == BATCH * features
    assert counts["2", "weight_gradient_dy"] == counts["2", "input_gradient_dy"] == BATCH * classes
    assert counts["2", "input_gradient_w"] == counts["2", "forward_w"] == last
    assert ("0", "input_gradient_w") not in counts  # nobody asks for the gradient of the data


def test_the_formula_by_hand(counts):
    only = {key: n for key, n in counts.items() if key[0] == "2" and key[1] in ("weights", "weight_copy", "forward_w")}
    weights, copies, products = (only["2", key] for key in ("weights", "weight_copy", "forward_w"))
    assert cost_of("float32", only).total == 32 * (3 * weights + products)
    assert cost_of("bf16-mixed", only).total == 32 * 3 * weights + 16 * (2 * copies + products)
    # an operand that is rounded apart is written, too
    assert cost_of("tf32", only).total == 32 * (3 * weights + 2 * products)
    assert cost_of("bf16-pure+forward_w=mxfp4", only).total == 16 * 3 * weights + 4.25 * 2 * products
    assert cost_of("bf16-pure+[2]weights=float8_e5m2", only) == cost_of("bf16-pure+weights=float8_e5m2", only)
    state = {("0", "state.m"): 1, ("0", "state.v"): 1}
    assert cost_of("float32+states=v=bfloat16", state).total == 3 * 32 + 3 * 16


def test_narrower_is_never_dearer(counts):
    order = ("float64", "float32", "bf16-mixed", "bf16-weights", "bf16-pure")
    costs = [cost_of(name, counts).total for name in order]
    assert costs == sorted(costs, reverse=True)


def test_bits_of_what_memory_holds():
    assert bits(as_operand("tf32")) == 32.0 and bits(as_operand("bf16")) == 16.0
    assert bits(as_operand("nvfp4")) == 4.5 and bits(as_operand("float8_e4m3fn:current")) == 8.0
    assert bits(as_operand(nf.get_format("float6_e2m3fn"))) == 6.0


def test_recipes_that_do_the_same_are_seen_to(counts):
    whole, single = "bf16-pure+activations=float16", "bf16-pure+[0]activations=float16+[2]activations=float16"
    layers = {layer for layer, field in counts if field == "activations"}
    assert layers == {"0", "2"}
    assert rounds_of(whole, counts) == rounds_of(single, counts) != rounds_of("bf16-pure", counts)
