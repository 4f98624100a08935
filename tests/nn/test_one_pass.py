"""A parameter's step in one pass: the bits, and the random words, of the long way; and so where it is watched."""

import numpy as np
import pytest

import nfloat as nf
from nfloat.nn import SGD, Adam, AdamW, Lion, Momentum, RMSprop, Tensor, precision, recipe
from nfloat.nn.optim import in_parts, one_pass, optimizer

RECIPES = {
    "float64": True,
    "float32": True,
    "bf16-mixed": True,
    "bf16-pure": True,
    "fp16-pure": True,
    "bf16-pure-sr": True,
    "bf16-pure-kahan": True,
    "fp16-pure+compensation=float16": True,
    "bf16-pure+weights=float8_e5m2+update=float8_e5m2": True,
    "bf16-pure+weights=bfloat16:stochastic_a:random_bits=5": True,
    # the long way alone: two formats, a mode for the step, formulas that are rounded, float64 sums that are rounded
    "bf16-pure+weights=float16": False,
    "bf16-pure+update=bfloat16:toward_zero": False,
    "bf16-pure+arithmetic=bfloat16": False,
    "float32+weights=e5m18+update=e5m18": False,
}
OPTIMIZERS = {"sgd": SGD, "momentum": Momentum, "adam": Adam}


def numbers(rng, size, special):
    """Deviates of many sizes; among them infinities, NaN, zeros and what overflows."""
    x = (rng.standard_normal(size) * np.exp2(rng.integers(-30, 12, size))).astype(np.float32)
    if special:
        x.flat[::7], x.flat[3::11], x.flat[5::13], x.flat[1::5], x.flat[2::9] = np.inf, -np.inf, np.nan, 0.0, -0.0
        x.flat[4::17] = 3e38
    return x


def trained(name, kind, shape, special, watch):
    """The weights and momenta after three steps."""
    rng, how = np.random.default_rng(5), recipe(name)
    w = Tensor(numbers(rng, shape, special), requires_grad=True, parameter=True, name="0.weight")
    own = OPTIMIZERS[kind]({"0.weight": w}, lr=0.3)
    for step in range(3):
        w.grad = numbers(rng, shape, special).astype(how.carrier)
        with precision(how, seed=3, step=step):
            own.step(watch)
    return [w.data, *own.state["0.weight"].values()]


def same(one, other):
    return all(x.dtype == y.dtype and x.tobytes() == y.tobytes() for x, y in zip(one, other, strict=True))


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("name", RECIPES)
def test_the_bits_of_the_long_way(name, special, monkeypatch):
    for kind in OPTIMIZERS:
        for shape in ((3,), (7, 19)):
            found = [trained(name, kind, shape, special, watch) for watch in (None, lambda update: None)]
            with monkeypatch.context() as m:
                m.setattr(optimizer, "step_kernel", lambda *_: None)
                found.append(trained(name, kind, shape, special, None))
            if special:  # which of two NaN a sum keeps is nobody's promise
                found = [[np.where(np.isnan(x), np.nan, x).astype(x.dtype) for x in one] for one in found]
            assert same(found[0], found[2]) and same(found[1], found[2]), (kind, shape)


@pytest.mark.parametrize(
    "name", [*RECIPES, "bf16-pure+state=float16:stochastic", "bf16-pure+update=float16:stochastic"]
)
def test_a_step_in_parts_has_the_same_bits(name, monkeypatch):
    """Random words are those of the elements' numbers; what else draws goes whole; momenta are written in place."""
    for kind in (SGD, Momentum, RMSprop, Lion, Adam, AdamW):
        monkeypatch.setitem(OPTIMIZERS, "one", kind)
        one = trained(name, "one", (7, 19), False, None)
        with monkeypatch.context() as m:
            m.setattr(in_parts, "_PART", 40)
            assert same(one, trained(name, "one", (7, 19), False, None)), kind


def test_what_looks_at_other_elements_is_not_cut(monkeypatch):
    class Normed(Adam):
        def direction(self, c):
            return super().direction(c) if c.w.size == 133 else pytest.fail("cut")

    monkeypatch.setattr(in_parts, "_PART", 40)
    monkeypatch.setitem(OPTIMIZERS, "normed", Normed)
    trained("float32", "normed", (7, 19), False, None)


@pytest.mark.parametrize("name, quick", RECIPES.items())
def test_which_recipes_have_it(monkeypatch, name, quick):
    asked = []
    monkeypatch.setattr(optimizer, "in_one_pass", lambda *a: asked.append(one_pass.in_one_pass(*a)) or asked[-1])
    trained(name, "sgd", (5, 4), False, None)
    assert len(asked) == (3 if quick else 0) and all(found is not None for found in asked)


def test_an_observer_sees_every_rounding():
    seen = []
    w = Tensor(np.ones(4), requires_grad=True, parameter=True, name="0.weight")
    own = SGD({"0.weight": w}, lr=0.5)
    with precision("bf16-pure", observer=lambda layer, tensor, *_: seen.append(tensor)):
        w.grad = np.ones(4, np.float32)
        own.step()
    assert seen[-2:] == ["weight.update", "weight"]


@pytest.mark.parametrize("name", RECIPES)
def test_an_observer_sees_the_sum_and_what_became_of_it(name, monkeypatch):
    """The same numbers, whichever way they are made."""
    seen = {True: [], False: []}

    def observe(layer, tensor, before, after):
        seen[quick] += [(layer, tensor), before.astype(np.float64).tobytes(), after.tobytes()]

    for quick in (True, False):
        w = Tensor(np.linspace(-2.0, 2.0, 40), requires_grad=True, parameter=True, name="0.weight")
        own, how = SGD({"0.weight": w}, lr=0.3), recipe(name)
        with monkeypatch.context() as m, precision(how, seed=3, observer=observe):
            if not quick:
                m.setattr(optimizer, "step_kernel", lambda *_: None)
            w.grad = np.linspace(1.0, -1e-3, 40).astype(how.carrier)
            own.step()
    assert seen[True] == seen[False] and seen[True]


def test_what_is_not_contiguous_goes_the_long_way():
    w = Tensor(np.ones((3, 4), np.float32), requires_grad=True, parameter=True, name="0.weight")
    own = SGD({"0.weight": w}, lr=0.5)
    with precision("float32"):
        w.grad = np.arange(12, dtype=np.float32).reshape(4, 3).T
        own.step()
    assert np.array_equal(w.data, 1 - 0.5 * w.grad) and nf.nn.recipes
