"""What every listed study must be: pure, resumable, with figures, pictures, a page. A new one is picked up alone."""

import dataclasses
import json
import math
import pickle

import pytest

from nfloat.report import render
from nfloat.runs.rows import from_line, to_line
from nfloat.studies import STUDIES, Plan
from nfloat.studies.experiment import Result, execute
from nfloat.studies.page import study_page
from nfloat.studies.plan import read_plan, to_toml

ALL = list(STUDIES.values())
pytestmark = pytest.mark.parametrize("study", ALL, ids=lambda study: study.name)


@pytest.fixture(scope="module")
def rows():
    """study -> rows of a small run, computed once."""
    made = {}
    return lambda study: made.setdefault(study.name, study.run(study.small, 0))


def test_it_says_what_it_is(study):
    assert STUDIES[study.name] is study
    for text in (study.title, study.question, study.method, *study.sources):
        assert text == text.strip()
        assert len(text) > 10
    assert study.question.endswith("?")
    assert dataclasses.is_dataclass(study.params)
    assert study.params.__dataclass_params__.frozen
    assert study.params == type(study.params)()


def test_rows_have_one_shape(study, rows):
    found = rows(study)
    cells = list(study.cells(study.small))
    assert len(found) == len(cells) > 0
    assert len({tuple(row) for row in found}) == 1
    for row, cell in zip(found, cells, strict=True):
        assert row.items() >= study.coordinates(cell, 0).items()
        assert from_line(to_line(row)) == row
        assert all(type(value) in (str, int, float, type(None)) for value in row.values())
    assert len({tuple(study.coordinates(cell, 0).items()) for cell in cells}) == len(cells)


@pytest.mark.sampled(9)
def test_same_cell_and_seed_same_bits(study, rows):
    """In another order, by a study that another process could have; all cells again are computed further down."""
    again = [pickle.loads(pickle.dumps(study)).row(cell, 0) for cell in reversed(list(study.cells(study.small))[-3:])]
    assert list(map(to_line, reversed(again))) == list(map(to_line, rows(study)))[-3:]


@pytest.mark.sampled(9)
def test_another_seed_gives_other_rows(study, rows):
    other = (study.row(cell, 1) for cell in study.cells(study.small))
    assert any({**row, "seed": 0} != first for row, first in zip(other, rows(study), strict=True))


def test_the_published_set_up_has_figures_for_every_expected_cell(study, rows):
    for check in study.checks(rows(study)):
        assert math.isfinite(check.measured)
        assert check.figure
        assert check.source
        assert check.expected
    assert study.checks([]) == []
    assert study.findings([]) == []
    assert study.plots([]) == []


def test_pictures_have_captions_and_points(study, rows):
    plots = study.plots(rows(study))
    assert plots
    assert len({plot.slug for plot in plots}) == len(plots)
    for plot in plots:
        assert plot.caption.endswith(".")
        assert plot.how.endswith(".")
        assert any(series.points and not series.guide for panel in plot.panels for series in panel.series)


@pytest.mark.sampled(5)
def test_page(study, rows, request, whole):
    if not whole and ALL.index(study) % 3:  # with pictures every third: all are drawn by the same functions
        request.getfixturevalue("no_pictures")
    text = render(study_page(Result(Plan(study, study.small), rows(study))))
    assert study.title in text
    assert "<script" not in text
    assert "http" not in text.replace("http://www.w3.org", "")
    for plot in study.plots(rows(study)):
        assert f'id="{plot.slug}"' in text


@pytest.mark.sampled(3)
def test_page_of_a_run_cut_short(study, rows, no_pictures):
    for count in (1, len(rows(study)) - 1):
        page = study_page(Result(Plan(study, study.small), rows(study)[:count]))
        assert page.findings[0].startswith("This run is not complete: ")
        render(page)


def test_the_plan_on_disk_is_the_plan(study, tmp_path):
    for params in (study.params, study.small):
        plan = Plan(study, params, 3)
        (tmp_path / "config.toml").write_text(to_toml(plan))
        assert read_plan(tmp_path / "config.toml", ALL) == plan


@pytest.mark.sampled(3)
def test_interrupted_and_resumed_gives_the_same_bytes(study, rows, tmp_path, no_pictures):
    plan = Plan(study, study.small)
    whole = "".join(to_line(row) + "\n" for row in rows(study))

    def stop(name, done):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(plan, out=tmp_path, progress=stop)
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == 2
    # a write that an interruption cut short
    with open(tmp_path / "rows.jsonl", "a") as file:
        file.write(whole.splitlines()[2][:20])
    measured = []
    counting = dataclasses.replace(study, measure=lambda cell, seed: measured.append(cell) or study.measure(cell, seed))
    object.__setattr__(counting.measure, "__module__", study.measure.__module__)
    result = execute(Plan(counting, study.small), out=tmp_path)
    assert result.complete
    assert len(measured) == len(rows(study)) - 2
    assert (tmp_path / "rows.jsonl").read_text() == whole
    assert json.loads((tmp_path / "provenance.json").read_text())["complete"] is True
