"""The explorer's arithmetic, run by node and by Chromium where they are, against nfloat's own, bit for bit."""

import json
import shutil
import subprocess

import numpy as np
import pytest

import nfloat as nf
from nfloat.display.explorer import explorer_page, format_facts, script, write_explorer
from nfloat.errors import ArgumentError

MODES = ("nearest_even", "nearest_away", "nearest_zero", "toward_zero", "toward_positive", "toward_negative", "to_odd")
SPELLED = ("e6m9", "e2m1", "binary8p4se", "binary8p1uf", "binary8p1se", "binary5p2sf", "fixed16.8", "fixed8.-3", "int4")
FORMATS = [*nf.FORMATS.values(), *map(nf.get_format, SPELLED)]
FORMATS += [
    nf.bfloat16.replace(name="daz", subnormals="flush_input"),
    nf.float16.replace(name="ftz", subnormals="flush_output"),
    nf.float8_e5m2.replace(name="clamp", overflow="saturate_finite"),
    nf.Format(name="big", precision=53, emin=-9, emax=9),
]  # fmt: skip
#: what node and the browser do alike: every case's code and float64 bits, every given code's float64 bits
RUNNER = """
function run({ formats, cases, codes }) {
  const known = formats.map(NUMBERS.format);
  const view = new DataView(new ArrayBuffer(8));
  const bits = (value) => {
    if (value.kind === "nan") return "nan";
    view.setFloat64(0, NUMBERS.toNumber(value));
    return view.getBigUint64(0).toString(16);
  };
  const rounded = cases.map(([i, mode, text]) => {
    const result = NUMBERS.round(known[i], NUMBERS.parse(text), mode);
    const code = NUMBERS.encode(known[i], result);
    const again = NUMBERS.finite(result) ? NUMBERS.parse(NUMBERS.exactText(result)) : result;
    return [code === null ? null : code.toString(), bits(result), bits(again)];
  });
  return { rounded, decoded: codes.map(([i, code]) => bits(NUMBERS.decode(known[i], BigInt(code)))) };
}
"""


def values(fmt, rng):
    """Numbers of a format, numbers halfway and a hair beside; its edges; whatever else float64 has."""
    codes = np.unique(rng.integers(0, 2**fmt.bits, 12, dtype=np.uint64, endpoint=False))
    numbers = nf.decode(codes, fmt).astype(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    edges = [fmt.max, fmt.min, fmt.smallest_normal, fmt.smallest_subnormal, fmt.smallest_subnormal / 2, 0.0, 1.0, 464.0]
    numbers = np.concatenate([numbers, edges])
    with np.errstate(over="ignore"):
        gaps = [
            nf.round(np.nextafter(numbers, sign), fmt, mode) for sign, mode in ((9e99, MODES[4]), (-9e99, MODES[5]))
        ]
        halves = [(numbers + gap) / 2 for gap in gaps]
        near = [np.nextafter(half, side) for half in halves for side in (-np.inf, np.inf)]
        wild = np.ldexp(rng.uniform(-2, 2, 12), rng.integers(-1080, 1024, 12))
        x = np.concatenate([numbers, *halves, *near, wild, numbers * 2, [np.inf, 5e-324, 1.7976931348623157e308]])
    x = np.concatenate([x, -x])
    return np.unique(x[~np.isnan(x)]) if not fmt.has_nan else np.append(np.unique(x[~np.isnan(x)]), np.nan)


def float_bits(x):
    return ["nan" if np.isnan(v) else f"{int(b):x}" for v, b in zip(x, x.view(np.uint64), strict=True)]


@pytest.fixture(scope="module")
def questions():
    """What is asked, and nfloat's answers."""
    rng = np.random.default_rng(20261126)
    cases, codes, rounded, decoded = [], [], [], []
    for i, fmt in enumerate(FORMATS):
        x = values(fmt, rng)
        for mode in MODES:
            result = np.asarray(nf.round(x, fmt, mode), np.float64)
            given = zip(map(str, nf.encode(x, fmt, mode).tolist()), float_bits(result), strict=True)
            cases += [(i, mode, v.hex()) for v in x.tolist()]
            rounded += [[code, bits, bits] for code, bits in given]
        some = np.arange(2**fmt.bits) if fmt.bits <= 8 else rng.integers(0, 2**fmt.bits, 50, dtype=np.uint64)
        codes += [(i, str(code)) for code in some.tolist()]
        decoded += float_bits(np.asarray(nf.decode(some.astype(np.uint64), fmt), np.float64))
    asked = {"formats": [format_facts(fmt) for fmt in FORMATS], "cases": cases, "codes": codes}
    return asked, {"rounded": rounded, "decoded": decoded}


def by_node(program, asked, folder):
    text = f"const NUMBERS = require('./arithmetic.js');{RUNNER}console.log(JSON.stringify(run({asked})));"
    (folder / "arithmetic.js").write_text(script())
    (folder / "ask.js").write_text(text)
    done = subprocess.run([program, "ask.js"], cwd=folder, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout)


def dump(program, address, folder):
    """The page at an address, after its script has run."""
    command = (
        program, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'chromium'}",
        "--virtual-time-budget=5000", "--dump-dom", address,
    )  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def by_chromium(program, asked, folder):
    page = folder / "ask.html"
    show = f"document.body.textContent = JSON.stringify(run({asked}));"
    page.write_text(f"<!doctype html><meta charset=utf-8><body><script>{script()}{RUNNER}{show}</script>")
    return json.loads(dump(program, page.as_uri(), folder).partition("<body>")[2].partition("</body>")[0])


def program(name):
    found = shutil.which(name) or (shutil.which("google-chrome") if name == "chromium" else None)
    if found is None:
        pytest.skip(f"no {name}: the explorer's arithmetic is not run by it here")
    return found


@pytest.mark.parametrize("name", ["node", "chromium"])
def test_the_page_computes_what_nfloat_does(name, questions, tmp_path):
    asked, expected = questions
    assert len(asked["cases"]) > 20_000
    run = by_node if name == "node" else by_chromium
    given = run(program(name), json.dumps(asked), tmp_path)
    wrong = [
        (FORMATS[case[0]].name, *case[1:], got, want)
        for case, got, want in zip(asked["cases"], given["rounded"], expected["rounded"], strict=True)
        if got != want
    ]
    assert wrong[:10] == []
    assert given["decoded"] == expected["decoded"]


def test_the_page_shows_what_its_address_says(tmp_path):
    chromium = program("chromium")
    page = tmp_path / "explorer.html"
    write_explorer(page, ["e4m2"])
    text = dump(chromium, f"{page.as_uri()}#value=464&format=float8_e4m3fn&rounding=nearest_away", tmp_path)
    assert '<output id="result" class="big" for="value format rounding">NaN</output>' in text
    assert "<td>nearest_even</td><td>448</td><td>0 1111 110</td><td>-16</td>" in text
    assert text.count('class="bit"') == 8 and ">e4m2</option>" in text


def test_a_file_of_somebody_else_is_kept(tmp_path):
    path = tmp_path / "explorer.html"
    path.write_text("mine")
    with pytest.raises(ArgumentError, match="never replaced"):
        write_explorer(path)
    assert path.read_text() == "mine"


def test_the_page_stands_alone():
    text = explorer_page()
    assert all(f'"name": "{name}"' in text for name in nf.FORMATS)
    assert "src=" not in text and "@" not in text.replace("@media", "").replace("@page", "")
