"""How far backpropagation's gradient is from the exact one, by depth and bits: local drift, layer by layer, and path.

Every tensor of a step is rounded to p bits, and the gradient compared with the exact one at the same weights. What is
seen is a law, and which one depends on the network:

* smooth activations: the error is C(depth) 2^-p. Where perturbations neither grow nor fade (weights of variance 1/n),
  each layer adds an error that is independent of the others', so that C^2 = a + b depth: nearly the root of the depth.
  Where they grow (variance 4/n), C grows by a constant factor a layer; mean-field theory gives it for wide layers;
* ReLU: the error is C(depth) 2^(-p/2). Rounding pushes a share of order 2^-p of the units over the kink; each of those
  has a derivative that is wrong as a whole, and the norm of so many errors goes as the root of their number. Where too
  few units are left to be pushed over (many bits, few examples), the law is the smooth one again.

The path of a training, weights kept in float32, shows it too: with smooth activations it is as far from float64's as
the bits say; with deep ReLUs it hardly depends on them.

Slopes are fitted where the error is below a quarter: beyond, no first-order law holds.

Sources: Poole et al. 2016 and Schoenholz et al. 2017 for the growth of perturbations (chi, the critical variance); a
first-order error analysis for 2^-p and 2^(-p/2). The figures were first computed with an independent float64 model that
rounds explicitly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import nfloat as nf

from ..runs.rows import Row, Value
from .checks import MODEL, Check, within
from .laws import Law, power, slope
from .networks import NETWORKS, Shape, gradient_errors, path
from .plots import Panel, Plot, Series
from .samples import mean_and_sd
from .selection import distinct, number, where
from .study import Study, check_counts, check_names
from .trainings import everywhere, mixed

_FIRST_ORDER = "first-order analysis"
_SCHOENHOLZ = "Schoenholz et al. 2017"
#: from here on an error is no small one
_SMALL = 0.25
#: bits up to which 128 x 128 units have enough that are pushed over the kink
_KINK_BITS = 11
#: half log2 chi for tanh with variance 4/n: bits by which a layer makes a perturbation greater, where layers are wide
_CHAOS = 0.2232


@dataclass(frozen=True)
class Params:
    """Networks, depths, bits, runs; the layers' own; trainings' depths, runs, steps."""

    networks: tuple[str, ...] = tuple(NETWORKS)
    depths: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    bits: tuple[int, ...] = (5, 8, 11, 14, 17)
    runs: int = 6
    width: int = 128
    examples: int = 128
    layers_of: int = 16
    layers_bits: int = 11
    trained: tuple[int, ...] = (1, 4)
    training_runs: int = 3
    steps: int = 200
    data: str = "digits"

    def __post_init__(self) -> None:
        check_names(self, "networks", NETWORKS)
        check_counts(self, "depths", "bits", "runs", "width", "examples", "layers_of", "layers_bits")
        check_counts(self, "trained", "training_runs", "steps")
        for bits in (*self.bits, self.layers_bits):
            nf.get_format(_format(bits))


@dataclass(frozen=True)
class Cell:
    """One network's gradient at its start, one layer's of it, or a training; `count` examples, or steps."""

    what: str
    network: str
    depth: int
    bits: int
    layer: int
    run: int
    width: int
    count: int
    data: str


def cells(params: Params) -> Iterator[Cell]:
    """Gradients, then a deep network's layer by layer, then trainings."""
    size = (params.width, params.examples, "normal")
    for network in params.networks:
        for depth in params.depths:
            for bits in params.bits:
                for run in range(params.runs):
                    yield Cell("gradient", network, depth, bits, -1, run, *size)
    for network in params.networks:
        for run in range(params.runs):
            for layer in range(params.layers_of + 1):
                yield Cell("layer", network, params.layers_of, params.layers_bits, layer, run, *size)
    for network in params.networks:
        for depth in params.trained:
            for bits in params.bits:
                for run in range(params.training_runs):
                    yield Cell("path", network, depth, bits, -1, run, 64, params.steps, params.data)


def measure(cell: Cell, seed: int) -> dict[str, Value]:
    """Relative error of the gradient; of a training at its end, with the path's distance and the loss."""
    shape, fmt = Shape(cell.network, cell.depth, cell.width), _format(cell.bits)
    if cell.what == "path":
        return path(shape, cell.data, cell.count, mixed(fmt, fmt), seed + cell.run)._asdict()
    stream = nf.Stream(seed).child("gradient-drift", cell.run)
    whole, layers = gradient_errors(shape, cell.count, everywhere(fmt, fmt), stream)
    return {"error": whole if cell.what == "gradient" else layers[cell.layer], "path": None, "loss": None}


def _format(bits: int) -> str:
    """A format of so many bits, with so much range that none is missed."""
    return f"e8m{bits - 1}"


# -------------------------------------------------------------------------------------------------------- what is seen
def _by_bits(rows: Sequence[Row], network: str, y: str = "error", **coordinates: Value) -> Law | None:
    """Bits of error for a bit of the format: -1 where the error is proportional to 2^-p."""
    some = [row for row in where(rows, network=network, **coordinates) if number(row, y) < _SMALL]
    if network == "relu":
        some = [row for row in some if number(row, "bits") <= _KINK_BITS]
    return slope(some, "bits", y)


def _growth(rows: Sequence[Row], network: str) -> Law | None:
    """Of smooth networks with the most bits: the power of the depth; bits a layer where perturbations grow."""
    bits = max((int(number(row, "bits")) for row in rows), default=0)
    deep = [row for row in where(rows, network=network, bits=bits) if number(row, "depth") >= 4]
    if network == "tanh, critical":
        return power(deep, "depth", "error")
    return slope([row for row in deep if number(row, "depth") >= 8], "depth", "error")


def checks(rows: Sequence[Row]) -> list[Check]:
    """The slopes over bits and over depth; the path's; that layers near the input have the greater error."""
    local = where(rows, what="gradient")
    if not local or (local[0]["width"], local[0]["count"]) != (Params().width, Params().examples):
        return []
    return [*_of_gradients(local), *_of_layers(where(rows, what="layer")), *_of_paths(where(rows, what="path"))]


def _of_gradients(rows: Sequence[Row]) -> list[Check]:
    found = []
    limits = {"tanh, critical": (-1.0, 0.02), "tanh, chaotic": (-1.0, 0.02), "relu": (-0.5, 0.08)}
    for network, (value, off) in limits.items():
        for depth in (8, 16):
            law = _by_bits(rows, network, depth=depth)
            if law is not None:
                name = f"{network}, depth {depth}: log2 of the error for a bit"
                found.append(within(name, law.value, value, f"{_FIRST_ORDER}; {MODEL}", absolute=off))
    root, chaos = _growth(rows, "tanh, critical"), _growth(rows, "tanh, chaotic")
    if root is not None:
        name = "tanh, critical: power of the depth, from 4 layers on"
        found.append(within(name, root.value, 0.446, f"{MODEL}; below independent errors' 0.5", absolute=0.08))
    if chaos is not None:
        name = "tanh, chaotic: bits of error for a layer, from 8 on"
        source = f"{MODEL}; {_SCHOENHOLZ} for wide layers: {_CHAOS:.3f}"
        found.append(within(name, chaos.value, 0.258, source, absolute=0.03))
    return found


def _of_layers(rows: Sequence[Row]) -> list[Check]:
    limits = {"tanh, critical": (0.27, 0.4), "tanh, chaotic": (1.6, 0.4), "relu": (7.54, 1.2)}
    found = []
    for network, (value, off) in limits.items():
        some = where(rows, network=network)
        gains = [_log2(first) - _log2(last) for first, last in _ends(some)]
        if gains and some[0]["depth"] == Params().layers_of and some[0]["bits"] == Params().layers_bits:
            name = f"{network}: log2 of the first layer's error over the last's"
            found.append(within(name, mean_and_sd(gains)[0], value, MODEL, absolute=off))
    return found


def _ends(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Each run's errors of the layers next to the input and to the loss, as far as they are there."""
    layers = [[number(row, "error") for row in where(rows, layer=layer)] for layer in (0, Params().layers_of)]
    return list(zip(*layers, strict=False))


def _log2(value: float) -> float:
    return float(nf.log2(value, "float64"))


def _of_paths(rows: Sequence[Row]) -> list[Check]:
    found: list[Check] = []
    if not rows or rows[0]["data"] != "digits" or rows[0]["count"] != Params().steps:
        return found
    limits = {
        ("tanh, critical", 1): (-1.029, 0.06), ("tanh, critical", 4): (-1.045, 0.06),
        ("tanh, chaotic", 1): (-1.046, 0.1), ("tanh, chaotic", 4): (-1.014, 0.1), ("relu", 4): (-0.124, 0.12),
    }  # fmt: skip
    for (network, depth), (value, off) in limits.items():
        law = _by_bits(rows, network, "path", depth=depth)
        if law is not None:
            name = f"{network}, depth {depth}, trained: log2 of the path's distance for a bit"
            found.append(within(name, law.value, value, MODEL, absolute=off))
    return found


def _profile(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """(layer, mean error over runs)."""
    layers = sorted({int(number(row, "layer")) for row in rows})
    return [(float(layer), _mean(where(rows, layer=layer), "error")) for layer in layers]


def _mean(rows: Sequence[Row], y: str) -> float:
    return mean_and_sd([number(row, y) for row in rows])[0]


def findings(rows: Sequence[Row]) -> list[str]:
    """The laws with their intervals."""
    found = []
    local, paths = where(rows, what="gradient"), where(rows, what="path")
    for network in distinct(local, "network"):
        depth = max(int(number(row, "depth")) for row in where(local, network=network))
        law = _by_bits(local, network, depth=depth)
        if law is not None:
            told = f"with {depth} hidden layers log2 of the gradient's error changes by {law} for each bit"
            found.append(f"{network.capitalize()}: {told}{f' up to {_KINK_BITS}' if network == 'relu' else ''}.")
    root, chaos = _growth(local, "tanh, critical"), _growth(local, "tanh, chaotic")
    if root is not None:
        told = f"the error grows as the depth to the power {root}; independent errors alone would give 0.5"
        found.append(f"Tanh, critical: {told}.")
    if chaos is not None:
        told = f"the error grows by {chaos} bits a layer; mean-field theory gives {_CHAOS:.3f} for wide layers"
        found.append(f"Tanh, chaotic: {told}.")
    for network in distinct(paths, "network"):
        for depth in sorted({int(number(row, "depth")) for row in paths}):
            law = _by_bits(paths, network, "path", depth=depth)
            if law is not None:
                told = f"log2 of the path's distance from float64's changes by {law} for each bit"
                found.append(f"{network.capitalize()}, hidden layers: {depth}, trained: {told}.")
    return found


def plots(rows: Sequence[Row]) -> list[Plot]:
    """Error over bits, over depth, over layers; the path's distance over bits."""
    local, layers, paths = (where(rows, what=what) for what in ("gradient", "layer", "path"))
    return [
        *_lines("bits", local, "bits", "depth", "error", "Error of the gradient by bits"),
        *_lines("depth", local, "depth", "bits", "error", "Error of the gradient by depth"),
        *_layer_plot(layers),
        *_lines("path", paths, "bits", "depth", "path", "Distance of the path by bits"),
    ]


_AXES = {"bits": "significand bits p", "depth": "hidden layers", "error": "relative error", "path": "path distance"}
_CAPTIONS = {
    "bits": "A bit halves the error of smooth networks; of ReLUs it takes two, until too few units cross the kink.",
    "depth": "Critical networks lose nearly as the root of the depth, chaotic ones by a factor a layer.",
    "path": "Trained with float32 master weights, smooth networks end as near to float64's weights as the bits say; "
    "deep ReLUs end elsewhere whatever the bits.",
}
_HOW = {
    "error": "Relative error of all gradients at the start, every tensor rounded, mean of the runs.",
    "path": "Distance of the weights from float64's over the way that those have gone, mean of the runs.",
}


def _lines(slug: str, rows: Sequence[Row], x: str, of: str, y: str, title: str) -> list[Plot]:
    """A panel per network, a line per value of the other coordinate."""
    panels = []
    for network in distinct(rows, "network"):
        series = []
        for value in sorted({int(number(row, of)) for row in where(rows, network=network)}):
            some = where(rows, network=network, **{of: value})
            at = sorted({int(number(row, x)) for row in some})
            series.append(Series(f"{of} {value}", [(float(v), _mean(where(some, **{x: v}), y)) for v in at]))
        panels.append(Panel(network, series))
    if not panels:
        return []
    return [Plot(slug, title, _AXES[x], _AXES[y], panels, _CAPTIONS[slug], _HOW[y], log_x=x == "depth")]


def _layer_plot(rows: Sequence[Row]) -> list[Plot]:
    series = [Series(name, _profile(where(rows, network=name))) for name in distinct(rows, "network")]
    if not series:
        return []
    caption = "Errors of the backward pass pile up on their way from the loss to the input."
    how = f"Relative error of each layer's weight gradient, {rows[0]['bits']} bits, mean of the runs; 0 is next to the "
    how += "input."
    title = "Error of the gradient by layer"
    return [Plot("layers", title, "layer", "relative error", [Panel("", series)], caption, how, log_x=False)]


STUDY = Study(
    name="gradient-drift",
    title="A rounded gradient against the exact one",
    question="How far is a rounded gradient from the exact one, by bits, depth and layer, and where does training go?",
    method="Networks of tanh and of ReLU are drawn, every tensor of a backward pass is rounded to p bits (sums in "
    "float32), and the gradient compared with float64's at the same weights; then digits are trained, with weights in "
    "float32 and all else in p bits, and the weights compared with those of a training in float64.",
    sources=(
        "B. Poole et al., Exponential expressivity in deep neural networks through transient chaos, 2016 "
        "(arXiv:1606.05340)",
        "S. S. Schoenholz et al., Deep information propagation, ICLR 2017 (arXiv:1611.01232)",
    ),
    see="A bit halves a tanh network's error; a ReLU network takes two",
    seconds=43,
    params=Params(),
    small=Params(
        ("tanh, critical", "relu"), (1, 2), (5, 11), 2, width=8, examples=8, layers_of=2, trained=(1,),
        training_runs=1, steps=3, data="blobs",
    ),
    cells=cells,
    measure=measure,
    checks=checks,
    findings=findings,
    plots=plots,
)  # fmt: skip
