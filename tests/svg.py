"""What matplotlib drew into an SVG file, in numbers that do not depend on its layout."""

import re
from xml.etree import ElementTree

import numpy

NAMESPACE = "{http://www.w3.org/2000/svg}"
NUMBER = r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?"

NOT_DATA = ("legend_", "xtick_", "ytick_")


def texts(svg):
    """Give every text of a picture, in order; matplotlib leaves each as a comment."""
    return re.findall("<!-- (.*?) -->", svg.replace("\N{MINUS SIGN}", "-"))


def size(svg):
    """Give width and height in points."""
    return [
        float(n) for n in re.search(r'<svg [^>]*width="(\S+)pt" height="(\S+)pt"', svg).groups()
    ]


def curves(svg, style=""):
    """Give the points of lines and markers, the frame of their axes being the unit square.

    Not those of a legend, whose size follows from how matplotlib lays out its text, and not ticks.

    Of an area they are two corners of the box around it. They come in the order they are drawn,
    all of them or only those whose style has the given part, such as a line's colour.
    """
    found = []
    for axes in ElementTree.fromstring(svg).iter(f"{NAMESPACE}g"):
        if axes.get("id", "").startswith("axes_"):
            drawn = list(_drawn(axes))
            (_, frame), *_ = drawn
            low, high = frame.min(axis=0), frame.max(axis=0)
            found += [(points - low) / (high - low) for own, points in drawn if style in own]
    return found


def _drawn(element):
    style = element.get("style", "")
    if element.tag == f"{NAMESPACE}path":
        numbers = re.findall(NUMBER, element.get("d"))
        points = numpy.array(numbers, dtype=float).reshape(-1, 2)
        if element.get("d").rstrip().endswith("z"):  # which corner comes first is up to matplotlib
            points = numpy.array([points.min(axis=0), points.max(axis=0)])
        yield style, points
    elif element.tag == f"{NAMESPACE}use" and style:  # a marker; glyphs have none
        yield style, numpy.array([[float(element.get("x")), float(element.get("y"))]])
    elif element.tag != f"{NAMESPACE}defs" and not element.get("id", "").startswith(NOT_DATA):
        for child in element:
            yield from _drawn(child)
