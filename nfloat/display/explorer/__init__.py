"""The explorer: one HTML page, offline, on which one types a value, flips bits, and chooses format and rounding.

``page.html`` is its frame, ``arithmetic.js`` computes in exact integers, ``interaction.js`` shows. This file writes
what the page knows of formats, from the catalogue. A test compares the page's arithmetic with nfloat's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from ...formats.catalog import FORMATS
from ...formats.format import Format
from ...formats.names import FormatLike, get_format
from ...pictures.bits import bit_fields
from ...report.page import write_html

#: formats of the families that are spelled, so that each family has one in the list
_SPELLED = ("e6m9", "binary8p3se", "binary8p4se", "binary8p4sf", "binary8p1uf", "fixed16.8")


def explorer_page(formats: Iterable[FormatLike] = ()) -> str:
    """The page as HTML: every named format, one of each family that is spelled, and `formats`.

    Examples
    --------
    >>> text = explorer_page(["e4m2"])
    >>> '"name": "e4m2"' in text, '"name": "float8_e4m3fnuz"' in text, "https:" in text
    (True, True, False)
    """
    from ... import __version__

    known = [*FORMATS.values(), *map(get_format, _SPELLED)]
    known += [fmt for fmt in (get_format(name, "formats") for name in formats) if fmt not in known]
    facts = ",\n".join(json.dumps(format_facts(fmt)) for fmt in known).replace("<", "\\u003c")
    text = _part("page.html").replace("@VERSION@", __version__)
    return text.replace("@FORMATS@", f"[\n{facts}\n]").replace("@SCRIPT@", script() + _part("interaction.js"))


def write_explorer(path: str | Path, formats: Iterable[FormatLike] = ()) -> None:
    """Write the explorer's page into a file.

    Raises
    ------
    ArgumentError
        If the file cannot be written, or holds something else than a page of nfloat's.
    """
    write_html(explorer_page(formats), path)


def script() -> str:
    """The page's arithmetic, which needs no page."""
    return _part("arithmetic.js")


def format_facts(fmt: Format) -> dict[str, object]:
    """What the page knows of a format; integers that JavaScript's numbers do not hold are text."""
    return {
        "name": fmt.name, "source": fmt.source, "bits": fmt.bits, "precision": fmt.precision, "emin": fmt.emin,
        "emax": fmt.emax, "bias": fmt.bias, "signed": fmt.signed, "twos": fmt.twos_complement,
        "hasInf": fmt.has_inf, "hasNan": fmt.has_nan, "hasZero": fmt.has_zero, "hasNegativeZero": fmt.has_negative_zero,
        "nan": fmt.nan.value, "lowest": fmt.lowest_binade.value, "overflow": str(fmt.overflow),
        "flushesInput": fmt.flushes_input, "flushesOutput": fmt.flushes_output,
        "maxCode": str(fmt.max_code), "maxSignificand": str(fmt.max_significand),
        "nanCode": None if fmt.nan_code is None else str(fmt.nan_code),
        "fields": [[part.name, len(part.bits)] for part in bit_fields(fmt, 0)],
    }  # fmt: skip


def _part(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
