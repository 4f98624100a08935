"""Recipes: what is rounded where in a training step, as data. Nothing here computes.

``casts`` (how one tensor is rounded), ``sums`` (how products are summed), ``recipe`` (`Recipe`: the fields, and other
values of them for some layers), ``table`` (THE list of named recipes, with their sources), ``reading`` (names with
changed fields), ``files`` (recipes as TOML), ``flow`` (a recipe's picture).
"""

from .casts import BlockCast as BlockCast
from .casts import Cast as Cast
from .casts import CastLike as CastLike
from .casts import as_cast as as_cast
from .casts import as_operand as as_operand
from .reading import recipe as recipe
from .reading import to_toml as to_toml
from .recipe import CAST_FIELDS as CAST_FIELDS
from .recipe import OPERAND_FIELDS as OPERAND_FIELDS
from .recipe import SUM_FIELDS as SUM_FIELDS
from .recipe import Planned as Planned
from .recipe import Recipe as Recipe
from .sums import SplitK as SplitK
from .sums import Sums as Sums
from .table import recipes as recipes
