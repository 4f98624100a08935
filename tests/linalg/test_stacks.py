"""Stacks by the hardware's own sums, in one call: those of each of their products, whatever the operands' strides."""

import numpy as np
import pytest

import nfloat as nf


def drawn(rng, stack, rows, columns, dtype):
    """A stack of matrices, of which some axes are broadcast: in C order, transposed, with gaps, or of heads."""
    lead = tuple(n if rng.random() < 0.8 else 1 for n in stack)
    kind = rng.integers(5)
    if kind == 0:
        return rng.standard_normal((*lead, columns, rows)).astype(dtype).swapaxes(-1, -2)
    if kind == 1:
        return rng.standard_normal((*lead, 2 * rows, 3 * columns)).astype(dtype)[..., ::2, ::3]
    if kind == 2:
        return np.moveaxis(rng.standard_normal((*lead[:-1], rows, lead[-1], columns)).astype(dtype), -2, -3)
    x = rng.standard_normal((*lead, rows, columns)).astype(dtype)
    return x[..., ::-1, :] if kind == 3 else x


def each(a, b, c, acc):
    """The products, one after the other."""
    full = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    found = np.empty((*full, a.shape[-2], b.shape[-1]), a.dtype)
    one, other = (np.broadcast_to(x, (*full, *x.shape[-2:])) for x in (a, b))
    for place in np.ndindex(*full):
        found[place] = nf.matmul(np.ascontiguousarray(one[place]), np.ascontiguousarray(other[place]), acc, c)
    return found


@pytest.mark.parametrize("acc", ["float32", "float64"])
def test_stacks_of_any_strides(acc):
    rng = np.random.default_rng(1)
    for trial in range(40):
        stack = tuple(int(n) for n in rng.integers(1, 4, rng.integers(1, 4)))
        m, k, n = (int(n) for n in rng.integers(1, 70, 3))
        a, b = drawn(rng, stack, m, k, acc), drawn(rng, stack, k, n, acc)
        c = rng.standard_normal((m, n)).astype(acc) if trial % 3 == 0 else None
        assert nf.matmul(a, b, acc, c, threads=1 + trial % 2).tobytes() == each(a, b, c, acc).tobytes()


def test_a_stack_that_counts_in_more_than_two_axes():
    rng = np.random.default_rng(2)
    a = rng.standard_normal((2, 1, 3, 5, 6)).astype(np.float32)
    b = np.broadcast_to(rng.standard_normal((1, 4, 1, 6, 7)).astype(np.float32), (2, 4, 3, 6, 7))
    assert nf.matmul(a, b, "float32").tobytes() == each(a, b, None, "float32").tobytes()
