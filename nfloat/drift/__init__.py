"""The main job: how far training in another precision drifts from float64, measured layer by layer and step by step.

``config.py`` says what a run is, ``twin.py`` runs one recipe beside its float64 twin, ``recorder.py`` turns what
happens into rows (``rows.py``) with the measures of ``metrics.py``, ``attribution.py`` says which rounding did it,
``experiment.py`` runs all recipes, ``folder.py`` keeps rows on disk as they come and continues an interrupted run,
``summary.py`` draws conclusions, ``result.py`` is what `run` gives back. The page made of it stands in
``nfloat.report``.
"""

from .config import Config, from_toml, to_toml
from .result import Result

__all__ = ["Config", "Result", "from_toml", "run", "to_toml"]


def __getattr__(name: str) -> object:
    # reading a finished run (config, rows, summary) does not need the engine and its compiler
    if name == "run":
        from .experiment import run

        return run
    raise AttributeError(f"module 'nfloat.drift' has no attribute {name!r}")
