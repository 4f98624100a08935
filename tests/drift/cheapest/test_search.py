"""The search for the cheapest recipe: what it answers, that it is the same one twice, and goes on after a kill."""

import shutil

import pytest

import nfloat as nf
from nfloat import nn
from nfloat.drift import Config
from nfloat.drift.cheapest.answer import RECIPE, read_answer
from nfloat.drift.cheapest.descent import CONFIRM, descent
from nfloat.drift.cheapest.moves import Move, spelling
from nfloat.drift.cheapest.question import Search, from_search_toml, search_toml
from nfloat.drift.cost import cost_of
from nfloat.errors import NFloatError
from nfloat.report.page import render
from nfloat.runs.folder import CONFIG, PROVENANCE, ROWS

pytestmark = pytest.mark.usefixtures("threads_for_little_work")
SMALL = Config(data="blobs", recipes=("bf16-mixed", "bf16-pure"), steps=20, width=6, seeds=2, lr=0.1)
OPTIONS = {"formats": ("bfloat16", "float8_e4m3fn"), "operands": ("mxfp4",), "trials": 9}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    out = tmp_path_factory.mktemp("found")
    return nf.drift.search(SMALL, 0.2, out=out, **OPTIONS), out


def test_the_answer_is_cheaper_within_the_budget_and_confirmed(found):
    answer, _ = found
    assert answer.complete and answer.ratio > 1.0
    assert answer.cost.total == cost_of(answer.recipe, answer.counts).total
    assert answer.confirmed.question.name == answer.recipe and answer.confirmation.bound <= 0.2
    # the seeds that confirmed it had no part before, and no recipe was refused by them first
    trained = [(row["recipe"], row["seed"]) for row in answer.rows if row["metric"] == "test_error"]
    first = next(place for place, (_, seed) in enumerate(trained) if seed in answer.confirming_seeds)
    assert all(seed < answer.confirming_seeds[0] for _, seed in trained[:first]) and 0 not in answer.confirming_seeds


def test_the_file_is_what_recipes_take(found):
    answer, out = found
    assert Config(recipes=(str(out / RECIPE),)).recipes == (answer.recipe,)


def test_the_same_one_twice_by_one_thread_and_after_a_kill(found, tmp_path):
    answer, out = found
    again = tmp_path / "again"
    shutil.copytree(out, again)
    (again / RECIPE).unlink()
    lines = (again / ROWS).read_bytes().splitlines(keepends=True)
    (again / ROWS).write_bytes(b"".join(lines[: len(lines) // 2]) + lines[len(lines) // 2][:20])
    provenance = (again / PROVENANCE).read_text()
    (again / PROVENANCE).write_text(provenance.replace('"rows"', '"rows_before"').replace('"complete": true', '"x": 1'))
    assert not read_answer(again).complete
    nf.drift.search(SMALL, 0.2, out=again, threads=1, **OPTIONS)
    for name in (ROWS, CONFIG, RECIPE):
        assert (again / name).read_bytes() == (out / name).read_bytes()
    assert render(read_answer(again).page()) == render(answer.page())


def test_a_page_of_text_alone_says_what_was_found(found):
    answer, out = found
    text = render(answer.page())
    assert answer.recipe in text and "times fewer bits than bf16-mixed" in text
    assert read_answer(out).trials == answer.trials


def test_nothing_is_within_a_budget_that_nothing_keeps():
    answer = nf.drift.search(SMALL.replace(recipes=("bf16-pure+weights=e2m1",), steps=10), 1e-6, **OPTIONS)
    assert answer.complete and answer.recipe is None and answer.to_toml() is None and answer.ratio is None
    assert "No recipe was confirmed" in answer.page().findings[0]


def answered(search, counts, within):
    """The questions of a search whose recipes are within the budget where `within` says so, and its answer."""
    asking, asked = descent(search, counts), []
    try:
        question = next(asking)
        while True:
            asked.append(question)
            question = asking.send(within(question))
    except StopIteration as end:
        return asked, end.value


COUNTS = {("0", "weights"): 100, ("2", "weights"): 50, ("0", "activations"): 300, ("2", "activations"): 200}


def search_of(**changes):
    return Search(run=Config(recipes=("float32",)), formats=("bfloat16",), operands=(), **changes)


def test_what_all_layers_cannot_have_single_ones_are_tried_for():
    asked, recipe = answered(search_of(), COUNTS, lambda q: "+activations" not in q.name and "[0]act" not in q.name)
    words = [q.words for q in asked]
    assert words[1] == "activations in bfloat16"
    assert "activations of layer 2 in bfloat16" in words and "activations of layer 0 in bfloat16" in words
    assert recipe == "float32+weights=bfloat16+[2]activations=bfloat16"


def test_one_that_fails_on_new_seeds_gives_way_to_the_one_before():
    asked, recipe = answered(search_of(), COUNTS, lambda q: q.stage != CONFIRM or "+weights" not in q.name)
    confirming = [(q.name, q.seeds) for q in asked if q.stage == CONFIRM]
    assert confirming[:2] == [("float32+weights=bfloat16+activations=bfloat16", 1), ("float32+activations=bfloat16", 1)]
    # and the search goes on from there, to be confirmed by further seeds
    assert recipe == confirming[-1][0] and recipe.startswith("float32+activations=bfloat16+[0]weights=bfloat16+[2]")
    assert confirming[-1][1] > 1
    assert answered(search_of(), COUNTS, lambda q: q.stage != CONFIRM)[1] is None


def test_the_next_one_begins_where_nothing_comes_of_the_first():
    search = Search(run=Config(recipes=("float32", "bf16-pure")), formats=(), operands=())
    asked, recipe = answered(search, COUNTS, lambda q: q.stage != CONFIRM or "bf16" not in q.name)
    assert recipe == "float32" and [q.name for q in asked] == ["bf16-pure", "bf16-pure", "float32", "float32"]
    assert [q.seeds for q in asked] == [0, 1, 0, 2]


def test_trials_are_limited_and_never_repeated():
    asked, _ = answered(search_of(), COUNTS, lambda q: q.stage != "narrow")
    names = [q.name for q in asked if q.stage == "narrow"]
    assert len(names) == len(set(names))
    few, recipe = answered(search_of(trials=2), COUNTS, lambda q: True)
    assert [q.stage for q in few] == ["begin", "narrow", "narrow", "confirm"] and recipe == few[2].name


def test_a_spelling_takes_moves_and_stays_short():
    at = spelling("bf16-mixed+weights=bf16")
    narrow = Move("activations", "", (("activations", "float8_e5m2"),))
    wide = Move("activations", "", (("activations", "bfloat16"),))
    layer = Move("activations", "2", (("activations", "float8_e4m3fn"),))
    assert at.after(layer).after(narrow).name == "bf16-mixed+weights=bfloat16+activations=float8_e5m2"
    assert at.after(narrow).after(wide).name == "bf16-mixed+weights=bfloat16"
    assert spelling(at.after(layer).name).after(layer) == at.after(layer)
    said = nn.recipe(spelling("nvfp4").name)  # its layers are spelled out, so that others can be put beside them
    assert said.replace(name="x") == nn.recipe("nvfp4").replace(name="x")
    assert spelling("bf16-pure+[head]weights=float32").after(layer).name.startswith("bf16-pure+[2]activations=")


def test_a_search_survives_its_file_and_is_strict():
    search = Search(run=SMALL, budget=0.05, formats=("bf16",))
    assert search.formats == ("bfloat16",) and from_search_toml(search_toml(search)) == search
    for text, message in (
        ("steps = 3", "the configuration of a drift run, not of a search"),
        ("budgt = 1", "unknown key 'budgt'"),
        ("run = 3", "run=3 must be a table"),
        ("[run]\nstps = 3", "unknown key 'stps'"),
        ("budget = 0", "budget=0 must be a positive number"),
        ("[run]\nseeds = 1", "seeds=1 must be at least 2"),
        ('formats = ["e99"]', "is not a number format"),
        ("formats = 3", "formats=3 must be a tuple"),
        ("trials = 0", "trials=0 must be an integer"),
        ('against = "x"', "'x' is not a recipe"),
        ("[run.a]\nb = 1", "unknown key 'a'"),
        ("[run]\ndata = 1979-05-27", "Expected `str`"),
    ):
        with pytest.raises(NFloatError) as error:
            from_search_toml(text, "mine")
        assert message in str(error.value) and str(error.value).startswith("mine")
