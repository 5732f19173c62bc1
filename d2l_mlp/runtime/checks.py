"""Refuse sizes, counts and intervals that MXNet takes in silence."""

import math

from d2l_mlp.runtime.rules import Number, check


def check_integer(name: str, value: int, least: int = 1) -> int:
    """Give a size or a count as an int; a ValueError if it is not one of at least `least`."""
    return check(name, value, Number(int, least=least))


def check_interval(lo: float, hi: float, resolution: float = 0.0) -> None:
    """Raise a ValueError if two numbers are not finite, in order, and apart by `resolution`."""
    if not resolution < hi - lo < math.inf:
        raise ValueError(f"the interval is {lo} to {hi}; give two finite numbers, the lower first")
