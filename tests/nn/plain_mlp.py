"""A plain model of training a 2-layer network under a recipe: own forward, backward and update, written out.

Its primitives are nf.round, nf.divide, nf.quantize, nf.hadamard, nf.matmul and nf.Stream, which have tests of their
own; of ``nfloat.nn`` it reads a recipe's fields and exp of ``elementary.py``, nothing else.
"""

import numpy as np

import nfloat as nf
from nfloat.nn import elementary
from nfloat.nn.recipes import BlockCast, SplitK


def elements(cast, x, amax, seed):
    """(quotients by one scale, the scale)."""
    element = cast.format.element
    scale = nf.divide(amax * 2.0**cast.margin, element.max, "float32")
    return np.asarray(nf.divide(x, scale, element, cast.rounding, overflow="saturate", seed=seed)), float(scale)


def in_blocks(cast, x, k, signs, seed):
    """(values of a matrix in blocks along axis k, their tensor scale)."""
    if cast.hadamard:
        pad = [(0, 0), (0, 0)]
        pad[k] = (0, -x.shape[k] % cast.hadamard)
        x = nf.hadamard(np.pad(x, pad), cast.hadamard, signs, k)
    axis = ((0, 1) if k == 1 else (1, 0)) if cast.format.is_tile else k
    q = nf.quantize(x, cast.format, cast.rounding, axis=axis, seed=seed)
    return (q.dequantize(np.float64) / q.tensor_scale if q.tensor_scale else x * 0.0), q.tensor_scale


class Plain:
    """Weights, momenta and histories of one training; `step` does one update by Nesterov's momentum."""

    def __init__(self, recipe, seed, weights, lr, momentum=0.9, decay=0.01):
        self.r, self.seed, self.lr, self.momentum, self.decay = recipe, nf.Stream(seed), lr, momentum, decay
        self.carrier = recipe.carrier
        self.names = ("0.weight", "0.bias", "2.weight", "2.bias")
        at = {n: recipe.at(n[0]) for n in self.names}
        self.at, self.t, self.amax = at, 0, {}
        self.w = {n: self.round(at[n].weights.nearest, v, n, "") for n, v in zip(self.names, weights, strict=True)}
        self.v = {n: np.zeros(v.shape, self.carrier) for n, v in self.w.items()}
        self.left = {n: np.zeros(v.shape, self.carrier) for n, v in self.w.items()}

    # ------------------------------------------------------------ rounding
    def stream(self, name, role):
        n = self.seen[name, role] = self.seen.get((name, role), -1) + 1
        return self.seed.child(name, role, self.t, n)

    def round(self, cast, x, name, role):
        if cast is None:
            return x
        seed = self.stream(name, role) if cast.rounding.is_stochastic else None
        found = nf.round(x, cast.format, cast.rounding, overflow=cast.overflow, random_bits=cast.random_bits, seed=seed)
        return np.asarray(found).astype(self.carrier)

    def operand(self, layer, product, which, x, k, turned=False):
        """(values, scale) of a stored array whose axis k is summed over; `turned`: as it enters, transposed."""
        cast = self.at[f"{layer}.weight"].operand(product, which)
        role, key = f"gemm.{which}", None
        if cast is None:
            found = x, 1.0
        elif not isinstance(cast, BlockCast):
            key = (layer, which, str(cast))
            found = self.kept[key] if key in self.kept else (self.round(cast, x, layer, role), 1.0)
        elif cast.one_scale:
            key = (layer, which, str(cast))
            found = self.kept[key] if key in self.kept else self.under_one_scale(cast, x, layer, role)
        else:
            key = (layer, which, str(cast), "tile" if cast.format.is_tile else k)
            found = self.kept[key] if key in self.kept else self.blocks(cast, x, k, layer, f"{role}.{product}")
        if key is not None:
            self.kept[key] = found
        return (found[0].T if turned else found[0]), found[1]

    def under_one_scale(self, cast, x, layer, role):
        own = float(np.max(np.abs(x)))
        past = self.amax.setdefault((layer, role), [])
        amax = max(past[-cast.delayed :]) if cast.delayed and past else own
        past.append(own)
        return elements(cast, x, amax, self.stream(layer, role) if cast.rounding.is_stochastic else None)

    def blocks(self, cast, x, k, layer, role):
        seed = self.stream(layer, role) if cast.rounding.is_stochastic else None
        return in_blocks(cast, x, k, self.seed, seed)

    def r_of(self, name):
        """The optimiser's arithmetic: rounding of results, rounding of scalars."""
        a, s = self.at[name].arithmetic, self.at[name].scalars
        return (
            lambda x: x if a is None else self.round(a, x, name, ".arithmetic").astype(np.float64),
            lambda x: x if s is None else float(nf.round(x, s.format, s.rounding)),
        )

    # ------------------------------------------------------------ products
    def mm(self, layer, product, a, b, c=None):
        """a and b are (values, scale)."""
        how, label = self.at[f"{layer}.weight"].summed(product), "forward" if product == "forward" else "backward"
        stochastic = getattr(how, "stochastic", False)
        seed = self.stream(layer, label) if stochastic else None
        a_, b_ = (np.asarray(v[0]).astype(self.carrier) if v[0].dtype != self.carrier else v[0] for v in (a, b))
        alpha = float(np.float32(a[1] * b[1]))
        start = c if alpha == 1.0 and a[1] * b[1] == 1.0 else None
        if isinstance(how, SplitK):
            y = self.split(how, a_, b_, start, seed)
            fmt = how.promote
        else:
            y = nf.matmul(a_, b_, how, start, seed=seed)
            fmt = how.result_format
        if a[1] * b[1] == 1.0:
            return y
        y = nf.round(np.asarray(y, np.float64) * alpha, fmt)
        return (y if c is None else np.asarray(nf.round(y + np.asarray(c, np.float64), fmt))).astype(self.carrier)

    def split(self, how, a, b, c, seed):
        size = -(-a.shape[1] // how.parts)
        total = None
        for i, at in enumerate(range(0, a.shape[1], size)):
            own = None if seed is None else seed.child(i)
            part = nf.matmul(a[:, at : at + size], b[at : at + size], how.accumulator, seed=own)
            total = part if total is None else nf.round(np.add(total, part, dtype=np.float64), how.promote)
        total = nf.round(np.asarray(total, np.float64) + (0.0 if c is None else c), how.promote)
        return np.asarray(total).astype(self.carrier)

    def column_sums(self, layer, x):
        how = self.at[f"{layer}.weight"].sums
        seed = self.stream(layer, "sums") if how.stochastic else None
        return nf.matmul(np.ones((1, len(x)), x.dtype), x, how, seed=seed)[0]

    # ------------------------------------------------------------ a step
    def step(self, x, y):
        self.seen, self.kept = {}, {}
        scale = self.r.loss_scaling.initial if self.r.loss_scaling else 1.0
        at = {layer: self.at[f"{layer}.weight"] for layer in "02"}
        x = self.round(at["0"].activations.nearest, x, "0", "input")
        copy = {n: self.round(self.at[n].weight_copy, v, n, ".copy") for n, v in self.w.items()}

        def forward(layer, x):
            a = self.operand(layer, "forward", "x", x, 1)
            b = self.operand(layer, "forward", "w", copy[f"{layer}.weight"], 1, turned=True)
            h = self.mm(layer, "forward", a, b, copy[f"{layer}.bias"])
            return self.round(at[layer].activations, h, layer, "activation")

        h = forward("0", x)
        h1 = np.where(h > 0, h, self.carrier.type(0))
        inner = self.r.at("1").activations  # a tensor of another format enters a layer as an input
        if at["0"].activations.format != inner.format:
            h1 = self.round(inner.nearest, h1, "1", "input")
        z = forward("2", h1).astype(np.float64)
        e = elementary.exp(z - z.max(axis=1, keepdims=True))
        total = e[:, :1]
        for j in range(1, e.shape[1]):
            total = total + e[:, j : j + 1]
        d = e / total
        d[np.arange(len(y)), y] -= 1.0
        d2 = self.round(at["2"].activation_gradients, d * (scale / len(y)), "2", "activation.grad")
        grads = {}

        def weight_gradient(layer, d, x):
            a = self.operand(layer, "weight_gradient", "dy", d, 0, turned=True)
            return self.mm(layer, "weight_gradient", a, self.operand(layer, "weight_gradient", "x", x, 0))

        a = self.operand("2", "input_gradient", "dy", d2, 1)
        d1 = self.mm("2", "input_gradient", a, self.operand("2", "input_gradient", "w", copy["2.weight"], 0))
        grads["2.weight"], grads["2.bias"] = weight_gradient("2", d2, h1), self.column_sums("2", d2)
        d1 = self.round(self.r.at("1").activation_gradients, d1, "1", "activation.grad")
        d1 = np.where(h > 0, d1, self.carrier.type(0))
        grads["0.weight"], grads["0.bias"] = weight_gradient("0", d1, x), self.column_sums("0", d1)
        for n in ("2.weight", "2.bias", "0.weight", "0.bias"):
            g = self.round(self.at[n].weight_gradients, grads[n], n, ".grad")
            grads[n] = g / g.dtype.type(scale)
        for n in self.names:
            self.update(n, grads[n])
        self.t += 1

    def update(self, n, g):
        r, s = self.r_of(n)
        own, w = self.at[n], self.w[n]
        wide = (lambda x: x) if own.arithmetic is None else (lambda x: x.astype(np.float64))
        g = r(wide(g) + r(s(self.decay) * wide(w)))
        v = r(r(s(self.momentum) * wide(self.v[n])) + g)
        self.v[n] = self.round(own.state_cast("v"), v, n, ".state")
        ahead = r(g + r(s(self.momentum) * wide(self.v[n])))
        u = self.round(own.update, r(s(-self.lr) * ahead), n, ".update")

        def add(cast, x, y, role):
            exact = np.add(x, y) if self.carrier in cast.exact_in else np.add(x, y, dtype=np.float64)
            return self.round(cast, exact, n, role)

        if own.compensation is None:
            self.w[n] = add(own.weights, w, u, "")
            return
        c = own.compensation
        wanted = add(c, u, -self.left[n], ".compensation")
        self.w[n] = add(own.weights, w, wanted, "")
        moved = add(c, self.w[n], -w, ".compensation")
        self.left[n] = add(c, moved, -wanted, ".compensation")
