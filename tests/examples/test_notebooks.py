"""Every notebook of examples/ runs from top to bottom, without a warning; its assert cells are the checks.

So do the solutions of their exercises. Notebooks are committed with what they show.
"""

from __future__ import annotations

import json
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("nbclient") is None:  # it loads where a notebook runs: seconds, which other processes' tests need not pay
    pytest.skip("nbclient and ipykernel run the notebooks: pip install 'nfloat[dev]'", allow_module_level=True)

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))
OF_PYTORCH = [path for path in NOTEBOOKS if "nfloat.torch" in path.read_text(encoding="utf-8")]
#: run by a kernel in a process of its own: those of PyTorch; where it is not installed, the shortest one
APART = OF_PYTORCH + ([] if find_spec("torch") else NOTEBOOKS[:1])


def needs(path):
    if "nfloat.torch" in path.read_text(encoding="utf-8"):
        pytest.importorskip("torch", reason="PyTorch runs this: pip install 'nfloat[torch]'")


def said(outputs):
    """What cells wrote beside their results: warnings, and what a kernel compiles."""
    return [output for output in outputs if output["output_type"] == "stream" or "error" in output["output_type"]]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("path", APART, ids=lambda p: p.stem)
def test_runs_in_a_kernel(path, monkeypatch):
    import nbclient
    import nbformat

    needs(path)
    monkeypatch.setenv("NFLOAT_QUIET", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # PyTorch's threads spin while they wait
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(EXAMPLES)}}
    )
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert len(outputs) >= 3
    assert said(outputs) == []


@pytest.fixture
def shell(monkeypatch):
    """IPython within this process, as a kernel has it: a notebook's code costs itself and no start of a process."""
    import matplotlib.pyplot as plt
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    monkeypatch.chdir(EXAMPLES)
    monkeypatch.setenv("NFLOAT_QUIET", "1")
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # the shell puts its own there
    yield InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    plt.close("all")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path not in APART], ids=lambda p: p.stem)
def test_runs(path, shell):
    import matplotlib.pyplot as plt
    import nbformat
    from IPython.utils.capture import capture_output

    shown = 0
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            with capture_output() as captured:
                done = shell.run_cell(cell.source)
            assert done.success and captured.stderr == "", f"{cell.source}\n{captured.stdout}\n{captured.stderr}"
            shown += len(captured.outputs) + (done.result is not None) + len(plt.get_fignums())
    assert shown >= 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_what_is_committed(path):
    """A question, a picture, exercises with their solutions beside; outputs, none of them a warning; not too large."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert "?**" in text[0] and "## Exercises" in text[-1]
    assert f"solutions/{path.stem}.py" in text[-1] and (EXAMPLES / "solutions" / f"{path.stem}.py").is_file()
    assert any("image/png" in output.get("data", {}) or "image/svg+xml" in output.get("data", {}) for output in outputs)
    assert said(outputs) == [] and path.stat().st_size < 300_000


@pytest.mark.sampled(3)
@pytest.mark.parametrize("path", sorted((EXAMPLES / "solutions").glob("*.py")), ids=lambda p: p.stem)
def test_solutions(path, capsys):
    needs(path)
    runpy.run_path(str(path))
    assert capsys.readouterr().out
