"""An nf.nn model and its PyTorch twin: the same weights, the same batches, and whether they stay the same bits."""

import numpy as np

import nfloat as nf


def carrier(torch, recipe):
    """The type of a model's tensors under a recipe."""
    return torch.float64 if nf.nn.recipe(recipe).carrier == np.float64 else torch.float32


def make_equal(torch, own, model, recipe):
    """Give a PyTorch model the weights of the engine's, and the engine's what the model can hold of them."""
    dtype = carrier(torch, recipe)
    model.to(dtype)
    model.load_state_dict({name: torch.tensor(t.data).to(dtype) for name, t in own.parameters().items()}, strict=False)
    buffers = {name: t.data for name, t in own.buffers().items()}
    nf.nn.load(own, {name: p.detach().numpy() for name, p in model.named_parameters()} | buffers)


def same_bits(own, model):
    """Names of the parameters that differ in a bit."""
    parameters = own.parameters()
    return [
        name
        for name, p in model.named_parameters()
        if not np.array_equal(parameters[name].data, p.detach().numpy(), equal_nan=True)
    ]
