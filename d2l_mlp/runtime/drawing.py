"""Import matplotlib even where its settings name what is not there.

Our figures are drawn on a canvas and in a style of their own. A backend that does not exist, or a
``matplotlibrc`` that cannot be read, is no reason to lose them.
"""

import logging
import os
from typing import Callable

log = logging.getLogger(__name__)


def load(execute: Callable[[], None]) -> None:
    """Import matplotlib; if its settings prevent that, without them, and say so in a line.

    Parameters
    ----------
    execute : callable
        Runs matplotlib's ``__init__``, and may do so again after it has failed.

    Raises
    ------
    ImportError
        If the fault is in the ``matplotlibrc`` of the current folder, which comes before all.
    """
    before = dict(os.environ)
    try:
        for name, instead in (("MPLBACKEND", ""), ("MATPLOTLIBRC", os.devnull)):
            try:
                execute()
                break
            except (OSError, ValueError) as error:
                if name != "MPLBACKEND" or "backend" in str(error):
                    reason = str(error).partition("; supported values")[0]
                    log.warning("matplotlib does without %s: %s", name, reason)
                os.environ[name] = instead
        else:
            execute()
    except (OSError, ValueError) as error:
        raise ImportError(f"matplotlib cannot read its settings: {error}") from error
    finally:
        os.environ.update(before)
        for name in {"MPLBACKEND", "MATPLOTLIBRC"} - before.keys():
            os.environ.pop(name, None)
