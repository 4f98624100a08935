"""All orders of summation, and what each needs besides: a new one is tested wherever these are."""

from nfloat.linalg.accumulators import COUNTED, Order

ORDERS = tuple(Order)


def counted(order, number):
    """The field that an order needs, if it needs one."""
    return {COUNTED[order][0]: number} if order in COUNTED else {}
