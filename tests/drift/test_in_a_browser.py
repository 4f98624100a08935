"""Pages in a headless Chromium, where there is one: nothing is asked for, nothing complained of, every figure is seen.

The page is loaded with a few lines of script behind it, which measure what is on it; no script of its own is in it.
"""

import html
import json
import re
import shutil
import subprocess

import pytest

from nfloat.drift import Config, run
from nfloat.report.page import render

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None:
    pytest.skip("no Chromium on this machine", allow_module_level=True)

#: what a page shows: width of the page and of what sticks out of it, and the size of every figure and its text
MEASURE = """<script>
addEventListener("load", () => {
  const box = e => { const r = e.getBoundingClientRect(); return [r.width, r.height]; };
  const out = [...document.querySelectorAll("figure svg")].map(box);
  const text = [...document.querySelectorAll("figure svg text")].filter(e => box(e)[0] > 0).length;
  const asked = performance.getEntriesByType("resource").map(e => e.name);
  const wide = document.documentElement.scrollWidth;
  const found = {figures: out, text, asked, wide, width: innerWidth, complaints};
  document.body.setAttribute("data-measured", JSON.stringify(found));
});
</script>"""
LISTEN = """<script>const complaints = []; addEventListener("error", e => complaints.push(String(e.message)), true);
for (const kind of ["error", "warn"]) console[kind] = (...said) => complaints.push(said.join(" "));</script>"""


@pytest.fixture(scope="module")
def page():
    config = Config(
        data="blobs", recipes=("bf16-pure", "fp16-mixed"), steps=12, every=3, width=8, seeds=2, ablate="all"
    )
    return run(config).page()


def chromium(*arguments):
    common = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=2000")
    return subprocess.run([CHROMIUM, *common, *arguments], capture_output=True, text=True, timeout=120, check=True)


@pytest.mark.parametrize("width", [1280, 390])
def test_every_figure_is_seen_and_nothing_is_asked_for(page, width, tmp_path):
    text = render(page)
    assert "<script" not in text and len(text) < 3 * 2**20
    # a window of Chromium is never narrower than 500 pixels: the page stands in a frame of the width
    inner = text.replace("<head>", f"<head>{LISTEN}", 1).replace("</body>", f"{MEASURE}</body>", 1)
    (tmp_path / "inner.html").write_text(inner)
    frame = f'<iframe id="f" width="{width}" height="900" src="inner.html"></iframe>'
    copy = (
        '<script>addEventListener("load", () => setTimeout(() => document.body.setAttribute("data-measured", '
        'document.getElementById("f").contentDocument.body.getAttribute("data-measured")), 500));</script>'
    )
    (tmp_path / "outer.html").write_text(f"<!doctype html><body>{frame}{copy}</body>")
    done = chromium("--allow-file-access-from-files", "--dump-dom", f"file://{tmp_path}/outer.html")
    found = json.loads(html.unescape(re.search(r'data-measured="([^"]*)"', done.stdout).group(1)))
    assert found["width"] == width and found["complaints"] == [] and found["asked"] == []
    assert len(found["figures"]) == len(page.figures) > 5 and found["text"] > 50
    assert all(w > 300 and h > 60 for w, h in found["figures"])
    assert found["wide"] <= width  # what is wider scrolls in its own box


def test_on_paper_it_is_whole(page, tmp_path):
    (tmp_path / "page.html").write_text(render(page))
    chromium(f"--print-to-pdf={tmp_path / 'page.pdf'}", f"file://{tmp_path}/page.html")
    paper = (tmp_path / "page.pdf").read_bytes()
    assert paper.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", paper)) >= 2
