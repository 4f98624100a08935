"""A PC with AVX-512 under emulation, with half arithmetic or without it, whose Linux runs a program in this Python.

    python bench/emulated_x86.py PC_FOLDER AVX512 tests/digests/digests.py unit

Fetched once into PC_FOLDER and built there: Bochs 3.0 from Debian's sources (Debian's own build of Bochs 3.1 divides
wrongly in 64 bits: its casts are not what C++ allows), Debian's kernel and a boot loader. Kernels are compiled here,
where that takes minutes and not hours, for a CPU of that kind; then the PC, which does some 100 million instructions a
second, gets this Python, its packages, nfloat and the compiled code on a disk, in the same places. What the program
prints comes back over a serial line. Nothing of this system is changed.
"""

from __future__ import annotations

import gzip
import importlib.metadata
import json
import lzma
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from emulated_arm import NotHereError, last_line, run

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from other_cpus import AVX512, AVX512_FP16, compiled_for

#: name -> (Bochs's CPU, what Numba compiles for)
CPUS = {
    "AVX512": ("model=corei7_skylake_x", AVX512),
    "AVX512-FP16": ('model=sapphire_rapids, add_features="avx512fp16"', AVX512_FP16),
}
#: a release that has Bochs 3
RELEASE = "trixie"
PACKAGES = ("bochsbios", "vgabios", "isolinux", "syslinux-common", "busybox-static")
CONFIGURE = (
    "--with-nogui --enable-x86-64 --enable-avx --enable-evex --enable-protection-keys --enable-long-phy-address "
    "--enable-all-optimizations --disable-show-ips --disable-docbook"
)
#: where Bochs 3.0 takes a high index register of a gather or a scatter for an operand too many, and refuses it
_INDEX = "i->setSibIndex(i->sibIndex() | (vvv & 0x10));"
#: what nfloat needs to run
DISTRIBUTIONS = ("numpy", "numba", "llvmlite", "scipy", "ml-dtypes", "click")
#: of Python's own library no program here needs these
_LEFT_OUT = ("test", "tests", "site-packages", "dist-packages", "config-*", "idlelib", "turtledemo", "ensurepip")
_PC = """config_interface: textconfig
display_library: nogui
cpu: {cpu}, ips=100000000
memory: guest=2048, host=2048
romimage: file={pc}/fetched/usr/share/bochs/BIOS-bochs-latest, options=fastboot
vgaromimage: file={pc}/fetched/usr/share/vgabios/vgabios.bin
ata0-master: type=disk, path=disk.img, mode=flat
ata1-master: type=cdrom, path={pc}/boot.iso, status=inserted
boot: cdrom
clock: sync=none
com1: enabled=1, mode=file, dev=serial
speaker: enabled=0
log: log
info: action=ignore
error: action=ignore
panic: action=fatal
"""
#: 57-bit addresses fail in Bochs's system management mode; it has no second CPU to protect from
_BOOT = """DEFAULT a
LABEL a
 KERNEL /vmlinuz
 APPEND initrd=/initrd.gz console=ttyS0,115200 quiet loglevel=3 no5lvl mitigations=off nokaslr noapic tsc=reliable
"""
_INIT = """#!/busybox sh
/busybox mount -t devtmpfs none /dev
exec >/dev/ttyS0 2>&1 </dev/null
/busybox stty -opost -F /dev/ttyS0
for module in /modules/*; do /busybox insmod $module; done
while [ ! -b /dev/sda ]; do /busybox usleep 100000; done
/busybox mount -t ext4 /dev/sda /disk
/busybox mount -t proc none /disk/proc
/busybox mount -t sysfs none /disk/sys
/busybox mount -o bind /dev /disk/dev
echo BEGIN
/busybox chroot /disk /busybox sh /run.sh
echo END $?
/busybox sleep 5
/busybox poweroff -f
"""
#: files as old as here, since Numba's cache looks at that; and no longdouble (as on Apple's Arm), since Bochs's x87 has
#: logarithms and arctangents with errors up to 2^-44 (FYL2X, FYL2XP1, FPATAN)
_START = """import json, os, runpy, sys
for path, age in json.load(open("/ages.json")).items():
    os.utime(path, ns=(age, age))
from nfloat.ops import evaluate
evaluate._EXTENDED = False
sys.argv = sys.argv[1:]
sys.path[0] = os.path.dirname(sys.argv[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def prepare(folder: Path) -> Path:
    """The folder, when all is fetched and built, once; `NotHereError` says what is missing."""
    if platform.machine() not in ("x86_64", "AMD64"):
        raise NotHereError("the emulated PC runs this machine's Python, which is not for x86-64")
    for tool in ("apt-get", "apt-cache", "dpkg", "g++", "make", "mke2fs", "ldd"):
        if shutil.which(tool, path=f"{os.environ['PATH']}:/sbin:/usr/sbin") is None:
            raise NotHereError(f"the emulated PC is made by {tool}, which is not here")
    done = folder / "complete"
    if not done.exists():
        try:
            _fetch(folder)
            _build(folder)
            _boot_disk(folder)
        except subprocess.CalledProcessError as error:
            what = " ".join(map(str, error.cmd[:2]))
            raise NotHereError(f"{what} ended with {error.returncode}: {last_line(error.stderr)}") from None
        done.touch()
    return folder


def _fetch(folder: Path) -> None:
    debs, none = folder / "debs", folder / "none"
    for path in (debs, none, folder / "lists" / "partial", folder / "apt" / "archives" / "partial"):
        path.mkdir(parents=True, exist_ok=True)
    archive = f"[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian {RELEASE} main"
    (folder / "sources").write_text(f"deb {archive}\ndeb-src {archive}\n")
    where = {"State::Lists": folder / "lists", "Cache": folder / "apt", "Etc::SourceList": folder / "sources"}
    options = [
        word for key, path in {**where, "Etc::SourceParts": none}.items() for word in ("-o", f"Dir::{key}={path}")
    ]
    options += ["-o", "APT::Sandbox::User=root"]
    run(["apt-get", *options, "update"])
    kernel = run(["apt-cache", *options, "depends", "linux-image-cloud-amd64"]).split()[-1]
    run(["apt-get", *options, "download", *PACKAGES, kernel], debs)
    run(["apt-get", *options, "source", "--tar-only", "--download-only", "bochs"], debs)
    for deb in sorted(debs.glob("*.deb")):
        run(["dpkg", "-x", str(deb), str(folder / "fetched")])
    run([sys.executable, "-m", "pip", "install", "-q", "--target", str(folder / "tools"), "pycdlib"])


def _build(folder: Path) -> None:
    (folder / "bochs").mkdir(exist_ok=True)
    (source,) = (folder / "debs").glob("bochs_*.orig.tar.*")
    run(["tar", "xf", str(source), "-C", str(folder / "bochs"), "--strip-components=1"])
    decoder = folder / "bochs" / "cpu" / "decoder" / "fetchdecode32.cc"
    decoder.write_text(decoder.read_text().replace(_INDEX, f"{_INDEX} vvv &= 15;"))
    flags = "-O2 -w -fno-strict-aliasing"
    run(["sh", "configure", *CONFIGURE.split(), f"CXXFLAGS={flags}", f"CFLAGS={flags}"], folder / "bochs")
    run(["make", f"-j{os.cpu_count()}"], folder / "bochs")


def _boot_disk(folder: Path) -> None:
    """boot.iso: the boot loader, the kernel, and an initial file system with the modules for a disk."""
    fetched, initial, iso = folder / "fetched", folder / "initial", folder / "iso"
    for path in (*(initial / name for name in ("dev", "disk", "modules")), iso):
        path.mkdir(parents=True, exist_ok=True)
    files = {path.name.partition(".")[0].replace("-", "_"): path for path in fetched.rglob("*.ko.xz")}
    for number, name in enumerate(_with_needed(["sd_mod", "ata_piix"], files)):
        (initial / "modules" / f"{number:02}-{name}.ko").write_bytes(lzma.decompress(files[name].read_bytes()))
    shutil.copy(fetched / "usr" / "bin" / "busybox", initial / "busybox")
    (initial / "init").write_text(_INIT)
    (initial / "init").chmod(0o755)
    names = "\n".join(str(path.relative_to(initial)) for path in sorted(initial.rglob("*")))
    cpio = subprocess.run(
        [str(initial / "busybox"), "cpio", "-o", "-H", "newc"], input=names.encode(), cwd=initial, capture_output=True
    )
    (iso / "initrd.gz").write_bytes(gzip.compress(cpio.stdout))
    (iso / "isolinux.cfg").write_text(_BOOT)
    shutil.copy(next((fetched / "boot").glob("vmlinuz-*")), iso / "vmlinuz")
    lib = fetched / "usr" / "lib"
    shutil.copy(lib / "ISOLINUX" / "isolinux.bin", iso)
    shutil.copy(lib / "syslinux" / "modules" / "bios" / "ldlinux.c32", iso)
    sys.path.append(str(folder / "tools"))
    import pycdlib

    disk = pycdlib.PyCdlib()
    disk.new(interchange_level=3)
    for path in sorted(iso.iterdir()):
        disk.add_file(str(path), f"/{path.name.upper()};1")
    disk.add_eltorito("/ISOLINUX.BIN;1", boot_load_size=4, boot_info_table=True)
    disk.write(str(folder / "boot.iso"))


def _with_needed(names: list[str], files: dict[str, Path], found: dict[str, None] | None = None) -> list[str]:
    """Kernel modules, each after those that it depends on."""
    found = {} if found is None else found
    for name in names:
        depends = re.search(rb"\0depends=([^\0]*)\0", lzma.decompress(files[name].read_bytes()))
        needed = [one.replace("-", "_") for one in depends[1].decode().split(",") if one] if depends else []
        _with_needed([one for one in needed if one not in found], files, found)
        found[name] = None
    return list(found)


def disk(pc: Path, folder: Path, program: list[str], environment: dict[str, str]) -> None:
    """disk.img in a folder: this Python and all that the program reads, in their places, and what to run."""
    root, python = folder / "root", Path(sys.executable).resolve()
    shutil.rmtree(root, ignore_errors=True)
    for name in ("proc", "sys", "dev", "tmp"):
        (root / name).mkdir(parents=True)
    shutil.copy(pc / "initial" / "busybox", root)
    own = (ROOT / part for part in ("nfloat", "tests", "bench", "pyproject.toml"))
    libraries = (Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))
    for path in (*own, Path(environment["NFLOAT_CACHE_DIR"]), python, *libraries, Path(program[0])):
        _copy(path, root)
    for name in DISTRIBUTIONS:
        for file in importlib.metadata.distribution(name).files or ():
            _copy(Path(str(file.locate())), root)
    compiled = [f"/{path.relative_to(root)}" for path in root.rglob("*") if re.search(r"\.so[.0-9]*$", path.name)]
    needed = subprocess.run(["ldd", str(python), *compiled], capture_output=True, text=True).stdout
    for library in sorted(set(re.findall(r"(/\S+) \(0x", needed))):
        _copy(Path(library), root)
    ages = {str(path): path.stat().st_mtime_ns for path in (ROOT / "nfloat").rglob("*.py")}
    (root / "ages.json").write_text(json.dumps(ages))
    (root / "start.py").write_text(_START)
    command = ["exec", "/busybox", "env", "-i", *(f"{key}={value}" for key, value in environment.items())]
    (root / "run.sh").write_text(
        f"cd {shlex.quote(str(ROOT))}\n{shlex.join([*command, str(python), '/start.py', *program])}\n"
    )
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) // 2**20 + 300
    (folder / "disk.img").unlink(missing_ok=True)
    mke2fs = shutil.which("mke2fs", path=f"{os.environ['PATH']}:/sbin:/usr/sbin")
    run([str(mke2fs), "-q", "-t", "ext4", "-d", str(root), str(folder / "disk.img"), f"{size}M"])
    shutil.rmtree(root)


def _copy(path: Path, root: Path) -> None:
    """A file or folder to its place below another root."""
    to = root / str(path).lstrip("/")
    if path.is_dir():
        shutil.copytree(
            path, to, ignore=shutil.ignore_patterns(*_LEFT_OUT) if path != ROOT / "tests" else None, dirs_exist_ok=True
        )
    elif path.is_file() and not to.exists():
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, to)


def boot(pc: Path, folder: Path, cpu: str) -> int:
    """Start the PC with the disk in a folder, print what the program prints as it comes, and return its exit code."""
    serial, log, said, ended = folder / "serial", folder / "log", 0, None
    for path in (serial, log, *folder.glob("*.lock")):
        path.unlink(missing_ok=True)
    (folder / "pc").write_text(_PC.format(cpu=cpu, pc=pc))
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    bochs = subprocess.Popen([str(pc / "bochs" / "bochs"), "-q", "-f", "pc"], cwd=folder, **quiet)
    try:
        while ended is None and bochs.poll() is None:
            time.sleep(1)
            text = serial.read_text(errors="replace") if serial.exists() else ""
            text = text.partition("BEGIN\n")[2]
            ended = re.search(r"^END (\d+)\n", text, re.MULTILINE)
            print(text[said : ended.start() if ended else None], end="", flush=True)
            said = len(text)
    finally:
        bochs.kill()
        bochs.wait()
    if ended is None:
        raise RuntimeError(f"the PC stopped: {last_line(log.read_text(errors='replace'))}")
    return int(ended[1])


def main(folder: str, name: str, *program: str) -> int:
    """Run a program on the PC."""
    cpu, compiled = CPUS[name]
    pc = prepare(Path(folder).resolve())
    environment = {key: value for key, value in os.environ.items() if key.startswith(("NFLOAT_", "PYTHON"))}
    site = sysconfig.get_path("platlib")
    environment |= {**compiled_for(*compiled), "HOME": "/tmp", "PATH": "/"}
    environment.setdefault("NFLOAT_CACHE_DIR", str(pc / "compiled"))
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), site, sysconfig.get_path("purelib")])
    run([sys.executable, "-c", "from nfloat.cli.main import main; main()", "warmup"], **environment)
    disk(pc, pc / name, [str(Path(program[0]).resolve()), *program[1:]], environment)
    return boot(pc, pc / name, cpu)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
