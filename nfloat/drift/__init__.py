"""The main job: how far training in another precision drifts from float64, measured layer by layer and step by step.

``comparison.py`` says what every run is, ``config.py`` what one of a model and data known by name is (``defaults.py``
what is not said of a model), ``build.py`` one of your own; ``plan.py`` in which order it goes, ``estimate.py`` how long
that takes. ``trainable.py`` is what a run needs of whatever it trains,
``engine.py`` that of nfloat's engine. ``twin.py`` runs one recipe beside its float64 twin; ``recorder.py`` turns what
happens into rows (``rows.py``) with the measures of ``metrics.py``, ``tensors.py`` and ``swamping.py``, from which
``what_if.py`` says what other formats would have done; ``attribution.py`` says which rounding makes the error of a
step's gradient. ``members.py`` lists the runs of other seeds and the null runs that a verdict needs, ``ensemble.py``
trains them, ``workers.py`` in two processes; ``ablation.py`` says which rounding makes what happens to a whole run,
``layers.py`` has the recipe that holds in one layer alone, ``unit_operands.py`` says what a matrix unit would not take.
``experiment.py`` runs everything; ``folder.py`` says from which rows an interrupted run goes on (``nfloat/runs`` keeps
them on disk).

``cost.py`` says what a recipe costs, ``cheapest/`` finds the cheapest one within a loss gap.

``several.py`` sets finished runs side by side, ``replaying.py`` stops at a step and keeps its tensors, ``events.py``
tells a caller how far a run is. ``tracking.py`` records what any code does that uses `nf.matmul` and FloatArrays.

``inference.py`` has the statistics, ``verdicts.py`` the verdicts, ``trouble.py`` the first trouble, ``centre.py`` means
and medians where some values are NaN; ``summary.py`` puts them together, ``measurements.py`` is rows and conclusions,
``budget.py`` what a run may lose, ``page/`` the page made of them, ``result.py`` what `run` gives back.
"""

from .budget import Budget
from .build import Experiment
from .comparison import to_toml
from .config import Config, from_toml
from .result import Result

__all__ = [
    "Budget",
    "Config",
    "Experiment",
    "Result",
    "compare",
    "from_toml",
    "replay",
    "run",
    "search",
    "to_toml",
    "track",
]


def __getattr__(name: str) -> object:
    # reading a finished run (config, rows, summary) needs neither the engine with its compiler nor packages for pages
    if name == "run":
        from .experiment import run

        return run
    if name == "search":
        from .cheapest.search import search

        return search
    if name == "replay":
        from .replaying import replay

        return replay
    if name == "compare":
        from .several import compare

        return compare
    if name == "track":
        from .tracking import track

        return track
    raise AttributeError(f"module 'nfloat.drift' has no attribute {name!r}")
