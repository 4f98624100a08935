"""The frame of every picture, and its parts: text, boxes, lines. Strings; no script.

A picture says in words what it shows (`title`, `desc`), and is at home on light and dark pages: text and lines have the
colour of the text around it, and where it stands alone (a file, an image) that of the reader's screen. Its fills are
light enough for black text on them, from Okabe and Ito's palette, which readers who see no red or no green tell apart.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import ArgumentError
from ..files import reason, replace_text

#: a picture in a page is no root: there, nothing of this holds, and `color` is inherited
_ALONE = (
    "<style>svg:root{color:#1a1d21;background:#fff}"
    "@media(prefers-color-scheme:dark){svg:root{color:#e6e9ec;background:#14171a}}</style>"
)
#: the share of a text's height that a character is wide, in a font of one width
CHARACTER = 0.61


@dataclass(frozen=True)
class Picture:
    """An SVG picture: a notebook shows it, `svg` is its text, `save` writes a file.

    Examples
    --------
    >>> Picture(frame("", 10, 20, title="nothing"))
    Picture('nothing', 10 x 20)
    """

    svg: str

    def save(self, path: str | Path) -> None:
        """Write the picture into a file, which any browser shows.

        Raises
        ------
        ArgumentError
            If the file cannot be written, or holds something else than a picture of nfloat's.
        """
        path = Path(path)
        try:
            if path.is_file() and not path.read_bytes().startswith(_BEGINS):
                raise ArgumentError(f"path={str(path)!r} is a file that nfloat did not write, which is never replaced")
            replace_text(path, self.svg)
        except OSError as error:
            raise ArgumentError(f"path={str(path)!r} cannot be written: {reason(error)}") from None

    def _repr_html_(self) -> str:
        return self.svg

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        title = re.search(r"<title>(.*?)</title>", self.svg)
        size = re.search(r'viewBox="0 0 (\S+) (\S+)"', self.svg)
        if title is None or size is None:
            return f"Picture(svg={self.svg!r})"
        return f"Picture({html.unescape(title.group(1))!r}, {size.group(1)} x {size.group(2)})"


_BEGINS = b'<svg xmlns="http://www.w3.org/2000/svg" role="img" '


def frame(body: str, width: float, height: float, *, title: str, desc: str = "", size: float = 11) -> str:
    """An SVG element around `body`; `size` is the height of its text.

    Examples
    --------
    >>> frame("", 30, 20, title='"<&>"').count("&quot;&lt;&amp;&gt;&quot;")
    2
    """
    name = html.escape(title, quote=True)
    more = f"<desc>{html.escape(desc)}</desc>" if desc else ""
    box = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    return (
        f'{_BEGINS.decode()}aria-label="{name}" {box} style="width:100%;height:auto;max-width:{width:g}px" '
        f'font-family="monospace" font-size="{size:g}" text-anchor="middle">'
        f"<title>{name}</title>{more}{_ALONE}{body}</svg>"
    )


def text(x: float, y: float, words: str, *, anchor: str = "", size: float = 0, colour: str = "currentColor") -> str:
    """Words at a point: "start", "end", or around it."""
    more = (f' text-anchor="{anchor}"' if anchor else "") + (f' font-size="{size:g}"' if size else "")
    return f'<text x="{x:.5g}" y="{y:.5g}"{more} fill="{colour}">{html.escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, *, colour: str = "currentColor", more: str = "") -> str:
    """A line, as thin as a tick; `more` are further attributes."""
    return f'<path d="M{x1:.5g} {y1:.5g}L{x2:.5g} {y2:.5g}" stroke="{colour}"{" " if more else ""}{more}/>'


def box(x: float, y: float, width: float, height: float, colour: str) -> str:
    """A filled box with round corners."""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="2" fill="{colour}"/>'


def width_of(words: str, size: float) -> float:
    """How wide a text is about."""
    return CHARACTER * size * len(words)
