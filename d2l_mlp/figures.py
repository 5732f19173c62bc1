"""Draw the figures of the chapter into files: ``python -m d2l_mlp.figures --help``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Callable

from d2l_mlp.activations import ACTIVATIONS, PRELU_SLOPE
from d2l_mlp.cli.command import Signals, check_delivered, run_command, say
from d2l_mlp.cli.flags import Parser, path_type
from d2l_mlp.plotting.figures import FIGURES, FigureOptions, check_figure_name, draw
from d2l_mlp.plotting.style import FORMATS, save_figure

PROG = "python -m d2l_mlp.figures"


def parser() -> Parser:
    """Return the parser of the command line."""
    p = Parser(
        prog=PROG, description="Draw the figures of the chapter, each into a file of its own."
    )
    # fmt: off
    add = p.add_argument
    add("names", nargs="*", metavar="NAME", help="figure to draw (default: all of --list)")
    add("--list", action="store_true", help="list the figures, and draw nothing")
    add("--output", type=path_type, default=Path("figures"), metavar="DIR",
        help="folder to write to")
    add("--format", choices=FORMATS, default="svg", help="file format")
    add("--dpi", type=int, metavar="N", help="resolution of a png in dots per inch (default: 200)")
    add("--range", type=float, nargs=2, metavar=("LO", "HI"),
        help="first x, and the x to stop before (default: -4 4; -8 8 for relu-wide)")
    add("--step", type=float, default=0.1, help="distance between two x")
    add("--alpha", type=float, default=PRELU_SLOPE, help="slope of pReLU")
    add("--hidden", type=int, nargs="+", default=[5], metavar="N",
        help="units of each hidden layer in the mlp diagram")
    add("--expression", metavar="F",
        help="draw a function of x and its derivative: Python with np, npx and the activations, "
             "such as 'x * sigmoid(x)'; it is run")
    add("--name", help="name of the --expression, for labels and files (default: f)")
    # fmt: on
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run_command(PROG, lambda signals: _figures(argv, signals))


def _figures(argv: Sequence[str] | None, signals: Signals) -> None:
    p = parser()
    args = p.parse_args(argv)
    if args.list:
        return _list()
    try:
        drawings = _choose(args)
    except ValueError as error:
        p.error(str(error))
    _write(args, drawings, signals)


def _list() -> None:
    width = max(map(len, FIGURES))
    for name in FIGURES:
        print(f"{name:{width}}  {FIGURES[name][0]}")
    check_delivered()


def _choose(args: argparse.Namespace) -> dict[str, Callable]:
    """Map the name of each file to the function that draws its figure."""
    options = FigureOptions(args.range, args.step, args.alpha, args.hidden)
    if args.dpi is not None and args.format != "png":
        raise ValueError(f"dpi {args.dpi}: {args.format} has no resolution; give --format png")
    if args.dpi is not None and not 10 <= args.dpi <= 1200:
        raise ValueError(f"dpi {args.dpi}: give a number from 10 to 1200")
    if args.name is not None and args.expression is None:
        raise ValueError(f"name {args.name!r}: it is for an --expression; give one")
    drawings: dict[str, Callable] = {}
    for name in args.names or (FIGURES if args.expression is None else []):
        check_figure_name(name)
        drawings[name] = partial(draw, name, options)
    if args.expression is not None:
        name = args.name or "f"
        if name in drawings or f"{name}-grad" in drawings:
            raise ValueError(f"name {name!r}: a figure of that name is drawn too; give another")
        f = _function(args.expression)
        drawings[name] = partial(_draw_expression, f, name, options)
        drawings[f"{name}-grad"] = partial(_draw_expression, f, name, options, grad=True)
    return drawings


def _function(text: str) -> Callable:
    """Return a Python expression in x, as ``python -c`` would run it, as a function of x."""
    try:
        code = compile(text.strip(), "--expression", "eval")
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{text!r} is not an expression: {error}") from None

    def f(x: Any) -> Any:
        from mxnet import np, npx

        names = {name: activation.function for name, activation in ACTIVATIONS.items()}
        try:
            y = eval(code, {**names, "np": np, "npx": npx, "x": x})
            return 0 * x + y  # a constant or a comparison has no derivative of its own
        except Exception as error:
            *_, reason = str(error).splitlines() or [type(error).__name__]
            raise ValueError(
                f"cannot compute {text!r}: {reason.rstrip('.')}; use functions of np and npx, "
                "such as np.maximum, np.where and np.tanh"
            ) from error

    return f


def _draw_expression(f: Callable, name: str, options: FigureOptions, grad: bool = False) -> Any:
    from d2l_mlp.plotting.curves import plot_curve

    return plot_curve(f, name, options.x(), grad)


def _write(args: argparse.Namespace, drawings: dict[str, Callable], received: Signals) -> None:
    try:
        args.output.mkdir(parents=True, exist_ok=True)
        for name, drawing in drawings.items():
            # A signal waits: one that comes while C code or a destructor runs is lost otherwise.
            with received.deferred():
                path = args.output / f"{name}.{args.format}"
                say(str(save_figure(drawing(), path, args.dpi or 200)))
    except OSError as error:
        target = error.filename or args.output
        reason = "it is not a folder" if isinstance(error, FileExistsError) else error.strerror
        raise OSError(f"cannot write '{target}': {reason}") from error


if __name__ == "__main__":
    sys.exit(main())
