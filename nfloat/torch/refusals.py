"""What is not emulated, each by a sentence that says what to do. Asked before anything is computed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from ..errors import ArgumentError

#: real types that are emulated
REAL = frozenset({torch.float32, torch.float64, torch.bfloat16, torch.float16})
_STRIDED = torch.strided
#: devices whose tensors may be made: torch's own shapes without numbers are handed on to it
HELD = ("cpu", "meta")
_AUTOCAST = "the recipe says what is rounded already; leave autocast out, or switch it off with enabled=False"
_ASKED = "_callback_from_stance"
_COMPILED = "the operations of a compiled graph cannot be seen: call the function or model as it was before"

_TWO_RULES = (
    "fake quantisation (QAT) rounds by a rule of its own beside the recipe's: take it out of the model, and let a "
    "recipe round, such as nf.nn.recipe('mxfp8').replace(gemm_inputs='mxint8')"
)

#: parts of an aten operation's name -> why it is refused
_BY_NAME = {
    "complex": "complex numbers have no recipe: write their real and imaginary parts as two tensors",
    "polar": "complex numbers have no recipe: write their real and imaginary parts as two tensors",
    "fft": "Fourier transforms are complex: compute them before the emulation begins, or write them as products with a "
    "matrix of cosines and one of sines",
    "fake_quant": _TWO_RULES,
    "_fq_helper": _TWO_RULES,
    "quantize": "quantised tensors compute in integers of their own: emulate the float model under a recipe instead",
    "sparse": "sparse tensors are not emulated: call .to_dense() first, or give an embedding sparse=False",
    "nested": "nested tensors are not emulated: pad their parts to one length, or loop over them",
    "mkldnn": "tensors in oneDNN's layout are not emulated: use torch.backends.mkldnn.flags(enabled=False)",
}


_FUNCTIONAL = (
    "tensors that are spread over processes (DTensor, functional collectives) are not emulated: give each process its "
    "own model, in DistributedDataParallel"
)


def refused(name: str, namespace: str = "aten") -> str | None:
    """Why an operation ("_fft_c2c") is refused, or None."""
    if namespace.startswith("_c10d"):
        return _FUNCTIONAL
    if name in ("mkldnn_rnn_layer", "mkldnn_rnn_layer_backward", "_nested_tensor_from_mask_left_aligned"):
        return None
    if name in ("linalg_eig", "_linalg_eigvals"):
        return _BY_NAME["complex"]
    return next((reason for part, reason in _BY_NAME.items() if part in name), None)


def refuse(operation: str, reason: str) -> ArgumentError:
    """The error for an operation that is not emulated."""
    return ArgumentError(f"{operation} cannot be emulated: {reason}")


def check_tensor(t: torch.Tensor, operation: str) -> None:
    """Refuse a tensor that no recipe covers.

    Raises
    ------
    ArgumentError
        If it is complex, sparse, quantised, nested, of another device or of a type below 16 bits.
    """
    if t.device.type != "cpu":
        raise refuse(operation, f"a tensor lies on {t.device}; move model and batches to the CPU first: .to('cpu')")
    if t.is_nested:
        raise refuse(operation, _BY_NAME["nested"])
    if t.layout is not _STRIDED:
        raise refuse(operation, f"a tensor has the layout {t.layout}; call .to_dense() first")
    if t.is_quantized:
        raise refuse(operation, _BY_NAME["quantize"])
    check_type(t.dtype, operation)


def check_scaled(scaled: bool, operation: str) -> None:
    """Refuse a step within a backward pass of a scaled loss.

    Raises
    ------
    ArgumentError
        If the gradients are still multiplied by the scale.
    """
    if scaled:
        raise refuse(
            operation,
            "a step within the backward pass takes gradients that are still multiplied by the recipe's loss scale: "
            "step when backward() is done, or use nft.emulate(..., loss_scaling=False)",
        )


def check_number(value: Any, operation: str) -> None:
    """Refuse a complex number beside a tensor.

    Raises
    ------
    ArgumentError
        If it is one.
    """
    if type(value) is complex:
        raise refuse(operation, _BY_NAME["complex"])


def check_type(dtype: torch.dtype, operation: str) -> None:
    """Refuse a type that no recipe covers; integers and truth values pass.

    Raises
    ------
    ArgumentError
        If it is complex or has below 16 bits.
    """
    if dtype.is_complex:
        raise refuse(operation, _BY_NAME["complex"])
    if dtype.is_floating_point and dtype not in REAL:
        raise refuse(operation, f"a tensor is stored as {dtype}; nft.round keeps such values in a float32 tensor")


@contextmanager
def no_autocast(is_here: Callable[[], bool]) -> Iterator[None]:
    """A context in which torch.autocast is refused where it begins; switched off it passes, as models write it.

    `is_here` says whether the thread is the one that it is refused in.
    """
    if torch.is_autocast_enabled("cpu"):
        raise refuse("torch.autocast", _AUTOCAST)
    enter = torch.amp.autocast_mode.autocast.__enter__

    def begin(self: Any) -> Any:
        if self._enabled and is_here():
            raise refuse("torch.autocast", _AUTOCAST)
        return enter(self)

    torch.amp.autocast_mode.autocast.__enter__ = begin
    try:
        yield
    finally:
        torch.amp.autocast_mode.autocast.__enter__ = enter


@contextmanager
def no_compiling() -> Iterator[None]:
    """A context in which a call of what torch.compile makes, or made before, is refused.

    Such a call goes through torch._dynamo, which is looked at only where somebody has loaded it: each asks
    ``_callback_from_stance`` what is to be done with a frame.
    """
    compile_ = torch.compile
    before: list[tuple[Any, Any]] = []

    def ask(callback: Any) -> Any:
        if callback:  # None and False: frames that are not to be compiled
            raise refuse("torch.compile", _COMPILED)
        return before[0][1](callback)

    def watch() -> None:
        frames = sys.modules.get("torch._dynamo.eval_frame")
        if not before and hasattr(frames, _ASKED):
            before.append((frames, getattr(frames, _ASKED)))
            setattr(frames, _ASKED, ask)

    def compiled(*args: Any, **kwargs: Any) -> Any:
        found = compile_(*args, **kwargs)
        watch()
        return found

    torch.compile = compiled
    watch()
    try:
        yield
    finally:
        torch.compile = compile_
        for frames, asked in before:
            setattr(frames, _ASKED, asked)


def check_model(model: Any) -> None:
    """Refuse what is no module that runs operation by operation on the CPU.

    Raises
    ------
    ArgumentError
        With one sentence that says what to do.
    """
    if not isinstance(model, torch.nn.Module):
        raise ArgumentError(f"model={type(model).__name__} must be a torch.nn.Module (or several in a list), or None")
    for name, module in model.named_modules():
        where = f"model{'.' + name if name else ''}"
        compiled = (
            type(module).__name__ == "OptimizedModule" or getattr(module, "_compiled_call_impl", None) is not None
        )
        if compiled or isinstance(module, torch.jit.ScriptModule):
            raise ArgumentError(
                f"{where} is compiled, and its operations cannot be seen: give the model as it was before"
            )
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if tensor.is_floating_point() or tensor.is_complex() or tensor.device.type != "cpu":
            check_tensor(tensor, f"model's {name}")


def check_optimizer(optimizer: Any, parameters: Iterable[torch.Tensor] | None) -> None:
    """Refuse what is no optimiser, or not the model's.

    Raises
    ------
    ArgumentError
        With one sentence that says what to do.
    """
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ArgumentError(
            f"optimizer={type(optimizer).__name__} must be a torch.optim.Optimizer (or several in a list), or None"
        )
    if parameters is None:
        return
    own = {id(parameter) for parameter in parameters}
    if not any(id(p) in own for group in optimizer.param_groups for p in group["params"]):
        raise ArgumentError(
            f"optimizer={type(optimizer).__name__} has none of the model's parameters: make it of model.parameters()"
        )
