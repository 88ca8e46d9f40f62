"""Which of two backends failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dfbackends.cli.outcome import Declined, Stopped
from dfbackends.errors import Error


@contextmanager
def side(name: str) -> Iterator[None]:
    """Begin the text of an error in the block with the name, "source" or "target".

    :raises Stopped: there was an error
    """
    try:
        yield
    except Declined:
        raise
    except (Error, Stopped) as error:
        raise Stopped(f"the {name}: {error}", error) from error
