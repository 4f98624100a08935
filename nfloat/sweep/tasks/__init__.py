"""THE list of tasks that a grid may name, one file each.

``product.py`` (the error of a matrix product), ``training.py`` (one training beside float64's), ``verdict.py`` (a drift
run of one recipe, with its verdict); ``setting.py`` is what the last two have in common.

To add a task: one file here that ends in ``TASK = Task(...)``, one line in the list below.
"""

from __future__ import annotations

from types import MappingProxyType

from ...errors import ArgumentError, nearest_names
from ..task import Task
from . import product, training, verdict

#: name -> task
TASKS = MappingProxyType({module.TASK.name: module.TASK for module in (product, training, verdict)})


def get_task(name: object) -> Task:
    """The task of a name.

    Raises
    ------
    ArgumentError
        If there is none; near names are listed.
    """
    if not isinstance(name, str) or name not in TASKS:
        raise ArgumentError(f"task={name!r} is unknown; {nearest_names(str(name), TASKS)}")
    return TASKS[name]
