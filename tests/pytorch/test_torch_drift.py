"""`nft.drift`: a PyTorch model's drift, and the same from the shell, beside the engine's for the same model."""

import json
import re
import sys

import pytest

torch = pytest.importorskip("torch")

from click.testing import CliRunner

import nfloat as nf
import nfloat.torch as nft
from nfloat.cli.compare import command as compare
from nfloat.cli.drift import command
from nfloat.cli.replay import command as replay
from nfloat.cli.report import command as report
from nfloat.drift.folder import read_folder
from nfloat.drift.page.bars import gradient_errors
from nfloat.drift.replaying import read_replay
from nfloat.errors import ArgumentError
from nfloat.runs.folder import ROWS

SOURCE = """
import torch

def small():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(16, 8), torch.nn.ReLU(), torch.nn.Linear(8, 4))
    g = torch.Generator().manual_seed(1)
    batches = [(torch.randn(32, 16, generator=g), torch.randint(0, 4, (32,), generator=g)) for _ in range(4)]
    return model, torch.optim.SGD(model.parameters(), lr=0.1), batches, torch.nn.functional.cross_entropy
"""
COMMON = {"steps": 6, "seeds": 2, "every": 3, "ablate": "none"}


@pytest.fixture
def small(tmp_path, monkeypatch):
    (tmp_path / "models_of_torch.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    import models_of_torch

    return models_of_torch.small


def test_float64_does_not_drift_and_a_narrow_recipe_does(small):
    result = nft.drift(small, recipes=("float64", "bf16-pure"), **COMMON)
    exact, narrow = result.summary
    assert exact["train_loss_gap"] == exact["path_distance"] == 0.0
    assert exact["verdict"] == "not distinguishable"
    assert narrow["path_distance"] > 0.0 and 0.0 < narrow["grad_error"] < 0.1
    assert {row["seed"] for row in result.rows} == {0, 1}
    assert result.what_if(["float8_e4m3fn"], "bf16-pure")


def test_the_shell_writes_the_same_rows(small, tmp_path, no_pictures):
    result = nft.drift(small, recipes=("bf16-mixed",), **COMMON)
    options = [word for key, value in COMMON.items() for word in (f"--{key}", str(value))]
    args = ["--torch", "models_of_torch:small", "--recipes", "bf16-mixed", *options, "--out", str(tmp_path / "out")]
    made = CliRunner().invoke(command, args)
    assert made.exit_code == 0, made.output
    result.write(tmp_path / "again")
    assert (tmp_path / "again" / ROWS).read_bytes() == (tmp_path / "out" / ROWS).read_bytes()


def test_runs_of_pytorch_models_are_compared_and_replayed(small, tmp_path):
    """The shell's commands on folders that PyTorch runs wrote: they import nfloat.torch by themselves."""
    runner, folders = CliRunner(), [tmp_path / name for name in ("six", "three")]
    for folder, steps in zip(folders, ("6", "3"), strict=True):
        args = ["--torch", "models_of_torch:small", "--recipes", "bf16-pure", "--steps", steps, "--seeds", "2"]
        made = runner.invoke(command, [*args, "--ablate", "none", "--out", str(folder)])
        assert made.exit_code == 0, made.output
    made = runner.invoke(compare, [*map(str, folders), "--out", str(tmp_path / "both.html"), "--json"])
    assert made.exit_code == 0, made.output
    found = json.loads(made.output)
    assert [row["run"] for row in found["rows"]] == ["six", "three"] and found["differences"] == {"steps": [6, 3]}
    assert (tmp_path / "both.html").read_text().count("<svg") >= 1
    config, tensors = folders[0] / "config.toml", tmp_path / "step.npz"
    made = runner.invoke(replay, ["bf16-pure", "--config", str(config), "--step", "4", "--out", str(tensors), "--json"])
    assert made.exit_code == 0, made.output
    assert json.loads(made.output)["step"] == 4
    kept, rows = read_replay(tensors), [row for row in read_folder(folders[0])[1] if row["recipe"] == "bf16-pure"]
    losses = [row["value"] for row in rows if (row["seed"], row["step"], row["metric"]) == (0, 4, "batch_loss")]
    assert [kept.loss] == losses
    assert kept.of("0", "weight")[0].format == "bfloat16"


def test_sums_and_layers_are_looked_at_here_too(small):
    rows = nft.drift(small, recipes=("bf16-pure+forward=bfloat16",), **COMMON).rows
    swamped = [row for row in rows if row["metric"] == "swamped" and row["tensor"] == "forward.sum"]
    assert {row["layer"] for row in swamped} == {"0", "2"}
    layers = {row["metric"]: row["value"] for row in rows if row["metric"].startswith("error_in.") and row["step"] == 0}
    assert {"error_in.0", "error_in.2"} < set(layers) and layers["error_in.2"] > 0.0


def test_what_build_must_return(small):
    with pytest.raises(ArgumentError, match="must return"):
        nft.drift(lambda: small()[:3], recipes=("bf16-mixed",), **COMMON)


def test_the_folder_is_read_and_run_again(small, tmp_path, no_pictures):
    runner, out, again = CliRunner(), tmp_path / "out", tmp_path / "again"
    options = [word for key, value in COMMON.items() for word in (f"--{key}", str(value))]
    made = runner.invoke(
        command, ["--torch", "models_of_torch:small", "--recipes", "bf16-mixed", *options, "--out", str(out)]
    )
    assert made.exit_code == 0, made.output
    page = (out / "report.html").read_bytes()
    (out / "report.html").unlink()
    made = runner.invoke(report, [str(out)])
    assert made.exit_code == 0, made.output
    assert (out / "report.html").read_bytes() == page
    made = runner.invoke(command, ["--config", str(out / "config.toml"), "--out", str(again)])
    assert made.exit_code == 0, made.output
    assert (again / ROWS).read_bytes() == (out / ROWS).read_bytes()
    assert 'torch = "models_of_torch:small"' in (again / "config.toml").read_text()


def test_a_function_may_lie_in_the_folder_of_the_command(tmp_path, monkeypatch, capsys):
    from nfloat.cli.main import main

    (tmp_path / "models_from_here.py").write_text("def small():\n    return 3\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [folder for folder in sys.path if folder])  # as the console script has it
    for name, reason in (("models_from_here", r"must return \(model, optimizer"), ("nowhere", "cannot be imported")):
        with pytest.raises(SystemExit) as end:
            main(["drift", "--torch", f"{name}:small", "--out", "out"])
        assert end.value.code == 2
        assert re.match(f"nfloat: --torch=.*{reason}", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("loss", "shown"), [(lambda y, t: 3.0, "float"), (lambda y, t: y, r"a tensor of shape \(2, 1\)")]
)
def test_a_loss_is_one_number(loss, shown):
    def build():
        model = torch.nn.Linear(2, 1)
        return model, torch.optim.SGD(model.parameters()), [(torch.ones(2, 2), torch.ones(2, 1))], loss

    with pytest.raises(nf.NFloatError, match=f"loss returned {shown}; it must"):
        nft.drift(build, steps=1, seeds=1)


class Recurrent(torch.nn.Module):
    """A bias before a batch norm, whose gradient is zero; a layer of two weights; a loss that is no classifier's."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm = torch.nn.Linear(4, 6), torch.nn.BatchNorm1d(6)
        self.cell, self.head = torch.nn.RNN(6, 5, batch_first=True), torch.nn.Linear(5, 1)

    def forward(self, x):
        return self.head(self.cell(self.norm(self.stem(x)).unflatten(0, (4, 4)))[0][:, -1])


def test_every_weight_of_a_layer_is_shown_and_what_is_nothing_is_not(tmp_path, no_pictures):
    def build():
        model, x = Recurrent(), torch.randn(16, 4)
        return (
            model,
            torch.optim.SGD(model.parameters(), lr=0.1),
            [(x, torch.randn(4, 1))],
            torch.nn.functional.mse_loss,
        )

    result = nft.drift(build, recipes=("bf16-pure",), **COMMON)
    assert list(gradient_errors(result)["bf16-pure"]) == [
        "stem", "norm", "cell.weight_ih_l0", "cell.weight_hh_l0", "head",
    ]  # fmt: skip
    assert not [row for row in result.rows if (row["layer"], row["tensor"], row["metric"]) == BIAS]
    assert result.summary[0]["test_error"] is None
    result.write(tmp_path)
    assert "test error</th>" not in (tmp_path / "report.html").read_text()


BIAS = ("stem", "bias.grad", "cosine")


def test_an_argument_that_is_none(small):
    with pytest.raises(ArgumentError, match="ablte='all': nft.drift has no such argument; did you mean 'ablate'"):
        nft.drift(small, ablte="all")
