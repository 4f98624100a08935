"""Every command: help with an example, --json, plain text, exit codes."""

import json
import re
from fractions import Fraction

import click
import pytest

import nfloat as nf
from nfloat.cli.main import group
from nfloat.formats.names import ALIASES

COMMANDS = group.list_commands(None)


def test_the_list():
    assert {"doctor", "drift", "explain", "formats", "report", "warmup"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_and_json(nfloat, name):
    done = nfloat(name, "--help")
    assert done.code == 0
    assert f"  nfloat {name}" in done.out
    assert "Example" in done.out
    assert "--json" in done.out
    assert max(map(len, done.out.splitlines())) <= 100


def test_help_of_the_group(nfloat):
    for args in ((), ("--help",), ("-h",)):
        done = nfloat(*args)
        assert done.code == 0
        assert all(f"\n  {name} " in done.out for name in COMMANDS)
    assert nfloat("--version").out == f"nfloat {nf.__version__}\n"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("drfit",), "there is no command 'drfit'; did you mean 'drift'"),
        (("formats", "--jsn"), "--jsn"),
        (("formats", "bfloat61"), "did you mean 'bfloat16'"),
        (("explain",), "Missing argument 'VALUE'"),
        (("explain", "ten"), "VALUE='ten' is no number"),
        (("explain", "1/0"), "VALUE='1/0' is no number"),
        (("explain", "1", "--format", "fp61"), "is not a number format"),
        (("report", "nowhere"), "FOLDER='nowhere' is not of a drift run"),
    ],
)
def test_mistakes_end_in_one_line(nfloat, args, words):
    done = nfloat(*args)
    assert done.code == 2
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert done.err.startswith("nfloat: ")
    assert words in done.err


def test_formats(nfloat):
    lines = nfloat("formats").out.splitlines()
    aliased = set(ALIASES.values())
    assert len(lines) == len(nf.FORMATS) + 1 + 1 + len(aliased) + 1 + 1 + len(nf.BLOCK_FORMATS) + 1
    for alias, name in ALIASES.items():
        assert any(line.startswith(f"{name} ") and alias in line.replace(",", "").split() for line in lines)
    assert max(map(len, lines)) <= 80
    rows = json.loads(nfloat("formats", "--json").out)
    assert [row["name"] for row in rows] == [*nf.FORMATS, *nf.BLOCK_FORMATS]
    assert next(row["aliases"] for row in rows if row["name"] == "bfloat16") == ["bf16", "brain"]
    assert all(row["max"] == nf.FORMATS[row["name"]].max for row in rows if "max" in row)
    assert nfloat("formats", "mxfp4").out.splitlines()[1].split()[:3] == ["mxfp4", "4.25", "32"]
    assert nfloat("formats", "bf16", "e6m9", "fixed16.8").out.splitlines()[1].split() == [
        "bfloat16",
        "16",
        "8",
        "-126",
        "127",
        "3.39e+38",
        "1.175e-38",
        "9.184e-41",
    ]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("drift", "--steps", "-1"), "nfloat: --steps=-1 must be an integer"),
        (("drift", "--recipes", "bf16-pur"), "nfloat: --recipes='bf16-pur' is not a recipe; did you mean 'bf16-pure'"),
        (("drift", "--optimizer", "ad"), "nfloat: --optimizer='ad' is unknown; did you mean 'adam'"),
        (("drift", "--activation", "no"), "nfloat: --activation='no' is unknown; known: relu"),
        (
            ("explain", "1", "--format", "fp8"),
            "nfloat: --format='fp8' says the width alone; name one of 'float8_e4m3fn'",
        ),
        (("explain", "inf", "--format", "quad"), "nfloat: VALUE='inf' is no finite number"),
        (("formats", "fp8"), "nfloat: NAMES='fp8' says the width alone"),
        (("study", "run", "swampin"), "nfloat: NAME='swampin' is unknown; did you mean 'swamping'"),
        (("study", "run", "swamping", "--seed", "-1"), "nfloat: --seed=-1 must be"),
        (("recipes", "bf16"), "is not a recipe; did you mean 'bf16-pure'"),
        (("recipes", "fp8"), "is not a recipe; did you mean 'mxfp8', 'fp8-hybrid', 'fp8-current'"),
    ],
)
def test_errors_are_in_the_words_of_the_command_line(nfloat, args, words):
    done = nfloat(*args)
    assert done.code == 2 and words in done.err


def test_help_says_what_may_be_chosen(nfloat):
    from nfloat.drift.comparison import ABLATE
    from nfloat.drift.config import MODELS
    from nfloat.nn.layers import ACTIVATIONS
    from nfloat.nn.optim import OPTIMIZERS

    text = " ".join(nfloat("drift", "--help").out.split())
    for known in (ABLATE, MODELS, ACTIVATIONS, OPTIMIZERS):
        assert all(re.search(rf"\b{name}\b", text.partition("Options:")[2]) for name in known)
    assert "names of `nfloat recipes`" in text
    assert "A name of `nfloat formats`" in nfloat("explain", "--help").out


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "study"])
def test_every_option_is_explained(command):
    for option in group.get_command(None, command).params:
        assert isinstance(option, click.Argument) or option.help


def test_neighbours_of_a_wide_format_are_told_apart(nfloat):
    (facts,) = json.loads(nfloat("explain", "0.1", "--format", "binary256", "--json").out)
    assert Fraction(facts["below"]) < Fraction(1, 10) < Fraction(facts["above"])


def test_explain_fixed_point(nfloat):
    text = nfloat("explain", "0.1", "--format", "fixed16.8").out
    assert "fixed16.8: 16 bits, two's complement: sign, 7 integer and 8 fraction bits" in text
    assert "the multiples of 0.00390625 from -128.0 to 127.99609375" in text and "exponents" not in text


def test_explain_formats_beyond_float64(nfloat):
    text = nfloat("explain", "1/3", "--format", "binary128").out
    assert "0x3ffd5555555555555555555555555555" in text and "1/3 is not on the grid" in text and "float64" not in text
    assert "1e5000 is beyond the range" in nfloat("explain", "1e5000", "--format", "x87").out
    (facts,) = json.loads(nfloat("explain", "0.1", "--format", "binary16p4se", "--json").out)
    assert (facts["below"], facts["above"], facts["exact"]) == ("0.09375", "0.1015625", False)
    assert facts["below_code"] == "0x3fe4" and facts["below_bits"] == "0 011111111100 100"


def test_explain(nfloat):
    text = nfloat("explain", "0.1", "--format", "bf16").out
    assert "0.1000000000000000055511151231257827021181583404541015625" in text
    assert "below 0.099609375   above 0.10009765625" in text
    assert "nearest_even     0.10009765625  0x3dcd  0 01111011 1001101" in text
    (item,) = json.loads(nfloat("explain", "0x1.8p1", "--json").out)
    assert (item["value"], item["format"], item["below"], item["above"], item["share_up"]) == (
        3.0,
        "bfloat16",
        3.0,
        3.0,
        0.0,
    )


def test_explain_beside_other_formats(nfloat):
    text = nfloat("explain", "0.1", "--format", "bf16").out
    lines = [line.split() for line in text.partition("other formats")[2].splitlines()]
    assert ["float16", "0.0999755859375", "-0.0244", "%", "0", "01011", "1001100110"] in lines
    assert {line[0] for line in lines[3:] if line} == set(nf.FORMATS) - {"bfloat16"}
    (item,) = json.loads(nfloat("explain", "0", "--json").out)
    assert [other["format"] for other in item["beside"]] == list(nf.FORMATS)
    assert {other["relative_error"] for other in item["beside"]} == {None}


def test_pages_of_numbers_and_formats(nfloat, tmp_path):
    assert nfloat("explain", "0.1", "--format", "bf16", "--format", "fixed16.8", "--html", "a.html").code == 0
    assert nfloat("formats", "--html", "b.html").code == 0
    for name, words in (("a.html", "Between two numbers of bfloat16"), ("b.html", "Range and precision")):
        text = (tmp_path / name).read_text()
        assert words in text and "<script" not in text and "prefers-color-scheme" in text and text.count("<svg") >= 4
        assert "makes this page again" in text
    assert nfloat("explain", "inf", "--format", "fp4", "--html", "a.html").code == 0
    assert nfloat("formats", "nvfp4", "--html", "b.html").code == 0
    done = nfloat("explain", "1", "--format", "mxfp4", "--html", "c.html")
    assert done.code == 2 and "--html='c.html' needs a format that nfloat computes in" in done.err
    (tmp_path / "d.html").write_text("mine")
    assert "never replaced" in nfloat("formats", "--html", "d.html").err


def test_explorer(nfloat, tmp_path):
    assert nfloat("explorer", "page.html", "--format", "e4m2").out == "wrote page.html; open it in a browser\n"
    assert '"name": "e4m2"' in (tmp_path / "page.html").read_text()
    assert json.loads(nfloat("explorer", "--json").out) == {"file": "explorer.html"}
    assert "--format='e4m' is not a number format" in nfloat("explorer", "--format", "e4m").err


@pytest.mark.parametrize("value", ["-0.1", "-inf", "nan", "1e400", "-0", "1/3", "5e-324"])
@pytest.mark.parametrize("fmt", ["float4_e2m1fn", "float8_e8m0fnu", "fixed8.4", "float64", "float8_e4m3fn"])
def test_explain_takes_every_number_in_every_format(nfloat, value, fmt):
    done = nfloat("explain", value, "--format", fmt)
    assert (done.code, done.err) == (0, "")
    assert json.loads(nfloat("explain", value, "--format", fmt, "--json").out)


def test_doctor(nfloat):
    facts = json.loads(nfloat("doctor", "--json").out)
    assert facts["packages"]["nfloat"] == nf.__version__
    assert facts["threads"] >= 1
    assert facts["machine"] in ("avx512", "avx2", "neon", "other")
    assert set(facts["paths"]) >= {"lanes", "float16 sums", "sums to nearest"}
    assert nfloat("doctor").out.startswith("python ")


def test_doctor_without_a_cache(nfloat, monkeypatch):
    from nfloat.kernels import jit

    monkeypatch.setattr(jit, "CACHE_DIR", None)
    monkeypatch.delenv("NFLOAT_CACHE", raising=False)
    done = nfloat("doctor")
    assert done.code == 1
    assert "set NFLOAT_CACHE_DIR" in done.err


def test_warmup_goes_through_the_list(nfloat, monkeypatch):
    from nfloat.kernels import jit

    monkeypatch.setattr(jit, "warm_up", lambda *_: iter([("a.b", 0.25), ("a.c", 0.5)]))
    done = nfloat("warmup")
    assert done.out.startswith("2 kernels in ")
    assert "a.b: 0.25 s" in done.err
    assert json.loads(nfloat("warmup", "--json").out)["kernels"] == {"a.b": 0.25, "a.c": 0.5}


def test_nothing_is_coloured(nfloat):
    for args in (("--help",), ("formats",), ("explain", "1"), ("doctor",)):
        assert "\x1b" not in nfloat(*args).out


def test_check_of_formats_at_random(nfloat):
    done = nfloat("check", "--formats-at-random", "2", "--seed", "3", "--json")
    assert done.code == 0
    rows = {row["formats"]: row for row in json.loads(done.out)}
    assert list(rows) == ["codes", "operations", "functions"]
    assert all(row["count"] == 2 and row["compared"] > 1000 and row["wrong"] == 0 for row in rows.values())


def test_formats_at_random_are_not_named(nfloat):
    done = nfloat("check", "bf16", "--formats-at-random", "2")
    assert done.code == 2
    assert "name none" in done.err


def test_check_of_products_at_random(nfloat, monkeypatch):
    monkeypatch.setattr("nfloat.testing.sweep_products.BLOCK", 10)
    done = nfloat("check", "--products", "--minutes", "0.001", "--seed", "9", "--json")
    assert done.code == 0
    report = json.loads(done.out)
    assert (report["first"], report["wrong"], report["failures"]) == (9, 0, [])
    assert report["products"] >= 10
    assert report["outputs"] > report["products"]
    assert "wrong" in done.err


def test_a_wrong_product_is_printed_and_is_an_error(nfloat, monkeypatch):
    monkeypatch.setattr("nfloat.testing.sweep_products.BLOCK", 3)
    monkeypatch.setattr("nfloat.testing.sweep_products.wrong", lambda product: [(0, 0, 1.0, 2.0)])
    done = nfloat("check", "--products", "--minutes", "0.0001")
    assert done.code == 1
    assert "WRONG" in done.out
    assert "nf.matmul(" in done.out
    assert "not 2.0" in done.out


def test_products_at_random_that_are_interrupted(nfloat, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("nfloat.testing.sweep_products.sweep_products", interrupted)
    done = nfloat("check", "--products", "--seed", "4")
    assert done.code == 3
    assert "--seed 4" in done.err


@pytest.mark.parametrize("more", [["bf16"], ["--exhaustive"], ["--random", "5"], ["--formats-at-random", "2"]])
def test_products_draw_their_own(nfloat, more):
    assert nfloat("check", "--products", *more).code == 2
    assert nfloat("check", "--minutes", "2").code == 2


def test_recipes(nfloat):
    listed = nfloat("recipes")
    assert listed.code == 0
    assert [line.split()[0] for line in listed.out.splitlines()[1:]] == list(nf.nn.recipes)
    one = nfloat("recipes", "bf16-pure+weights=float8_e4m3fn:stochastic+forward=nvidia.hopper.mma.bf16.f32", "--json")
    (fields,) = json.loads(one.out)
    assert fields["weights"] == "float8_e4m3fn:stochastic" and fields["forward"] == "nvidia.hopper.mma.bf16.f32"
    assert fields["backward"] == "float32" and fields["compensation"] is None
    lines = nfloat("recipes", "bf16-mixed", "fp16-mixed").out.splitlines()
    assert "weight gradient  dy bfloat16  @  x    bfloat16  --float32-->  dw float32" in lines
    table = [line.split() for line in lines]
    assert ["field", "bf16-mixed", "fp16-mixed"] in table and ["weights", "float32", "float32"] in table
    assert lines[-1].startswith("fp16-mixed: Micikevicius et al. 2018")
    wrong = nfloat("recipes", "bf16-mixd")
    assert wrong.code == 2 and "did you mean 'bf16-mixed'" in wrong.err


def test_a_unit_s_name_that_is_misspelled_is_guessed_part_by_part(nfloat):
    assert "did you mean 'hopper'" in nfloat("units", "nvidia", "hoper").err


def test_explain_knows_block_formats(nfloat):
    (entry,) = json.loads(nfloat("explain", "957", "--format", "mxfp8_e4m3", "--json").out)
    assert [(row["rule"], row["scale"], row["result"]) for row in entry["rules"]][:2] == [
        ("floor", 2.0, "896.0"), ("ceil", 4.0, "960.0"),
    ]  # fmt: skip
    assert "blocks of 32" in nfloat("explain", "957", "--format", "mxfp8_e4m3").out


def test_check_of_blocks(nfloat):
    done = nfloat("check", "--blocks", "20", "--seed", "3", "--json")
    (row,) = json.loads(done.out)
    assert done.code == 0 and row["wrong"] == 0 and row["compared"] > 1000
    assert nfloat("check", "bf16", "--blocks", "2").code == 2
