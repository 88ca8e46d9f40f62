"""Keys and values: no two names meet, and everything is found again."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfbackends.api import Key, Message, OpId, Stream, Table
from dfbackends_etcd.layout import (
    end,
    fence,
    message_key,
    message_puts,
    messages_in,
    name_prefix,
    outcome,
    split,
    stream_prefix,
    table_prefix,
    topic_of,
)
from dfbackends_etcd.names import escaped, unescaped

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.text("/%025Fa\0", min_size=1)


@given(NAMES, NAMES)
def test_no_two_names_are_escaped_to_the_same(one: str, other: str) -> None:
    assert (escaped(one) == escaped(other)) == (one == other)
    assert unescaped(escaped(one)) == one
    assert b"/" not in escaped(one)


@given(NAMES, NAMES, NAMES, NAMES)
def test_a_range_has_the_keys_of_its_prefix_and_no_others(table: str, name: str, other: str, topic: str) -> None:
    prefix = name_prefix(Key(Table(table, table), name))
    key = prefix + escaped(topic)
    stranger = name_prefix(Key(Table(table, table), other)) + escaped(topic)

    assert prefix <= key < end(prefix)
    assert (prefix <= stranger < end(prefix)) == (name == other)
    assert split(key, table_prefix(table)) == (name, topic)
    assert topic_of(key) == topic


@given(NAMES, NAMES, NAMES, NAMES)
def test_streams_share_no_key(table: str, topic: str, other_table: str, other_topic: str) -> None:
    streams = {Stream(Table(name, name), part) for name in (table, other_table) for part in (None, topic, other_topic)}
    prefixes = {stream_prefix(stream) for stream in streams}

    assert len(prefixes) == len(streams)
    for one in prefixes:
        for two in prefixes - {one}:
            assert not one <= two < end(one)


def test_an_operation_is_not_the_beginning_of_another_one() -> None:
    prefix = fence(OpId("a-1"))

    assert prefix <= outcome(OpId("a-1"), 100) < end(prefix)
    assert not prefix <= fence(OpId("a-12")) < end(prefix)
    assert not prefix <= fence(OpId("a-1-2")) < end(prefix)


@given(st.lists(st.tuples(st.sampled_from(["a", "a/b", "ü%"]), st.binary(max_size=300))))
def test_messages_are_read_as_they_were_put(sent: list[tuple[str, bytes]]) -> None:
    messages = [Message(topic, data) for topic, data in sent]

    puts = [op.request_put for op in message_puts(messages, 7)]

    assert len({put.key for put in puts}) == len(puts)
    assert {put.lease for put in puts} <= {7}
    read = {put.key: list(messages_in(put)) for put in puts}
    for topic in {topic for topic, _ in sent}:
        assert read[message_key(topic)] == [message for message in messages if message.topic == topic]


@pytest.mark.parametrize("value", [b"x", b"\0\0\0\2x", b"\0\0\0\1xy"])
def test_what_somebody_else_put_is_no_message(value: bytes) -> None:
    with pytest.raises(ValueError, match="no message"):
        list(messages_in(SimpleNamespace(key=message_key("t"), value=value)))
