"""Commands in somebody's CI: the gate of ``nfloat drift``, ``identify``, some of ``warmup``, the cache's key."""

import json
from xml.etree import ElementTree

import ml_dtypes
import numpy as np
import pytest
from expected import assert_mistake

import nfloat as nf
from nfloat.kernels import jit

SMALL = ("drift", "--data", "blobs", "--width", "4", "--steps", "4", "--recipes", "float32", "--ablate", "none")
SMALL = (*SMALL, "--seeds", "2", "--no-attribute", "--out", "out")


def test_the_gate(nfloat, tmp_path):
    (tmp_path / "budget.toml").write_text("loss_gap = -0.5\n")
    done = nfloat(*SMALL, "--budget", "budget.toml", "--junit", "drift.xml")
    assert done.code == 1
    assert "nfloat: float32: loss_gap: the change of the training loss" in done.err
    suite = ElementTree.parse(tmp_path / "drift.xml").getroot()
    assert (suite.tag, suite.get("tests"), suite.get("failures")) == ("testsuite", "1", "1")
    assert suite.find("testcase").get("name") == "float32"
    assert "over -0.5" in suite.find("testcase/failure").get("message")
    assert (tmp_path / "out" / "report.html").exists()
    done = nfloat(*SMALL, "--fail-on", "worse,diverged", "--junit", "drift.xml", "--json")
    assert done.code == 0 and json.loads(done.out)["breaches"] == []
    assert ElementTree.parse(tmp_path / "drift.xml").getroot().get("failures") == "0"
    word = json.loads(done.out)["summary"][0]["verdict"]
    assert nfloat(*SMALL, "--fail-on", word).code == 1
    assert nfloat(*SMALL).code == 0


def test_mistakes_of_the_gate_come_before_the_run(nfloat, tmp_path):
    assert_mistake(nfloat(*SMALL, "--fail-on", "wors"), "'wors' is not a verdict; did you mean 'worse'")
    (tmp_path / "budget.toml").write_text("loss = 1\n")
    assert_mistake(nfloat(*SMALL, "--budget", "budget.toml"), "budget.toml: unknown key 'loss'")
    assert not (tmp_path / "out").exists()


def test_identify(nfloat, tmp_path):
    done = nfloat("identify", "probe.npz", "--probe", "--inputs", "bf16", "--k", "64")
    assert done.code == 0 and "a (8, 64) and b (64, 8), numbers of bf16" in done.out
    arrays = dict(np.load(tmp_path / "probe.npz"))
    d = nf.matmul(arrays["a"], arrays["b"], nf.Accumulator("float32", order="interleaved", lanes=8))
    np.savez(tmp_path / "result.npz", d=d, **arrays)
    done = nfloat("identify", "result.npz")
    assert done.code == 0
    assert done.out.splitlines()[0] == (
        "your kernel accumulates in float32, 8 interleaved lanes, products exact (bit for bit)"
    )
    codes = {name: nf.encode(arrays[name], "bf16") for name in "ab"}
    np.savez(tmp_path / "codes.npz", d=d, **codes)
    facts = json.loads(nfloat("identify", "codes.npz", "--inputs", "bf16", "--json").out)
    assert facts[0]["share"] == 1.0 and facts[0]["how"].startswith("Accumulator('float32', order='interleaved'")
    np.savez(tmp_path / "noise.npz", d=np.random.default_rng(0).random((8, 8)), **arrays)
    done = nfloat("identify", "noise.npz")
    assert done.code == 1 and done.out.startswith("none: noise")


def test_mistakes_of_identify(nfloat, tmp_path):
    assert_mistake(nfloat("identify", "nowhere.npz"), "nowhere.npz: No such file")
    np.savez(tmp_path / "part.npz", a=np.ones((2, 2)))
    assert_mistake(nfloat("identify", "part.npz"), "lacks b, d; it has a")
    (tmp_path / "text.npz").write_text("text")
    assert_mistake(nfloat("identify", "text.npz"), "is no .npz file of arrays")
    numbers = np.eye(4).astype(ml_dtypes.bfloat16)
    np.savez(tmp_path / "bytes.npz", a=numbers, b=numbers, d=np.eye(4))
    assert_mistake(nfloat("identify", "bytes.npz"), "say their format by --inputs")
    assert nfloat("identify", "bytes.npz", "--inputs", "bf16").code == 0


def test_some_kernels_are_compiled(nfloat):
    done = nfloat("warmup", "arithmetic.tables", "rounding.arrays.round_plain", "--json")
    assert done.code == 0
    assert set(json.loads(done.out)["kernels"]) == {"arithmetic.tables.look_up", "rounding.arrays.round_plain"}
    assert_mistake(nfloat("warmup", "roundin"), "'roundin' is no kernel and no room of kernels; did you mean")


def test_the_key_of_the_cache(nfloat):
    key = nfloat("doctor", "--cache-key").out.strip()
    assert key == f"nfloat-{jit.source_digest()}" and key.partition("-")[2] in str(jit.CACHE_DIR or key)
    assert json.loads(nfloat("doctor", "--cache-key", "--json").out) == {"cache_key": key}


@pytest.mark.parametrize("word", ["machine", "cpu", "kernels"])
def test_check_says_where_it_proved_what(nfloat, word):
    done = nfloat("check", "float4_e2m1fn", "--random", "10")
    assert done.code == 0
    assert word in done.out.splitlines()[-1]
