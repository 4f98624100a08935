"""What is being compiled is said once for each kernel, however many signatures it has; garbage waits."""

import gc
from types import SimpleNamespace

import pytest

from nfloat.kernels import jit
from nfloat.kernels.gemm.pack import pack


def test_a_kernel_is_said_once(monkeypatch, capsys):
    monkeypatch.setenv("NFLOAT_QUIET", "0")
    announcer = jit._Announcer()
    for _ in range(4):
        announcer.on_start(SimpleNamespace(data={"dispatcher": pack}))
    assert capsys.readouterr().err.count("compiling pack") == 1


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_waits_while_a_kernel_is_compiled(enabled):
    listener, ours = jit._NoCollections(), SimpleNamespace(data={"dispatcher": pack})
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        listener.on_start(SimpleNamespace(data={"dispatcher": "somebody else's"}))
        assert gc.isenabled() is enabled
        listener.on_start(ours)
        assert not gc.isenabled()
        listener.on_end(ours)
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()
