"""One row per aten operation: how it is computed. A file per family; importing this room fills the table.

``table`` holds the rows, ``wide`` the rule for whatever has no arithmetic of its own here (and, "by default" in
traces, for operations that no row names): computed in float64 from the stored operands, rounded once. ``moves``: what
moves or selects numbers, and is not rounded; ``meeting``: moves by which numbers may meet, and are added. ``makes``:
what makes numbers from none. ``products``, ``elementwise``, ``reductions``, ``losses``, ``softmax``, ``norms``,
``attention``, ``convolution``, ``recurrent``, ``rowwise``: arithmetic as `nfloat.nn` does it. ``updates``: what
optimisers do in place, ``in_place`` plans that; ``fused``: whole steps of optimisers; ``lists``: operations on lists of
tensors, one tensor at a time; ``narrower``: what a model computes in a type of its own; ``collectives``: what several
processes exchange.
"""

from . import attention as attention
from . import collectives as collectives
from . import convolution as convolution
from . import elementwise as elementwise
from . import fused as fused
from . import lists as lists
from . import losses as losses
from . import makes as makes
from . import meeting as meeting
from . import moves as moves
from . import narrower as narrower
from . import norms as norms
from . import products as products
from . import recurrent as recurrent
from . import reductions as reductions
from . import rowwise as rowwise
from . import softmax as softmax
from . import updates as updates
from . import wide as wide
