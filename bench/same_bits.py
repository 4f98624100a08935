"""The digests of ``tests/digests`` on other CPUs, versions and settings: everywhere the same, or exit code 1.

    python bench/same_bits.py CACHE                      every setting; CACHE: for what it fetches and compiles
    python bench/same_bits.py CACHE --only x86-64 numpy  the settings whose names hold one of these words
    python bench/same_bits.py CACHE --digests training   only digests whose names begin so

Other x86-64 CPUs are Numba's settings for compiled code and NumPy's for its own; what AVX-512 does is done by AVX2's
instructions where there is no other (``emulated_avx512.py``). Others are emulated, and take up to an hour each the
first time: AArch64 (``emulated_arm.py``), without FEAT_FP16 and with it, nearly all of it to compile, and a PC that has
AVX-512 (``emulated_x86.py``), without AVX512-FP16 and with it. A setting that cannot be had is listed with the reason.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import emulated_x86
from emulated_arm import NotHereError, prepare

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from other_cpus import CPUS, FEAT_FP16, compiled_for

NEWEST = ("numpy", "numba", "scipy", "ml-dtypes", "click")
OLDEST = ("numpy==2.0.*", "numba==0.68.0", "scipy==1.14.*", "ml-dtypes==0.5.*", "click==8.1.*")
PYTHONS = ("3.12", "3.13", "3.14")
#: OpenBLAS's names of CPUs: without a vector unit wider than 16 bytes, with AVX2, with AVX-512, AMD's
CORES = ("Nehalem", "Haswell", "SkylakeX", "Zen")
#: asks NumPy which of its features it can do without
FEATURES = (
    "import numpy._core._multiarray_umath as m; "
    "print(*(name for name in m.__cpu_dispatch__ if m.__cpu_features__.get(name)))"
)
VERSIONS = (
    "import platform, sys, numpy, numba; "
    "print(f'Python {sys.version.split()[0]}, NumPy {numpy.__version__}, Numba {numba.__version__}, "
    "{platform.machine()}')"
)
#: what emulates: a program that runs AArch64's, and AVX2's instructions in the place of AVX-512's
ARM, AVX2 = "arm", "avx2"


@dataclass
class Setting:
    """A Python, and the environment in which it computes the digests."""

    name: str
    environment: dict[str, str] = field(default_factory=dict)
    #: what pip installs into a Python of this version ("" for the one that runs this), or nothing: this very
    #: environment
    packages: tuple[str, ...] = ()
    version: str = ""
    cpus: int | None = None
    #: what does another CPU's instructions: ARM, AVX2, the CPU of an emulated PC (`emulated_x86.CPUS`), or nothing
    emulated: str = ""
    without_numpys_features: bool = False


def settings() -> Iterator[Setting]:
    """All of them; the first is this machine as it is."""
    yield Setting("this CPU as it is")
    for name, (cpu, features) in CPUS.items():
        yield Setting(f"CPU: {name}", compiled_for(cpu, features))
    yield Setting("AVX-512 (emulated by AVX2)", compiled_for(*CPUS["avx2"]) if "avx2" in CPUS else {}, emulated=AVX2)
    yield Setting("NumPy: features off", without_numpys_features=True)
    for name, (cpu, features) in list(CPUS.items())[:1]:
        code = {**compiled_for(cpu, features), "OPENBLAS_CORETYPE": CORES[0]}
        yield Setting(f"CPU: {name}, NumPy: features off, OpenBLAS: {CORES[0]}", code, without_numpys_features=True)
    for core in CORES:
        yield Setting(f"OpenBLAS: {core}", {"OPENBLAS_CORETYPE": core})
    for count in (1, 2):
        blas = {"OPENBLAS_NUM_THREADS": str(count), "OMP_NUM_THREADS": str(count)}
        yield Setting(f"threads: {count}", blas, cpus=count)
    for seed in ("0", "12345"):
        yield Setting(f"hash seed: {seed}", {"PYTHONHASHSEED": seed})
    yield Setting("time zone and locale", {"TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8", "LANG": "tr_TR.UTF-8"})
    yield Setting("no UTF-8", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    yield Setting("C library: without FMA and AVX2", {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F"})
    yield Setting("oldest dependencies", packages=OLDEST, version="3.11")
    yield Setting("newest dependencies", packages=NEWEST, version="3.11")
    for version in PYTHONS:
        yield Setting(f"Python {version}", packages=NEWEST, version=version)
    yield Setting("AArch64 (emulated)", emulated=ARM)
    yield Setting("AArch64 with half arithmetic (emulated)", compiled_for(*FEAT_FP16), emulated=ARM)
    for cpu in emulated_x86.CPUS:
        yield Setting(f"{cpu} (an emulated PC)", emulated=cpu)


def interpreter(version: str) -> str:
    """A Python of that version on this machine."""
    folders = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin"))
    found = [shutil.which(f"python{version}"), *(str(folder / f"python{version}") for folder in folders)]
    for path in filter(None, found):
        asked = subprocess.run(
            [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True
        )
        if asked.stdout.strip() == version:
            return path
    raise NotHereError(f"there is no python{version} on the path or among pyenv's versions")


def virtual_environment(setting: Setting, cache: Path) -> str:
    """The Python of a virtual environment with the setting's packages, made once."""
    folder = cache / "venvs" / setting.name.replace(" ", "-")
    python, done = folder / "bin" / "python", folder / "complete"
    if not done.exists():
        made = subprocess.run(
            [interpreter(setting.version), "-m", "venv", "--clear", str(folder)], capture_output=True, text=True
        )
        if made.returncode == 0:
            command = [str(python), "-m", "pip", "install", "-q", "--only-binary=:all:", *setting.packages]
            made = subprocess.run(command, capture_output=True, text=True)
        if made.returncode:
            raise NotHereError((made.stderr.strip().splitlines() or ["venv or pip failed"])[-1])
        done.touch()
    return str(python)


def command(setting: Setting, cache: Path) -> tuple[list[str], dict[str, str]]:
    """(the Python to run, its whole environment)."""
    unset = (
        "OPENBLAS_CORETYPE",
        "PYTHONHASHSEED",
        "NPY_DISABLE_CPU_FEATURES",
        "NUMBA_CPU_NAME",
        "NUMBA_CPU_FEATURES",
        "LC_ALL",
    )
    environment = {key: value for key, value in os.environ.items() if key not in unset}
    python, paths = [sys.executable], [str(ROOT)]
    if setting.emulated == ARM:
        if platform.machine() not in ("x86_64", "AMD64"):
            raise NotHereError("this machine is the native one")
        python, more = prepare(cache / "arm64")
        paths.append(more["PYTHONPATH"])
    elif setting.emulated in emulated_x86.CPUS:
        emulated_x86.prepare(cache / "x86")
    elif setting.emulated == AVX2 and not setting.environment:
        raise NotHereError("this machine has no AVX2")
    elif setting.packages:
        python = [virtual_environment(setting, cache)]
    other = setting.emulated or setting.packages or "NUMBA_CPU_NAME" in setting.environment
    compiled = setting.name if other else "here"
    environment |= {
        "PYTHONPATH": os.pathsep.join(paths),
        "NFLOAT_QUIET": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "NFLOAT_CACHE_DIR": str(cache / "compiled" / compiled.replace(" ", "-").replace(":", "")),
        **setting.environment,
    }
    if setting.without_numpys_features:
        off = subprocess.run(
            [*python, "-c", FEATURES], capture_output=True, text=True, env=environment, check=True
        ).stdout.strip()
        if not off:
            raise NotHereError("NumPy uses no feature here that it could do without")
        environment["NPY_DISABLE_CPU_FEATURES"] = off
    return python, environment


def compare(setting: Setting, cache: Path, digests: list[str]) -> tuple[str, str]:
    """(outcome: "equal", "DIFFERENT: ..." or "not to be had here: ...", versions)."""
    try:
        if setting.cpus is not None and setting.cpus > (os.cpu_count() or 1):
            raise NotHereError(f"this machine has {os.cpu_count()} CPU")
        python, environment = command(setting, cache)
    except NotHereError as reason:
        return f"not to be had here: {reason}", ""

    def fewer() -> None:
        if setting.cpus is not None and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: setting.cpus])

    versions = subprocess.run([*python, "-c", VERSIONS], capture_output=True, text=True, env=environment).stdout.strip()
    through = [str(ROOT / "bench" / "emulated_avx512.py")] if setting.emulated == AVX2 else []
    if setting.emulated in emulated_x86.CPUS:
        through = [str(ROOT / "bench" / "emulated_x86.py"), str(cache / "x86"), setting.emulated]
    program = [*python, *through, str(ROOT / "tests" / "digests" / "digests.py"), *digests]
    run = subprocess.run(program, capture_output=True, text=True, env=environment, preexec_fn=fewer)
    lines = run.stdout.strip().splitlines()
    if run.returncode == 0:
        return f"equal ({lines[0].split(',')[0]})", versions
    if lines and "differ" in lines[0]:
        return f"DIFFERENT: {lines[0]}: {'; '.join(lines[1:4])}", versions
    return f"DIFFERENT: it ended with {run.returncode}: {(run.stderr.strip().splitlines() or [''])[-1]}", versions


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path, help="folder for virtual environments, packages and compiled code")
    parser.add_argument(
        "--only", nargs="+", default=[""], metavar="WORD", help="settings whose names hold one of these"
    )
    parser.add_argument("--digests", nargs="+", default=[], metavar="PREFIX", help="digests whose names begin so")
    arguments = parser.parse_args()
    cache, failed = arguments.cache.resolve(), False
    chosen = [setting for setting in settings() if any(word.lower() in setting.name.lower() for word in arguments.only)]
    if not chosen:
        parser.error(f"no setting has such a name; there are: {', '.join(setting.name for setting in settings())}")
    width = max(len(setting.name) for setting in chosen)
    for setting in chosen:
        start = time.perf_counter()
        outcome, versions = compare(setting, cache, arguments.digests)
        failed |= outcome.startswith("DIFFERENT")
        print(f"{setting.name:{width}}  {outcome}  [{time.perf_counter() - start:.0f} s; {versions}]", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
