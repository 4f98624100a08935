"""The cache of compiled code: never stale, never in the way.

Every case runs in a process of its own, on a copy of the package.
"""

import os
import stat
import subprocess
import sys

import forked
from house_copy import ASK, DOWN, UP, environment_of, least, run, running


def edit(path, old, new):
    text = path.read_text()
    assert text.count(old) == 1, f"{path.name} has changed: this test edits {old!r}"
    path.write_text(text.replace(old, new))


def test_editing_a_callee_gives_the_new_answer(house, compiled, cache):
    """Numba's own cache looks at the file of the cached function alone and would go on serving the old arithmetic."""
    _, _, first = compiled
    assert first.stdout == UP and "compiling" in first.stderr
    again = run(house, cache)
    assert again.stdout == UP and "compiling" not in again.stderr, "the second process loads what the first compiled"
    edit(house / "nfloat/kernels/rounding/scalar.py", "        return not negative\n", "        return negative\n")
    changed = run(house, cache)
    assert changed.stdout == DOWN and "compiling" in changed.stderr


def test_editing_a_tag_of_the_formats_gives_the_new_answer(house, cache):
    """Kernels compile the modes' tags in, which stand in formats/rounding.py."""
    edit(house / "nfloat/formats/rounding.py", "= len(cls.__members__), facts", "= len(cls.__members__) + 1, facts")
    changed = run(house, cache)
    assert "compiling" in changed.stderr
    assert changed.stdout == UP


def test_the_cache_can_be_turned_off(copy, tmp_path):
    done = run(copy, tmp_path / "cache", running(least(tmp_path)), NFLOAT_CACHE="0")
    assert done.stdout == "4.0\n"
    assert not (tmp_path / "cache").exists()
    assert not list(tmp_path.rglob("*.nb[ci]"))
    assert "every process" in done.stderr


def test_an_unwritable_cache_folder_does_not_raise(copy, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("a file where the folder should be")
    assert run(copy, blocked / "below", running(least(tmp_path))).stdout == "4.0\n"
    folder = tmp_path / "readonly"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        if not os.access(folder, os.W_OK):  # root may write all the same: then it is just a cache
            assert run(copy, folder / "deeper", running(least(tmp_path))).stdout == "4.0\n"
    finally:
        folder.chmod(stat.S_IRWXU)


def test_no_home_folder_does_not_raise(copy, tmp_path):
    """Containers run as users without a home. And NFLOAT_QUIET=1 says nothing."""
    env = {
        key: value
        for key, value in os.environ.items()
        if key not in ("HOME", "XDG_CACHE_HOME", "NFLOAT_CACHE_DIR", "NUMBA_CACHE_DIR")
    }
    env |= {"HOME": "/nonexistent/home", "PYTHONPATH": str(copy), "NFLOAT_QUIET": "1"}
    done = forked.run(running(least(tmp_path)), env, copy)
    assert (done.returncode, done.stdout, done.stderr) == (0, "4.0\n", "")


def test_old_digests_are_removed(tmp_path, monkeypatch):
    from nfloat.kernels import jit

    monkeypatch.setenv("NFLOAT_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("NFLOAT_CACHE", raising=False)
    for k in range(8):
        folder = tmp_path / f"digest{k}"
        folder.mkdir()
        os.utime(folder, (1000 + k, 1000 + k))
    current = jit._open_cache()
    assert current == tmp_path / jit.source_digest() and current.is_dir()
    assert sorted(p.name for p in tmp_path.iterdir() if p != current) == ["digest5", "digest6", "digest7"]


def test_the_digest_depends_on_the_cpu(monkeypatch):
    from nfloat.kernels import jit

    before = jit.source_digest()
    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    assert jit.source_digest() != before


def test_nothing_compiles_at_import(copy, tmp_path):
    code = (
        "import nfloat.ops.rounding, nfloat.ops.codes; from nfloat.kernels.jit import KERNELS; "
        "print([n for n, (d, _) in KERNELS.items() if d.signatures])"
    )
    assert run(copy, tmp_path / "cache", code).stdout.strip() == "[]"


def test_a_kernel_from_the_cache_needs_no_compiler(house, compiled, cache):
    """Numba would bring in all that it compiles with, SciPy's linear algebra among it: half a second."""
    assert compiled[2].stdout == UP
    program = f"import sys; {ASK}; print('scipy.linalg' in sys.modules)"
    command, environment = [sys.executable, "-c", program], environment_of(house, cache)  # no fork: nothing is imported
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=house)
    assert (done.stdout, done.stderr) == (f"{UP}False\n", "")
