"""What products do on a CPU with AVX-512, on one that has AVX2: tiles, lanes and ways of rounding are AVX-512's.

    NFLOAT_CACHE_DIR=FOLDER python bench/emulated_avx512.py tests/digests/digests.py product

runs a program so; FOLDER must be one of its own. LLVM makes two AVX2 instructions of one on 512 bits, but for the one
kind that only AVX-512 has: a multiply-add that says in which direction it rounds. Here that is AVX2's between two
changes of the control register. What is seen is nfloat's part in AVX-512's bits; half arithmetic has no part in it, and
processes that the program starts go the CPU's own way.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

from llvmlite import binding, ir
from numba.core import cgutils

#: the control register at its start (no exceptions, to nearest), where its two bits of direction lie, and those bits
#: in the instruction's last operand
_CONTROL, _PLACE, _DIRECTIONS = 0x1F80, 13, 3
#: a, b and s in registers, the first also the result's, and where the two controls lie in memory
_ASM, _WHERE = "ldmxcsr ($4); vfmadd213{} $3, $2, $0; ldmxcsr ($5)", "=x,0,x,x,r,r"


class _Utils:
    """Numba's ``cgutils``, with functions of our own in the place of AVX-512's instructions."""

    def __getattr__(self, name: str) -> Any:
        return getattr(cgutils, name)

    def get_or_insert_function(self, module: ir.Module, kind: ir.FunctionType, name: str) -> ir.Function:
        """As Numba's; of ``llvm.x86.avx512.vfmadd.ps.512`` and ``.pd.512`` what has the same bits."""
        if not name.startswith("llvm.x86.avx512"):
            return cgutils.get_or_insert_function(module, kind, name)
        own = "avx2." + name
        return module.globals[own] if own in module.globals else _multiply_add(module, kind, own)


def _multiply_add(module: ir.Module, kind: ir.FunctionType, name: str) -> ir.Function:
    """f(a, b, s, direction) = a b + s, rounded in that direction."""
    function = ir.Function(module, kind, name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    *operands, direction = function.args
    b, i32 = ir.IRBuilder(function.append_basic_block("entry")), ir.IntType(32)
    before, during = b.alloca(i32), b.alloca(i32)
    b.store(i32(_CONTROL), before)
    b.store(b.or_(b.shl(b.and_(direction, i32(_DIRECTIONS)), i32(_PLACE)), i32(_CONTROL)), during)
    lanes = kind.return_type
    half, index = lanes.count // 2, ir.VectorType(i32, lanes.count // 2)
    part = ir.VectorType(lanes.element, half)
    suffix = "ps" if lanes.element == ir.FloatType() else "pd"
    asm = ir.FunctionType(part, [part, part, part, during.type, before.type])
    results = []
    for start in (0, half):
        places = ir.Constant(index, list(range(start, start + half)))
        low = [b.shuffle_vector(x, ir.Constant(lanes, ir.Undefined), places) for x in operands]
        results.append(b.asm(asm, _ASM.format(suffix), _WHERE, [*low, during, before], side_effect=True))
    whole = ir.Constant(ir.VectorType(i32, lanes.count), list(range(lanes.count)))
    b.ret(b.shuffle_vector(*results, whole))
    return function


def main(program: str, *arguments: str) -> None:
    """Run a program on such a CPU."""
    from nfloat.kernels import jit

    own = jit.cpu_features()
    if "+avx512f" in own or "+avx2" not in own:
        raise SystemExit(f"this is for a CPU that has AVX2 and no AVX-512, or for Numba's settings that say so: {own}")
    jit.cpu_features = lambda: f"{own},+avx512f"
    from nfloat.kernels.gemm import roundings

    vars(roundings)["cgutils"] = _Utils()
    binding.initialize_native_asmparser()
    assert roundings.HAS_DIRECTED, "the machine was described before"
    sys.argv, sys.path[0] = [program, *arguments], str(Path(program).resolve().parent)
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
