"""How long a line may be silent, and how often what failed is tried again."""

from __future__ import annotations

import random
from typing import NamedTuple

from dfbackends.errors import Code


class Pace(NamedTuple):
    """Seconds. A line silent for ``silence`` is probed, and lost when nothing arrives within ``proof`` more, or when it
    does not confirm in ``answer`` what it goes on with after a break.

    Rebuilding waits between ``outage[0]`` and ``outage[1]``, or ``refused`` where credentials or permissions are refused.
    A mirror that could not be mended waits between the two of ``mirror``, and who asks for unknown outcomes between the two of
    ``outcome``: twice as long each time.
    """

    silence: float = 1.0
    proof: float = 2.0
    answer: float = 10.0
    outage: tuple[float, float] = (0.05, 0.5)
    refused: tuple[float, float] = (5.0, 30.0)
    mirror: tuple[float, float] = (0.1, 5.0)
    outcome: tuple[float, float] = (0.5, 10.0)


USUAL = Pace()


class Pauses:
    """The pauses between attempts to rebuild a line: twice as long each time, with full jitter.

    The first one is short, since most breaks are over at once; but not none, lest many lines come at the same moment. Being
    refused does not get better soon, and each attempt counts against the account.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._made = 0

    def next(self, code: Code) -> float:
        """Return the pause before the next attempt, after one that failed for this reason."""
        refused = code in ("unauthenticated", "forbidden")
        least, most = self._pace.refused if refused else self._pace.outage
        self._made += 1
        if self._made == 1 and not refused:
            return random.uniform(0.0, least)
        # The exponent is bounded, since no float holds two to the number of attempts of a week.
        return random.uniform(least, min(most, least * 2.0 ** min(self._made, 30)))
