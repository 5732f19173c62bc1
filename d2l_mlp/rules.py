"""Rules of values: check a value, parse a flag's text, and describe themselves in messages."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Union


@dataclass(frozen=True)
class Number:
    """A finite number of a kind, int or float (NumPy's count too, bool does not), in bounds."""

    kind: type
    least: float = -math.inf
    most: float = math.inf
    above: float = -math.inf
    below: float = math.inf

    def __str__(self) -> str:
        bounds = (
            ("of at least", self.least),
            ("greater than", self.above),
            ("at most", self.most),
            ("less than", self.below),
        )
        text = " and ".join(f"{words} {bound}" for words, bound in bounds if math.isfinite(bound))
        return f"{'an integer' if self.kind is int else 'a number'} {text}".rstrip()

    def read(self, value: Any) -> int | float:
        """Convert a value to `kind`; raise a ValueError without text if it breaks the rule."""
        try:
            if isinstance(value, (bool, str)) or not math.isfinite(value):
                raise ValueError
            number = operator.index(value) if self.kind is int else float(value)
        except (OverflowError, TypeError):
            raise ValueError from None
        if not (self.least <= number <= self.most and self.above < number < self.below):
            raise ValueError
        return number

    def parse(self, text: str) -> int | float:
        """Read a flag's text, with the errors of `read`."""
        return self.read(self.kind(text))


@dataclass(frozen=True)
class Choice:
    """One of several names."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"one of {', '.join(self.names)}"

    def read(self, value: Any) -> str:
        """Return the name itself; raise a ValueError without text if it is another."""
        if not isinstance(value, str) or value not in self.names:
            raise ValueError
        return value

    parse = read


@dataclass(frozen=True)
class Several:
    """Any number of values, none included, each by the same rule."""

    rule: Number

    def __str__(self) -> str:
        return f"a sequence of values, each {self.rule}"

    def read(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Return a tuple of what `rule` reads, with its errors."""
        if isinstance(values, (str, bytes)):
            raise ValueError
        try:
            return tuple(map(self.rule.read, values))
        except TypeError:
            raise ValueError from None


Rule = Union[Number, Choice, Several]

DEVICES = "auto, cpu, gpu, cpu:N, gpu:N, with N up to 999"
"""The names of a device."""

OLDEST_OPSET, DEFAULT_OPSET = 11, 13  # of ONNX; every runtime since 2021 has the default


def is_device(name: str) -> bool:
    """Return whether a text is one of `DEVICES`."""
    return bool(re.fullmatch(r"auto|(cpu|gpu)(:\d{1,3})?", name))


def check_value(name: str, value: Any, rule: Rule) -> Any:
    """Return a value as Python's own type; name it, its value and its rule if they do not fit."""
    try:
        return rule.read(value)
    except ValueError:
        raise ValueError(f"{name} is {value!r}; give {rule}") from None


def check_integer(name: str, value: int, least: int = 1) -> int:
    """Check a size or a count."""
    return check_value(name, value, Number(int, least=least))
