"""Write the chapter's figures into files: ``python -m d2l_mlp.figures --help``."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Callable

from d2l_mlp.activations import PRELU_SLOPE
from d2l_mlp.cli.command import Signals, check_delivered, run_command, tolerant_streams
from d2l_mlp.cli.flags import Parser
from d2l_mlp.plotting.expressions import parse_expression
from d2l_mlp.plotting.figures import FIGURES, FigureOptions, expression_curve, find_figure
from d2l_mlp.plotting.style import FORMATS, save_figure

PROG = "python -m d2l_mlp.figures"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    with tolerant_streams():
        p = parser()
        args = p.parse_args(argv)
        if args.list:
            return run_command(PROG, _list)
        try:
            drawings = _choose(args)
        except ValueError as error:
            p.error(str(error))
        return run_command(PROG, lambda received: _write(args, drawings, received))


def _list(_: Signals) -> None:
    width = max(map(len, FIGURES))
    for name in FIGURES:
        print(f"{name:{width}}  {FIGURES[name][0]}")
    check_delivered()


def _write(args: argparse.Namespace, drawings: dict[str, Callable], received: Signals) -> None:
    try:
        args.output.mkdir(parents=True, exist_ok=True)
        for name, drawing in drawings.items():
            # A signal waits: one that comes while C code or a destructor runs is lost otherwise.
            with received.deferred():
                path = args.output / f"{name}.{args.format}"
                before = path.read_bytes() if path.is_file() else None
                save_figure(drawing(), path, args.dpi or 200)
                print(path, flush=True)
                if before not in (None, path.read_bytes()):
                    print(f"{PROG}: replaced {path}, which held something else", file=sys.stderr)
    except OSError as error:
        target = error.filename2 or args.output
        raise OSError(f"cannot write '{target}': {error.strerror}") from error


def _choose(args: argparse.Namespace) -> dict[str, Callable]:
    """Map the name of each file to the function that draws it."""
    options = FigureOptions(args.range, args.step, args.alpha, args.hidden)
    if args.dpi is not None and args.format != "png":
        raise ValueError(
            f"dpi {args.dpi}: a {args.format} file has no resolution; --format png has"
        )
    if args.dpi is not None and not 10 <= args.dpi <= 1200:
        raise ValueError(f"dpi {args.dpi}: give a number from 10 to 1200")
    if args.name is not None and args.expression is None:
        raise ValueError(f"name {args.name!r}: it is for an --expression, and there is none")
    names = args.names or (FIGURES if args.expression is None else [])
    drawings: dict[str, Callable] = {name: partial(find_figure(name), options) for name in names}
    if args.expression is not None:
        name = "f" if args.name is None else args.name
        if not re.fullmatch(r"[A-Za-z]\w{0,30}", name, re.ASCII) or name in FIGURES:
            raise ValueError(
                f"name {name!r}: give up to 31 letters, digits and underscores, a letter first, "
                "and not the name of a figure of the chapter"
            )
        f = parse_expression(args.expression)
        drawings[name] = partial(expression_curve, f, name, False, options)
        drawings[f"{name}-grad"] = partial(expression_curve, f, name, True, options)
    return drawings


def parser() -> Parser:
    """Make the command line's parser."""
    p = Parser(
        prog=PROG, description="Draw the figures of the chapter, each into a file of its own."
    )
    # fmt: off
    add = p.add_argument
    add("names", nargs="*", metavar="NAME", help="figure to draw (default: all of --list)")
    add("--list", action="store_true", help="say what there is, and draw nothing")
    add("--output", type=Path, default=Path("figures"), metavar="DIR", help="folder to write to")
    add("--format", choices=FORMATS, default="svg", help="file format")
    add("--dpi", type=int, metavar="N", help="resolution of a png in dots an inch (default: 200)")
    add("--range", type=float, nargs=2, metavar=("LO", "HI"),
        help="where x begins and ends (default: -4 4; -8 8 for relu-wide)")
    add("--step", type=float, default=0.1, help="distance in x")
    add("--alpha", type=float, default=PRELU_SLOPE, help="slope of pReLU")
    add("--hidden", type=int, nargs="+", default=[5], metavar="N",
        help="units of each hidden layer in the mlp diagram")
    add("--expression", metavar="F",
        help="draw a function of your own and its derivative, such as 'x * (x > -1)'")
    add("--name", help="name of the --expression, for labels and files (default: f)")
    # fmt: on
    return p


if __name__ == "__main__":
    sys.exit(main())
