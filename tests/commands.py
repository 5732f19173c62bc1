"""Call commands in this process, which has imported MXNet already.

For runs that a test reads, and for messages: a process of its own takes a second to import MXNet.
Signals, streams, exit codes, imports, variables and threads are tested in `tests.processes`.
"""

import importlib
import os
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path


def call(*args, cwd, code=0):
    """Call ``-m MODULE FLAGS`` in a folder; return exit code and output as of a process."""
    dash_m, module, *flags = map(str, args)
    assert dash_m == "-m"
    import mxnet  # noqa: F401 (or the command would settle how it uses the processors)

    stdout, stderr, before = StringIO(), StringIO(), Path.cwd()
    os.chdir(cwd)
    try:
        with redirect_stdout(stdout), redirect_stderr(stderr):
            ended = importlib.import_module(module).main(flags)
    except SystemExit as exit_:
        ended = exit_.code
    finally:
        os.chdir(before)
    result = subprocess.CompletedProcess(args, ended, stdout.getvalue(), stderr.getvalue())
    assert ended == code, result.stdout + result.stderr
    return result
