"""A convolutional network and a transformer written out by hand: forward, backward, update, every rounding.

Only `nf.round`, `nf.matmul` and `nf.Stream` are nfloat's, and exp and log (``nn/elementary.py``); no tape, no layers,
no operations. Values are float64 between roundings. Loops where the engine has none.
"""

from itertools import product

import numpy as np
from plain_mlp import elements, in_blocks

import nfloat as nf
from nfloat.nn import elementary
from nfloat.nn.recipes import BlockCast


class Plain:
    """A recipe at work on weights that are held here, by SGD."""

    def __init__(self, recipe, weights, buffers, seed, lr):
        self.r, self.seed, self.lr, self.step, self.kept = recipe, seed, lr, 0, {}
        self.amax, self.drawn = {}, {}
        self.scale = 1.0 if recipe.loss_scaling is None else recipe.loss_scaling.initial
        start = recipe.weights.nearest
        self.w = {name: self.cast(start, x) for name, x in weights.items()}
        self.buffers = {name: x if "num" in name else self.cast(start, x) for name, x in buffers.items()}

    # ------------------------------------------------------------ primitives
    def cast(self, cast, x, *stream):
        """One rounding, in the carrier."""
        if cast is None:
            return np.asarray(x)
        x = np.asarray(x, np.float64) if np.asarray(x).dtype.kind != "f" else np.asarray(x)
        seed = nf.Stream(self.seed).child(*stream) if cast.rounding.is_stochastic else None
        rounded = nf.round(
            x, cast.format, cast.rounding, overflow=cast.overflow, random_bits=cast.random_bits, seed=seed
        )
        return np.asarray(rounded).astype(self.r.carrier)

    def activation(self, x):
        return self.cast(self.r.activations, x)

    def slope(self, x):
        return self.cast(self.r.activation_gradients, x)

    def weight(self, name):
        return self.cast(self.r.weight_copy, self.w[name])

    def gemm(self, layer, part, a, b, which, c=None):
        """A product of a layer's operands x, w, dy; both of attention's are a."""
        how = self.r.at(layer).summed(part)
        (a, one), (b, other) = (self.operand(layer, part, *own) for own in zip(which, (a, b), (1, 0), strict=True))
        if one * other == 1.0:
            return np.asarray(nf.matmul(a, b, how, c))
        y = nf.round(wide(nf.matmul(a, b, how)) * float(np.float32(one * other)), how.result_format)
        return (y if c is None else nf.round(y + wide(c), how.result_format)).astype(self.r.carrier)

    def operand(self, layer, part, kind, x, k):
        """An operand that is summed over its axis k, and the scale of the whole; rounded as it lies in memory."""
        cast, role = self.r.at(layer).operand(part, kind), f"gemm.{kind}"
        if not isinstance(cast, BlockCast):
            return self.cast(cast, x), 1.0
        turned = not x.flags.c_contiguous
        x, k = (x.T, 1 - k) if turned else (x, k)
        if cast.one_scale:
            values, scale = elements(cast, x, self.greatest(layer, role, cast, float(np.abs(x).max())), None)
        else:
            seed = self.stream(layer, f"{role}.{part}") if cast.rounding.is_stochastic else None
            values, scale = in_blocks(cast, x, k, nf.Stream(self.seed), seed)
        values = values.astype(self.r.carrier)
        return (values.T if turned else values), scale

    def greatest(self, layer, role, cast, own):
        """The magnitude that a scale follows from: the tensor's own, or those of the steps before."""
        known = self.amax.setdefault((layer, role), {})
        past = [known[step] for step in sorted(known) if step < self.step][-(cast.delayed or 1) :]
        known[self.step] = max(known.get(self.step, 0.0), own)
        return max(past) if cast.delayed and past else own

    def stream(self, layer, role):
        """The next stream of that name in this step."""
        key = layer, role, self.step
        self.drawn[key] = self.drawn.get(key, -1) + 1
        return nf.Stream(self.seed).child(*key, self.drawn[key])

    def total(self, x):
        """(k, n) -> (n,), in the recipe's accumulator for sums."""
        return np.asarray(nf.matmul(np.ones((1, len(x)), x.dtype), x, self.r.sums))[0]

    # ------------------------------------------------------------ parts that both models have
    def linear(self, name, x):
        y = self.gemm(name, "forward", x, self.weight(f"{name}.weight").T, ("x", "w"), self.weight(f"{name}.bias"))
        return self.activation(y)

    def linear_back(self, name, x, dy):
        """dx; the weights' gradients are noted."""
        self.note(f"{name}.weight", self.gemm(name, "weight_gradient", dy.T, x, ("dy", "x")))
        self.note(f"{name}.bias", self.total(dy))
        return self.slope(self.gemm(name, "input_gradient", dy, self.weight(f"{name}.weight"), ("dy", "w")))

    def note(self, name, gradient):
        self.g[name] = self.cast(self.r.weight_gradients, gradient)

    def loss(self, logits, labels):
        """The loss, and the gradient of the logits times the loss scale."""
        z = logits.astype(np.float64)
        z = z - z.max(axis=1, keepdims=True)
        e = elementary.exp(z)
        sums = np.add.accumulate(e, axis=1)[:, -1:]
        losses = elementary.log(sums[:, 0]) - z[np.arange(len(z)), labels]
        d = e / sums
        d[np.arange(len(z)), labels] -= 1.0
        loss = np.asarray(np.add.accumulate(losses)[-1] / len(z), self.r.carrier)
        return float(loss), self.slope(d * (float(self.r.carrier.type(self.scale)) / len(z)))

    def update(self):
        """Weights after a step; none where a scaled gradient is not finite."""
        for name in self.g:
            self.g[name] = self.g[name] / self.g[name].dtype.type(self.scale) if self.scale != 1.0 else self.g[name]
        r, step = self.r, self.step
        self.step += 1
        if r.loss_scaling is not None and not all(np.isfinite(g).all() for g in self.g.values()):
            self.scale *= r.loss_scaling.backoff
            return
        for name, g in self.g.items():
            w, u = self.w[name], self.cast(r.update, -self.lr * g)
            if r.compensation is None:
                self.w[name] = self.cast(r.weights, wide(w) + u, name, "", step, 0)
                continue
            wanted = self.cast(r.compensation, wide(u) - self.kept.get(name, np.zeros_like(w)))
            self.w[name] = self.cast(r.weights, wide(w) + wanted, name, "", step, 0)
            moved = self.cast(r.compensation, wide(self.w[name]) - w)
            self.kept[name] = self.cast(r.compensation, wide(moved) - wanted)


def wide(x):
    return np.asarray(x, np.float64)


def halves(x, axis):
    """Sums by halves along an axis, which stays; the middle one of an odd number goes to the first sum."""
    x = np.moveaxis(x, axis, 0)
    while len(x) > 1:
        half = len(x) // 2
        y = np.array([x[i] + x[half + i] for i in range(half)])
        if len(x) % 2:
            y[0] += x[-1]
        x = y
    return np.moveaxis(x, 0, axis)


class PlainConvolutional(Plain):
    """conv 3x3 -> batch norm -> relu -> max pool 2x2 -> conv 3x3 of stride 2 -> relu -> flat -> linear."""

    def run(self, x, y):
        """One step; the loss."""
        self.g = {}
        x = self.cast(self.r.activations.nearest, x)
        a, columns_a = self.conv("0", x, 1)
        b, *norm = self.norm("1", a)
        c = np.maximum(b, 0)
        d, taken = pooled(c)
        e, columns_e = self.conv("4", d, 2)
        f = np.maximum(e, 0)
        flat = f.reshape(len(f), -1)
        loss, slope = self.loss(self.linear("7", flat), y)
        slope = self.linear_back("7", flat, slope).reshape(f.shape)
        slope = self.conv_back("4", d.shape, columns_e, np.where(f > 0, slope, 0), 2)
        slope = self.slope(unpooled(slope, taken, c.shape))
        slope = self.norm_back("1", a, *norm, np.where(c > 0, slope, 0))
        self.conv_back("0", x.shape, columns_a, slope, 1, inner=False)
        self.update()
        return loss

    def conv(self, name, x, stride):
        """A 3x3 convolution with a border of zeros; the columns of what its places see."""
        n, channels, height, width = x.shape
        edge = np.zeros((n, channels, height + 2, width + 2), x.dtype)
        edge[:, :, 1:-1, 1:-1] = x
        out = (height - 1) // stride + 1, (width - 1) // stride + 1
        columns = np.empty((channels * 9, n * out[0] * out[1]), x.dtype)
        for k, (c, i, j) in enumerate(product(range(channels), range(3), range(3))):
            seen = edge[:, c, i : i + stride * out[0] : stride, j : j + stride * out[1] : stride]
            columns[k] = seen[:, : out[0], : out[1]].ravel()
        w = self.weight(f"{name}.weight")
        bias = self.weight(f"{name}.bias")[:, np.newaxis]
        y = self.gemm(name, "forward", w.reshape(len(w), -1), columns, ("w", "x"), bias)
        return self.activation(y.reshape(len(w), n, *out).transpose(1, 0, 2, 3)), columns

    def conv_back(self, name, shape, columns, dy, stride, inner=True):
        rows = np.ascontiguousarray(dy.transpose(1, 0, 2, 3)).reshape(dy.shape[1], -1)
        w = self.weight(f"{name}.weight")
        self.note(f"{name}.weight", self.gemm(name, "weight_gradient", rows, columns.T, ("dy", "x")).reshape(w.shape))
        self.note(f"{name}.bias", self.total(np.ascontiguousarray(rows.T)))
        if not inner:
            return None
        dx = np.empty(shape, w.dtype)
        for phase in product(range(stride), range(stride)):  # of the places: those that the same taps had a part in
            taps = [[i for i in range(3) if (p + 1 - i) % stride == 0] for p in phase]
            met = list(product(range(len(w)), *taps))
            places = [range(p, n, stride) for p, n in zip(phase, shape[2:], strict=True)]
            left = np.array([w[o, :, i, j] for o, i, j in met]).T
            right = np.empty((len(met), shape[0] * len(places[0]) * len(places[1])), dy.dtype)
            for row, (o, i, j) in enumerate(met):
                rays = [seen(dy, o, (h + 1 - i) // stride, (v + 1 - j) // stride) for h, v in product(*places)]
                right[row] = np.array(rays).T.ravel()
            part = self.gemm(name, "input_gradient", np.ascontiguousarray(left), right, ("w", "dy"))
            part = part.reshape(len(left), shape[0], len(places[0]), len(places[1])).transpose(1, 0, 2, 3)
            dx[:, :, phase[0] :: stride, phase[1] :: stride] = part
        return self.slope(dx)

    def norm(self, name, x):
        count = x.size // x.shape[1]
        mean = sums_of_channels(wide(x)) / count
        centred = wide(x) - mean
        variance = sums_of_channels(centred * centred) / count
        inverse = 1.0 / np.sqrt(variance + 1e-5)
        for key, value in (("mean", mean), ("var", variance * (count / (count - 1.0)))):
            key, cast = f"{name}.running_{key}", self.r.weights
            moved = (1.0 - 0.1) * wide(self.buffers[key]) + 0.1 * value.ravel()
            self.buffers[key] = self.cast(cast, moved, key, "", self.step, 0)
        w, b = (self.weight(f"{name}.{key}").reshape(-1, 1, 1) for key in ("weight", "bias"))
        return self.activation((centred * inverse) * w + b), mean, inverse

    def norm_back(self, name, x, mean, inverse, dy):
        normal, count = (wide(x) - mean) * inverse, x.size // x.shape[1]
        dy = wide(dy)
        g = dy * self.weight(f"{name}.weight").reshape(-1, 1, 1)
        along = sums_of_channels(g * normal) / count
        g = g - sums_of_channels(g) / count
        by_channel = [np.ascontiguousarray(v.transpose(0, 2, 3, 1)).reshape(-1, x.shape[1]) for v in (dy * normal, dy)]
        for key, terms in zip(("weight", "bias"), by_channel, strict=True):
            self.note(f"{name}.{key}", self.total(terms))
        return self.slope((g - normal * along) * inverse)


def seen(dy, channel, i, j):
    inside = 0 <= i < dy.shape[2] and 0 <= j < dy.shape[3]
    return dy[:, channel, i, j] if inside else np.zeros(len(dy), dy.dtype)


def sums_of_channels(x):
    return halves(halves(halves(x, 3), 2), 0)


def pooled(x):
    """The greatest of 2 x 2, and which of the four, row by row, is the first of those."""
    n, channels, height, width = x.shape
    best = np.empty((n, channels, height // 2, width // 2), x.dtype)
    taken = np.empty(best.shape, int)
    for place in np.ndindex(best.shape):
        m, c, i, j = place
        four = x[m, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].ravel()
        taken[place] = next((k for k in range(4) if np.isnan(four[k])), int(np.argmax(four)))
        best[place] = four[taken[place]]
    return best, taken


def unpooled(dy, taken, shape):
    dx = np.zeros(shape, dy.dtype)
    for m, c, i, j in np.ndindex(dy.shape):
        row, column = divmod(taken[m, c, i, j], 2)
        dx[m, c, 2 * i + row, 2 * j + column] = dy[m, c, i, j]
    return dx


class PlainTransformer(Plain):
    """The model of ``nn/models/sequences.py`` with one layer."""

    def __init__(self, *what, heads):
        super().__init__(*what)
        self.heads = heads

    def run(self, x, y):
        """One step; the loss."""
        self.g = {}
        n, length = x.shape
        token, position = self.weight("token.weight"), self.weight("position.weight")
        t, p = self.activation(token[x]), self.activation(position[:length])
        a = self.activation(wide(t) + p)
        b, *norm1 = self.norm("layers.0.norm1", a)
        c, attention = self.attention("layers.0.self_attn", b)
        d = self.activation(wide(a) + c)
        e, *norm2 = self.norm("layers.0.norm2", d)
        rows = e.reshape(n * length, -1)
        f = np.maximum(self.linear("layers.0.linear1", rows), 0)
        h = self.activation(wide(d) + self.linear("layers.0.linear2", f).reshape(d.shape))
        k, *norm3 = self.norm("norm", h)
        flat = k.reshape(n * length, -1)
        loss, slope = self.loss(self.linear("head", flat), y.ravel())

        slope = self.linear_back("head", flat, slope).reshape(k.shape)
        around = self.norm_back("norm", h, *norm3, slope)
        slope = self.linear_back("layers.0.linear2", f, around.reshape(n * length, -1))
        slope = self.linear_back("layers.0.linear1", rows, np.where(f > 0, slope, 0)).reshape(e.shape)
        around = self.slope(wide(around) + self.norm_back("layers.0.norm2", d, *norm2, slope))
        slope = self.attention_back("layers.0.self_attn", b, *attention, around)
        around = self.slope(wide(around) + self.norm_back("layers.0.norm1", a, *norm1, slope))
        self.rows_back("token.weight", around.reshape(n * length, -1), x.ravel())
        places = self.slope(self.total(around.reshape(n, -1)).reshape(length, -1))
        self.rows_back("position.weight", places, np.arange(length))
        self.update()
        return loss

    def rows_back(self, name, rows, places):
        """Each row of a table gets the sum of the gradients of its copies."""
        gradient = np.zeros(self.w[name].shape, rows.dtype)
        for place in set(places.tolist()):
            gradient[place] = self.total(rows[places == place])
        self.note(name, gradient)

    def norm(self, name, x):
        count = x.shape[-1]
        mean = halves(wide(x), -1) / count
        centred = wide(x) - mean
        inverse = 1.0 / np.sqrt(halves(centred * centred, -1) / count + 1e-5)
        y = (centred * inverse) * self.weight(f"{name}.weight") + self.weight(f"{name}.bias")
        return self.activation(y), mean, inverse

    def norm_back(self, name, x, mean, inverse, dy):
        normal, dy, count = (wide(x) - mean) * inverse, wide(dy), x.shape[-1]
        g = dy * self.weight(f"{name}.weight")
        along = halves(g * normal, -1) / count
        for key, terms in (("weight", dy * normal), ("bias", dy)):
            self.note(f"{name}.{key}", self.total(terms.reshape(-1, count)))
        return self.slope(((g - halves(g, -1) / count) - normal * along) * inverse)

    def attention(self, name, x):
        n, length, width = x.shape
        w, bias = self.weight(f"{name}.in_proj_weight"), self.weight(f"{name}.in_proj_bias")
        rows = x.reshape(n * length, width)
        whole = self.activation(self.gemm(name, "forward", rows, w.T, ("x", "w"), bias)).reshape(
            n, length, 3, self.heads, -1
        )
        q, k, v = (np.ascontiguousarray(whole[:, :, i].transpose(0, 2, 1, 3)) for i in range(3))
        factor = 1.0 / np.sqrt(width // self.heads)
        scaled = self.activation(wide(q) * factor)
        scores = self.activation(self.gemm(name, "forward", scaled, k.swapaxes(-1, -2), ("a", "a")))
        hidden = np.where(np.tri(length, dtype=bool), 0.0, -np.inf)
        z = wide(scores) + hidden
        e = elementary.exp(z - z.max(axis=-1, keepdims=True))
        chances = self.activation(e / halves(e, -1))
        found = self.activation(self.gemm(name, "forward", chances, v, ("a", "a")))
        joined = np.ascontiguousarray(found.transpose(0, 2, 1, 3)).reshape(n * length, width)
        y = self.linear(f"{name}.out_proj", joined).reshape(x.shape)
        return y, (scaled, k, v, factor, chances, joined)

    def attention_back(self, name, x, scaled, k, v, factor, chances, joined, dy):
        n, length, width = x.shape
        slope = self.linear_back(f"{name}.out_proj", joined, dy.reshape(n * length, width))
        slope = np.ascontiguousarray(slope.reshape(n, length, self.heads, -1).transpose(0, 2, 1, 3))
        d_chances = self.slope(self.gemm(name, "input_gradient", slope, v.swapaxes(-1, -2), ("a", "a")))
        d_v = self.slope(self.gemm(name, "weight_gradient", chances.swapaxes(-1, -2), slope, ("a", "a")))
        products = wide(d_chances) * chances
        d_scores = self.slope(products - chances * halves(products, -1))
        d_scaled = self.slope(self.gemm(name, "input_gradient", d_scores, k, ("a", "a")))
        d_k = self.slope(self.gemm(name, "weight_gradient", scaled.swapaxes(-1, -2), d_scores, ("a", "a"))).swapaxes(
            -1, -2
        )
        d_q = self.slope(wide(d_scaled) * factor)
        whole = np.stack([d.transpose(0, 2, 1, 3) for d in (d_q, d_k, d_v)], axis=2).reshape(n * length, 3 * width)
        rows = x.reshape(n * length, width)
        self.note(f"{name}.in_proj_weight", self.gemm(name, "weight_gradient", whole.T, rows, ("dy", "x")))
        self.note(f"{name}.in_proj_bias", self.total(whole))
        w = self.weight(f"{name}.in_proj_weight")
        return self.slope(self.gemm(name, "input_gradient", whole, w, ("dy", "w"))).reshape(x.shape)
