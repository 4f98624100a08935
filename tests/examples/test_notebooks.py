"""Every notebook of examples/ runs from top to bottom; its assert cells are the checks."""

from __future__ import annotations

from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient", reason="nbclient and ipykernel run the notebooks: pip install 'nfloat[dev]'")
nbformat = pytest.importorskip("nbformat")

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.ipynb")), ids=lambda p: p.stem)
def test_runs(path):
    if "nfloat.torch" in path.read_text(encoding="utf-8"):
        pytest.importorskip("torch", reason="PyTorch runs this notebook: pip install 'nfloat[torch]'")
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(EXAMPLES)}}
    )
    client.execute()
    assert any(cell.get("outputs") for cell in notebook.cells)
