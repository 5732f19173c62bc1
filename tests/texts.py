"""Compare what is printed with what stands somewhere, a notebook or README, number by number."""

import re

import pytest

from tests import svg


def assert_same(given, expected, trained=False):
    """Fail unless two texts are the same but for the last digits of their numbers.

    A count is exact. What was trained magnifies what another processor rounds otherwise: an
    accuracy (a number after that word) may move by 0.02, and any other by a twentieth of itself.
    """
    assert re.sub(svg.NUMBER, "#", given) == re.sub(svg.NUMBER, "#", expected)
    numbers = rf"((?:accuracy )?)({svg.NUMBER})"
    for (kind, number), (_, other) in zip(
        re.findall(numbers, given), re.findall(numbers, expected)
    ):
        if re.fullmatch(r"-?\d+", other):
            near = int(other)
        elif trained and kind:
            near = pytest.approx(float(other), rel=0, abs=0.02 + 1e-9)
        else:
            near = pytest.approx(float(other), rel=0.05 if trained else 1e-3, abs=0)
        assert float(number) == near, expected
