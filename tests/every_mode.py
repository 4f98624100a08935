"""All rounding modes, by their facts (``nfloat/formats/rounding.py``): a new one is tested wherever these are."""

from nfloat.formats.rounding import Family, Rounding

MODES = tuple(Rounding)
DETERMINISTIC = tuple(mode for mode in MODES if not mode.is_stochastic)
DIRECTED = tuple(mode for mode in MODES if mode.facts.family is Family.DIRECTED)
#: those by which a positive number never grows
DOWNWARD = tuple(mode for mode in MODES if mode.facts.toward_zero(positive=True) or mode.facts.family is Family.ODD)
#: one of each family
FAMILIES = tuple({mode.facts.family: mode for mode in reversed(MODES)}.values())


def stated(mode, number):
    """The random bits that a mode wants stated, if it does."""
    return {"random_bits": number} if Rounding(mode).needs_random_bits else {}
