"""What ``allocate`` gives in a copy was not given in the source."""

from __future__ import annotations

import pytest

import dfbackends
from dfbackends import TableDefinition
from dfbackends.cli.copy import _Copier
from dfbackends.cli.output import Output
from dfbackends.cli.progress import Progress
from dfbackends.cli.transfer import Transfer
from tests.cli.copying import copied, create


def test_a_copy_gives_no_number_again(url: str, other: str) -> None:
    with dfbackends.open(url) as source:
        source.db.create_table("ports")
        given = [source.db.allocate("ports") for _ in range(7)]

    assert copied(url, other).code == 0
    assert copied(url, other, "--resume").code == 0, "again takes none of them"

    with dfbackends.open(other) as target:
        assert target.db.allocate("ports") == max(given) + 1


def test_a_target_that_has_counted_further_is_left_alone(url: str, other: str) -> None:
    create(url, "ports")
    with dfbackends.open(url) as source, dfbackends.open(other) as target:
        source.db.allocate("ports", after=5)
        target.db.allocate("ports", after=30)

    assert copied(url, other).code == 0

    with dfbackends.open(other) as target:
        assert target.db.allocated("ports") == 31


class Counting(Transfer):
    """Meanwhile the source goes on."""

    def number(self) -> None:
        super().number()
        self._source.allocate(self.table)


def test_a_number_that_the_source_gives_meanwhile_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with dfbackends.open("memory:") as source, dfbackends.open("memory:") as target:
        source.db.create_table("ports")
        transfer = Counting(source.db, target.db, TableDefinition("ports", None, "ports", 1), batch=1, replace=False)

        equal = _Copier(Output(machine=False), Progress("copying"), overwrite=False).copy(transfer)

    assert not equal
    assert capsys.readouterr().out.endswith("  ports  differs from the source in its numbers; 0 written\n")
