"""Say in words what pyplot's figures show, for a reader who cannot see them."""

from typing import Any, List, Tuple


def add_to(formatter: Any) -> None:
    """Let Jupyter have it as the alternative text of each of pyplot's pictures.

    Parameters
    ----------
    formatter : IPython.core.formatters.PNGFormatter
        As matplotlib's inline backend has set it up.
    """
    from matplotlib.figure import Figure

    draw = formatter.lookup_by_type(Figure)
    formatter.for_type(Figure, lambda figure: (draw(figure), {"alt": describe(figure)}))


def describe(figure: Any) -> str:
    """Describe a figure of curves, such as ``d2l.plot`` draws, in a line.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        One that has a ``description``, as those of `d2l_mlp.plotting` have, is described by it.

    Returns
    -------
    str
        What it is called, and from where to where it goes.
    """
    if hasattr(figure, "description"):
        return str(figure.description)
    told = []
    for axes in figure.axes:
        names, curves = curves_of(axes)
        if curves:
            x = [float(value) for curve in curves for value in curve.get_xdata()]
            of = f"Curve{'s' * (len(curves) > 1)} of {', '.join(names)}"
            told.append(f"{of} for {axes.get_xlabel() or 'x'} from {min(x):.4g} to {max(x):.4g}")
    return "; ".join(told) or "A figure"


def curves_of(axes: Any) -> Tuple[List[str], List[Any]]:
    """Give the curves of matplotlib's axes that have points, and what each is called.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Its legend has the names; without one, or for more curves, it is the label of y.

    Returns
    -------
    names : list of str
        One a curve.
    curves : list of matplotlib.lines.Line2D
        In the order in which they were drawn.
    """
    legend = axes.get_legend()
    names = [text.get_text() for text in legend.get_texts()] if legend else []
    curves = [line for line in axes.get_lines() if len(line.get_xdata())]
    names += [axes.get_ylabel() or "y"] * (len(curves) - len(names))
    return names[: len(curves)], curves
