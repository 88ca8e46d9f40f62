"""A URL says one thing, or is refused without repeating what it holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfbackends.api import Address
from dfbackends.errors import ConfigurationError
from dfbackends.url import Url, parse


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("memory:", Url("memory", Address(), {})),
        ("memory:name", Url("memory", Address(path="name"), {})),
        ("sqlite:rel.db", Url("sqlite", Address(path="rel.db"), {})),
        ("sqlite:/abs dir/a#b.db", Url("sqlite", Address(path="/abs dir/a#b.db"), {})),
        ("sqlite:a%3Fb.db?timeout=3", Url("sqlite", Address(path="a?b.db"), {"timeout": "3"})),
        ("redis://host:6379", Url("redis", Address(hosts="host:6379"), {})),
        ("redis+tls://host:6379/0", Url("redis", Address("tls", hosts="host:6379", path="0"), {})),
        ("rediss://host", Url("redis", Address("tls", hosts="host"), {})),
        ("redis+unix:/run/redis.sock", Url("redis", Address("unix", path="/run/redis.sock"), {})),
        ("redis-cluster://h1:1,h2:2", Url("redis-cluster", Address(hosts="h1:1,h2:2"), {})),
        ("redis-sentinel://h1,h2/service", Url("redis-sentinel", Address(hosts="h1,h2", path="service"), {})),
        ("etcd://u:p%40%3A@[::1]:2379", Url("etcd", Address(user="u", password="p@:", hosts="[::1]:2379"), {})),
        ("redis://:p@h", Url("redis", Address(user="", password="p", hosts="h"), {})),
        ("x:?a=&b=%26", Url("x", Address(), {"a": "", "b": "&"})),
    ],
)
def test_each_form_has_one_meaning(text: str, url: Url) -> None:
    assert parse(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "app.db",
        "/app.db",
        ":x",
        "1x:y",
        "sqlite:a?b",
        "sqlite:a?b=1&b=2",
        "sqlite:a?&",
        "sqlite:%FF",
        "redis://:%FF@h",
        "redis://h?p=%FF",
        "rediss+unix:/socket",
    ],
)
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse(text)


@given(st.text())
def test_any_text_is_parsed_or_refused_without_repeating_it(secret: str) -> None:
    for text in (secret, f"x:{secret}", f"x://u:hunter2{secret}@h", f"x:?{secret}"):
        assert "hunter2" not in _complaint(text)


def _complaint(text: str) -> str:
    try:
        parse(text)
    except ConfigurationError as error:
        return str(error)
    return ""
