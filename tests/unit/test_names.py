"""Every text is a legal name but the few that no backend could keep apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfbackends.errors import ConfigurationError, InvalidName
from dfbackends.names import Namespace, check

spaces = st.from_regex(r"\A[A-Za-z0-9_.-]{0,32}\Z")


@pytest.mark.parametrize("name", ["a", " a ", "a/b", "a:b{c}*?[]", "\0", "\n", "ключ", "e\u0301", "😀", "x" * 512])
def test_odd_names_are_legal(name: str) -> None:
    assert check("key", name, 512) == name


@pytest.mark.parametrize("name", ["", "\ud800", "x" * 513, "é" * 257, None, 5, b"a"])
def test_a_name_that_can_not_be_kept_is_refused(name: str) -> None:
    with pytest.raises(InvalidName, match="a key "):
        check("key", name, 512)


@given(spaces, spaces, st.text(min_size=1), st.text(min_size=1))
def test_two_tables_are_one_only_when_namespace_and_name_are(one: str, other: str, name: str, another: str) -> None:
    same = (one, name) == (other, another)

    assert (Namespace(one).public(name) == Namespace(other).public(another)) == same
    assert (Namespace(one).internal(name) == Namespace(other).internal(another)) == same
    assert Namespace(one).public(name) != Namespace(other).internal(another)
    assert Namespace(one).original(Namespace(one).public(name)) == name


@pytest.mark.parametrize("name", ["a/b", "a!b", "a b", "é", "x" * 33, "a\n"])
def test_a_namespace_that_could_be_mistaken_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError):
        Namespace(name)
