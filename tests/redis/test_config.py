"""What options and URLs of the Redis drivers say, and what they refuse."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oslo_config import cfg

import dfbackends
from contract_tests.servers.node import HOST
from dfbackends import ConfigurationError
from dfbackends.api import Table
from dfbackends.config import from_url
from dfbackends.url import parse
from dfbackends_redis.names import decoded, encoded
from dfbackends_redis.place import place
from dfbackends_redis.testing import RedisCluster
from tests.servers import Open


def values(url: str) -> dict[str, Any]:
    return {name: value for name, value in from_url(parse(url)).db.values.items() if value not in (None, "")}


def test_a_url_says_where_the_server_is_and_who_we_are() -> None:
    found = values("redis://me:p%40ss@db.example:7000/3")

    assert (found["host"], found["port"], found["database"], found["user"], found["password"]) == (
        "db.example",
        7000,
        3,
        "me",
        "p@ss",
    )
    assert found["tls"] is False


@pytest.mark.parametrize("url", ["rediss://db.example", "redis+tls://db.example"])
def test_a_url_asks_for_tls(url: str) -> None:
    assert values(url)["tls"] is True
    assert values(url)["port"] == 6379


def test_a_url_of_a_cluster_and_of_sentinels_names_several_servers() -> None:
    assert values("redis-cluster://a:1,b:2")["hosts"] == "a:1,b:2"
    found = values("redis-sentinel://a,b:2/main/1")
    assert (found["hosts"], found["service"], found["database"]) == ("a,b:2", "main", 1)


@pytest.mark.parametrize(
    "url",
    [
        "redis://a,b",
        "redis://a/name",
        "redis+unix:",
        "redis+udp://a",
        "redis://a:port",
        "redis-cluster:",
        "redis-cluster://a/1",
        "redis-sentinel://a",
        "redis-sentinel://a/main/x",
    ],
)
def test_a_url_of_another_form_is_refused_with_the_right_one(url: str) -> None:
    with pytest.raises(ConfigurationError, match="the form is redis"):
        values(url)


@pytest.mark.parametrize("url", ["rediss://a?tls_verify=false", "redis-sentinel+tls://a/m?sentinel_tls_verify=0"])
def test_a_url_can_not_switch_verification_off(url: str) -> None:
    with pytest.raises(ConfigurationError, match="can not be set in a URL"):
        values(url)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("redis://a?unix_socket=/s", "unix_socket"),
        ("redis://a?tls_ca=/ca", "tls_ca says nothing"),
        ("rediss://a?tls_key=/k", "tls_key needs tls_cert"),
        ("rediss://a?tls_ca=/nowhere/ca", "files for TLS"),
        ("redis-cluster://a:x", "no host:port"),
        ("redis-cluster://a?startup_nodes=[]", "say the same"),
    ],
)
def test_contradictions_are_errors_at_the_start(url: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        dfbackends.open(url)


@pytest.mark.parametrize("text", ["[]", "{}", "nodes", '[{"host": "a"}]', '[{"host": "a", "port": "x"}]', '[["a", 1]]'])
def test_startup_nodes_of_another_form_are_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="startup_nodes: the form is"):
        dfbackends.open(configured(tmp_path, "redis-cluster", f"startup_nodes = {text}"))


def test_startup_nodes_in_the_form_of_redis_py_cluster(masters: RedisCluster, tmp_path: Path) -> None:
    port = masters.nodes[0].port

    conf = configured(tmp_path, "redis-cluster", f'startup_nodes = [{{"host": "{HOST}", "port": "{port}"}}]')
    with dfbackends.open(conf, wait=5) as backend:
        backend.db.put("t", "k", 1)
        assert backend.db.get("t", "k") == 1


def configured(folder: Path, name: str, *lines: str) -> cfg.ConfigOpts:
    file = folder / "app.conf"
    section = f"[dfbackends_{name.replace('-', '_')}]"
    file.write_text("\n".join(["[dfbackends]", f"db = {name}", section, *lines]))
    conf = cfg.ConfigOpts()
    conf(["--config-file", str(file)])
    return conf


@given(st.text(), st.text())
def test_no_two_names_are_encoded_to_the_same(one: str, other: str) -> None:
    try:
        pair = encoded(one), encoded(other)
    except UnicodeEncodeError:
        return  # A lone surrogate is refused by the core.
    assert (pair[0] == pair[1]) == (one == other)
    assert decoded(pair[0].encode()) == one
    assert not set(pair[0]) & set("{}*?[]\\^ :\0\n")


@given(st.text(), st.text(), st.integers(1, 3))
def test_all_keys_of_a_bucket_are_in_one_slot_and_no_two_buckets_share_a_key(name: str, partition: str, buckets: int) -> None:
    try:
        homes = [place(Table(name, partition, buckets), bucket) for bucket in range(buckets)]
    except UnicodeEncodeError:
        return
    from redis.crc import key_slot

    for home in homes:
        keys = [home.records, home.topics, home.heads, home.outcome("op")]
        assert {key_slot(key.encode()) for key in keys} == {home.slot}
        assert len(set(keys)) == 4
    assert len({home.heads for home in homes}) == buckets


def test_without_hiredis_it_works_the_same(masters: RedisCluster, opened: Open, tmp_path: Path) -> None:
    import subprocess
    import sys

    (tmp_path / "hiredis.py").write_text("raise ImportError('not here')")
    port = masters.nodes[0].port
    code = (
        "import dfbackends, dfbackends_redis.resp as resp\n"
        "assert resp.pack is resp.plain_pack\n"
        f"with dfbackends.open('redis-cluster://{HOST}:{port}') as backend:\n"
        "    got = []\n"
        "    backend.pubsub.subscribe('t', lambda topic, data: got.append(data), on_loss=dfbackends.renew)\n"
        "    backend.db.put_many('plain', {str(number): 'x' * 1000 for number in range(3000)}, topic='a')\n"
        "    assert len(list(backend.db.entries('plain'))) == len(list(backend.db.entries('plain', topic='a'))) == 3000\n"
        "    backend.pubsub.publish('t', 1)\n"
        "    with backend.mirror('plain') as mirror: mirror.wait_synced(10)\n"
        "    assert got == [1], got\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=50,
    )

    assert done.returncode == 0, done.stderr
