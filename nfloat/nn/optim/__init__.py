"""Optimisers, their schedules and clipping.

``optimizer`` (`Optimizer`: the update that all share), ``one_pass`` (the same in one call of a kernel), ``in_parts``
(some elements of a large parameter at a time), ``rules`` (THE list of optimisers), ``arithmetic`` (in which format
their formulas and scalars are computed), ``schedules`` (learning rates that move), ``clipping`` (of gradients).
"""

from .optimizer import Optimizer as Optimizer
from .optimizer import Update as Update
from .rules import OPTIMIZERS as OPTIMIZERS
from .rules import SGD as SGD
from .rules import Adam as Adam
from .rules import AdamW as AdamW
from .rules import Lion as Lion
from .rules import Momentum as Momentum
from .rules import RMSprop as RMSprop
from .schedules import Cosine as Cosine
from .schedules import Schedule as Schedule
from .schedules import StepDecay as StepDecay
from .schedules import WarmUp as WarmUp
