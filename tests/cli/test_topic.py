"""Messages by the command line, between processes over one file."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.cli.running import lines, run, start


@contextmanager
def subscribed(url: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run ``subscribe --json`` in a process; what is published in the block is heard."""
    with start("subscribe", "--url", url, "--json", *arguments) as process:
        try:
            assert "subscribed" in heard(process)
            yield process
        finally:
            process.kill()


def heard(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    document: dict[str, Any] = json.loads(process.stdout.readline())
    return document


def test_what_one_process_publishes_another_one_prints(url: str) -> None:
    with subscribed(url, "tenant-1", "--count", "2") as process:
        assert run("publish", "--url", url, "tenant-1", '{"port": "p1"}').code == 0
        assert run("publish", "--url", url, "tenant-2", "0").code == 0
        assert run("publish", "--url", url, "tenant-1", stdin='"zwei ☃"').code == 0

        assert heard(process) == {"topic": "tenant-1", "data": {"port": "p1"}}
        assert heard(process) == {"topic": "tenant-1", "data": "zwei ☃"}
        assert process.wait(10) == 0


def test_lines_are_messages_in_order(url: str) -> None:
    with subscribed(url, "t", "--count", "500") as process:
        sent = run("publish", "--url", url, "t", "--lines", "--json", stdin="".join(f"{number}\n" for number in range(500)))

        assert sent.documents == [{"topic": "t", "sent": 500}]
        assert [heard(process)["data"] for _ in range(500)] == list(range(500))


def test_a_write_announces_itself(url: str) -> None:
    with subscribed(url, "changes") as process:
        run("put", "--url", url, "port", "p1", "1", "--announce", "changes", '{"new": "p1"}')

        assert heard(process) == {"topic": "changes", "data": {"new": "p1"}}


def test_a_write_that_is_refused_announces_nothing(url: str) -> None:
    with subscribed(url, "changes") as process:
        run("create", "--url", url, "port", "p1", "1")
        assert run("create", "--url", url, "port", "p1", "2", "--announce", "changes", '"again"').code == 1
        run("publish", "--url", url, "changes", '"next"')

        assert heard(process)["data"] == "next"


def test_a_loss_stands_among_the_messages_and_the_subscription_goes_on(url: str) -> None:
    small = f"{url}?log_rows=50"
    with subscribed(small, "t") as process:
        process.send_signal(signal.SIGSTOP)
        run("publish", "--url", small, "t", "--lines", stdin="0\n" * 400)
        process.send_signal(signal.SIGCONT)

        down, recovered = heard(process), heard(process)
        assert (down["topic"], down["loss"]) == ("t", "DOWN")
        assert (recovered["topic"], recovered["loss"]) == ("t", "RECOVERED")

    with subscribed(small, "t") as process:
        run("publish", "--url", small, "t", '"after"')
        assert heard(process)["data"] == "after"


def test_text_has_topic_and_message(url: str) -> None:
    with start("subscribe", "--url", url, "t", "--count", "1") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline() == "subscribed to t; Ctrl-C ends\n"
        run("publish", "--url", url, "t", '{"a": [1]}')
        assert process.stdout.readline() == 't\t{"a":[1]}\n'


def test_ctrl_c_ends_and_says_how_much_was_received(url: str) -> None:
    with subscribed(url, "t") as process:
        run("publish", "--url", url, "t", "1")
        heard(process)
        process.send_signal(signal.SIGINT)

        assert process.wait(10) == 130
        assert process.stderr is not None
        assert json.loads(process.stderr.read())["received"] == 1


def test_nobody_reads_any_more_and_subscribe_ends_quietly(url: str) -> None:
    with subscribed(url, "t") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        run("publish", "--url", url, "t", "1")

        assert process.wait(10) == 141
        assert process.stderr.read() == ""


def test_a_message_that_is_not_json_is_no(url: str) -> None:
    assert run("publish", "--url", url, "t", "{").code == 1
    refused = run("publish", "--url", url, "t", "--lines", stdin="1\n2\nx\n")

    assert refused.code == 1
    assert "line 3: not JSON" in refused.err


def test_lines_and_a_message_are_called_wrongly(url: str) -> None:
    assert run("publish", "--url", url, "t", "1", "--lines").code == 2
    assert run("subscribe", "--url", url).code == 2


def test_many_entries_are_loaded_while_another_process_subscribes(url: str) -> None:
    with subscribed(url, "t") as process:
        run("load", "--url", url, "t", "-", stdin=lines([{"key": f"k{number}", "value": number} for number in range(2000)]))
        run("publish", "--url", url, "t", '"still here"')

        assert heard(process)["data"] == "still here"


def test_ctrl_c_while_lines_are_published_says_how_many_were(url: str) -> None:
    with subscribed(url, "t") as listening, start("publish", "--url", url, "t", "--lines") as publishing:
        assert publishing.stdin is not None
        assert publishing.stderr is not None
        publishing.stdin.write("0\n" * 150)
        publishing.stdin.flush()
        for _ in range(100):
            heard(listening)

        # It waits for more lines now.
        publishing.send_signal(signal.SIGINT)
        assert publishing.stderr.read() == "dfbackends: interrupted; 100 messages were published\n"

    assert publishing.returncode == 130
