"""What is being compiled is said once for each kernel, however many signatures it has."""

from types import SimpleNamespace

from nfloat.kernels import jit
from nfloat.kernels.gemm.pack import pack


def test_a_kernel_is_said_once(monkeypatch, capsys):
    monkeypatch.setenv("NFLOAT_QUIET", "0")
    announcer = jit._Announcer()
    for _ in range(4):
        announcer.on_start(SimpleNamespace(data={"dispatcher": pack}))
    assert capsys.readouterr().err.count("compiling pack") == 1
