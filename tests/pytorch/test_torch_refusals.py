"""Bad use gets one sentence that says what to do, before anything is computed."""

import copy
import warnings

import pytest

import nfloat as nf

torch = pytest.importorskip("torch")

import nfloat.torch as nft


def refused(match, act, recipe="bf16-mixed", **given):
    with pytest.raises(nf.NFloatError, match=match) as caught, nft.emulate(recipe, **given):
        act()
    assert "\n" not in str(caught.value)


def test_no_such_recipe():
    with pytest.raises(nf.NFloatError, match="'bf16-mixd' is not a recipe; did you mean 'bf16-mixed'"):
        nft.emulate("bf16-mixd")


def test_entered_twice():
    with (
        nft.emulate("float32"),
        pytest.raises(nf.NFloatError, match="running already"),
        nft.emulate("float32"),
    ):
        pass
    with nft.emulate("float32"):  # and the first one's end is clean
        pass


def test_after_an_error_nothing_is_left():
    with pytest.raises(ZeroDivisionError), nft.emulate("bf16-pure"):
        raise ZeroDivisionError
    x = torch.tensor([1.001]) * 1.0
    assert x.item() == torch.tensor(1.001).item()


def test_models_that_are_none():
    with pytest.raises(nf.NFloatError, match=r"model=int must be a torch\.nn\.Module"):
        nft.emulate("float32", model=3)
    compiled = torch.nn.Linear(2, 2)
    compiled._compiled_call_impl = compiled.forward  # what model.compile() leaves, without its half a minute
    with pytest.raises(nf.NFloatError, match="compiled"):
        nft.emulate("float32", model=compiled)
    with pytest.raises(nf.NFloatError, match=r"0\.weight .*complex"):
        nft.emulate("float32", model=torch.nn.Sequential(torch.nn.Linear(2, 2, dtype=torch.complex64)))
    with pytest.raises(nf.NFloatError, match=r"meta.*to\('cpu'\)"):
        nft.emulate("float32", model=torch.nn.Linear(2, 2, device="meta"))


def test_optimizers_of_another_model():
    model, other = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    with pytest.raises(nf.NFloatError, match=r"none of the model's parameters.*model\.parameters\(\)"):
        nft.emulate("float32", model=model, optimizer=torch.optim.SGD(other.parameters(), lr=0.1))
    with pytest.raises(nf.NFloatError, match=r"optimizer=float must be a torch\.optim\.Optimizer"):
        nft.emulate("float32", model=model, optimizer=0.1)


def test_steps_are_counted_from_a_whole_number():
    with pytest.raises(nf.NFloatError, match="step=-1"):
        nft.emulate("float32", step=-1)


@pytest.mark.parametrize("threads", [0, 1.5, "2"])
def test_threads_are_a_whole_number(threads):
    with pytest.raises(nf.NFloatError, match="threads=.* must be a positive integer"):
        nft.emulate("float32", threads=threads)


def test_tensors_that_no_recipe_covers():
    x = torch.ones(2, 2)
    refused("complex", lambda: torch.complex(x, x))
    refused("complex", lambda: torch.ones(2, dtype=torch.complex64) + 1.0)
    refused("Fourier", lambda: torch.fft.fft(x))
    refused("to_dense", lambda: x.to_sparse().mm(x))
    refused("Fourier.*cosines", lambda: torch.fft.rfft(x).abs())
    refused("QAT.*mxint8", lambda: torch.fake_quantize_per_tensor_affine(x, 0.1, 0, -8, 7))
    refused("quantised", lambda: torch.quantize_per_tensor(x, 0.1, 0, torch.qint8))
    refused("meta", lambda: x.to("meta") + x)
    refused("autocast", lambda: _under_autocast(x))
    refused("nft.round keeps", lambda: x.to(torch.float8_e4m3fn))


def test_shapes_without_numbers_are_torch_s_own():
    """Models are made so, and given their numbers later."""
    with nft.emulate("bf16-mixed"):
        with torch.device("meta"):
            model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.LayerNorm(3))
        assert (model[0].weight.mT @ model[0].weight).shape == (4, 4)
        model.load_state_dict({"0.weight": torch.ones(3, 4), "0.bias": torch.zeros(3)}, assign=True, strict=False)
        model[1].to_empty(device="cpu").reset_parameters()
        assert torch.equal(model(torch.ones(2, 4)), torch.zeros(2, 3))
        assert copy.deepcopy(model).to("meta")[0].weight.is_meta


def _under_autocast(x):
    with torch.autocast("cpu", torch.bfloat16):
        return x @ x


def test_compiled_functions():
    """One that is compiled inside, and one that was before; afterwards it runs as it did."""
    x = torch.ones(2, 2)
    refused("torch.compile", lambda: torch.compile(lambda x: x + 1.0, backend="eager")(x))
    compiled = torch.compile(lambda x: x @ x, backend="eager")
    expected = compiled(x)
    refused("torch.compile", lambda: compiled(x))
    assert torch.equal(compiled(x), expected)


def test_functions_of_tensors():
    with pytest.raises(nf.NFloatError, match="t: nft.round takes a tensor of real numbers"):
        nft.round([1.0], "bfloat16")
    with pytest.raises(nf.NFloatError, match="a: nft.matmul takes a tensor of real numbers, not torch.int64"):
        nft.matmul(torch.ones(2, 2, dtype=torch.int64), torch.ones(2, 2), "float32")
    with pytest.raises(nf.NFloatError, match="meta"):
        nft.round(torch.ones(2, device="meta"), "bfloat16")
    with pytest.raises(nf.NFloatError, match="seed"):
        nft.round(torch.ones(2), "bfloat16", "stochastic")


@pytest.mark.parametrize("recipe", ["bf16-mixed", "float64"])
def test_complex_numbers_that_arise_inside(recipe):
    """A model's own float32 under "float64" too, which torch computes."""
    x = torch.ones(2, 2)
    made = (
        lambda: torch.complex(x, x), lambda: torch.view_as_complex(x), lambda: torch.mul(x, 1j),
        lambda: torch.add(x, 1j), lambda: torch.div(x, 1j), lambda: torch.pow(x, 1j),
    )  # fmt: skip
    for each in made:
        with nft.emulate(recipe), pytest.raises(nf.NFloatError, match="complex numbers have no recipe"):
            each()
    refused("complex numbers", lambda: x.clone().mul_(1j))
    refused("complex numbers", lambda: x.clone().add_(1j))


def test_nested_tensors():
    parts = [torch.ones(2), torch.ones(3)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls them a prototype
        nested = torch.nested.nested_tensor(parts)
        refused("pad their parts", lambda: torch.nested.nested_tensor(parts))
    refused("pad their parts", lambda: nested + 1.0)


def test_an_encoder_with_padding_makes_no_nested_tensor():
    layer = torch.nn.TransformerEncoderLayer(8, 2, 8, batch_first=True)
    model = torch.nn.TransformerEncoder(layer, 1).eval()
    padding = torch.tensor([[False, False, True], [False, True, True]])
    x = torch.ones(2, 3, 8)
    with nft.emulate("float32", model=model), torch.no_grad():
        found = model(x, src_key_padding_mask=padding)
    torch.testing.assert_close(found[~padding], model(x, src_key_padding_mask=padding)[~padding], rtol=2e-6, atol=2e-6)
