"""Published results about precision, reproduced: one file per study, and THE list of them.

``study.py`` says what a study is, ``checks.py`` what must come out, ``plots.py`` what is shown; ``plan.py`` (which
study, with which parameters, from which seed), ``experiment.py`` (running it), ``folder.py`` (going on after an
interruption; ``nfloat/runs`` keeps the rows on disk), ``measurements.py`` (rows and figures together), ``selection.py``
(from rows), ``page.py`` (the page made of them); ``samples.py`` draws the data.

The studies: ``stagnation.py``, ``swamping.py``, ``long_gemm.py``, ``input_formats.py``, ``gemm_error.py`` (sums and
products); ``lost_updates.py``, ``fixed_point_sr.py``, ``loss_scaling.py``, ``bf16_vs_tf32.py``, ``optimizer_state.py``
(training; ``trainings.py`` is what they share); ``gradient_drift.py`` (``networks.py`` has what it draws, ``laws.py``
slopes and their intervals), ``regularisation.py``, ``convergence.py``; ``block_sqnr.py``, ``reduction_order.py``;
``time_stepping.py``, ``iterative_refinement.py`` (beyond neural networks).

    result = nf.studies.run("input-formats", out="out")
    result.ok, result.checks[0].measured

To add a study: one file here that ends in ``STUDY = Study(...)``, one line in the list below.
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import ArgumentError, check_kind, nearest_names
from ..runs.export import export as export
from . import (
    bf16_vs_tf32,
    block_sqnr,
    convergence,
    fixed_point_sr,
    gemm_error,
    gradient_drift,
    input_formats,
    iterative_refinement,
    long_gemm,
    loss_scaling,
    lost_updates,
    optimizer_state,
    reduction_order,
    regularisation,
    stagnation,
    swamping,
    time_stepping,
)
from .checks import Check as Check
from .plan import Plan as Plan
from .study import Study as Study

#: THE list: name -> study, in the order in which they are best read
STUDIES = MappingProxyType(
    {
        module.STUDY.name: module.STUDY
        for module in (
            stagnation,
            swamping,
            long_gemm,
            input_formats,
            gemm_error,
            lost_updates,
            fixed_point_sr,
            loss_scaling,
            bf16_vs_tf32,
            gradient_drift,
            regularisation,
            convergence,
            block_sqnr,
            reduction_order,
            optimizer_state,
            time_stepping,
            iterative_refinement,
        )
    }
)


def get_study(name: str) -> Study:
    """The study of a name.

    Raises
    ------
    ArgumentError
        If there is none; near names are listed.

    Examples
    --------
    >>> get_study("swamping").title
    'Swamping, chunks and stochastic rounding'
    """
    check_kind("name", name, str, "the name of a study")
    if name not in STUDIES:
        raise ArgumentError(f"study={name!r} is unknown; {nearest_names(name, STUDIES)}")
    return STUDIES[name]


def run(
    name: str,
    params: Any = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Any = None,
) -> Any:
    """Run a study.

    Parameters
    ----------
    name : str
        One of `STUDIES`.
    params : dataclass instance, optional
        The study's parameters; None: its defaults. ``dataclasses.replace(STUDIES[name].params, n=(1024,))`` changes
        some.
    seed : int
        Drives data and stochastic rounding.
    out : path-like, optional
        A folder into which rows are written as they come, plan, provenance and page with them; cells that are finished
        there are not measured again. None: nothing is written (`Result.write` does it afterwards).
    overwrite : bool
        Replace what another plan left in `out` instead of raising.
    progress : callable, optional
        ``progress(name, cells_done)`` after each cell.

    Returns
    -------
    Result
        ``.rows``, ``.checks``, ``.ok``, ``.write(out)``.

    Raises
    ------
    NFloatError
        If there is no such study, a parameter cannot be used, or `out` cannot be written or holds another plan's rows.

    Examples
    --------
    >>> import nfloat as nf
    >>> from dataclasses import replace
    >>> params = replace(nf.studies.STUDIES["input-formats"].params, formats=("bfloat16", "tfloat32"), k=(64,))
    >>> result = nf.studies.run("input-formats", params)
    >>> result.ok, round(result.rows[0]["frobenius"] / result.rows[1]["frobenius"], 1)
    (True, 8.0)
    """
    from ..runs.folder import REPORT
    from .experiment import execute

    study = get_study(name)
    result = execute(
        Plan(study, study.params if params is None else params, seed), out=out, overwrite=overwrite, progress=progress
    )
    if out is not None:
        result.write_report(Path(out) / REPORT)
    return result
