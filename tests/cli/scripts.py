"""Processes in the place of MXNet's: each does one thing."""

import sys

BEAT = """
import os, time
while True:
    os.utime(os.environ["BEAT"])
    time.sleep(0.02)
"""

DEAF = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
print("deaf", flush=True)
time.sleep(100)
"""


def python(source):
    return [sys.executable, "-c", source]
