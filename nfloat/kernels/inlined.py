"""What a `@device` function is compiled to: code for the kernels that call it, and none of its own.

Numba turns every function into machine code of its own, and optimises it for that, before it is inlined into a caller
and optimised once more. Of a device function nobody calls that. So its LLVM code is kept as it was written, linked into
the kernel, inlined there (`forceinline`) and optimised once: a kernel is compiled in about half the time, to the same
bits. For the same reason a constant among the arguments is no type of its own, and of a kernel's own code nothing is
optimised before all is linked.

Numba also counts who holds an array, in every function and for every argument of every call. Python holds a kernel's
arrays while it runs, so that only what makes arrays counts (`counted`): a call of a kernel costs half.

It rests on these parts of Numba: a pass list that can be changed (`CompilerBase`), `NativeLowering` with the flag
`no_compile` and a `lowering_class`, the option `_nrt`, and libraries that are put together by `finalize` and
`_get_module_for_linking`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite.binding import Linkage
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.registry import CPUDispatcher
from numba.core.typed_passes import NativeLowering
from numba.core.types.misc import unliteral


class InlinedLibrary(JITCodeLibrary):
    """LLVM code for linking alone: nothing is optimised or emitted, and what it calls is linked where it is used."""

    _whole: Any = None

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        """Nothing is added to it any more."""
        for library in self._linking_libraries:
            self._reload_init.update(library._reload_init)
        self._finalized = True

    def _get_module_for_linking(self) -> Any:
        """Its code and that of all it calls, once each."""
        self._ensure_finalized()
        if self._whole is None:
            whole = self._alone().clone()
            for library in self._called({}):
                other = library._alone() if isinstance(library, InlinedLibrary) else library._get_module_for_linking()
                whole.link_in(other, preserve=True)
            self._whole = whole
        return self._whole

    def _alone(self) -> Any:
        """Its own code, which may be linked many times."""
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == Linkage.external:
                function.linkage = "linkonce_odr"
        return self._final_module

    def _called(self, found: dict[Any, None]) -> dict[Any, None]:
        """The libraries that it calls, and those that these call."""
        for library in self._linking_libraries:
            if library not in found:
                found[library] = None
                if isinstance(library, InlinedLibrary):
                    library._called(found)
        return found


class KernelLibrary(JITCodeLibrary):
    """The code of a kernel, which is optimised once, when all that it calls is linked to it."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout


@register_pass(mutates_CFG=True, analysis_only=False)
class InlinedLowering(NativeLowering):
    """Numba's lowering into such a library, and a function that callers find though nothing was emitted."""

    _name = "nfloat_inlined_lowering"

    def run_pass(self, state: Any) -> bool:
        """Lower the function, and register it for its callers."""
        codegen, name = state.targetctx.codegen(), state.func_id.func_qualname
        returned = state.targetctx.data_model_manager[state.return_type]
        if not state.flags.nrt and returned.contains_nrt_meminfo():  # a caller that counts would free it
            raise TypeError(f"{name} gives back an array that it has not made: {state.return_type}")
        state.library = InlinedLibrary(codegen, name)
        state.flags.no_compile = True
        super().run_pass(state)
        if not state.flags.forceinline:  # a routine, whose callers would grow beyond all measure
            function = state.library._final_module.get_function(state["cr"].fndesc.llvm_func_name)
            function.add_function_attribute("noinline")
        # callers look a function up by an object; Numba wants one of this type
        key, lowered = [name].count, state["cr"]
        state.targetctx.insert_user_function(key, lowered.fndesc, [state.library])
        state.reload_init.extend(state.library._reload_init)
        state["cr"] = lowered._replace(cfunc=key)
        return True


class _KernelLower(Lower):
    """Numba's lowering, and a wrapper that takes arrays as they are: Python holds them while the kernel runs."""

    def create_cpython_wrapper(self, release_gil: bool = False) -> None:
        """What Python calls."""
        uncounted = self.context.subtarget(enable_nrt=False)
        uncounted.create_cpython_wrapper(self.library, self.fndesc, self.env, self.call_helper, release_gil)


@register_pass(mutates_CFG=True, analysis_only=False)
class KernelLowering(NativeLowering):
    """Numba's lowering into a `KernelLibrary`."""

    _name = "nfloat_kernel_lowering"
    lowering_class = _KernelLower

    def run_pass(self, state: Any) -> bool:
        """Lower the function."""
        state.library = KernelLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return bool(super().run_pass(state))


class InlinedCompiler(CompilerBase):
    """Numba's passes with another lowering."""

    lowering: type[NativeLowering] = InlinedLowering

    def define_pipelines(self) -> list[Any]:
        """The one list of passes."""
        pipeline = DefaultPassBuilder.define_nopython_pipeline(self.state)
        pipeline.passes = [(self.lowering if one is NativeLowering else one, why) for one, why in pipeline.passes]
        pipeline.finalize()
        return [pipeline]


class KernelCompiler(InlinedCompiler):
    """The same for kernels."""

    lowering = KernelLowering


class _Inlined(CPUDispatcher):
    """A function that is compiled for types alone: Numba would do it once more for every constant that a caller has."""

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """As where no argument is a constant: LLVM knows those that are, where it is inlined."""
        return super().get_call_template([unliteral(kind) for kind in args], kws)


def counted(function: Callable[..., Any]) -> bool:
    """Whether a function counts who holds an array: where it makes some, which must be freed, or asks for `flags`.

    Others take what is held by who gave it, and give no array back (`InlinedLowering` sees to that). Of what Numba
    writes of them counting is a fifth to a third, nearly all of which LLVM then takes out again.
    """
    return not {"empty", "zeros", "flags"}.isdisjoint(function.__code__.co_names)


def inlined_function(function: Callable[..., Any], **options: Any) -> Any:
    """A function that is compiled so, and has none of the wrappers that Python would call."""
    options |= {"nopython": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": counted(function)}
    return _Inlined(function, targetoptions=options, pipeline_class=InlinedCompiler)
