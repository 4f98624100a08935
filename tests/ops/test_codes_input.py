"""Codes in, codes out: which integers are codes, what packing does to any width and size, and what is refused."""

import numpy as np
import pytest

import nfloat as nf


@pytest.mark.parametrize(
    ("codes", "fmt"),
    [
        ([256], "float8_e4m3fn"),
        ([-1], "float8_e4m3fn"),
        ([16], "float4_e2m1fn"),
        ([64], "float6_e2m3fn"),
        ([2**16], "float16"),
        ([2**19], "e8m10"),
        ([-1], "float64"),
        (np.array([-1]), "float64"),
        (np.array([300], ">u2"), "float8_e5m2"),
        ([1 << 40], "float32"),
    ],
    ids=repr,
)
def test_codes_out_of_range_name_the_code(codes, fmt):
    for call in (lambda: nf.decode(codes, fmt), lambda: nf.pack(codes, fmt)):
        with pytest.raises(nf.ArgumentError, match=r"codes: code -?\d+ is not in 0\.\."):
            call()


@pytest.mark.parametrize(
    "codes",
    [[1.0], ["1"], None, [True], [2**64], np.float16([1]), [1j], [None], [[1], [1, 2]], [2**63, 1.0], {1}],
    ids=repr,
)
def test_codes_that_are_not_integers(codes):
    with pytest.raises(nf.ArgumentError, match="codes"):
        nf.decode(codes, "float64")


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", ">u2", "u4", "i8", ">i8", "u8"])
def test_codes_of_any_integer_dtype(dtype):
    codes = np.array([0, 1, 0x38, 0x7E], dtype)
    nf.testing.assert_bits_equal(nf.decode(codes, "float8_e4m3fn"), [0.0, 2.0**-9, 1.0, 448.0])


def test_lists_of_codes_that_need_64_bits():
    """NumPy makes float64 of such a list."""
    nf.testing.assert_bits_equal(nf.decode([2**63, 1], "float64"), [-0.0, 5e-324])
    nf.testing.assert_bits_equal(nf.decode([[2**63], [0x3FF << 52]], "float64"), [[-0.0], [1.0]])
    assert nf.pack((2**63, 1), "float64").tolist() == [0] * 7 + [128, 1] + [0] * 7
    with pytest.raises(nf.ArgumentError, match="codes: code -1 is not in"):
        nf.decode([2**63, -1], "float64")


def test_codes_of_any_layout():
    codes = np.arange(0x3C00, 0x3C00 + 60).astype(np.uint16)
    expected = nf.decode(codes, "float16")
    wide = np.repeat(codes, 2)[::2]
    read_only = codes.copy()
    read_only.flags.writeable = False
    unaligned = np.zeros(121, np.uint8)[1:].view(np.uint16)
    unaligned[:] = codes
    for view in (wide, read_only, unaligned, codes[::-1][::-1], codes.tolist()):
        nf.testing.assert_bits_equal(nf.decode(view, "float16"), expected)
    nf.testing.assert_bits_equal(nf.decode(codes.reshape(6, 10).T, "float16"), expected.reshape(6, 10).T)


@pytest.mark.parametrize(
    ("fmt", "dtype"),
    [
        ("float4_e2m1fn", np.uint8),
        ("float8_e4m3fn", np.uint8),
        ("e5m3", np.uint16),
        ("float16", np.uint16),
        ("tfloat32", np.uint32),
        ("amdfp24", np.uint32),
        ("float32", np.uint32),
        ("e11m21", np.uint64),
        ("float64", np.uint64),
    ],
)
def test_codes_have_the_smallest_dtype(fmt, dtype):
    assert nf.encode([1.0], fmt).dtype == dtype


@pytest.mark.parametrize(
    "fmt",
    [
        "int2",
        "binary3p2sf",
        "float4_e2m1fn",
        "e2m2",
        "float6_e3m2fn",
        "binary7p3se",
        "float8_e5m2",
        "e5m4",
        "float16",
        "tfloat32",
        "amdfp24",
        "e8m22",
        "float32",
        "e11m30",
        "e11m51",
        "float64",
        "fixed40.8",
    ],
)
def test_pack_is_little_endian_and_unpack_undoes_it(fmt):
    bits = nf.get_format(fmt).bits
    for size in (0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 64):
        codes = [hash((i, 7)) % 2**bits for i in range(size)]
        buffer = nf.pack(np.array(codes, np.uint64), fmt)
        assert buffer.dtype == np.uint8
        assert buffer.shape == (-(-size * bits // 8),)
        assert int.from_bytes(bytes(buffer), "little") == sum(c << (i * bits) for i, c in enumerate(codes)), size
        assert nf.unpack(buffer, fmt, size).tolist() == codes
        assert nf.unpack(bytearray(buffer), fmt, (size,)).tolist() == codes
        assert nf.unpack(memoryview(bytes(buffer)), fmt, (1, size)).tolist() == [codes]


@pytest.mark.parametrize("shape", [2.5, None, "3", -1, (2, -1), (1.0,), [None], np.array([2, 2]), True, (2, np.True_)])
def test_bad_shapes(shape):
    with pytest.raises(nf.ShapeError, match="shape="):
        nf.unpack(b"a", "float4_e2m1fn", shape)


@pytest.mark.parametrize(("buffer", "shape"), [(b"a", 3), (b"", 1), (b"ab", 1), (np.zeros((2, 2), np.uint8), 3)])
def test_buffers_of_the_wrong_size(buffer, shape):
    with pytest.raises(nf.ShapeError, match="buffer"):
        nf.unpack(buffer, "float4_e2m1fn", shape)


@pytest.mark.parametrize("buffer", ["a", [1.0], np.uint16([1]), None, [1, 2], [[1], [1, 2]], memoryview(bytes(4))[::2]])
def test_buffers_that_are_not_bytes(buffer):
    with pytest.raises(nf.ArgumentError, match="buffer"):
        nf.unpack(buffer, "float4_e2m1fn", 2)


@pytest.mark.parametrize(
    ("fmt", "code"),
    [
        ("float16", 0x7E00),
        ("bfloat16", 0x7FC0),
        ("float32", 0x7FC00000),
        ("float64", 0x7FF8000000000000),
        ("float8_e5m2", 0x7E),
        ("float8_e4m3fn", 0x7F),
        ("float8_e4m3", 0x7C),
        ("float8_e4m3fnuz", 0x80),
        ("float8_e5m2fnuz", 0x80),
        ("float8_e8m0fnu", 0xFF),
        ("binary8p3se", 0x80),
        ("binary8p3ue", 0xFF),
        ("dlfloat16", 0x7FFF),
        ("e3m1", 0xF),
        ("tfloat32", 0x3FE00),
    ],
)
def test_nan_is_encoded_as_the_quiet_positive_one(fmt, code):
    for x in (np.nan, -np.nan, np.float32(np.nan)):
        assert nf.encode(x, fmt) == code
    assert (nf.encode(np.full(70, -np.nan), fmt) == code).all()


def test_the_first_nan_without_a_code_is_named():
    x = np.zeros((4, 30), np.float32)
    x[2, 17] = x[3, 1] = np.nan
    with pytest.raises(nf.RepresentationError, match=r"element .*2.*17.*float4_e2m1fn"):
        nf.encode(x, "float4_e2m1fn")
    with pytest.raises(nf.RepresentationError, match=r"element .*2.*17"):
        nf.encode(x.astype(np.float64), "int8")
    with pytest.raises(nf.RepresentationError, match=r"element \(41,\) gives NaN"):
        nf.encode(np.where(np.arange(100) == 41, np.nan, 1).astype(np.float32), "float4_e2m1fn")
    with pytest.raises(nf.RepresentationError, match=r"^x gives NaN"):
        nf.encode(np.nan, "int8")


@pytest.mark.parametrize(
    "fmt",
    [
        "fixed16.200",
        "fixed16.150",
        "fixed12.-300",
        "fixed32.16",
        "int5",
        "e11m20",
        "float32",
        "amdfp24",
        "dlfloat16",
        "float8_e8m0fnu",
        nf.Format(name="64 bits", precision=53, emin=-1022, emax=1023, bits=64, has_inf=False, nan="negative_zero"),
    ],
    ids=str,
)
def test_codes_do_not_depend_on_how_many_there_are(fmt):
    """Tables, lanes and NumPy's passes begin at some length: what one code gives, each of many gives."""
    rng = np.random.default_rng(2)
    codes = nf.encode(
        np.ldexp(rng.standard_normal(40000), rng.integers(-5, 5, 40000)) * (float(nf.finfo(fmt).max) / 2**12),
        fmt,
        overflow="saturate",
    )
    each = np.array([nf.decode(codes[i : i + 1], fmt)[0] for i in range(200)])
    for length in (63, 64, 200, 5000, codes.size):
        values = nf.decode(codes[:length], fmt)
        nf.testing.assert_bits_equal(values[:200], each[:length])
        numbers = ~np.isnan(values)
        assert np.array_equal(nf.encode(values[numbers], fmt), codes[:length][numbers])


@pytest.mark.parametrize(
    "fmt",
    [
        "bfloat16",
        "float16",
        "float8_e4m3fn",
        "float8_e5m2fnuz",
        "binary8p4uf",
        "tfloat32",
        "dlfloat16",
        "float6_e3m2fn",
    ],
)
def test_infinities_and_nan_among_numbers(fmt):
    """Special values in every place of a block, next to overflow: as each of them alone."""
    f, special = (
        nf.get_format(fmt),
        np.array([np.inf, -np.inf, np.nan, -np.nan, 2.0**126, -(2.0**126), 1.0, 0.0, -0.0, 3.3], np.float32),
    )
    if not f.has_nan:
        special = np.array([np.inf, -np.inf, 2.0**126, -(2.0**126), 1.0, 0.0, -0.0, 3.3], np.float32)
    x = np.random.default_rng(0).choice(special, 700)
    for policy in (None, "saturate", "saturate_finite"):
        for mode in ("nearest_even", "toward_zero", "stochastic"):
            how = {"rounding": mode, "overflow": policy, "seed": 1 if mode == "stochastic" else None}
            plain = mode if mode != "stochastic" else "nearest_even"
            alone = {
                v.tobytes(): (nf.round(v, f, plain, overflow=policy), nf.encode(v, f, plain, overflow=policy))
                for v in special[:-1]
            }
            among = np.array([v.tobytes() in alone for v in x])
            values, codes = nf.round(x, f, **how), nf.encode(x, f, **how)
            nf.testing.assert_bits_equal(values[among], np.array([alone[v.tobytes()][0] for v in x[among]]))
            assert np.array_equal(codes[among], np.array([alone[v.tobytes()][1] for v in x[among]]))
            nf.testing.assert_bits_equal(nf.decode(codes, f), values)


def test_a_small_negative_number_is_flushed_in_an_unsigned_format_too():
    for fmt in (
        nf.Format(name="u", precision=4, emin=-6, emax=7, signed=False, subnormals="flush_output"),
        nf.Format(name="z", precision=4, emin=-6, emax=7, signed=False, lowest_binade="zero_first"),
    ):
        for length in (1, 16, 64, 300):
            for dtype in (np.float32, np.float64):
                x = np.full(length, -0.01, dtype)
                assert (nf.round(x, fmt) == 0).all() and (nf.encode(x, fmt) == 0).all()


def test_masked_codes_are_refused():
    codes = np.ma.array([1, 2], mask=[0, 1], dtype=np.uint8)
    for call in (
        lambda: nf.decode(codes, "e4m3fn"),
        lambda: nf.pack(codes, "e4m3fn"),
        lambda: nf.round([np.ma.array([1.0, 2.0], mask=[0, 1])], "bf16"),
    ):
        with pytest.raises(nf.ArgumentError, match="masked"):
            call()
