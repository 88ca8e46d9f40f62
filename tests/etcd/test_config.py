"""What options and URLs of the etcd driver say, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

import dfbackends
from dfbackends import ConfigurationError
from dfbackends.config import from_url
from dfbackends.url import parse
from dfbackends_etcd.access import Address
from dfbackends_etcd.config import etcd_db, failover, members


def values(url: str) -> dict[str, Any]:
    return {name: value for name, value in from_url(parse(url)).db.values.items() if value not in (None, "")}


def hosts(url: str) -> set[Address]:
    found = members(from_url(parse(url)).db.values, 10)
    found.close()
    return {member.address for member in found.all}


def test_a_url_says_where_the_members_are_and_who_we_are() -> None:
    found = values("etcd://me:p%40ss@h1:1,h2:2")

    assert (found["hosts"], found["user"], found["password"], found["tls"]) == ("h1:1,h2:2", "me", "p@ss", False)
    assert values("etcd+tls://h1")["tls"] is True


def test_members_are_given_by_host_and_port_or_are_near() -> None:
    assert hosts("etcd:") == {("127.0.0.1", 2379)}
    assert hosts("etcd://h1,h2:1,[::1]:2,[::2],h1") == {("h1", 2379), ("h2", 1), ("::1", 2), ("::2", 2379)}
    assert str(Address("::1", 2)) == "[::1]:2"


def test_a_failover_takes_time_where_there_are_several_members() -> None:
    assert failover(from_url(parse("etcd://h1")).db.values) == 0
    assert failover(from_url(parse("etcd://h1,h2,h3")).db.values) == 3
    assert failover(from_url(parse("etcd://h1?failover=5")).db.values) == 5


@pytest.mark.parametrize("url", ["etcd://h1/name", "etcd+unix:/path", "etcd:/path", "etcd+http://h1"])
def test_a_url_of_another_form_is_refused_with_the_right_one(url: str) -> None:
    with pytest.raises(ConfigurationError, match="the form is etcd"):
        values(url)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("etcd://a:x", "no host:port"),
        ("etcd://a:0", "no host:port"),
        ("etcd://:2379", "no host:port"),
        ("etcd://a?tls_ca=/ca", "tls_ca says nothing"),
        ("etcd+tls://a?tls_key=/k", "tls_key needs tls_cert"),
        ("etcd+tls://a?tls_ca=/nowhere/ca", "files for TLS"),
        ("etcd://a?password=p", "a password needs a user"),
    ],
)
def test_contradictions_are_errors_at_the_start(url: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        dfbackends.open(url)


def test_what_members_take_in_a_request_bounds_values_and_transactions() -> None:
    def limits(url: str) -> tuple[int, int]:
        driver = etcd_db.open(from_url(parse(url)).db.values, 10)
        driver.close()
        return driver.limits.value, driver.limits.commit

    assert limits("etcd:") == (etcd_db.provides.limits.value, etcd_db.provides.limits.commit) == (753_664, 100)
    assert limits("etcd:?max_request_bytes=10000000&max_txn_ops=1024") == (4_967_232, 800)
