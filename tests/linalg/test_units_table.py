"""The table of matrix units: lookup, invariants, the published numbers spelled a second time, warnings, the command."""

from __future__ import annotations

import dataclasses
import json
import warnings

import numpy as np
import pytest
from click.testing import CliRunner
from in_one_test import in_one_test

import nfloat as nf
from nfloat.cli.units import command
from nfloat.linalg.units import sums
from nfloat.linalg.units.names import SingleSourceWarning, say_if_single_source
from nfloat.linalg.units.sums import AlignedSum, FmaChain, Output
from nfloat.linalg.units.unit import CONFIDENCE, Unit

# architecture, operands, result: products a step, F, clamp (a second spelling of the published numbers)
NVIDIA = """
volta.mma f16 f32 4 23 -131
volta.mma f16 f16 4 23 -19
turing.mma f16 f32 8 24 -132
turing.mma f16 f16 8 24 -20
ampere.mma f16 f32 8 24 -132
ampere.mma f16 f16 8 24 -20
ampere.mma bf16 f32 8 24 -132
ampere.mma tf32 f32 4 24 -132
ada.mma f16 f32 8 24 -132
ada.mma f16 f16 8 24 -20
ada.mma bf16 f32 8 24 -132
ada.mma tf32 f32 4 24 -132
ada.mma e4m3 f32 16 13 -132
ada.mma e5m2 f32 16 13 -132
ada.mma e4m3 f16 16 13 -20
ada.mma e5m2 f16 16 13 -20
hopper.mma f16 f32 16 25 -133
hopper.mma f16 f16 16 25 -21
hopper.mma bf16 f32 16 25 -133
hopper.mma tf32 f32 8 25 -133
hopper.mma_k4 tf32 f32 4 25 -133
hopper.wgmma e4m3 f32 32 13 -133
hopper.wgmma e5m2 f16 32 13 -21
hopper.mma e4m3 f16 16 25 -21
blackwell.mma f16 f32 16 25 -133
blackwell.mma e5m2 f32 16 25 -133
blackwell.mma tf32 f32 8 25 -133
hopper.wgmma bf16 f32 16 25 -133
blackwell.tcgen05 e4m3 f32 32 25 -133
blackwell.tcgen05 e2m1 f16 32 25 -21
blackwell.tcgen05 tf32 f32 8 25 -133
blackwell.tcgen05 mxf6_e3m2 f32 32 25 -133
rtx_blackwell.mma e2m3 f32 32 25 -133
rtx_blackwell.mma f16 f16 16 25 -21
"""


@in_one_test("row", NVIDIA.strip().splitlines())
def test_published_numbers(row):
    instruction, kind, out, step, fraction, clamp = row.split()
    unit = nf.units[f"nvidia.{instruction}.{kind}.{out}"]
    s = unit.arithmetic
    assert (s.step, s.fraction, s.clamp) == (int(step), int(fraction), int(clamp))
    thirteen = s.fraction == 13
    assert s.output is (Output.NEAREST_16 if out == "f16" else Output.TRUNCATE_14 if thirteen else Output.TRUNCATE_24)
    emin = -14 if out == "f16" else -126
    base = {"volta": 5, "turing": 6, "ampere": 6, "ada": 6}.get(instruction.partition(".")[0], 7)
    assert s.clamp == emin - base


def test_every_row_is_complete():
    assert len(nf.units) == len(set(nf.units.names())) > 120
    for name, unit in nf.units.items():
        assert unit.name == name and unit.source and unit.instruction and unit.rule
        assert unit.confidence in CONFIDENCE
        assert nf.units[name] is unit and nf.units[unit] is unit and name in nf.units


def test_hopper_fp8_by_instruction():
    mma, wgmma = (nf.units[f"nvidia.hopper.{x}.e4m3.f32"].arithmetic for x in ("mma", "wgmma"))
    assert mma.pairs_apart and mma.promote == 32 and not wgmma.pairs_apart and not wgmma.promote


def test_mixed_operands():
    unit = nf.units["nvidia.ada.mma.e5m2_e4m3.f32"]
    assert (unit.a, unit.b) == ("float8_e5m2", "float8_e4m3fn")
    assert nf.units["nvidia.blackwell.tcgen05.mxf8_e4m3_e2m1.f32"].b == "float4_e2m1fn"
    assert "nvidia.ampere.mma.f16_bf16.f32" not in nf.units


def test_unknown_names_list_near_ones():
    with pytest.raises(nf.AccumulatorError, match=r"'nvidia\.hopper\.mma\.f16\.f32'"):
        nf.units["nvidia.hoper.mma.f16.f32"]
    assert "nvidia.nothing" not in nf.units and 3 not in nf.units
    with pytest.raises(nf.AccumulatorError, match="nvidia"):
        nf.matmul([1.0], [1.0], "nvidia.hopper.wgmma.e4m3.f64")


def test_options_in_names():
    unit = nf.units["nvidia.hopper.wgmma.e4m3.f32@promote=128,split_k=2"]
    assert (unit.promote, unit.split_k) == (128, 2)
    assert unit.name == "nvidia.hopper.wgmma.e4m3.f32@promote=128,split_k=2" and nf.units[unit.name] == unit
    assert unit.replace(promote=0, split_k=1).name == "nvidia.hopper.wgmma.e4m3.f32"
    for bad, message in (
        ("promote=x", "key=integer"),
        ("promte=128", "promote"),
        ("promote=100", "multiple of 32"),
        ("split_k=0", "at least 1"),
    ):
        with pytest.raises(nf.AccumulatorError, match=message):
            nf.units[f"nvidia.hopper.wgmma.e4m3.f32@{bad}"]
    with pytest.raises(nf.AccumulatorError, match="float16"):
        nf.units["nvidia.hopper.wgmma.e4m3.f16@promote=128"]


def test_descriptions_are_frozen_and_checked():
    unit = nf.units["nvidia.hopper.mma.f16.f32"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        unit.a = "bfloat16"
    with pytest.raises(nf.AccumulatorError, match="confidence"):
        dataclasses.replace(unit, confidence="E")
    with pytest.raises(nf.AccumulatorError, match="32 bits"):
        dataclasses.replace(unit, arithmetic=dataclasses.replace(unit.arithmetic, step=32))
    with pytest.raises(nf.AccumulatorError, match="float16"):
        dataclasses.replace(unit, output="float16")
    with pytest.raises(nf.AccumulatorError, match="24 bits"):
        dataclasses.replace(nf.units["arm.bfdot"], a="float32")
    with pytest.raises(nf.AccumulatorError, match="float32"):
        dataclasses.replace(nf.units["arm.bfdot"], output="float16")


@pytest.mark.parametrize(
    ("kind", "fields", "word"),
    [
        ("AlignedSum", {"step": 5, "fraction": 25, "clamp": -133, "output": Output.TRUNCATE_24}, "step"),
        ("AlignedSum", {"step": 8, "fraction": 26, "clamp": -133, "output": Output.TRUNCATE_24}, "fraction"),
        ("AlignedSum", {"step": 8, "fraction": 25, "clamp": -30, "output": Output.TRUNCATE_24}, "clamp"),
        (
            "AlignedSum",
            {"step": 8, "fraction": 25, "clamp": -133, "output": Output.TRUNCATE_24, "promote": 12},
            "promote",
        ),
        (
            "AlignedSum",
            {"step": 8, "fraction": 25, "clamp": -133, "output": Output.TRUNCATE_24, "scale_block": 8},
            "scale_format",
        ),
        ("GroupedSum", {"group": 24}, "group"),
        ("GroupedSum", {"fraction": 40}, "fraction"),
        ("ExactSum", {"step": 3}, "step"),
        ("FlushedTree", {"step": 8}, "step"),
        ("FlooredSum", {"step": 8, "fraction": 25}, "fraction"),
        ("EvenOddChains", {"tile": 3}, "tile"),
    ],
)
def test_arithmetic_states_what_must_hold(kind, fields, word):
    with pytest.raises(nf.AccumulatorError, match=word):
        getattr(sums, kind)(**fields)


def test_single_source_is_said_once():
    unit = Unit(
        name="test.single",
        instruction="none",
        a="float32",
        b="float32",
        output="float32",
        arithmetic=FmaChain(),
        confidence="C",
        source="this test",
    )
    with pytest.warns(SingleSourceWarning, match=r"test\.single: one source only \(source: this test\)"):
        say_if_single_source(unit)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        say_if_single_source(unit)
        say_if_single_source(nf.units["nvidia.hopper.mma.f16.f32"])


def test_a_conversion_does_not_multiply():
    with pytest.raises(nf.AccumulatorError, match="conversion"):
        nf.matmul([1.0], [1.0], "intel.avx512.vcvtneps2bf16")


def test_aligned_sum_needs_no_unit():
    s = AlignedSum(step=16, fraction=25, clamp=-133, output=Output.TRUNCATE_24)
    assert s.rule == "16 products + C, F=25, E>=-133, truncate 24"


def test_command():
    result = CliRunner().invoke(command, ["hopper", "e4m3"])
    assert result.exit_code == 0 and "nvidia.hopper.wgmma.e4m3.f32" in result.output and "ampere" not in result.output
    listed = json.loads(CliRunner().invoke(command, ["--json"]).output)
    assert [entry["name"] for entry in listed] == nf.units.names() and all(entry["source"] for entry in listed)
    one = json.loads(CliRunner().invoke(command, ["nvidia.ada.mma.e4m3_e5m2.f32", "--json"]).output)
    assert one[0]["b"] == "float8_e5m2"
    assert isinstance(CliRunner().invoke(command, ["hoper"]).exception, nf.NFloatError)


def test_values_of_a_stack_come_back_as_float32():
    assert nf.matmul(np.ones((2, 4)), np.ones((4, 3)), "nvidia.volta.mma.f16.f16").dtype == np.float32
