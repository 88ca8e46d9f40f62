"""Becomes another program, which does not outlive the process that wanted it: ``keeper.py PARENT PROGRAM ARGUMENT...``."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_SET_SIGNAL_AT_THE_END_OF_THE_PARENT = 1


def main() -> None:
    """Arrange for the end, then become the program, which keeps this process's id."""
    parent, program, *arguments = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_SIGNAL_AT_THE_END_OF_THE_PARENT, int(signal.SIGKILL))
    # It may have ended before that was arranged.
    if os.getppid() == int(parent):
        os.execvp(program, [program, *arguments])


if __name__ == "__main__":
    main()
