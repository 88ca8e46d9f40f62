"""Numbers that are given once go on where they are told to."""

from __future__ import annotations

from typing import Any

import pytest

import dfbackends
from dfbackends import InvalidName, InvalidValue


def test_the_last_number_is_known_to_every_client() -> None:
    with dfbackends.open("memory:numbers") as one, dfbackends.open("memory:numbers") as two:
        assert (one.db.allocated("t"), two.db.allocated("t")) == (0, 0)

        given = [one.db.allocate("t"), two.db.allocate("t")]

        assert one.db.allocated("t") == two.db.allocated("t") == given[-1]
        assert one.db.allocated("other") == 0


def test_numbers_go_on_behind_one_that_is_in_use_from_elsewhere() -> None:
    with dfbackends.open("memory:elsewhere") as one, dfbackends.open("memory:elsewhere") as two:
        one.db.allocate("t")

        assert two.db.allocate("t", after=41) == 42
        assert one.db.allocate("t") == 43
        assert one.db.allocate("t", after=7) == 44, "a smaller one takes nothing back"
        assert one.db.allocated("t") == 44


@pytest.mark.parametrize("after", [1.5, "1", True, None, 2**63 - 1])
def test_what_no_number_can_follow_is_refused_and_the_counter_stays(after: Any) -> None:
    with dfbackends.open("memory:") as backend:
        first = backend.db.allocate("t")

        with pytest.raises(InvalidValue):
            backend.db.allocate("t", after=after)

        assert backend.db.allocate("t") == first + 1


def test_what_is_no_table_has_no_numbers() -> None:
    with dfbackends.open("memory:") as backend, pytest.raises(InvalidName):
        backend.db.allocated("")
