"""How long a run will take: what is counted, what costs more, and that it is said before the first step."""

import nfloat as nf
from nfloat.drift import Config, run
from nfloat.drift.estimate import estimate
from nfloat.drift.events import BEGIN, TRAINED

SMALL = Config(data="blobs", recipes=("float64", "bf16-pure-sr"), steps=3, every=1, width=4, seeds=2, ablate="all")


def test_it_counts_what_is_trained_and_changes_nothing(tmp_path):
    said, told = [], []
    result = run(SMALL, out=tmp_path, threads=1, announce=said.append, callback=lambda event: told.append(event))
    (left,) = said
    kinds = [event.kind for event in told]
    explained = [event for event in told if event.kind == TRAINED and event.recipe.startswith("bf16-pure-sr only")]
    # of the twins one for each seed is trained; a member that has their every bit is not
    twice = [(event.recipe, event.seed) in {("float64 twin", 0), ("float64", 1)} for event in told]
    places = [any(how in event.recipe for how in (" only ", " without ", " with ")) for event in told]
    assert left.trainings == kinds.count(BEGIN) + kinds.count(TRAINED) - sum(twice) - sum(places) + 1
    assert left.further >= len(explained) > 5
    assert run(SMALL, threads=1).rows == result.rows
    run(SMALL, out=tmp_path, announce=said.append)
    assert len(said) == 1  # nothing was left


def test_what_is_done_and_what_is_not_asked_for_is_not_in_it():
    trainable = SMALL.trainable()
    whole = estimate(SMALL, trainable)
    part = estimate(SMALL, trainable, {("float64", 0), ("bf16-pure-sr", 0)})
    assert whole.trainings - part.trainings == 2 and whole.further == part.further
    plain = estimate(SMALL.replace(ablate="none"), trainable, threads=1)
    assert plain.further == 0
    assert str(plain) == f"{plain.trainings} trainings of 3 steps, about a second if the machine is quiet"
    longer = estimate(SMALL.replace(steps=100_000, every=50_000), trainable, threads=1)
    assert longer.seconds > 1000 * plain.seconds / 3 and "trainings more, about" in str(longer)


def test_it_is_a_function_that_is_called_back():
    import pytest

    with pytest.raises(nf.NFloatError, match="announce"):
        run(SMALL, announce=3)
