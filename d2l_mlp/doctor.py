"""Look for what is wrong with a machine: ``python -m d2l_mlp.doctor``.

It works where MXNet does not import, or NumPy is missing: all that is heavy is imported by other
processes.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Sequence

from d2l_mlp.cli.command import FAILURE, Signals, check_delivered, run_command, tolerant_streams
from d2l_mlp.cli.flags import Parser
from d2l_mlp.diagnosis import framework, machine, main_job, packages, search
from d2l_mlp.diagnosis.finding import Finding, findings

PROG = "python -m d2l_mlp.doctor"

CHECKS = (
    machine.python, machine.system, packages.packages,
    framework.libraries, framework.mxnet, framework.gpus, machine.threads,
    search.data, machine.writing, machine.fonts, packages.kernel, main_job.training,
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    with tolerant_streams():
        as_json = parser().parse_args(argv).json
        found: list[Finding] = []

        def look(_: Signals) -> None:
            for finding in findings(CHECKS):
                found.append(finding)
                if not as_json:
                    print(line(finding), flush=True)
            if as_json:
                checks = [finding._asdict() for finding in found]
                print(json.dumps({"ok": not failed(), "checks": checks}, indent=2))
            check_delivered()

        def failed() -> bool:
            return any(finding.status == "fail" for finding in found)

        return run_command(PROG, look) or (FAILURE if failed() else 0)


def line(finding: Finding) -> str:
    """Show a finding, in as many lines of 80 columns as it takes."""
    begin = f"{finding.status:5} {finding.name:12} "
    lines = textwrap.wrap(
        finding.text, 80, initial_indent=begin, subsequent_indent=" " * len(begin),
        break_on_hyphens=False,
    )  # fmt: skip
    if finding.remedy:
        indent = " " * len(begin)
        lines += textwrap.wrap(
            finding.remedy, 80, initial_indent=f"{indent}-> ", subsequent_indent=f"{indent}   ",
            break_on_hyphens=False,
        )  # fmt: skip
    return "\n".join(lines)


def parser() -> Parser:
    """Make the command line's parser."""
    p = Parser(
        prog=PROG,
        description="Look for what is wrong with this machine. Each line is ok, a note, or a "
        "failure that training would meet too; the exit code is then 1. It says nothing private, "
        "and fits into a bug report.",
    )
    p.add_argument("--json", action="store_true", help="for a program to read")
    return p


if __name__ == "__main__":
    sys.exit(main())
