"""The command line as a process of its own: what is loaded, Ctrl-C, pipes."""

import os
import signal
import subprocess
import sys
import time

PYTHON = (sys.executable, "-m", "nfloat.cli.main")
HEAVY = ("numba", "matplotlib", "jinja2", "msgspec", "rich", "sklearn", "scipy")

#: a command that answers Ctrl-C, which comes while text is executed
INTERRUPTED_IMPORT = """
import click, os, signal
from nfloat.cli import main
from nfloat.cli._errors import Incomplete
main.group = click.Group()
@main.group.command()
def late():
    try:
        exec("os.kill(os.getpid(), signal.SIGINT)\\nwhile True: pass", globals())
    except KeyboardInterrupt:
        raise Incomplete("go on") from None
main.main(["late"])
"""


def hears_ctrl_c():
    """For a child process: a shell turns SIGINT off for what it starts with &, and children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def loaded(*args):
    code = (
        "import sys\nfrom nfloat.cli.main import main\n"
        f"try:\n    main({list(args)!r})\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stderr.strip()


def test_help_and_formats_load_no_compiler_and_no_pictures():
    assert loaded("--help") == "[]"
    assert loaded("formats") == "[]"
    assert loaded("drift", "--help") == "[]"


def test_a_real_run_ctrl_c_and_going_on(tmp_path):
    run = (
        "drift",
        "--data",
        "blobs",
        "--width",
        "8",
        "--recipes",
        "tf32,bf16-pure,bf16-mixed,bf16-pure-sr,fp16-pure,fp16-mixed",
        "--out",
        "out",
    )
    process = subprocess.Popen(
        [*PYTHON, *run, "--steps", "3000", "--every", "3000"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NFLOAT_QUIET": "1"},
        preexec_fn=hears_ctrl_c,
    )
    rows = tmp_path / "out" / "rows.jsonl"
    while process.poll() is None and not (rows.exists() and rows.stat().st_size > 2000):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    assert out == ""
    assert "Traceback" not in err
    assert err.splitlines()[-1].endswith("go on with: nfloat drift --config out/config.toml --out out")
    assert rows.stat().st_size > 2000


def test_ctrl_c_while_a_module_is_imported_has_the_same_exit_code(tmp_path):
    """Late imports run text (named tuples, dataclasses); Python would end by the signal, though it was answered."""
    (tmp_path / "late.py").write_text(INTERRUPTED_IMPORT)
    done = subprocess.run(
        [sys.executable, "-m", "late"], cwd=tmp_path, capture_output=True, text=True, preexec_fn=hears_ctrl_c
    )
    assert (done.returncode, done.stderr) == (3, "nfloat: go on\n")


def test_a_reader_that_goes_away_is_no_mistake():
    formats = subprocess.Popen([*PYTHON, "formats", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    formats.stdout.read(10)
    formats.stdout.close()
    assert formats.stderr.read() == b""
    formats.stderr.close()
    assert formats.wait(timeout=30) == 0


def test_unknown_command_in_a_process(tmp_path):
    done = subprocess.run([*PYTHON, "nothing"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_a_reader_that_has_seen_enough():
    """As `nfloat formats | head -1` is: fine, whatever is left to say."""
    for args in (["formats"], ["units"], ["explain", "0.1"], ["study", "list"], ["formats", "--json"]):
        pipe, quiet = subprocess.PIPE, {**os.environ, "NFLOAT_QUIET": "1"}
        with subprocess.Popen([*PYTHON, *args], stdout=pipe, stderr=pipe, env=quiet) as process:
            process.stdout.close()
            said = process.stderr.read()
        assert (said, process.returncode) == (b"", 0), args


def test_a_full_disk_names_what_could_not_be_written():
    if not os.path.exists("/dev/full"):
        return  # Linux alone has a device that is always full
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}  # until the end, as usual
    with open("/dev/full", "w") as full:
        done = subprocess.run([*PYTHON, "formats"], stdout=full, stderr=subprocess.PIPE, text=True, env=kept)
    assert done.returncode == 2
    assert done.stderr == "nfloat: standard output: No space left on device\n"


def test_a_standard_output_that_is_closed_is_said():
    done = subprocess.run(
        f"{sys.executable} -m nfloat.cli.main formats >&-", shell=True, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (2, "nfloat: standard output is closed\n")
