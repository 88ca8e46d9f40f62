"""How a backend is chosen on the command line, and told of."""

from __future__ import annotations

import shlex

import pytest

from contract_tests.capability import Capability
from contract_tests.verify.choice import Choice, without_password
from dfbackends.errors import ConfigurationError


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:hunter2@10.0.0.1:6379/0?x=1", "redis://user:***@10.0.0.1:6379/0?x=1"),
        ("redis://:hunter2@h", "redis://:***@h"),
        ("redis://user@h", "redis://user@h"),
        ("sqlite:/a/b:c@d.db", "sqlite:/a/b:c@d.db"),
    ],
)
def test_a_password_is_not_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_the_command_chooses_the_same() -> None:
    command = Choice("redis", url="redis://user:hunter2@h?a=1&b=2").command()

    assert shlex.split(command) == ["dfbackends", "verify", "redis", "--url", "redis://user:***@h?a=1&b=2"]
    assert Choice("redis", start=True, nodes=3).command() == "dfbackends verify redis --start --nodes 3"


def test_an_embedded_backend_at_a_place_of_ones_own_can_what_it_always_can() -> None:
    server = Choice("sqlite", url="sqlite:/var/lib/{app}.db").server()

    assert server.in_process
    assert server.url() == "sqlite:/var/lib/{app}.db"
    assert server.capabilities == {Capability.DURABLE, Capability.RESUMING, Capability.SHARED}
    with pytest.raises(ConfigurationError, match="of 'memory', not of 'sqlite'"):
        Choice("sqlite", url="memory:a").server()
