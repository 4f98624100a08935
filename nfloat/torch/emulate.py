"""`emulate`: the context in which an unchanged PyTorch loop is computed as a recipe says."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, TypeAlias

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.parameter import is_lazy

from ..errors import ArgumentError, as_integer, as_truth, check_callable
from ..formats.blocks import BlockFormat
from ..formats.names import FormatLike
from ..nn.operands import AmaxHistory
from ..nn.precision import Observer, Precision
from ..nn.recipes import Recipe, recipe
from ..nn.scaling import LossScaler, LossScaling
from ..streams import SeedLike, Stream, as_stream
from . import operations  # noqa: F401  (fills the table)
from .joining import Joining
from .known import learn_buffer
from .machine import Machine
from .mode import Dispatch
from .operations.narrower import reference
from .places import Places
from .recurrent import Recurrent
from .refusals import check_model, check_optimizer, no_autocast, no_compiling
from .scaling import Backward
from .stepping import Stepping
from .tracing import Trace

Models: TypeAlias = torch.nn.Module | Sequence[torch.nn.Module] | None
Optimizers: TypeAlias = torch.optim.Optimizer | Sequence[torch.optim.Optimizer] | None

#: the emulation that is running
_RUNNING: list[Emulation] = []


class Emulation:
    """An emulation at work; made by `emulate`.

    Attributes
    ----------
    recipe : Recipe
        What is rounded where.
    steps : int
        Steps of optimisers so far, `step` of `emulate` included.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> with emulate("bf16-pure", model=model, optimizer=optimizer) as run:
    ...     model(torch.ones(4, 2)).sum().backward()
    ...     optimizer.step()
    >>> run.recipe.name, run.steps, bool((model.weight == model.weight.bfloat16()).all())
    ('bf16-pure', 1, True)
    """

    def __init__(
        self,
        own: Recipe,
        models: list[tuple[str, torch.nn.Module]],
        seed: Stream,
        step: int,
        threads: int | None,
        observer: Observer | None,
        scaling: LossScaling | None,
        leaves: list[torch.Tensor],
    ) -> None:
        self.recipe, self.steps, self._seed, self._threads, self.observer = own, step, seed, threads, observer
        self._trace = Trace()
        self._machine = Machine(Places(models), self._trace)
        self._machine.reference = reference(own)
        self._models, self._leaves = models, leaves
        self._backward = Backward(self._machine, scaling)
        self._stepping = Stepping(self._machine, self._backward.skips)
        self._scales = AmaxHistory()
        self._stack = ExitStack()

    def __enter__(self) -> Emulation:
        if _RUNNING:
            raise ArgumentError(
                "emulate is running already, and one recipe rules at a time: leave it before the next one"
            )
        _RUNNING.append(self)
        self._stack = ExitStack()
        self._stack.callback(_RUNNING.pop)
        try:
            self._begin()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _begin(self) -> None:
        machine, stack = self._machine, self._stack
        stack.enter_context(no_autocast(machine.places.is_here))
        stack.enter_context(no_compiling())
        self._renew()
        self._adopt()
        machine.mode, self._stepping.done = Dispatch(machine), self._stepped
        stack.callback(setattr, machine, "mode", None)  # nothing holds what holds it: all goes when nobody needs it
        for part in (machine.places, self._stepping, self._backward, Joining(machine.places), Recurrent()):
            part.start()
            stack.callback(part.stop)
        mkldnn = torch._C._get_mkldnn_enabled()  # its own LSTM hides products; `torch.backends.mkldnn.flags` may warn
        torch._C._set_mkldnn_enabled(False)
        stack.callback(torch._C._set_mkldnn_enabled, mkldnn)
        stack.enter_context(sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]))
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        stack.callback(torch.backends.mha.set_fastpath_enabled, fast)
        stack.enter_context(machine.mode)
        stack.callback(machine.plans.clear)

    def _adopt(self) -> None:
        machine = self._machine
        machine.names = {}
        machine.places.called = machine.meet
        for prefix, model in self._models:
            for name, parameter in model.named_parameters(prefix=prefix):
                machine.names[id(parameter)] = name
                if not is_lazy(parameter):  # those of lazy modules are met when they have numbers
                    machine.adopt(parameter)
            for name, buffer in model.named_buffers(prefix=prefix):
                if not is_lazy(buffer) and buffer.is_floating_point():
                    learn_buffer(buffer, machine, name)
        for leaf in self._leaves:
            machine.take(leaf)

    def _renew(self) -> None:
        """A precision for the step that begins."""
        threads = torch.get_num_threads() if self._threads is None else self._threads
        own = Precision(
            self.recipe,
            self._seed,
            self.steps,
            self.observer,
            threads,
            scales=self._scales,
            tracer=self._trace.rounded,
        )
        self._machine.begin(own)

    def _stepped(self) -> None:
        self.steps += 1
        self._renew()

    @property
    def scaler(self) -> LossScaler | None:
        """The recipe's loss scaler, where it is at work."""
        return self._backward.scaler

    @property
    def skipped(self) -> bool:
        """Whether the last step was left out, since a gradient was not finite."""
        return self._backward.skipped

    def trace(self) -> list[dict[str, Any]]:
        """What was rounded where: one row per operation, module, role, format and accumulator.

        Each is a dict with these keys and "how" ("by default" for an operation that no row of the table names), "calls"
        and "elements".
        """
        return self._trace.rows()


def emulate(
    recipe_or_name: Recipe | str,
    model: Models = None,
    optimizer: Optimizers = None,
    seed: SeedLike = 0,
    *,
    step: int = 0,
    threads: int | None = None,
    observer: Observer | None = None,
    loss_scaling: bool = True,
) -> Emulation:
    """A context in which PyTorch computes as a recipe says, forward, backward and updates, on the CPU.

    Parameters
    ----------
    recipe_or_name : Recipe or str
        A recipe, or a name in `nf.nn.recipes`.
    model : torch.nn.Module or sequence of them, optional
        Gives parameters their names, by which layers are overridden and random bits are drawn, and buffers their part.
        Its parameters are stored at once as the recipe stores them. Without it, parameters are met as they are used.
    optimizer : torch.optim.Optimizer or sequence of them, optional
        Checked to be the model's. Every optimiser that steps inside is followed, named here or not; tensors that are no
        `torch.nn.Parameter` are parameters from the start if it is named, from its first step on if not.
    seed : int or Stream
        Where random bits come from; used by stochastic casts and accumulators only.
    step : int
        Number of the first step: part of the streams' names. A loop that enters the context anew for each step says
        which step it is, lest all draw the same bits.
    threads : int, optional
        Threads of matrix products; torch's own number by default. Changes no bit.
    observer : callable, optional
        As of `nf.nn.precision`: ``observer(layer, tensor, before, after)``.
    loss_scaling : bool
        Whether a recipe that scales losses does so here. A loop with a GradScaler keeps its own.

    Raises
    ------
    ArgumentError
        If there is no such recipe; model or optimiser are none, compiled, of another device, or do not belong
        together; on entering, if an emulation is running already; inside, by any operation that is not emulated.

    Notes
    -----
    Tensors keep their types: where a float32 parameter must hold a result of a float64 recipe, it holds that rounded
    once more, so a model for such a recipe is a ``model.double()``. What such a model casts to float32 by itself (a
    loss, a norm) and computes there, torch computes, as it does without emulation; the trace says "in its own type".
    So too, under float64 and float32, what an optimiser computes in bfloat16 (Muon), and under float64 the counts and
    rates that it keeps in float32.

    A parameter that is changed in place, wherever that is, is read and stored as weights are; so is a buffer, as a
    batch norm's statistics are. What is assigned anew (``self.center = 0.9 * self.center + ...``) is a result like
    others, an activation, unless it is made of weights alone while no gradients are recorded.

    Among several processes (`DistributedDataParallel`) gradients are summed by torch, in the tensors' type, and rounded
    as gradients are stored. Threads other than the one that entered are not emulated.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Linear(2, 1)
    >>> with emulate("bf16-mixed", model=model) as run:
    ...     _ = model(torch.ones(4, 2))
    >>> [(row["operation"], row["role"], row["format"]) for row in run.trace() if row["role"] == "activation"]
    [('addmm', 'activation', 'bfloat16')]
    """
    own = recipe(recipe_or_name)
    if as_integer(step) is None or step < 0:
        raise ArgumentError(f"step={step!r} of an emulation must be an integer of at least 0")
    if threads is not None and (as_integer(threads) is None or threads < 1):
        raise ArgumentError(f"threads={threads!r} must be a positive integer, or None for torch.get_num_threads()")
    check_callable("observer", observer)
    models, optimizers = _several(model), _several(optimizer)
    for each in models:
        check_model(each)
    for one in optimizers:
        check_optimizer(one, [p for each in models for p in each.parameters()] if models else None)
    named = [("", models[0])] if len(models) == 1 else [(str(i), each) for i, each in enumerate(models)]
    stream = as_stream(seed)
    scaling = own.loss_scaling if as_truth(loss_scaling, "loss_scaling") else None
    leaves = [p for one in optimizers for group in one.param_groups for p in group["params"]]
    return Emulation(own, named, stream, step, threads, observer, scaling, leaves)


def listed(role: str, fmt: FormatLike | BlockFormat, mode: str, elements: int) -> None:
    """Put what `round` and `matmul` of tensors do inside an emulation into its trace."""
    for run in _RUNNING:
        run._trace.operation, run._trace.how = f"nft.{role.partition('.')[0]}", ""
        run._trace.rounded(run._machine.places.layer, role, getattr(fmt, "name", str(fmt)), mode, elements)


def _several(value: Any) -> list[Any]:
    """None, one, or several."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
