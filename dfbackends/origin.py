"""Where an exception came from, without its text: texts may hold messages, values and passwords."""

from __future__ import annotations

import os.path
import traceback


def origin(error: BaseException, depth: int = 3) -> str:
    """Return the exception's type and the innermost places that it passed, for a log."""
    # Not by extract_tb, which reads the source files.
    passed = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)][-depth:]
    places = " < ".join(f"{os.path.basename(code.co_filename)}:{line} in {code.co_name}" for code, line in reversed(passed))
    return f"{type(error).__name__} at {places}" if places else type(error).__name__
