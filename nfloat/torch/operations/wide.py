"""The rule for everything without arithmetic of its own: in float64, from stored operands, each result rounded once.

torch's own kernel does it, on operands widened to float64 and on one thread, so that no bit depends on their number. It
holds for elementwise functions, which are then within a rounding of exact, and for operations that no row names; a
trace calls those "by default".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import BuiltinFunctionType
from typing import Any

import numpy as np
import torch

from ...nn.precision import Floats
from ..machine import Machine
from ..parts import Part
from ..plans import Call, Planned, planned
from ..refusals import refuse, refused
from ..tensors import array_of, is_float
from .moves import members
from .table import Schema, rows, schema


def in_lists(change: Callable[[Any], Any], value: Any) -> Any:
    """The value with each member of it changed, through lists and tuples."""
    if isinstance(value, list | tuple):
        return [in_lists(change, each) for each in value]
    return change(value)


def _widened(values: Floats, written: bool) -> torch.Tensor:
    """A tensor of float64, its own memory where it is written into; gaps stay, for which LAPACK's wrappers look."""
    if values.dtype == np.float64 and values.flags.writeable and not written:
        return torch.from_numpy(values)
    if values.flags.forc or not _has_gaps(values):
        return torch.from_numpy(values.astype(np.float64))
    strides = [stride // values.itemsize for stride in values.strides]
    found = torch.empty_strided(values.shape, strides, dtype=torch.float64)
    found.numpy()[...] = values
    return found


def _has_gaps(values: Floats) -> bool:
    """Whether no two elements share a place, but some places between them are empty."""
    end, count = values.itemsize, 1
    for stride, size in sorted((s, n) for s, n in zip(values.strides, values.shape, strict=True) if n > 1):
        if stride < end:
            return False
        end, count = stride * size, count * size
    return end > count * values.itemsize


def _on_one_thread(operation: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """What torch's kernel gives, on one thread."""
    threads = torch.get_num_threads()
    if threads == 1:
        return operation(*args, **kwargs)
    torch.set_num_threads(1)
    try:
        return operation(*args, **kwargs)
    finally:
        torch.set_num_threads(threads)


class Widened:
    """One call by this rule: what is known of its tensors, and its arguments widened."""

    def __init__(self, machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.machine, self.operation, self.schema = machine, operation, schema(operation)
        self.tensors = [t for value in args for t in members(value)]
        if kwargs:
            self.tensors += [t for value in kwargs.values() for t in members(value)]
        self.type: torch.dtype | None = None
        #: where operands lie: a result that is one of them is copied
        self.given: set[int] = set()
        self.args, self.kwargs = args, kwargs
        self._written = bool(self.schema.written)
        self.known = machine.operands(self.tensors, self._written)
        self._next = iter(self.known)
        self.wide_args = [in_lists(self._widened, each) for each in args]
        self.wide_kwargs = {key: in_lists(self._widened, each) for key, each in kwargs.items()} if kwargs else kwargs

    def _widened(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            if not is_float(value):
                return value
            found = _widened(self.machine.read(value, next(self._next)), self._written)
            self.given.add(found.untyped_storage().data_ptr())
            return found
        if isinstance(value, torch.dtype) and value.is_floating_point:
            self.type = value
            return torch.float64
        return value

    def result_type(self) -> torch.dtype:
        """The type of the operation's results."""
        if self.type is not None:
            return self.type
        found = None
        for t in self.tensors:
            if t.dim() or found is None:
                found = t.dtype if found is None else torch.promote_types(found, t.dtype)
        return found or torch.get_default_dtype()

    def run(self) -> Any:
        """The operation's results, rounded."""
        found = _on_one_thread(self.operation, self.wide_args, self.wide_kwargs)
        for place, _ in self.schema.written:
            if place < len(self.args) and place not in self.schema.returned:
                self._rewritten(self.args[place], self.wide_args[place])
        if isinstance(found, torch.Tensor):
            return self._stored(found, 0)
        if isinstance(found, list | tuple):
            return type(found)(self._stored(each, place) for place, each in enumerate(found))
        return found

    def _rewritten(self, own: Any, wide: Any) -> None:
        for t, values in zip(*((x if isinstance(x, list | tuple) else [x]) for x in (own, wide)), strict=True):
            if is_float(t):
                self._changed(t, values)

    def _stored(self, found: Any, place: int) -> Any:
        if not isinstance(found, torch.Tensor):
            return found
        returned = self.schema.returned
        position = returned[place] if place < len(returned) else -1
        if position >= 0:
            own = argument(self.schema, self.args, self.kwargs, position)
            return self._changed(own, found) if is_float(own) else own
        if not found.is_floating_point():
            return _no_number(self.operation, found)
        if found.untyped_storage().data_ptr() in self.given:
            found = found.clone()
        return self.machine.result(array_of(found), self.part(found.numel()), self.result_type())

    def _changed(self, own: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
        if own.shape != found.shape:
            own.resize_(found.shape)
        values: Floats = array_of(found)
        return self.machine.change(own, self.machine.known(own), values, self.part(found.numel()))

    def part(self, size: int) -> Part:
        """The part in a step of a result of that size."""
        return self.machine.part(self.known, [t.numel() for t in self.tensors], size)


def argument(own: Schema, args: tuple[Any, ...], kwargs: dict[str, Any], position: int) -> Any:
    """An argument by its position in the schema, wherever it was given."""
    if position < len(args):
        return args[position]
    return next((kwargs[name] for name, at in own.arguments.items() if at == position and name in kwargs), None)


def wide(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The operation in float64, each result rounded once."""
    alone = not kwargs and args and is_float(args[0]) and all([_is_number(a) for a in args[1:]])
    if alone and schema(operation).function:
        return _function(machine, operation, *args)
    return Widened(machine, operation, args, kwargs).run()


def _is_number(value: Any) -> bool:
    """Whether an argument is no tensor and no type: a number, a shape, some axes."""
    return type(value) in _NUMBERS or (type(value) is list and all([type(each) is int for each in value]))


def _function(machine: Machine, operation: Any, t: torch.Tensor, *rest: Any) -> torch.Tensor:
    """An operation on one tensor of real numbers that makes another, by a shorter way."""
    known = machine.operands([t])
    x = _widened(machine.read(t, known[0]), False)
    found: torch.Tensor = _on_one_thread(operation, (x, *rest), {})
    if found.dtype is not torch.float64:
        return _no_number(operation, found)
    if found.data_ptr() == x.data_ptr():
        found = found.clone()
    return machine.result(found.numpy(), machine.part(known, [t.numel()], found.numel()), t.dtype)


_NUMBERS = (int, float, bool, str, type(None))


def _plan(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of a function of one or two tensors, number by number."""
    operation, numbers = call.operation, all([type(a) in _NUMBERS for a in call.rest])
    if not (schema(operation).function and numbers and len(call.known) < 3):
        return None

    named = getattr(torch, machine.trace.operation, None)  # the same kernel: arguments are read in half the time
    function: Any = named if type(named) is BuiltinFunctionType else operation
    kept = machine.p.carrier == np.float32 and len(call.known) == 1 and _takes_out(function, call.rest)

    def values(x: Floats, *others: Any) -> Floats:
        if kept and x.size <= _SMALL and x.flags.c_contiguous:  # what comes out is rounded, or copied, at once
            given, own, out, found = _scratch(x.shape)
            given[...] = x
            _on_one_thread(function, (own, *others), {"out": out})
            return found
        args = [torch.from_numpy(a.astype(np.float64)) if type(a) is np.ndarray else a for a in (x, *others)]
        result: Floats = _on_one_thread(function, args, {}).numpy()
        return result

    return Planned(values, call.tensors[0].dtype)


#: elements of which functions are so quick that what memory costs matters
_SMALL = 1 << 10


@lru_cache(maxsize=64)
def _scratch(shape: tuple[int, ...]) -> tuple[Floats, torch.Tensor, torch.Tensor, Floats]:
    """An operand and a result in float64, each as array and tensor, for one call at a time."""
    given, found = np.empty(shape), np.empty(shape)
    return given, torch.from_numpy(given), torch.from_numpy(found), found


def _takes_out(function: Any, rest: tuple[Any, ...]) -> bool:
    """Whether a function of one tensor puts its result where it is told to."""
    if type(function) is not BuiltinFunctionType:
        return False
    one = torch.ones(1, dtype=torch.float64)
    try:
        function(one, *rest, out=torch.empty_like(one))
    except (TypeError, RuntimeError):
        return False
    return True


by_numbers = planned(_plan)(wide)


def _no_number(operation: Any, found: torch.Tensor) -> torch.Tensor:
    """A result of integers or truth values, which is not rounded; a complex one is refused."""
    if found.is_complex():
        raise refuse(operation.__name__.partition(".")[0], refused("complex") or "")
    return found


rows(
    by_numbers,
    """exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan atan2 sinh cosh asinh acosh atanh erf erfc erfinv
    lgamma digamma i0 sinc deg2rad rad2deg frac pow rsqrt rsub div xlogy logaddexp logaddexp2 hypot softplus
    softplus_backward elu mish mish_backward hardswish hardswish_backward hardsigmoid hardsigmoid_backward logit
    logit_backward celu selu softshrink special_entr special_erfcx special_i0e special_i1 special_i1e special_log_ndtr
    special_ndtri special_xlog1py special_zeta""",
)
rows(
    wide,
    """sqrt reciprocal tanh sigmoid silu polygamma mvlgamma igamma igammac gelu gelu_backward leaky_relu elu_backward
    log_sigmoid_forward log_sigmoid_backward glu glu_backward _prelu_kernel _prelu_kernel_backward rrelu_with_noise
    rrelu_with_noise_backward _softmax _softmax_backward_data _safe_softmax logsumexp
    _logcumsumexp logcumsumexp cumsum cumprod prod nansum var std var_mean std_mean linalg_vector_norm norm renorm dist
    cdist _cdist_forward _cdist_backward _euclidean_dist _pdist_forward _pdist_backward _weight_norm_interface
    _weight_norm_interface_backward native_layer_norm native_layer_norm_backward native_group_norm
    native_group_norm_backward _fused_rms_norm _fused_rms_norm_backward native_dropout native_dropout_backward
    avg_pool2d avg_pool2d_backward avg_pool3d avg_pool3d_backward _adaptive_avg_pool2d _adaptive_avg_pool2d_backward
    _adaptive_avg_pool3d _adaptive_avg_pool3d_backward reflection_pad1d_backward reflection_pad2d_backward
    reflection_pad3d_backward replication_pad1d_backward replication_pad2d_backward replication_pad3d_backward
    upsample_nearest1d_backward upsample_nearest2d_backward upsample_nearest3d_backward
    _upsample_nearest_exact1d_backward _upsample_nearest_exact2d_backward _upsample_nearest_exact3d_backward
    upsample_linear1d upsample_linear1d_backward upsample_bilinear2d upsample_bilinear2d_backward upsample_bicubic2d
    upsample_bicubic2d_backward upsample_trilinear3d upsample_trilinear3d_backward _upsample_bilinear2d_aa
    _upsample_bilinear2d_aa_backward _upsample_bicubic2d_aa _upsample_bicubic2d_aa_backward affine_grid_generator
    grid_sampler_2d grid_sampler_2d_backward grid_sampler_3d grid_sampler_3d_backward lerp addcmul addcdiv addr
    remainder fmod floor_divide true_divide cross linalg_cross index_add scatter_add index_reduce scatter_reduce
    segment_reduce _segment_reduce_backward unfold_backward _embedding_bag _embedding_bag_forward_only
    _embedding_bag_backward _embedding_bag_dense_backward _embedding_bag_per_sample_weights_backward trace col2im im2col
    _unsafe_masked_index_put_accumulate histc embedding_renorm fractional_max_pool2d_backward""",
)
# factorisations and what follows from them: torch's LAPACK in float64, each result rounded once
rows(
    wide,
    """_linalg_det _linalg_slogdet _linalg_eigh _linalg_svd _linalg_solve_ex linalg_cholesky_ex linalg_inv_ex linalg_lu
    linalg_lu_factor_ex linalg_lu_solve linalg_ldl_factor_ex linalg_ldl_solve linalg_matrix_exp linalg_qr
    linalg_solve_triangular triangular_solve linalg_householder_product ormqr cholesky cholesky_solve cholesky_inverse
    _cholesky_solve_helper lu_unpack linalg_lstsq linalg_pinv""",
)
# what decides: no number of a format comes out, but operands are read as they are stored
rows(
    wide,
    """eq ne lt le gt ge isnan isinf isposinf isneginf signbit logical_and logical_or logical_xor logical_not all any
    argmax argmin count_nonzero nonzero nonzero_static equal is_same_size bincount _has_same_storage_numel""",
)
