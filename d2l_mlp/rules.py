"""Refuse sizes, counts and intervals that MXNet takes in silence."""

# DOC(runtime.rules): What a value may be: a rule that checks it, reads it from a flag, and says itself in words.

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Union

SINGLE = (2.0**-126, (2 - 2.0**-23) * 2.0**127)
"""The sizes of single precision's normal numbers. MXNet refuses any other but 0."""


@dataclass(frozen=True)
class Number:
    """A finite number within bounds.

    Attributes
    ----------
    kind : {int, float}
        NumPy's numbers of that kind are taken too; ``bool`` is not.
    least, most : float
        Bounds, which belong to what is allowed.
    above, below : float
        Bounds that do not.
    single : bool
        Whether it is for an operator of MXNet, which takes it in single precision: 0, or of a size
        in `SINGLE`.
    """

    kind: type
    least: float = -math.inf
    most: float = math.inf
    above: float = -math.inf
    below: float = math.inf
    single: bool = False

    def __str__(self) -> str:
        bounds = (
            ("of at least", self.least),
            ("greater than", self.above),
            ("at most", self.most),
            ("less than", self.below),
        )
        told = " and ".join(f"{words} {bound}" for words, bound in bounds if math.isfinite(bound))
        held = ", which single precision holds ({:g} to {:g})".format(*SINGLE) * self.single
        return f"{'an integer' if self.kind is int else 'a number'} {told}".rstrip() + held

    def read(self, value: Any) -> int | float:
        """Turn a value into a number of this kind; a ValueError without text if it is none."""
        try:
            if isinstance(value, (bool, str)):
                raise ValueError
            number = operator.index(value) if self.kind is int else float(value)
        except (OverflowError, TypeError):
            raise ValueError from None
        inside = self.least <= number <= self.most and self.above < number < self.below
        if not inside or math.isinf(number):
            raise ValueError
        if self.single and number and not SINGLE[0] <= abs(number) <= SINGLE[1]:
            raise ValueError
        return number

    def parse(self, text: str) -> int | float:
        """Read what was typed; errors are those of `read`."""
        return self.read(self.kind(text))


@dataclass(frozen=True)
class Choice:
    """One of several names."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"one of {', '.join(self.names)}"

    def read(self, value: Any) -> str:
        """Give the name itself; a ValueError without text if it is another."""
        if not isinstance(value, str) or value not in self.names:
            raise ValueError
        return value

    parse = read


@dataclass(frozen=True)
class Several:
    """Any number of values, none included, which have one rule each."""

    rule: Number

    def __str__(self) -> str:
        return f"a sequence of values, each {self.rule}"

    def read(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Give a tuple of what `rule` reads; errors are those of `Number.read`."""
        if isinstance(values, (str, bytes)):
            raise ValueError
        try:
            return tuple(map(self.rule.read, values))
        except TypeError:
            raise ValueError from None


Rule = Union[Number, Choice, Several]


def check_value(name: str, value: Any, rule: Rule) -> Any:
    """Check a value by a rule.

    Parameters
    ----------
    name : str
        What the value is called.
    value : object
        What was given.
    rule : Number, Choice or Several
        What it may be.

    Returns
    -------
    object
        The value as Python's own int, float, str or tuple.

    Raises
    ------
    ValueError
        If the rule forbids it; the message names the value and the rule.
    """
    try:
        return rule.read(value)
    except ValueError:
        raise ValueError(f"{name} is {value!r}; give {rule}") from None


def flush(number: float) -> float:
    """Give a number, or 0 if it is too small for single precision."""
    return number if abs(number) >= SINGLE[0] else 0.0


def check_integer(name: str, value: int, least: int = 1) -> int:
    """Give a size or a count as an int; a ValueError if it is not one of at least `least`."""
    return check_value(name, value, Number(int, least=least))


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
