"""The page: everything escaped, nothing loaded from outside, well-formed tags, the data behind each figure."""

import dataclasses
import html.parser

import pytest

from nfloat.report import Figure, Page, Table, render

VOID = {"meta", "br", "link", "img", "hr", "input"}


class Outline(html.parser.HTMLParser):
    """Checks that tags are closed in order, and keeps what is asked about."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.attributes = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def outline(text):
    parser = Outline()
    parser.feed(text)
    assert parser.open == []
    return parser


@pytest.fixture(scope="module")
def page():
    figure = Figure(
        "slug",
        "A <title>",
        "<svg xmlns='http://www.w3.org/2000/svg'></svg>",
        'caption "&"',
        'alt "quoted"',
        Table(("a", "b"), [("1", "<2>")]),
    )
    return Page(
        "T & U",
        "lead",
        ("found <b>",),
        Table(("recipe", "verdict"), [("x", "drifts")]),
        ("note",),
        (figure,),
        "cmd --x",
        "a = 1\n",
        "made",
        (("w", "m"),),
    )


def test_everything_is_escaped_but_the_picture(page):
    text = render(page)
    assert "T &amp; U" in text
    assert "found &lt;b&gt;" in text
    assert "&lt;2&gt;" in text
    assert "<svg xmlns=" in text
    outline(text)


def test_a_name_cannot_turn_what_follows_it(page):
    text = render(dataclasses.replace(page, title="data \u202eevil\x00\u2067 \u05d0", lead="\x1b[1m"))
    assert r"data \u202eevil\u0000\u2067 " in text and "\u05d0" in text and r"\u001b[1m" in text
    assert not {"\u202e", "\x00", "\u2067", "\x1b"} & set(text)


def test_nothing_comes_from_outside(page):
    parser = outline(render(page))
    assert not {"script", "link", "img", "iframe"} & set(parser.seen)
    assert not [
        value for _, attributes in parser.attributes for key, value in attributes.items() if key in ("src", "href")
    ]
    assert "@import" not in render(page)
    assert "url(" not in render(page)


def test_figures_have_alt_text_and_data(page):
    parser = outline(render(page))
    labels = [attributes.get("aria-label") for tag, attributes in parser.attributes if attributes.get("role") == "img"]
    assert labels == ['alt "quoted"']
    assert parser.seen.count("details") == 1
    assert parser.seen.count("table") == 2


def test_dark_and_print(page):
    text = render(page)
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_the_verdict_has_its_class(page):
    assert '<td data-head="verdict" class="v-drifts">drifts</td>' in render(page)


def test_small_screens_and_paper(page):
    """The summary's rows become cards with their heads, figures keep legible text, nothing is cut on paper."""
    text = render(page)
    assert "@media (max-width: 44rem)" in text and "content: attr(data-head)" in text and "min-width: 40rem" in text
    assert "@media print { .scroll { overflow: visible; }" in text


def test_same_bytes(page):
    assert render(page) == render(page)
