"""Odd objects in the place of arguments: an NFloatError or a result, nothing else, no hang (``odd_calls.py``)."""

from decimal import Decimal

import numpy as np
import pytest
from odd_calls import calls, findings
from odd_objects import Raises

import nfloat as nf


@pytest.mark.parametrize("seed", range(2))
def test_nothing_else_is_raised_and_nothing_hangs(seed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some of what is odd is a good path
    assert [str(finding) for finding in findings(150, 1000 + seed)] == []


def test_every_function_works_as_it_stands_there():
    for call in calls():
        call.function(**call.arguments)


@pytest.mark.parametrize(
    "call",
    [
        lambda: nf.testing.code_exact(np.longdouble(1) / 3, "float16"),
        lambda: nf.testing.code_exact(10**400, "float16"),
        lambda: nf.testing.round_exact(10**400, "float16"),
        lambda: nf.testing.probe_inputs(k=2**64),
        lambda: nf.nn.from_arrays(np.broadcast_to(np.float32(1), (2**20, 2**20)), np.zeros(2**20)),
        lambda: nf.nn.LeakyReLU(10**400),
        lambda: nf.nn.Tensor([1.0]).scale(10**400),
        lambda: nf.testing.error_bound("sum", [1.0], "float16", function_ulp=10**400),
        lambda: nf.testing.assert_matmul([[1.0]], [[1.0]], [[1.0]], "float16", max_ulp=10**400),
        lambda: nf.nn.Tensor([1.0], requires_grad=True).sum().backward(release=np.ones(2)),
        lambda: nf.drift.run(nf.drift.Experiment(build=lambda: 1)),
        lambda: nf.nn.batches(10**60, 2, 1),
        lambda: nf.nn.MultiheadAttention(embed_dim=np.int8(3), num_heads=2**63),
        lambda: nf.display.number_line("float16", low=0.0, high=10**400),
        lambda: nf.explain(10**400, "float16"),
        lambda: nf.nn.bce_with_logits([1.0], np.broadcast_to(np.float64(1), (2**40,))),
        lambda: nf.blocks.delayed.DelayedScaling(scaled(), amax_history=np.broadcast_to(np.float64(1), (2**40,))),
        lambda: nf.nn.Tensor([1.0]).reshape(np.broadcast_to(np.float32(1), (2**20, 2**20))),
        lambda: nf.nn.scaled_dot_product_attention(*[np.ones((2, 2))] * 3, scale=10**400),
        lambda: nf.nn.Lion({"0": nf.nn.Tensor([1.0])}, lr=0.1, betas=Raises()),
        lambda: nf.nn.evaluate(nf.nn.ReLU(), np.broadcast_to(np.float32(1), (2**20, 2**20)), [0]),
        lambda: nf.linalg.solve([[2.0]], [1.0], "float16", refinements=2**64),
        lambda: nf.drift.run(nf.drift.Config(data="blobs"), threads=np.zeros((0, 3))),
        lambda: nf.drift.run(nf.drift.Config(data="blobs"), threads=Decimal("sNaN")),
        lambda: nf.drift.replay(nf.drift.Config(data="blobs"), "tf32", 0, threads=Decimal("sNaN")),
    ],
)
def test_what_such_calls_found(call):
    with pytest.raises(nf.NFloatError, match=r".+ must |.+ GiB"):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: nf.unpack(Raises(), "float16", 2),
        lambda: nf.fft(deep_list(), "float16"),
        lambda: nf.testing.assert_unbiased(deep_list(), [1.0], "float16", codes=True),
        lambda: nf.nn.scaled_dot_product_attention(*[np.ones((2, 0))] * 3),
    ],
)
def test_what_cannot_be_read(call):
    with pytest.raises(nf.NFloatError, match=r"cannot be read as|no features"):
        call()


def deep_list():
    """Lists in lists, deeper than an array may be."""
    nested = []
    for _ in range(200):
        nested = [nested]
    return nested


def test_ratios_of_infinite_and_of_huge_numbers():
    sqnr = nf.blocks.diagnostics.sqnr
    assert sqnr([1.0], [np.inf]) == -np.inf and np.isnan(sqnr([np.inf], [1.0]))
    assert sqnr([1e300, 1e300], [0.9e300, 1e300]) == pytest.approx(sqnr([1.0, 1.0], [0.9, 1.0]))
    assert sqnr([1e-200], [0.9e-200]) == pytest.approx(20.0)


def test_a_line_between_numbers_of_any_type():
    assert "numbers of float16 from" in repr(nf.display.number_line("float16", low=np.float16(0.1), high=2**64))


def scaled():
    """A format with a scale for each tensor."""
    how = {"block": "tensor", "scale": "float32", "scale_rule": "absmax"}
    return nf.BlockFormat(name="scaled", element="float8_e4m3fn", **how)


def test_exact_codes_of_numbers_of_any_type():
    for number in (0.5, np.float16(0.5), np.float32(0.5), np.longdouble(0.5)):
        assert nf.testing.code_exact(number, "float16") == 0x3800
    assert nf.testing.code_exact(np.int8(1), "float16") == 0x3C00
    assert nf.explain(np.float16(0.1), "float8_e5m2").outcomes[0].value == 0.09375
    assert nf.testing.decode_exact(np.int8(3), "float16") == 3 * 2.0**-24


def test_names_that_name_nothing(tmp_path):
    config = nf.drift.Config(data="blobs", width=4, recipes=("bf16-pure",), steps=2, seeds=1, ablate="none")
    result = nf.drift.run(config, out=tmp_path / "run")
    for question in (result.ablation, result.layer_ablation, result.first_trouble):
        for name in ("bf16", slice(None), Raises()):
            with pytest.raises(nf.ArgumentError, match="of this run"):
                question(name)
    for formats in ("bfloat16", nf.mxfp4, 3):
        with pytest.raises(nf.ArgumentError, match="several formats"):
            result.what_if(formats)
    with pytest.raises(nf.ArgumentError, match="is no operation"):
        nf.nn.apply(Raises(), nf.nn.Tensor([1.0]))
    with pytest.raises(nf.ArgumentError, match="NUL"):
        nf.drift.compare([tmp_path / "run", "\0"])
