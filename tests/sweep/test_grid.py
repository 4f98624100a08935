"""A grid: cells by number, and strict reading that names the path of what is wrong."""

import pickle

import pytest
from misbehaving import TASK

from nfloat.errors import ArgumentError, FormatError, NFloatError
from nfloat.sweep import Grid, from_toml, read_grid, to_toml
from nfloat.sweep.tasks import TASKS

TEXT = """
task = "product"
[cells]
accumulator = ["bfloat16", "float16"]
order = ["sequential", "blocked:32:float32", "interleaved:8"]
k = 64
seed = {start = 3, count = 4}
[page]
rows = "accumulator"
value = "error_max"
"""


def test_cells_and_numbers():
    grid = from_toml(TEXT)
    assert grid.size == 2 * 3 * 4
    assert grid.varied == ("accumulator", "order", "seed")
    cells = [grid.cell(index) for index in range(grid.size)]
    assert len({tuple(cell.items()) for cell in cells}) == grid.size
    assert [grid.index(cell) for cell in cells] == list(range(grid.size))
    assert [cell["seed"] for cell in cells[:5]] == [3, 4, 5, 6, 3]
    assert all(tuple(cell) == grid.task.keys for cell in cells)
    assert grid.index({**cells[0], "seed": 99}) is None
    assert grid.index({**cells[0], "seed": 3.0}) is None  # another type is another cell


def test_it_reads_what_it_writes(tmp_path):
    grid = from_toml(TEXT)
    (tmp_path / "g.toml").write_text(to_toml(grid))
    again = read_grid(tmp_path / "g.toml")
    assert again == grid
    assert again.digest == grid.digest
    assert pickle.loads(pickle.dumps(grid.task)) == grid.task


def test_numbers_become_what_the_task_wants():
    grid = Grid("training", {"lr": [1, 0.5], "steps": 3})
    assert [grid.cell(i)["lr"] for i in range(2)] == [1.0, 0.5]
    assert type(grid.cell(0)["lr"]) is float


def test_a_large_grid_takes_no_room():
    grid = Grid(TASK, {"seed": {"start": 0, "count": 1000}, "x": [i / 7 for i in range(1000)]})
    assert grid.size == 10**6
    assert grid.index(grid.cell(765_432)) == 765_432


@pytest.mark.parametrize(
    ("old", "new", "error", "says"),
    [
        ("accumulator", "acumulator", ArgumentError, r"g\.toml: cells: unknown key 'acumulator'.*accumulator"),
        ("[page]", "[pages]", ArgumentError, r"g\.toml: unknown key 'pages'.*page"),
        ('"product"', '"produkt"', ArgumentError, r"g\.toml: task='produkt' is unknown.*product"),
        ("rows", "row", ArgumentError, r"g\.toml: page: unknown key 'row'.*rows"),
        ('rows = "accumulator"', 'rows = "accumulatr"', ArgumentError, r"page\.rows: unknown key 'accumulatr'"),
        ("k = 64", 'k = "64"', ArgumentError, r"cells\.k: Expected `int`, got `str`"),
        ("k = 64", "k = [64, 0]", ArgumentError, r"cells\.k: k=0 must be an integer of at least 1"),
        ("k = 64", "k = []", ArgumentError, r"cells\.k=\[\] must have at least one value"),
        ("k = 64", "k = [64, 64]", ArgumentError, r"cells\.k: 64 stands there twice"),
        ("k = 64", "k = [[64]]", ArgumentError, r"cells\.k: \[64\] must be a word or a number"),
        ("count = 4", "cont = 4", ArgumentError, r"cells\.seed: unknown key 'cont'"),
        ("count = 4", "count = 0", ArgumentError, r"cells\.seed=.* must be \{start = 0, count = 5\}"),
        ("start = 3", "start = -1", ArgumentError, r"cells\.seed: seed=-1 must be"),
        ('"float16"', '"float61"', NFloatError, r"cells\.accumulator: .*float61.*float16"),
        ('"interleaved:8"', '"interleaved:x"', ArgumentError, r"cells\.order: order='interleaved:x'"),
        ('"interleaved:8"', '"blocked:8:float32:9"', ArgumentError, r"cells\.order: .*too many parts"),
        ("task =", "tusk =", ArgumentError, r"unknown key 'tusk'"),
        ("count = 4", "count = 1000000000", ArgumentError, r"more than the 1000000 that a key"),
    ],
)
def test_what_is_wrong_is_named_with_its_path(tmp_path, old, new, error, says):
    assert old in TEXT
    (tmp_path / "g.toml").write_text(TEXT.replace(old, new, 1))
    with pytest.raises(error, match=says):
        read_grid(tmp_path / "g.toml")


@pytest.mark.parametrize("text", ["", "task = 3", "task = [", "task = 'product'\ncells = 3", "[cells]"])
def test_what_is_no_grid(text):
    with pytest.raises(ArgumentError):
        from_toml(text)


def test_formats_and_units_that_are_none():
    with pytest.raises((FormatError, ArgumentError), match="weights"):
        Grid("training", {"weights": ["bfloat61"]})
    with pytest.raises(ArgumentError, match="leave them out"):
        Grid("product", {"accumulator": "nvidia.hopper.mma.f16.f32", "order": "kahan"})


@pytest.mark.parametrize("name", TASKS)
def test_every_task_says_what_it_is(name):
    task = TASKS[name]
    assert task.name == name
    assert len(task.title) > 10
    assert task.cell()  # every key has a default
    assert Grid(name).size == 1


def test_too_many_cells():
    with pytest.raises(ArgumentError, match="1001000000 cells are more than the 1000000000"):
        Grid(TASK, {"seed": {"count": 1_000_000}, "x": [i / 8 for i in range(1001)]})
