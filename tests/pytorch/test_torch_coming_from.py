"""The page for those who come from other tools: nfloat's parts run as they stand, one after the other."""

import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

PAGE = Path(__file__).resolve().parents[2] / "examples" / "coming_from.md"


def test_its_blocks_run_and_the_others_are_python():
    blocks = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert {language for language, _ in blocks} == {"python", "py"}  # ours; other libraries', which are not installed
    torch.manual_seed(0)
    there = {}
    for language, text in blocks:
        code = compile(text, PAGE.name, "exec")
        if language == "python":
            exec(code, there)
    assert "..." not in "".join(text for _, text in blocks)
    assert torch.isfinite(there["loss"]) and there["run"].trace()
