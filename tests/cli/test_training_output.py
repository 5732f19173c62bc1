"""The progress bar, as a terminal shows it."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading

import pytest

from tests.conftest import ROOT
from tests.processes import SAMPLE


@pytest.fixture
def in_terminal(tmp_path):
    """Train in a terminal until it shows a pattern; type Ctrl-C, and read the rest."""

    def in_terminal(args, pattern):
        ours, theirs = pty.openpty()
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        process = subprocess.Popen(
            [sys.executable, *map(str, args)], cwd=tmp_path, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=theirs, stdout=theirs, stderr=theirs,
        )  # fmt: skip
        os.close(theirs)
        limit = threading.Timer(60, process.kill)
        limit.start()
        shown, typed = b"", None
        try:
            while True:
                piece = os.read(ours, 4096)
                shown += piece
                if typed is None and re.search(pattern, shown):
                    typed = len(shown)
                    os.write(ours, b"^C")  # as the terminal echoes it, just before the signal
                if typed and b"^C" in shown[typed:]:
                    typed = 0
                    process.send_signal(signal.SIGINT)
        except OSError:  # the other end is closed
            pass
        finally:
            os.close(ours)
            limit.cancel()
        return process.wait(), shown.decode()

    return in_terminal


def screen(shown):
    """Return the lines left on a screen of any width; it knows the escape "clear line" alone."""
    lines = []
    for text in shown.split("\n"):
        line, column = "", 0
        for part in re.split(r"(\r|\x1b\[K|\x1b\[A)", text):
            if part == "\r":
                column = 0
            elif part == "\x1b[K":
                line = line[:column]
            else:
                line = line[:column] + part + line[column + len(part) :]
                column += len(part)
        lines.append(line.rstrip())
    return lines


def test_the_bar_shows_epoch_loss_and_time_left_and_is_cleared_after_ctrl_c(in_terminal, call):
    call(*SAMPLE, "--hidden", 8, "--epochs", 40, "--out", "run", "--quiet")
    resume = ("-m", "d2l_mlp.train", "--resume", "run", "--epochs", 1000)
    code, shown = in_terminal(resume, rb"epoch 5\d/1000 [^\r]*left, train loss")
    assert code == 130, shown
    bars = re.findall(r"\r(epoch +\d+/1000 \|[^\r\n]*)", shown)
    assert bars
    assert re.fullmatch(
        r"epoch 41/1000 \|.*\|   4 %, \S+ left, train loss \d\.\d{4}", bars[0].strip()
    )
    assert all(len(bar.replace("^C", "")) <= 77 for bar in bars)
    left = screen(shown)
    assert not [line for line in left if "|" in line or "^C" in line]
    assert left[-5].startswith("test accuracy 0.")
    assert left[-4:] == [
        "saved in  run",
        "resume    python -m d2l_mlp.train --resume run",
        "python -m d2l_mlp.train: stopped by Ctrl-C",
        "",
    ]
