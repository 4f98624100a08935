"""`Page` and its parts, `render` and `write`: from text, tables and SVG to one HTML file that needs nothing else.

What a page says is decided by its maker (``drift/page/``, ``studies/page.py``); how it looks stands in ``page.html``.
All text is escaped; a figure's SVG alone is taken as it is. Characters that turn the direction of what follows them,
and other controls, are shown by their code: a name of somebody's cannot rearrange the page.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, MissingExtraError
from ..files import reason, replace_text

#: code points of marks, embeddings, overrides and isolates of direction
_DIRECTIONS = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROLS = (*(code for code in range(0x20) if chr(code) not in "\t\n\r"), *range(0x7F, 0xA0))
_SHOWN = {code: f"\\u{code:04x}" for code in (*_DIRECTIONS, *_CONTROLS)}

#: what every page says of itself
GENERATOR = b'<meta name="generator" content="nfloat">'


@dataclass(frozen=True)
class Table:
    """Column heads and rows of text; those of a `numeric` table are set to the right, but for `words`.

    Examples
    --------
    >>> Table(("recipe", "loss"), [("bf16-pure", "0.12")]).rows[0]
    ('bf16-pure', '0.12')
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: bool = True
    words: Sequence[str] = ()


@dataclass(frozen=True)
class Figure:
    """A picture, what to conclude from it, what it shows (for who cannot see it), and the numbers behind it.

    Examples
    --------
    >>> loss = Table(("step", "loss"), [("0", "1.0"), ("1", "0.5")])
    >>> Figure("loss", "Loss", "<svg></svg>", "It falls.", "A falling line.", loss).slug
    'loss'
    """

    slug: str
    title: str
    svg: str
    caption: str
    alt: str
    data: Table
    how: str = ""


@dataclass(frozen=True)
class Page:
    """A whole page, in the order in which it is read; a long summary may come last.

    Examples
    --------
    >>> table = Table(("recipe", "loss"), [("bf16-pure", "0.12")])
    >>> page = Page("Runs", "Three of them.", ["None diverged."], table, [], [], "nfloat drift", "steps = 3", "nfloat")
    >>> page.title, page.findings
    ('Runs', ['None diverged.'])
    """

    title: str
    lead: str
    findings: Sequence[str]
    summary: Table
    summary_notes: Sequence[str]
    figures: Sequence[Figure]
    command: str
    config: str
    made_by: str
    terms: Sequence[tuple[str, str]] = field(default=())
    summary_title: str = "Result per recipe"
    summary_last: bool = False


def render(page: Page) -> str:
    """The page as HTML, the same bytes for the same page.

    Raises
    ------
    MissingExtraError
        If jinja2 is not installed.

    Examples
    --------
    >>> table = Table(("recipe", "loss"), [("bf16-pure", "0.12")])
    >>> page = Page("Runs", "Three of them.", ["None diverged."], table, [], [], "nfloat drift", "steps = 3", "nfloat")
    >>> "None diverged." in render(page), "<script" in render(page)
    (True, False)
    """
    return _template().render(page=page).translate(_SHOWN)


def write(page: Page, path: str | Path) -> None:
    """Write a page into a file.

    Raises
    ------
    ArgumentError
        If the file cannot be written, is a link, or holds something else than a page of nfloat's.
    MissingExtraError
        If jinja2 is not installed.

    Examples
    --------
    >>> import tempfile
    >>> table = Table(("recipe", "loss"), [("bf16-pure", "0.12")])
    >>> page = Page("Runs", "Three of them.", ["None diverged."], table, [], [], "nfloat drift", "steps = 3", "nfloat")
    >>> write(page, path := Path(tempfile.mkdtemp()) / "page.html")
    >>> path.read_text(encoding="utf-8") == render(page)
    True
    """
    write_html(render(page), path)


def write_html(text: str, path: str | Path) -> None:
    """Write a page that is made already; `GENERATOR` stands in its head.

    Raises
    ------
    ArgumentError
        As `write`.
    """
    try:
        if not _may_replace(Path(path)):
            raise ArgumentError(
                f"report={str(path)!r} is a file that nfloat did not write, which is never replaced; "
                "choose another name"
            )
        replace_text(Path(path), text)
    except OSError as error:
        raise ArgumentError(f"report={str(path)!r} cannot be written: {reason(error)}") from None


def _may_replace(path: Path) -> bool:
    """Whether there is no regular file at a path, or a page of nfloat's."""
    if not path.is_file():
        return True
    with path.open("rb") as file:
        return GENERATOR in file.read(4096)


@functools.cache
def _template() -> Any:
    try:
        import jinja2
    except ImportError:
        raise MissingExtraError("a report needs jinja2: pip install 'nfloat[studies]'") from None
    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.from_string(resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
