"""Scaled dot-product attention: taken apart into the steps of `nfloat.nn`, each stored and rounded."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch

from ...nn.attention import as_mask
from ...nn.ops.op import summed_to
from ...nn.ops.products import ACTIVATIONS
from ...nn.precision import Floats, Role
from ..known import Kind
from ..machine import Machine
from ..parts import Part, forward_part
from ..tensors import array_of, in_order, order_of
from .softmax import softened, softened_backward
from .table import row


class Steps(NamedTuple):
    """What backward needs: the operands of both products, as they are stored."""

    scale: float
    scaled: Floats
    keys: Floats
    weights: Floats
    values: Floats
    #: heads of the queries for each of the keys
    repeats: int


@row("_scaled_dot_product_flash_attention_for_cpu")
def attention(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """softmax(scale q k^T + mask) v; the second result is the place of what backward needs."""
    tensors, given = args[:3], dict(zip(("dropout_p", "is_causal"), args[3:], strict=False)) | kwargs
    known = [machine.known(t) for t in tensors]
    part = machine.part(known, [t.numel() for t in tensors], tensors[0].numel())
    # heads lie side by side in what a projection made; each is multiplied more than once
    q, k, v = (np.ascontiguousarray(machine.read(t, own, product=True)) for t, own in zip(tensors, known, strict=True))
    mask = given.get("attn_mask")
    added = as_mask(
        None if mask is None else _mask(machine, mask), given.get("is_causal", False), q.shape[-2], k.shape[-2]
    )
    scale = given.get("scale") or 1.0 / math.sqrt(q.shape[-1])
    values, steps = _forward(machine, part.layer, q, k, v, added, scale)
    values = in_order(values, order_of(tensors[0].stride()))
    found = machine.learned(torch.from_numpy(values).to(tensors[0].dtype), part)
    place = torch.zeros(q.shape[:-1], dtype=torch.float32)
    machine.learned(place, Part(Kind.SCALAR, "", part.layer, False))
    machine.known(place).wide = steps
    return found, place


def _mask(machine: Machine, mask: torch.Tensor) -> Any:
    return mask.numpy() if mask.dtype is torch.bool else array_of(mask)


def _forward(
    machine: Machine, layer: str, q: Floats, k: Floats, v: Floats, mask: Floats | None, scale: float
) -> tuple[Floats, Steps]:
    repeats = q.shape[-3] // k.shape[-3] if q.ndim > 2 else 1
    if repeats > 1:
        q, k, v = q.reshape(q.shape[0], k.shape[1], repeats, *q.shape[2:]), k[:, :, np.newaxis], v[:, :, np.newaxis]
        mask = mask if mask is None or mask.ndim < 3 else np.broadcast_to(
            mask, (q.shape[0], k.shape[1] * repeats, *mask.shape[-2:])
        ).reshape(*q.shape[:3], *mask.shape[-2:])  # fmt: skip

    def stored(values: Floats) -> Floats:
        return machine.cast(Kind.ACTIVATION, Role.ACTIVATION, layer, values)

    forward, keys = forward_part(Kind.ACTIVATION, layer), k.swapaxes(-1, -2)
    scaled = stored(_scaled(machine, forward, q, scale))
    scores = stored(machine.gemm(layer, "forward", scaled, keys, None, ACTIVATIONS))
    weights = stored(_where_any(softened(machine, forward, scores, mask=mask), mask))
    output = stored(machine.gemm(layer, "forward", weights, v, None, ACTIVATIONS))
    if repeats > 1:
        output = output.reshape(output.shape[0], -1, *output.shape[3:])
    return output, Steps(scale, scaled, keys, weights, v, repeats)


def _scaled(machine: Machine, part: Part, x: Floats, factor: float) -> Floats:
    """x times a number, not yet rounded; in float32 where that is how it is stored.

    The product of two float32 numbers is exact in float64, so that float32's own is rounded once.
    """
    single = machine.is_single(part)
    own = np.float32 if single and x.dtype == np.float32 and np.float32(factor) == factor else np.float64
    out = np.empty(x.shape, np.float32 if single else np.float64)
    np.multiply(x, factor, out=out, dtype=own, casting="unsafe")
    return out


def _where_any(weights: Floats, mask: Floats | None) -> Floats:
    """A softmax with zeros instead of NaN in the rows of which a mask leaves nothing, as PyTorch has it."""
    if mask is not None:
        weights[np.broadcast_to(np.isneginf(mask).all(-1, keepdims=True), weights.shape)] = 0.0
    return weights


@row("_scaled_dot_product_flash_attention_for_cpu_backward")
def attention_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The gradients of q, k and v, step by step back."""
    gradient, tensors, place = args[0], args[1:4], args[5]
    layer, steps = machine.layer(), machine.known(place).wide
    known = [machine.known(t) for t in tensors]
    dy = np.ascontiguousarray(machine.read(gradient))
    if steps.repeats > 1:
        dy = dy.reshape(dy.shape[0], -1, steps.repeats, *dy.shape[2:])

    def stored(values: Floats, name: str) -> Floats:
        return machine.cast(Kind.GRADIENT, Role.ACTIVATION_GRADIENT, name, values)

    names = [own.name for own in known]
    dweights, dv = _gradients(machine, layer, steps.weights, steps.values, dy)
    inside = Part(Kind.GRADIENT, layer, layer, True)
    dscores = softened_backward(machine, inside, steps.weights, stored(dweights, layer))
    dscaled, dk = _gradients(machine, layer, steps.scaled, steps.keys, stored(dscores, layer))
    dq = _scaled(machine, Part(Kind.GRADIENT, names[0], layer, True), stored(dscaled, layer), steps.scale)
    found = []
    for values, t, name in zip((dq, dk.swapaxes(-1, -2), dv), tensors, names, strict=True):
        lying = in_order(values.reshape(t.shape), (0, 2, 1, 3))  # the heads side by side
        found.append(machine.result(lying, Part(Kind.GRADIENT, name, layer, True), t.dtype))
    return tuple(found)


def _gradients(machine: Machine, layer: str, a: Floats, b: Floats, dy: Floats) -> tuple[Floats, Floats]:
    """The gradients of the operands of a product of two activations: dy b^T and a^T dy."""
    first, second = ACTIVATIONS
    da = machine.gemm(layer, "input_gradient", dy, b.swapaxes(-1, -2), None, (Role.GEMM_DY, second))
    db = machine.gemm(layer, "weight_gradient", a.swapaxes(-1, -2), dy, None, (first, Role.GEMM_DY))
    return summed_to(machine.p, layer, da, a.shape), summed_to(machine.p, layer, db, b.shape)
