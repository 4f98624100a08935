"""Textbook algorithms step by step, a scalar `nf.add`, `nf.multiply`, ... for each operation.

Plain lists of Python floats, loops in the order of the books, nothing shared with `nfloat.linalg.algorithms`.
"""

from __future__ import annotations

import math
from itertools import pairwise

import gmpy2
import numpy as np

import nfloat as nf


class Steps:
    """The operations in one format and mode."""

    def __init__(self, fmt, mode="nearest_even", overflow=None):
        self.how = {"fmt": fmt, "rounding": mode, "overflow": overflow}

    def near(self, x):
        return float(nf.round(x, self.how["fmt"]))

    def add(self, x, y):
        return float(nf.add(x, y, **self.how))

    def sub(self, x, y):
        return float(nf.subtract(x, y, **self.how))

    def mul(self, x, y):
        return float(nf.multiply(x, y, **self.how))

    def div(self, x, y):
        return float(nf.divide(x, y, **self.how))

    def sqrt(self, x):
        return float(nf.sqrt(x, **self.how))

    def dot(self, x, y):
        s = 0.0
        for a, b in zip(x, y, strict=True):
            s = self.add(s, self.mul(a, b))
        return s

    # ------------------------------------------------------------ elimination
    def lu(self, a):
        """(l and u in one, rows): by dot products (Doolittle), where the library goes by outer products."""
        a, n = [row[:] for row in a], len(a)
        rows = list(range(n))
        for k in range(min(n, len(a[0]))):
            for i in range(k, n):  # column k, less what the columns before it take away
                for j in range(min(k, i)):
                    a[i][k] = self.sub(a[i][k], self.mul(a[i][j], a[j][k]))
            pivot = max(range(k, n), key=lambda i: abs(a[i][k]))
            a[k], a[pivot], rows[k], rows[pivot] = a[pivot], a[k], rows[pivot], rows[k]
            for j in range(k + 1, len(a[0])):  # row k
                for i in range(k):
                    a[k][j] = self.sub(a[k][j], self.mul(a[k][i], a[i][j]))
            for i in range(k + 1, n):
                if a[k][k] != 0.0:
                    a[i][k] = self.div(a[i][k], a[k][k])
        return a, rows

    def solve(self, a, b):
        f, rows = self.lu(a)
        return self.substituted(f, [b[i] for i in rows])

    def substituted(self, f, x):
        n = len(f)
        for i in range(n):
            for j in range(i):
                x[i] = self.sub(x[i], self.mul(f[i][j], x[j]))
        for j in reversed(range(n)):
            x[j] = self.div(x[j], f[j][j])
            for i in range(j):
                x[i] = self.sub(x[i], self.mul(f[i][j], x[j]))
        return x

    def cholesky(self, a):
        """By rows (Cholesky and Banachiewicz)."""
        n = len(a)
        l = [[0.0] * n for _ in range(n)]  # noqa: E741 (the matrix's name)
        for i in range(n):
            for j in range(i + 1):
                s = a[i][j]
                for k in range(j):
                    s = self.sub(s, self.mul(l[i][k], l[j][k]))
                if i == j and not s > 0:
                    return None
                l[i][j] = self.sqrt(s) if i == j else self.div(s, l[j][j])
        return l

    # ------------------------------------------------------------ reflections
    def qr(self, a):
        m, n = len(a), len(a[0])
        a, vs = [row[:] for row in a], []
        for k in range(min(m - 1, n)):
            x = [a[i][k] for i in range(k, m)]
            v = self.reflection(x)
            vs.append(v)
            if v is not None:
                self.reflect(v, a, k, range(k, n))
        r = [[a[i][j] if i <= j else 0.0 for j in range(n)] for i in range(min(m, n))]
        one = self.near(1.0)
        q = [[one if i == j else 0.0 for j in range(min(m, n))] for i in range(m)]
        for k in reversed(range(len(vs))):
            if vs[k] is not None:
                self.reflect(vs[k], q, k, range(len(q[0])))
        return q, r, vs

    def reflection(self, x):
        if all(e == 0 for e in x):
            return None
        length = self.sqrt(self.dot(x, x))
        v = [self.sub(x[0], length) if x[0] < 0 else self.add(x[0], length), *x[1:]]
        size = self.sqrt(self.dot(v, v))
        return [self.div(e, size) for e in v]

    def reflect(self, v, a, k, columns):
        for j in columns:
            w = self.dot(v, [a[k + i][j] for i in range(len(v))])
            w = self.add(w, w)
            for i in range(len(v)):
                a[k + i][j] = self.sub(a[k + i][j], self.mul(v[i], w))

    # ------------------------------------------------------------ rotations
    def eigh(self, a):
        n, one = len(a), self.near(1.0)
        a = [[a[max(i, j)][min(i, j)] for j in range(n)] for i in range(n)]
        v = [[one if i == j else 0.0 for j in range(n)] for i in range(n)]

        def off():
            above = [
                float(a[i][j]) ** 2 if abs(a[i][j]) < 1e150 else math.inf for i in range(n) for j in range(i + 1, n)
            ]
            return math.fsum(above) if all(map(math.isfinite, above)) else 0.0

        left = off()
        while left > 0:
            last = [row[:] for row in a], [row[:] for row in v]
            for pairs in tournament(n):
                a, v = self.rotated(a, v, pairs)
            left, before = off(), left
            if not left < before:
                a, v = last
                break
        order = np.argsort([a[i][i] for i in range(n)], kind="stable").tolist()
        return [a[i][i] for i in order], [[row[i] for i in order] for row in v]

    def rotated(self, a, v, pairs):
        n, one, turns = len(a), self.near(1.0), []
        for p, q in pairs:
            if a[p][q] == 0:
                t = 0.0
            else:
                h = self.div(self.sub(a[q][q], a[p][p]), self.add(a[p][q], a[p][q]))
                t = self.div(one, self.add(abs(h), self.sqrt(self.add(one, self.mul(h, h)))))
                t = math.copysign(t, h)
            c = self.div(one, self.sqrt(self.add(one, self.mul(t, t))))
            turns.append((p, q, t, c, self.mul(t, c), a[p][p], a[q][q], a[p][q]))

        def turn(x, y, c, s):
            return self.sub(self.mul(c, x), self.mul(s, y)), self.add(self.mul(s, x), self.mul(c, y))

        a, v = [row[:] for row in a], [row[:] for row in v]
        for p, q, _, c, s, *_ in turns:
            for m in (a, v):
                for i in range(n):
                    m[i][p], m[i][q] = turn(m[i][p], m[i][q], c, s)
        for p, q, _, c, s, *_ in turns:
            for j in range(n):
                a[p][j], a[q][j] = turn(a[p][j], a[q][j], c, s)
        for p, q, t, _, _, app, aqq, apq in turns:
            a[p][p], a[q][q] = self.sub(app, self.mul(t, apq)), self.add(aqq, self.mul(t, apq))
            a[p][q] = 0.0
        return [[a[min(i, j)][max(i, j)] for j in range(n)] for i in range(n)], v

    # ------------------------------------------------------------ others
    def fft(self, x):
        """Of a list of pairs."""
        n = len(x)
        if n == 1:
            return x
        w = [self.root(n, k) for k in range(n)]
        if n % 2:
            return [
                (
                    self.sub(self.dot([z[0] for z in x], [w[j * k % n][0] for j in range(n)]),
                             self.dot([z[1] for z in x], [w[j * k % n][1] for j in range(n)])),
                    self.add(self.dot([z[1] for z in x], [w[j * k % n][0] for j in range(n)]),
                             self.dot([z[0] for z in x], [w[j * k % n][1] for j in range(n)])),
                )
                for k in range(n)
            ]  # fmt: skip
        even, odd = self.fft(x[::2]), self.fft(x[1::2])
        turned = [
            (self.sub(self.mul(a, c), self.mul(b, d)), self.add(self.mul(a, d), self.mul(b, c)))
            for (a, b), (c, d) in zip(w, odd, strict=False)
        ]
        whole = list(zip(even, turned, strict=True))
        return [(self.add(e[0], t[0]), self.add(e[1], t[1])) for e, t in whole] + [
            (self.sub(e[0], t[0]), self.sub(e[1], t[1])) for e, t in whole
        ]

    def root(self, n, k):
        """By MPFR, to 53 digits rounded to odd; exact where it is."""
        if 4 * k % n == 0:
            return tuple(map(self.near, ((1.0, 0.0), (0.0, -1.0), (-1.0, 0.0), (0.0, 1.0))[4 * k // n]))
        with gmpy2.context(precision=200):
            angle = 2 * gmpy2.const_pi() * k / n
            cut = float if nf.get_format(self.how["fmt"]).precision == 53 else odd
            return tuple(self.near(cut(z)) for z in (gmpy2.cos(angle), -gmpy2.sin(angle)))

    def horner(self, p, x):
        y = p[0]
        for c in p[1:]:
            y = self.add(self.mul(y, x), c)
        return y

    def convolved(self, a, v):
        out = []
        for k in range(len(a) + len(v) - 1):
            terms = [(a[j], v[k - j]) for j in range(len(a)) if 0 <= k - j < len(v)]
            out.append(self.dot([x for x, _ in terms], [y for _, y in terms]))
        return out

    def summed(self, x):
        s = x[0]
        for e in x[1:]:
            s = self.add(s, e)
        return s

    def variance(self, x, ddof):
        m = self.div(self.summed(x), len(x))
        d = [self.sub(e, m) for e in x]
        return self.div(self.summed([self.mul(e, e) for e in d]), len(x) - ddof)

    def trapezoid(self, y, x):
        return self.summed(
            [
                self.div(self.mul(self.sub(b, a), self.add(f, e)), self.near(2.0))
                for (a, b), (e, f) in zip(pairwise(x), pairwise(y), strict=True)
            ]
        )


def odd(z):
    """An MPFR number to 53 digits, rounded to odd."""
    near = float(z)
    if z == near:
        return near
    return (
        near if np.float64(near).view(np.int64) & 1 else float(np.nextafter(near, math.inf if z > near else -math.inf))
    )


def tournament(n):
    """The rounds, by the circle method: player 0 sits still, the others move on by one seat."""
    players = list(range(n)) + [None] * (n % 2)
    size = len(players)
    for shift in range(size - 1):
        ring = [players[0], *[players[1:][(i - shift) % (size - 1)] for i in range(size - 1)]]
        pairs = [(ring[i], ring[size - 1 - i]) for i in range(size // 2)]
        yield [(min(p), max(p)) for p in pairs if None not in p]
