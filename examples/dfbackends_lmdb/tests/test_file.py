"""What is special about LMDB: the size of the map, readers that were killed, forks, and one environment for each file."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import lmdb
import pytest
from dfbackends_lmdb.db import LmdbDb

import dfbackends
from contract_tests.clients.processes import in_child
from dfbackends.api import Key, OpId, Table, Write

VALUE = "x" * 100_000


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"lmdb:{tmp_path}/store?sync=false"


@pytest.fixture
def small(url: str) -> Iterator[dfbackends.Backend]:
    with dfbackends.open(f"{url}&map_size=1") as backend:
        yield backend


def fill(db: dfbackends.Database) -> None:
    for number in range(100):
        db.create("t", str(number), VALUE)


def write_over(db: dfbackends.Database) -> None:
    for _ in range(100):
        db.put("t", "k", VALUE)


def test_a_full_store_says_so_and_keeps_what_it_has(small: dfbackends.Backend) -> None:
    with pytest.raises(dfbackends.Refused) as caught:
        fill(small.db)

    assert caught.value.code == "full"
    written = sorted(small.db.keys("t"), key=int)
    assert written == [str(number) for number in range(len(written))]
    assert small.db.get("t", "0") == VALUE


def test_a_full_store_goes_on_in_a_larger_map(url: str) -> None:
    with dfbackends.open(f"{url}&map_size=1") as backend:
        with pytest.raises(dfbackends.Refused):
            fill(backend.db)
        written = len(list(backend.db.keys("t")))

    with dfbackends.open(f"{url}&map_size=8") as backend:
        backend.db.create("t", "more", VALUE)
        assert len(list(backend.db.keys("t"))) == written + 1


def test_a_write_that_the_disk_fails_is_settled(tmp_path: Path, url: str) -> None:
    def use() -> str:
        with dfbackends.open(f"{url}&retries=1") as backend:
            backend.db.put("t", "k", 1)
            _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "store").stat().st_size + 65536, most))
            with pytest.raises(dfbackends.Unavailable) as caught:
                backend.db.put("t", "k", VALUE)
            assert "mdb_txn_commit" in str(caught.value.__cause__)
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
            assert backend.db.get("t", "k") == 1
            backend.db.put("t", "k", VALUE)
        return "done"

    assert in_child(use) == "done"


def test_a_store_that_another_process_has_made_larger_is_read_and_written(url: str, small: dfbackends.Backend) -> None:
    program = (
        "import dfbackends, sys\n"
        "with dfbackends.open(sys.argv[1]) as backend:\n"
        "    backend.db.put_many('t', {str(number): 'x' * 100_000 for number in range(50)})\n"
    )
    small.db.put("t", "mine", 1)

    subprocess.run([sys.executable, "-c", program, f"{url}&map_size=16"], check=True, timeout=30)

    assert len(list(small.db.keys("t"))) == 51
    small.db.put("t", "mine", 2)
    assert small.db.get("t", "mine") == 2


def test_what_a_killed_process_was_reading_is_given_free(tmp_path: Path, small: dfbackends.Backend) -> None:
    small.db.put("t", "k", VALUE)
    reading = "import lmdb, sys; txn = lmdb.open(sys.argv[1], subdir=False).begin(); print('ready', flush=True); input()"
    command = [sys.executable, "-c", reading, str(tmp_path / "store")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"ready\n"
        with pytest.raises(dfbackends.Refused):
            write_over(small.db)
        reader.kill()

    # This one finds out.
    with pytest.raises(dfbackends.Refused):
        small.db.put("t", "k", VALUE)
    write_over(small.db)


def test_a_file_in_the_place_of_the_one_that_is_open_is_noticed(tmp_path: Path, url: str) -> None:
    with dfbackends.open(f"lmdb:{tmp_path}/other?sync=false") as other:
        other.db.put("t", "k", "of the other")
    with dfbackends.open(f"{url}&retries=0") as backend:
        backend.db.put("t", "k", 1)
        for suffix in ("", "-lock"):
            os.replace(tmp_path / f"other{suffix}", tmp_path / f"store{suffix}")

        for call in (lambda: backend.db.get("t", "k"), lambda: backend.db.put("t", "k", 2)):
            with pytest.raises(dfbackends.Unavailable):
                call()

    with dfbackends.open(url) as backend:
        assert backend.db.get("t", "k") == "of the other"


def test_handles_on_one_file_share_it_until_the_last_is_closed(url: str) -> None:
    with dfbackends.open(url) as first:
        with dfbackends.open(url) as second:
            second.db.put("t", "k", 1)
        second.close()
        first.db.put("t", "k", 2)
        with pytest.raises(dfbackends.Unavailable), dfbackends.open(url.replace("sync=false", "sync=true")):
            pass

    with dfbackends.open(url.replace("sync=false", "sync=true")) as third:
        assert third.db.get("t", "k") == 2


def test_a_child_opens_its_own_while_threads_of_its_parent_write(url: str) -> None:
    ended = threading.Event()
    with dfbackends.open(url) as backend:

        def write() -> None:
            while not ended.is_set():
                backend.db.put("t", threading.current_thread().name, 1)

        def use() -> str:
            with dfbackends.open(url) as own:
                own.db.put("t", "child", own.db.get("t", "child") + 1)
            return "done"

        backend.db.put("t", "child", 0)
        threads = [threading.Thread(target=write) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            assert [in_child(use) for _ in range(10)] == ["done"] * 10
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        assert backend.db.get("t", "child") == 10


def test_outcomes_are_forgotten_when_their_time_is_over(tmp_path: Path) -> None:
    path = tmp_path / "store"
    db = LmdbDb(str(path), 1 << 20, sync=False, seconds=0)
    key = Key(Table("t", "t"), "k")
    for number in range(50):
        db.write([Write(key, b"1")], OpId(f"op-{number}"))

    db.close()

    with lmdb.open(str(path), subdir=False) as env:
        # The entry, the last revision, and both that is kept of the last outcomes.
        assert env.stat()["entries"] < 10


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"not a store" * 1000)

    with pytest.raises(dfbackends.Refused):
        dfbackends.open(f"lmdb:{tmp_path}/store")


@pytest.mark.usefixtures("small")
def test_a_store_is_made_for_its_user_only(tmp_path: Path) -> None:
    assert [oct((tmp_path / name).stat().st_mode & 0o777) for name in ("store", "store-lock")] == ["0o600", "0o600"]
