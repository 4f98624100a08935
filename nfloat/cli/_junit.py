"""JUnit XML, as CI systems read it: one suite, a test case per name, a failure per broken limit.

Source: the schema of Jenkins' xUnit plugin (testsuite, testcase, failure).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from ..files import replace_text

if TYPE_CHECKING:
    from ..drift.budget import Breach


def write_junit(path: Path, suite: str, names: Sequence[str], breaches: Iterable[Breach]) -> None:
    """Write a suite in which the cases with breaches fail."""
    by_name: dict[str, list[str]] = {name: [] for name in names}
    for breach in breaches:
        by_name[breach.recipe].append(breach.text)
    failed = sum(1 for texts in by_name.values() if texts)
    head = {"name": suite, "tests": str(len(by_name)), "failures": str(failed), "errors": "0", "skipped": "0"}
    root = ElementTree.Element("testsuite", head)
    for name, texts in by_name.items():
        case = ElementTree.SubElement(root, "testcase", {"classname": suite, "name": name})
        if texts:
            failure = ElementTree.SubElement(case, "failure", {"message": texts[0]})
            failure.text = "\n".join(texts)
    ElementTree.indent(root)
    replace_text(path, ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n")
