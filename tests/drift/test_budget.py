"""Budgets: which limits a run breaks, in `assert_drift`, in a file, and what is no budget."""

import functools

import pytest

import nfloat as nf
from nfloat.drift.budget import Budget, read_budget
from nfloat.testing import assert_drift


@functools.cache
def result():
    """A good recipe, and one whose loss is far off."""
    config = nf.drift.Config(
        data="blobs", recipes=("float32", "bf16-pure"), steps=60, seeds=2, width=8, ablate="none", attribute=False
    )
    return nf.drift.run(config)


def of(recipe, **changes):
    item = next(item for item in result().summary if item["recipe"] == recipe)
    return {**item, **changes}


def test_within_and_beyond():
    assert result().breaches(loss_gap=1e9) == []
    assert_drift(result(), loss_gap=None)
    far = [of("float32"), of("bf16-pure", effect=0.3, low=0.2, high=0.4)]
    (breach,) = Budget(loss_gap=0.01).breaches(far)
    assert str(breach) == (
        "bf16-pure: loss_gap: the change of the training loss against float64 is 0.3 (0.2 to 0.4 over all seeds), "
        "over 0.01"
    )
    assert Budget(loss_gap=0.01, recipes={"bf16-pure": {"loss_gap": 0.5}}).breaches(far) == []


def test_verdicts_and_shares():
    worse = [of("bf16-pure", verdict="worse", stagnation=0.7, overflow=0.2)]
    assert [b.limit for b in Budget(fail_on=("worse",)).breaches(worse)] == ["fail_on"]
    assert [b.limit for b in Budget(stagnation=0.5, overflow=0.1).breaches(worse)] == ["overflow", "stagnation"]
    assert Budget().breaches([of("float32", verdict="diverged")])[0].text == "the verdict is 'diverged'"
    assert "not measured" in Budget(overflow=0.1).breaches([of("float32", overflow=None)])[0].text


def test_one_seed_and_divergence():
    one = of("float32", effect=None, low=None, high=None, loss_ratio=1.5, train_loss_gap=0.1)
    assert "(one seed)" in Budget(loss_gap=0.1).breaches([one])[0].text
    assert Budget(loss_gap=0.1).breaches([{**one, "loss_ratio": float("nan")}])
    assert not Budget(loss_gap=0.1).breaches([{**one, "loss_ratio": None, "train_loss_gap": 0.0}])


def test_first_trouble():
    from nfloat.drift.trouble import Trouble

    item = of("float32", first_trouble=Trouble(3, "0", "weight.grad", "overflow", 0.5))
    assert Budget().breaches([item]) == []
    (breach,) = Budget(trouble=False).breaches([item])
    assert breach.text == "first trouble at step 3, 0 weight.grad: overflow"


def test_the_assertion():
    class Stub:
        def breaches(self, **limits):
            return Budget(**limits).breaches([of("bf16-pure", effect=0.5)])

    with pytest.raises(AssertionError, match=r"1 limits of the budget are broken:\nbf16-pure: loss_gap"):
        assert_drift(Stub())
    with pytest.raises(nf.ArgumentError, match="not the Result"):
        assert_drift([1, 2])


def test_a_file(tmp_path):
    path = tmp_path / "budget.toml"
    path.write_text('fail_on = ["worse"]\nloss_gap = 0.01\n[recipes."bf16-pure"]\nloss_gap = 1000\nfail_on = []\n')
    budget = read_budget(path)
    assert budget.fail_on == ("worse",) and budget.of("bf16-pure").loss_gap == 1000
    assert budget.of("bf16-pure").fail_on == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("loss_gpa = 1", "unknown key 'loss_gpa'; did you mean 'loss_gap'"),
        ('fail_on = ["worst"]', "fail_on='worst' is not a verdict"),
        ('loss_gap = "1 %"', "loss_gap='1 %' must be a number"),
        ("trouble = 1", "trouble=1 must be true"),
        ("recipes = 3", "recipes=3 must be a table"),
        ('recipes."x".recipes = {}', "unknown key 'recipes'"),
        ("loss_gap = ", "not valid TOML"),
    ],
)
def test_a_file_that_is_none(tmp_path, text, message):
    path = tmp_path / "budget.toml"
    path.write_text(text)
    with pytest.raises(nf.ArgumentError, match=message) as caught:
        read_budget(path)
    assert "budget.toml" in str(caught.value)


def test_recipes_that_the_run_does_not_have():
    with pytest.raises(nf.ArgumentError, match="the run has no 'bf16'"):
        result().breaches(Budget(recipes={"bf16": {"loss_gap": 1}}))
    with pytest.raises(nf.ArgumentError, match="is not a limit"):
        result().breaches(loss=1)
    with pytest.raises(nf.ArgumentError, match="not both"):
        result().breaches(Budget(), loss_gap=1)
