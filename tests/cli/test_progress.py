"""A sign of life for people, and none for programs."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.cli.running import PATIENCE, PROGRAM, lines


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Both ends of a terminal: ours, and the program's."""
    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


def read(terminal: int, word: bytes) -> bytes:
    """Return what the program has written when it has written the word."""
    until = time.monotonic() + PATIENCE
    seen = b""
    while word not in seen and time.monotonic() < until and select.select([terminal], [], [], until - time.monotonic())[0]:
        seen += os.read(terminal, 65536)
    return seen


def test_what_takes_long_shows_how_far_it_is_on_a_terminal(url: str, terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    given = lines([{"key": f"k{number}", "value": number} for number in range(1000)]).encode()

    with subprocess.Popen(
        [*PROGRAM, "load", "--url", url, "t", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=theirs
    ) as loading:
        assert loading.stdin is not None
        loading.stdin.write(given)
        loading.stdin.flush()
        shown = read(ours, b"loading")
        loading.stdin.close()

    assert b"loading" in shown
    assert loading.returncode == 0


def test_what_is_quick_shows_nothing_on_a_terminal(url: str, terminal: tuple[int, int]) -> None:
    ours, theirs = terminal

    done = subprocess.run(
        [*PROGRAM, "put", "--url", url, "t", "k", "1"], stdout=subprocess.DEVNULL, stderr=theirs, timeout=PATIENCE
    )

    assert done.returncode == 0
    assert not select.select([ours], [], [], 0)[0]


def test_a_value_is_not_waited_for_on_a_terminal(url: str, terminal: tuple[int, int]) -> None:
    _, theirs = terminal

    asked = subprocess.run([*PROGRAM, "put", "--url", url, "t", "k"], stdin=theirs, capture_output=True, timeout=PATIENCE)

    assert asked.returncode == 2
    assert b"give a JSON value" in asked.stderr
