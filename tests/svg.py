"""What matplotlib drew into an SVG file, in numbers that do not depend on its layout."""

import re
from xml.etree import ElementTree

import numpy

NAMESPACE = "{http://www.w3.org/2000/svg}"
NUMBER = r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?"


def texts(svg):
    """Give every text of a picture, in order; matplotlib leaves each as a comment."""
    return re.findall("<!-- (.*?) -->", svg.replace("\N{MINUS SIGN}", "-"))


def curves(svg, colour=""):
    """Give the points of paths and markers, the frame of their axes being the unit square.

    All of them in the order they are drawn, or only those of a line's colour, such as #1f77b4.
    """
    found = []
    for axes in ElementTree.fromstring(svg).iter(f"{NAMESPACE}g"):
        if axes.get("id", "").startswith("axes_"):
            drawn = list(_drawn(axes))
            (_, frame), *_ = drawn
            low, high = frame.min(axis=0), frame.max(axis=0)
            found += [(points - low) / (high - low) for style, points in drawn if colour in style]
    return found


def _drawn(element):
    style = element.get("style", "")
    if element.tag == f"{NAMESPACE}path":
        numbers = re.findall(NUMBER, element.get("d"))
        yield style, numpy.array(numbers, dtype=float).reshape(-1, 2)
    elif element.tag == f"{NAMESPACE}use" and style:  # a marker; glyphs have none
        yield style, numpy.array([[float(element.get("x")), float(element.get("y"))]])
    elif element.tag != f"{NAMESPACE}defs":
        for child in element:
            yield from _drawn(child)
