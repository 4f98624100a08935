"""`round`, `matmul` and `quantize` of tensors: nfloat's own functions, differentiable.

A rounding has derivative 1 (straight through); the gradients of a product are products in the same accumulator, of the
gradient and the operands as they were given; these have gradients of their own. Results have the tensor's type, of two
the wider. `torch.func`'s transforms go through them: under `vmap` each example is rounded as it would be alone, and
random bits are shared or not as vmap's `randomness` says.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..blocks.array import BlockArray
from ..blocks.quantize import quantize as quantize_array
from ..errors import ArgumentError
from ..formats.blocks import BlockFormat
from ..formats.names import FormatLike
from ..linalg.accumulators import AccumulatorLike
from ..linalg.matmul import matmul as matmul_arrays
from ..nn.recipes.sums import as_sums, described
from ..ops.rounding import round as round_array
from ..streams import SeedLike, as_stream
from .emulate import listed
from .refusals import check_tensor
from .tensors import array_of, tensor_of


def _checked(t: Any, argument: str, operation: str) -> torch.Tensor:
    if not isinstance(t, torch.Tensor) or not t.is_floating_point():
        found = t.dtype if isinstance(t, torch.Tensor) else type(t).__name__
        raise ArgumentError(
            f"{argument}: nft.{operation} takes a tensor of real numbers, not {found}; nf.{operation} takes arrays"
        )
    check_tensor(t, operation)
    return t


class _Round(torch.autograd.Function):
    @staticmethod
    def forward(t: torch.Tensor, fmt: Any, rounding: str, options: dict[str, Any]) -> torch.Tensor:
        values = np.asarray(round_array(array_of(t), fmt, rounding, **options))
        listed("round", fmt, rounding, values.size)
        return tensor_of(values, t.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        return gradient, None, None, None

    @staticmethod
    def jvp(ctx: Any, tangent: torch.Tensor, *_: None) -> torch.Tensor:
        return tangent.clone()

    @staticmethod
    def vmap(info: Any, places: tuple[Any, ...], *inputs: Any) -> tuple[torch.Tensor, int]:
        return _in_turn(_Round, info, places, inputs)


def _in_turn(function: Any, info: Any, places: tuple[Any, ...], inputs: tuple[Any, ...]) -> tuple[torch.Tensor, int]:
    """What `torch.func.vmap` of a function gives: the function of each example; the last input is its options."""
    *pairs, (options, _) = zip(inputs, places, strict=True)
    each = []
    for i, seed in enumerate(_seeds(options["seed"], info)):
        own = [x.select(at, i) if isinstance(at, int) else x for x, at in pairs]
        each.append(function.apply(*own, {**options, "seed": seed}))
    return torch.stack(each), 0


def _seeds(seed: SeedLike | None, info: Any) -> list[SeedLike | None]:
    """The seed of each example, by what was said to `torch.func.vmap` of randomness."""
    if seed is not None and info.randomness == "error":
        raise ArgumentError(
            f"seed={seed!r} under torch.func.vmap: say whether examples share random bits, by vmap's own "
            "randomness='different' or randomness='same'"
        )
    if seed is None or info.randomness == "same":
        return [seed] * info.batch_size
    stream = as_stream(seed)
    return [stream.child("example", i) for i in range(info.batch_size)]


def round(
    t: torch.Tensor,
    fmt: FormatLike | BlockFormat,
    rounding: str = "nearest_even",
    *,
    overflow: str | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
    axis: int | tuple[int, int] | None = None,
    scale_rule: str | None = None,
) -> torch.Tensor:
    """Each element rounded once to a format, as `nf.round` does it; the gradient passes straight through.

    Parameters
    ----------
    t : torch.Tensor
        Real numbers on the CPU.
    fmt, rounding, overflow, random_bits, seed, axis, scale_rule
        As of `nf.round`.

    Raises
    ------
    ArgumentError
        If `t` is no tensor of real numbers on the CPU.
    FormatError, RoundingError, SeedError
        As `nf.round` raises them.

    Examples
    --------
    >>> t = torch.tensor([1.0, 1.003], requires_grad=True)
    >>> y = round(t, "bfloat16")
    >>> y.tolist(), torch.autograd.grad(y.sum(), t)[0].tolist()
    ([1.0, 1.0], [1.0, 1.0])
    """
    options = {"overflow": overflow, "random_bits": random_bits, "seed": seed, "axis": axis, "scale_rule": scale_rule}
    found: torch.Tensor = _Round.apply(_checked(t, "t", "round"), fmt, rounding, options)
    return found


class _Matmul(torch.autograd.Function):
    @staticmethod
    def forward(a: torch.Tensor, b: torch.Tensor, c: Any, acc: Any, options: dict[str, Any]) -> torch.Tensor:
        values = np.asarray(matmul_arrays(array_of(a), array_of(b), acc, None if c is None else array_of(c), **options))
        listed("matmul.sum", *described(as_sums(acc)), values.size)
        return tensor_of(values, torch.promote_types(a.dtype, b.dtype))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        a, b, c, ctx.acc, ctx.options = inputs
        ctx.save_for_backward(a, b)
        ctx.start = None if c is None else c.shape

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        a, b = ctx.saved_tensors
        left, right = (a if a.dim() > 1 else a.unsqueeze(0)), (b if b.dim() > 1 else b.unsqueeze(1))
        dy = gradient.unsqueeze(-1) if b.dim() == 1 else gradient
        dy = dy.unsqueeze(-2) if a.dim() == 1 else dy
        da = db = dc = None
        if ctx.needs_input_grad[0]:
            da = _summed(_gradient(ctx, dy, right.mT, "a"), left.shape).reshape(a.shape)
        if ctx.needs_input_grad[1]:
            db = _summed(_gradient(ctx, left.mT, dy, "b"), right.shape).reshape(b.shape)
        if ctx.start is not None and ctx.needs_input_grad[2]:
            dc = _summed(gradient, ctx.start)
        return da, db, dc, None, None

    @staticmethod
    def vmap(info: Any, places: tuple[Any, ...], *inputs: Any) -> tuple[torch.Tensor, int]:
        return _in_turn(_Matmul, info, places, inputs)


def _gradient(ctx: Any, x: torch.Tensor, y: torch.Tensor, operand: str) -> torch.Tensor:
    """The product of a gradient; it has a gradient of its own, and stochastic sums draw from a stream of their own."""
    options, seed = ctx.options, ctx.options["seed"]
    if seed is not None:
        stream = as_stream(seed)
        options = {**options, "seed": stream.child("gradient", operand)}
    found: torch.Tensor = _Matmul.apply(x, y, None, ctx.acc, options)
    return found


def _summed(gradient: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """The gradient of an operand that was broadcast from `shape`."""
    return gradient if gradient.shape == shape else gradient.sum_to_size(shape)


def matmul(
    a: torch.Tensor,
    b: torch.Tensor,
    acc: AccumulatorLike,
    c: torch.Tensor | None = None,
    *,
    inputs: Any = None,
    output: FormatLike | None = None,
    seed: SeedLike | None = None,
    threads: int | None = None,
) -> torch.Tensor:
    """a @ b + c, every sum formed as `acc` says, as `nf.matmul` does it; differentiable.

    Parameters
    ----------
    a, b, c : torch.Tensor
        Real numbers on the CPU, of shapes as in `nf.matmul`.
    acc, inputs, output, seed, threads
        As of `nf.matmul`; the gradients are products with the same.

    Raises
    ------
    ArgumentError
        If an operand is no tensor of real numbers on the CPU.
    AccumulatorError, FormatError, ShapeError, SeedError, RepresentationError
        As `nf.matmul` raises them.

    Examples
    --------
    >>> ones = torch.ones(1, 4096)
    >>> matmul(ones, ones.T, "float16")
    tensor([[2048.]])
    """
    tensors = [_checked(t, name, "matmul") for t, name in ((a, "a"), (b, "b"))]
    start = None if c is None else _checked(c, "c", "matmul")
    threads = torch.get_num_threads() if threads is None else threads
    options = {"inputs": inputs, "output": output, "seed": seed, "threads": threads}
    found: torch.Tensor = _Matmul.apply(*tensors, start, acc, options)
    return found


def quantize(t: torch.Tensor, fmt: BlockFormat | str, rounding: str = "nearest_even", **options: Any) -> BlockArray:
    """Codes and scales of a block format, as `nf.quantize` gives them. `round` gives the values, differentiable.

    Parameters
    ----------
    t : torch.Tensor
        Real numbers on the CPU.
    fmt, rounding, **options
        As of `nf.quantize`.

    Raises
    ------
    ArgumentError
        If `t` is no tensor of real numbers on the CPU.

    Examples
    --------
    >>> quantize(torch.eye(32), "mxfp4").codes.shape
    (32, 32)
    """
    return quantize_array(array_of(_checked(t, "t", "quantize")), fmt, rounding, **options)
