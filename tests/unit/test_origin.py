from __future__ import annotations

from dfbackends.origin import origin


def fails(depth: int) -> None:
    if depth:
        fails(depth - 1)
    raise ValueError("secret")


def test_it_tells_the_type_and_the_innermost_places_and_no_text() -> None:
    try:
        fails(5)
    except ValueError as error:
        found = origin(error)

    assert found.startswith("ValueError at test_origin.py:9 in fails < test_origin.py:8 in fails < test_origin.py:8 in fails")
    assert found.count("<") == 2
    assert "secret" not in found


def test_an_exception_that_was_never_raised_has_only_a_type() -> None:
    assert origin(KeyError("secret")) == "KeyError"
