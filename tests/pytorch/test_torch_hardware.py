"""Two networks that PyTorch 2.11 trained on an H200 under autocast (CUDA 13.0, 2026-11-26), trained here again.

``h200_training.json`` holds digests of all that the GPU computed in the first step of a convolutional network in
bfloat16 (float32 tensors' bytes, SHA-256, 64 bits), which are reproduced bit for bit, and the losses of 20 steps of
both networks. Weights follow the draws of ``default_rng(5)``, batches those of ``default_rng(6)``, one after the other;
SGD with a rate of 0.05 and momentum 0.9; in float16 a scale of 1024. The GPU adds a convolution's bias in an operation
of its own, rounds the gradients of weights as those of activations, and its SGD's sums with one rounding, not two: so
weights move apart by units in float32's last place.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import nfloat as nf

torch = pytest.importorskip("torch")

import nfloat.torch as nft

F, nn = torch.nn.functional, torch.nn
RECORDED = json.loads(Path(__file__).with_name("h200_training.json").read_text())
#: type under autocast -> the recipe, the loop's own scale, how far losses are apart
AUTOCAST = {
    "bfloat16": (nf.nn.recipe("bf16-mixed").replace(weight_gradients="bfloat16"), 1.0),
    "float16": (nf.nn.recipe("fp16-mixed").replace(weight_gradients="float16", loss_scaling=None), 1024.0),
}


class Mlp(nn.Module):
    shape = (64, 64)

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(64, 256), nn.Linear(256, 128), nn.Linear(128, 16)

    def forward(self, x):
        return {"c": self.c(F.relu(self.b(F.gelu(self.a(x)))))}


class Cnn(nn.Module):
    shape = (8, 8, 16, 16)

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(8, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)
        self.c = nn.Linear(2048, 16)

    def forward(self, x):
        seen = {}
        for layer, name, bent in ((self.a, "a", "r"), (self.b, "b", "r2")):
            seen[name] = F.conv2d(x, layer.weight, padding=1) + layer.bias.view(-1, 1, 1)
            x = seen[bent] = F.relu(seen[name])
        seen["p"] = F.max_pool2d(x, 2)
        seen["c"] = self.c(seen["p"].flatten(1))
        return seen


def filled(model):
    """The model with the recorded training's first weights."""
    draws = np.random.default_rng(5)
    for name, p in model.named_parameters():
        z = draws.standard_normal(tuple(p.shape))
        values = z * 0.1 if name.endswith("bias") else z / np.sqrt(np.prod(p.shape[1:]))
        p.data = torch.from_numpy(values.astype(np.float32))
    return model


def trained(make, dtype, steps):
    """Losses of a training, and all that its first step computed."""
    model, draws = filled(make()), np.random.default_rng(6)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    recipe, scale = AUTOCAST[dtype]
    scaler = torch.amp.GradScaler("cpu", init_scale=scale, enabled=scale != 1.0)
    losses, first = [], {}
    with nft.emulate(recipe, model=model, optimizer=optimizer):
        for step in range(steps):
            x = torch.from_numpy(draws.standard_normal(make.shape).astype(np.float32))
            labels = torch.from_numpy(draws.integers(0, 16, make.shape[0]))
            optimizer.zero_grad()
            seen = model(x)
            for t in seen.values() if step == 0 else ():
                t.retain_grad()
            loss = F.cross_entropy(seen["c"], labels)
            scaler.scale(loss).backward()
            if step == 0:
                first = {f"fwd.{k}": t for k, t in seen.items()} | {f"grad.{k}": t.grad for k, t in seen.items()}
                first |= {f"dw.{k}": p.grad.clone() for k, p in model.named_parameters()}
            scaler.step(optimizer)
            scaler.update()
            losses.append(loss.item())
    return losses, {k: t.detach().contiguous().numpy() for k, t in first.items()}


def digest(a):
    return hashlib.sha256(a.astype("<f4").tobytes()).hexdigest()[:16]


def test_a_step_in_bfloat16_has_the_gpu_s_bits():
    losses, first = trained(Cnn, "bfloat16", 3)
    assert {name: digest(a) for name, a in first.items()} == RECORDED["cnn.bfloat16"]
    assert losses == pytest.approx(RECORDED["losses"]["cnn.bfloat16"][:3], rel=1e-6)


@pytest.mark.parametrize("dtype", AUTOCAST)
@pytest.mark.parametrize("make", [Mlp, Cnn])
def test_losses_are_nearer_to_the_gpu_s_than_these_are_to_float32_s(make, dtype):
    recorded, name = RECORDED["losses"], make.__name__.lower()
    losses = trained(make, dtype, 8)[0]
    gpu, single = (np.array(recorded[f"{name}.{t}"][:8]) for t in (dtype, "f32"))
    assert np.abs(losses - gpu).mean() < 0.5 * np.abs(single - gpu).mean()
