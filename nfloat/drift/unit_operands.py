"""Whether the matrix units of a recipe get operands that they take: numbers of their own formats, and no others.

A recipe that leaves its operands to activations and weights that are stored narrow, and multiplies by a matrix unit,
cannot do so with one of these in float64. Trainings that would are left out of an ablation (``ablation.py``), and
layers are not told apart (``layers.py``).
"""

from __future__ import annotations

from .. import nn
from ..formats.format import Format
from ..linalg.units.sums import IntegerSum
from ..linalg.units.unit import Unit
from ..nn.products import result_format
from ..nn.recipes import BlockCast, Cast
from ..nn.recipes.sums import SplitK, Sums

#: every product, what its operands are, and the fields that store these where nothing rounds them apart
_PRODUCTS = (
    ("forward", ("x", "w"), ("activations", "weights")),
    ("forward", ("a", "b"), ("activations", "activations")),
    ("input_gradient", ("dy", "w"), ("activation_gradients", "weights")),
    ("weight_gradient", ("dy", "x"), ("activation_gradients", "activations")),
)


def takes_its_operands(recipe: nn.Recipe, *, apart: bool = False) -> bool:
    """Whether every matrix unit gets numbers of its formats, in every layer.

    Parameters
    ----------
    apart : bool
        Count only what is rounded for the product itself, not what was stored so before: true where a layer gets its
        input from any other one.

    Examples
    --------
    >>> unit = nn.recipe("bf16-mixed+forward=nvidia.hopper.mma.bf16.f32")
    >>> takes_its_operands(unit), takes_its_operands(unit, apart=True)
    (True, False)
    >>> takes_its_operands(unit.replace(weight_copy=None))
    False
    """
    return all(_takes(of, apart, *product) for of in recipe.every for product in _PRODUCTS)


def _takes(of: nn.Recipe, apart: bool, product: str, pair: tuple[str, str], stored: tuple[str, str]) -> bool:
    sums = _inner(of.summed(product))
    if not isinstance(sums, Unit):
        return True
    begins = product == "forward" and of.summed(product) is sums  # with the bias; parts of k begin with 0
    if begins and not _within(_stored(of, "weights").format, result_format(sums)):
        return False
    casts = of.operands(product, *pair)
    if apart and None in casts:
        return False
    if isinstance(sums.arithmetic, IntegerSum):
        return True
    found = [cast or _stored(of, field) for cast, field in zip(casts, stored, strict=True)]
    return all(
        isinstance(cast, BlockCast) or _within(cast.format, fmt) for cast, fmt in zip(found, sums.formats, strict=True)
    )


def _inner(sums: Sums) -> Sums:
    return sums.accumulator if isinstance(sums, SplitK) else sums


def _stored(of: nn.Recipe, field: str) -> Cast:
    """How a tensor is stored that a product takes as it is."""
    if field == "weights" and of.weight_copy is not None:
        return of.weight_copy
    cast: Cast = getattr(of, field)
    return cast


def _within(narrow: Format, wide: Format) -> bool:
    """Whether a format's numbers are all the other's."""
    fine = narrow.precision <= wide.precision and narrow.smallest_subnormal >= wide.smallest_subnormal
    return fine and narrow.max <= wide.max and narrow.min >= wide.min
