"""Python processes that begin with Numba imported: a test that needs many pays for their work, not for their imports.

One process imports it and is forked for every program. It has not imported nfloat: where that comes from, what it finds
in its environment and where its cache is are each program's own.
"""

import atexit
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path


@cache
def _server():
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("NUMBA_", "PYTHONPATH"))}
    process = subprocess.Popen(
        [sys.executable, __file__], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(process.communicate)
    return process


def run(program, environment, folder):
    """What a program did, as `subprocess.run` says it."""
    server = _server()
    asked = {"program": program, "environment": environment, "folder": str(folder)}
    print(json.dumps(asked), file=server.stdin, flush=True)
    answer = json.loads(server.stdout.readline())
    return subprocess.CompletedProcess(program, answer["code"], answer["out"], answer["errors"])


def _become(program, environment, folder):
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path[:0] = environment.get("PYTHONPATH", folder).split(os.pathsep)
    exec(compile(program, "<program>", "exec"), {"__name__": "__main__"})


def _answer(asked):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(errors.fileno(), 2)
            _become(**asked)
            raise SystemExit
        _, status = os.waitpid(child, 0)
        texts = [os.pread(file.fileno(), 1 << 24, 0).decode() for file in (out, errors)]
        return {"code": os.waitstatus_to_exitcode(status), "out": texts[0], "errors": texts[1]}


def _serve():
    import numba

    numba.njit(lambda x: x).compile("float64(float64)")  # imports what it compiles with
    sys.path.remove(str(Path(__file__).parent))
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    _serve()
