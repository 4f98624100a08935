"""Optimisers and losses as configurations write them: the same object as made by hand; what cannot be is refused."""

import pytest

import nfloat as nf
from nfloat.drift import Config, from_toml, run, to_toml
from nfloat.errors import ArgumentError
from nfloat.nn import optim
from nfloat.nn.spelled import LOSSES, loss, optimizer

SMALL = Config(data="blobs", recipes=("tf32",), steps=3, width=4, seeds=1, ablate="none", attribute=False)


def weights():
    return {"w": nf.nn.Tensor([1.0], requires_grad=True, parameter=True)}


@pytest.mark.parametrize("name", optim.OPTIMIZERS)
def test_a_name_alone_is_the_optimiser_with_its_defaults(name):
    made, by_hand = optimizer(name)(weights(), 0.1), optim.OPTIMIZERS[name](weights(), lr=0.1)
    skipped = {"parameters"}
    assert type(made) is type(by_hand)
    assert {k: v for k, v in vars(made).items() if k not in skipped and not k.startswith("_")} == {
        k: v for k, v in vars(by_hand).items() if k not in skipped and not k.startswith("_")
    }


def test_fields_are_the_optimiser_s_own():
    made = optimizer("adamw+betas=0.8:0.9+eps=1e-6+weight_decay=0+clip_norm=2+clip_value=3")(weights(), 0.1)
    assert (made.betas, made.eps, made.weight_decay, made.clip_norm, made.clip_value) == ((0.8, 0.9), 1e-6, 0, 2, 3)
    made = optimizer("momentum+momentum=0.5+nesterov=true")(weights(), 0.1)
    assert (made.momentum, made.nesterov) == (0.5, True)


def test_rates_move_as_schedules_made_by_hand():
    for text, schedule in (
        ("sgd+cosine=4", optim.Cosine(0.5, 4)),
        ("sgd+step_decay=2:0.5", optim.StepDecay(0.5, 2, 0.5)),
        ("sgd+cosine=4:0.1+warm_up=3:0.25", optim.WarmUp(optim.Cosine(0.5, 4, 0.1), 3, 0.25)),
    ):
        made, rates = optimizer(text)(weights(), 0.5), []
        for _ in range(9):
            made.zero_grad()
            (made.parameters["w"] * 2.0).sum().backward()
            made.step()
            rates.append(made.lr)
        assert rates == [schedule.at(step) for step in range(9)]


@pytest.mark.parametrize(
    ("make", "text", "words"),
    [
        (optimizer, "adamm", "did you mean 'adam'"),
        (optimizer, "adam+beta=3", "'beta' is none of its fields; did you mean 'betas'"),
        (optimizer, "adam+betas=2:3", r"betas\[0\]=2.0 must be"),
        (optimizer, "adam+eps", "must be field=value"),
        (optimizer, "adam+eps=1e+5", "'5' must be field=value"),
        (optimizer, "adam+eps=1+eps=2", "stands there twice"),
        (optimizer, "adam+eps=x", "eps='x' must be a number"),
        (optimizer, "momentum+nesterov=1", "must be true or false"),
        (optimizer, "sgd+cosine=1.5", "cosine='1.5' must be an integer"),
        (optimizer, "sgd+cosine=3+step_decay=3", "there can be one"),
        (optimizer, "sgd+warm_up=1:2:3", "one number or two"),
        (optimizer, None, "optimizer=None is unknown"),
        (loss, "l2", "did you mean 'l1'"),
        (loss, "mse+a=1", "'a' is none of its fields; known: reduction"),
        (loss, "cross_entropy+ignore_index=x", "must be an integer"),
    ],
)
def test_refused(make, text, words):
    with pytest.raises(ArgumentError, match=words):
        make(text)


def test_a_run_is_trained_by_them():
    spelt = SMALL.replace(optimizer="adam+betas=0.5:0.9+cosine=5", loss="cross_entropy+label_smoothing=0.25")
    assert from_toml(to_toml(spelt)) == spelt and spelt.optimizer_name == "adam"
    assert "adam+betas=0.5:0.9+cosine=5" in spelt.subject.sentence and "label_smoothing=0.25" in spelt.subject.sentence

    def build(seed):
        model = nf.nn.models.mlp(16, 10, 4)
        model.init(seed=seed)
        adam = nf.nn.Adam(model.parameters(), lr=optim.Cosine(0.02, 5), betas=(0.5, 0.9))
        return model, adam, nf.nn.load_data("blobs"), loss("cross_entropy+label_smoothing=0.25")

    common = {"recipes": ("tf32",), "steps": 3, "seeds": 1, "ablate": "none", "attribute": False}
    assert run(spelt).summary[0]["train_loss"] != run(SMALL).summary[0]["train_loss"]
    first = [next(r for r in run(c).rows if r["metric"] == "train_loss")["value"] for c in (
        spelt, nf.drift.Experiment(build=build, **common)
    )]  # fmt: skip
    assert first[0] == first[1]  # the same start, judged by the same loss
    with pytest.raises(ArgumentError, match="data 'blobs' have classes, which is learnt by cross_entropy"):
        run(SMALL.replace(loss="mse"))
    with pytest.raises(ArgumentError, match="are a regression, which is learnt by mse"):
        run(SMALL.replace(data="regression", loss="cross_entropy"))
    assert set(LOSSES) == {"cross_entropy", "mse", "l1", "bce_with_logits"}
