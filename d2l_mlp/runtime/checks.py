"""Refuse sizes, counts and intervals that MXNet takes in silence."""

import math
import sys

from d2l_mlp.runtime.rules import Number, check


def check_integer(name: str, value: int, least: int = 1) -> int:
    """Give a size or a count as an int; a ValueError if it is not one of at least `least`."""
    return check(name, value, Number(int, least=least))


def check_interval(lo: float, hi: float, parts: int = 1) -> float:
    """Check an interval that is to be cut into parts, and give how close two points of it may be.

    Parameters
    ----------
    lo, hi : float
        Its ends.
    parts : int, default 1
        How many there are to be, at least.

    Returns
    -------
    float
        64 units in the last place of the larger of ``abs(lo)`` and ``abs(hi)``: closer points are
        one, for all that rounding can tell.

    Raises
    ------
    ValueError
        If the ends are not finite, or not in order, or too close for so many parts.
    """
    resolution = 64 * sys.float_info.epsilon * max(abs(lo), abs(hi))
    if not parts * resolution < hi - lo < math.inf:
        apart = f", more than {parts * resolution:.1g} apart" if 0 < hi - lo < math.inf else ""
        raise ValueError(
            f"the interval is {lo} to {hi}; give two finite numbers, the lower first{apart}"
        )
    return resolution
