"""What the compiler makes of the tiles on other CPUs: instructions in the inner loop, counted in assembly.

    python bench/instructions.py                    every kind of CPU and body, as a table
    python bench/instructions.py --cpu avx2 neon    some CPUs
    python bench/instructions.py --body fused       bodies whose names hold a word
    python bench/instructions.py --show             the loops themselves, too

Nothing is run, so any machine can do it: a body's IR is built as a kernel builds it, for the features of another CPU
(in a process of its own, since tiles and forms are chosen by them at import), and compiled by LLVM for that CPU. Per
body: instructions in the innermost loop for each vector of multiply-adds, and how many of them touch the stack
(spilled registers), call a function, or compute floating-point numbers one at a time. The last column is for one lane,
by which CPUs of different widths compare. ``instructions.txt`` holds the table as it stands.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

_AVX2 = "+avx,+avx2,+bmi,+bmi2,+cx16,+f16c,+fma,+lzcnt,+movbe,+popcnt,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3"
_AVX512 = f"{_AVX2},+avx512f,+avx512bw,+avx512dq,+avx512vl,+avx512cd"
#: kind of CPU -> (triple, LLVM's name, features)
CPUS = {
    "avx512-fp16": ("x86_64-unknown-linux-gnu", "sapphirerapids", f"{_AVX512},+avx512fp16"),
    "avx512": ("x86_64-unknown-linux-gnu", "skylake-avx512", _AVX512),
    "avx2": ("x86_64-unknown-linux-gnu", "haswell", _AVX2),
    "sse2": ("x86_64-unknown-linux-gnu", "x86-64", "+sse2"),
    "neon-fp16": ("aarch64-unknown-linux-gnu", "neoverse-n1", "+neon,+fullfp16"),
    "neon": ("aarch64-unknown-linux-gnu", "cortex-a72", "+neon"),
}


@dataclass
class Count:
    """The innermost loop of a body."""

    body: str
    shape: str
    lanes: int
    vectors: int
    instructions: int
    stack: int
    calls: int
    scalar: int

    @property
    def each(self) -> float:
        """Instructions for a vector of multiply-adds."""
        return self.instructions / self.vectors


# ------------------------------------------------------------------ in a process that was told the CPU
def count_here(triple: str, cpu: str, features: str, words: list[str], show: bool) -> Iterator[Count]:
    """Compile the bodies whose names hold one of the words, and count."""
    from instruction_bodies import bodies, module_of

    for name, body in bodies().items():
        if not any(word in name for word in words):
            continue
        loop = innermost(compiled(module_of(body, triple), triple, cpu, features))
        if show:
            print(f"--- {name}\n" + "\n".join(loop), file=sys.stderr)
        shape = body.shape
        yield Count(
            name,
            f"{shape.rows}x{shape.vectors}",
            shape.lanes,
            body.vectors(shape),
            len(loop),
            *(sum(bool(re.search(pattern, line)) for line in loop) for pattern in (_STACK, _CALL, _SCALAR)),
        )


#: registers that were put on the stack, calls, and arithmetic on one number at a time
_STACK = r"\((%[re]?[0-9]*, )?%rsp|%rbp\)|\[sp"
_CALL = r"^(callq?|blr?)\b"
_SCALAR = r"^v?(add|sub|mul|div|min|max|cvt\w*|u?comi)s[sdh]\b|^vfn?m\w*s[sdh]\b|^f\w+\s+[sdh]\d"


def compiled(text: str, triple: str, cpu: str, features: str) -> str:
    """Assembly of a module for a CPU, by the passes that Numba has LLVM run."""
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, features=features, opt=3)
    module = llvm.parse_assembly(text)
    module.data_layout = str(machine.target_data)
    module.verify()
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    passes.getModulePassManager().run(module, passes)
    return machine.emit_assembly(module)


def innermost(assembly: str) -> list[str]:
    """The instructions of the loop that most are in, of the loops that no other lies in."""
    lines = [line.split("#")[0].split("//")[0].strip() for line in assembly.splitlines()]
    lines = [line for line in lines if line and (not line.startswith(".") or line.endswith(":"))]
    labels = {line[:-1]: i for i, line in enumerate(lines) if line.endswith(":")}
    loops = []
    for i, line in enumerate(lines):
        jump = re.match(r"^(j\w+|b(\.\w+)?|cbn?z|tbn?z)\s+.*?(\.LBB\w+)$", line)
        if jump and labels.get(jump.group(3), i) < i:
            loops.append((labels[jump.group(3)], i))
    inner = [(a, z) for a, z in loops if not any(a <= x and y <= z and (x, y) != (a, z) for x, y in loops)]
    bodies = [[line for line in lines[a : z + 1] if not line.endswith(":")] for a, z in inner]
    return max(bodies, key=lambda body: sum(bool(re.match(r"v?p?f?mul|vf|fml|f", line)) for line in body))


# ------------------------------------------------------------------ the table
def counts(cpu: str, words: list[str], show: bool) -> list[Count]:
    """The counts for a CPU, from a process whose kernels are made for it."""
    triple, name, features = CPUS[cpu]
    environment = {**os.environ, "NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features, "NFLOAT_CACHE": "0"}
    command = [sys.executable, __file__, "--here", triple, name, features, "--body", *words, *["--show"] * show]
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    if run.returncode:
        raise SystemExit(run.stderr)
    if show:
        print(run.stderr)
    return [Count(**row) for row in json.loads(run.stdout)]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu", nargs="+", choices=list(CPUS), default=list(CPUS))
    parser.add_argument("--body", nargs="+", default=[""], metavar="WORD")
    parser.add_argument("--show", action="store_true", help="print the loops")
    parser.add_argument("--here", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        triple, cpu, features = arguments.here
        rows = count_here(triple, cpu, features, arguments.body, arguments.show)
        print(json.dumps([asdict(row) for row in rows]))
        return
    columns = ("lanes", "each", "stack", "calls", "scalar", "lane")
    print(f"{'CPU':12} {'body':40} {'tile':6} " + " ".join(f"{name:>6}" for name in columns))
    for cpu in arguments.cpu:
        for row in counts(cpu, arguments.body, arguments.show):
            numbers = " ".join(f"{n:6}" for n in (row.stack, row.calls, row.scalar))
            counted = f"{row.lanes:6} {row.each:6.1f} {numbers} {row.each / row.lanes:6.2f}"
            print(f"{cpu:12} {row.body:40} {row.shape:6} {counted}", flush=True)


if __name__ == "__main__":
    main()
