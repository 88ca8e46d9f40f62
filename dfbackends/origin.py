"""Where an exception came from, without its text: texts may hold messages, values and passwords."""

from __future__ import annotations

import traceback
from pathlib import PurePath


def origin(error: BaseException, depth: int = 3) -> str:
    """Return the exception's type and the innermost places that it passed, for a log."""
    frames = traceback.extract_tb(error.__traceback__)[-depth:]
    places = " < ".join(f"{PurePath(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in reversed(frames))
    return f"{type(error).__name__} at {places}" if places else type(error).__name__
