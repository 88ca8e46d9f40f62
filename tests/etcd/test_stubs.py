"""The messages and services that are taken from etcd3: with which versions, and what is said where they can not be had."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import dfbackends_etcd
from contract_tests.servers.node import HOST
from dfbackends_etcd.testing import EtcdServer

# Below 3.13 both are the oldest that are declared; later ones have no wheels for a newer Python.
OLDEST = ("1.60.0", "4.25.0", "4.0.0") if sys.version_info < (3, 13) else ("1.66.2", "5.28.0", "4.0.0")
NEWEST = ("1.85.3", "7.36.2", "4.2.0")

TALK = """
import sys, time
from dfbackends_etcd.access import Access, Address
from dfbackends_etcd.channel import Channel
from dfbackends_etcd.stubs import kv, numbered, rpc, services
from dfbackends_etcd.wire import Wire
address = Address(sys.argv[1], int(sys.argv[2]))
store = services.KVStub(Channel(address, Access()))
key = b"stubs/" + sys.argv[3].encode()
put = rpc.RequestOp(request_put=rpc.PutRequest(key=key, value=b"1"))
done = store.Txn(rpc.TxnRequest(compare=[rpc.Compare(key=key)], success=[put]), timeout=5)
assert done.succeeded, done
[found] = store.Range(rpc.RangeRequest(key=key), timeout=5).kvs
assert (found.value, found.mod_revision) == (b"1", done.header.revision)
create = rpc.WatchCreateRequest(key=key, start_revision=found.mod_revision, prev_kv=True)
creates = [rpc.WatchRequest(create_request=numbered(create, number)) for number in (5, 70_000)]
wire = Wire(address, Access())
wire.send(wire.open("/etcdserverpb.Watch/Watch", ()), creates)
answers, until = [], time.monotonic() + 5
while len(answers) < 4:
    assert time.monotonic() < until, answers
    answers += [rpc.WatchResponse.FromString(part.data) for part in wire.receive(1)]
assert [answer.watch_id for answer in answers if answer.created] == [5, 70_000], answers
[event, same] = [event for answer in answers for event in answer.events]
assert event.type == kv.Event.PUT and event.kv.value == b"1", event
assert "etcd3" not in sys.modules
import google.protobuf, grpc, hpack
print(grpc.__version__, google.protobuf.__version__, hpack.__version__)
"""


def run(code: str, *arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(path)}
    return subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:dfbackends_etcd", "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("grpcio", "protobuf", "hpack"),
    [OLDEST, NEWEST, (OLDEST[0], *NEWEST[1:]), (NEWEST[0], *OLDEST[1:])],
    ids="-".join,
)
def test_a_server_is_talked_to_with_the_oldest_and_the_newest_versions(
    server: EtcdServer, grpcio: str, protobuf: str, hpack: str, tmp_path: Path
) -> None:
    wanted = [f"grpcio=={grpcio}", f"protobuf=={protobuf}", f"hpack=={hpack}"]
    wanted += ["--target", str(tmp_path), "--only-binary", ":all:", "--no-deps"]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *wanted], check=True, capture_output=True, timeout=120)

    done = run(TALK, HOST, str(server.port), f"{grpcio}-{protobuf}", path=tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [grpcio, protobuf, hpack]


def installed(name: str) -> Path:
    spec = find_spec(name)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(next(iter(spec.submodule_search_locations)))


def test_another_etcd3_is_said_to_be_the_wrong_one(tmp_path: Path) -> None:
    shutil.copytree(installed("etcd3"), tmp_path / "etcd3")
    (tmp_path / "etcd3" / "etcdrpc" / "kv_pb2.py").write_text("DESCRIPTOR = 'described in another way'\n")

    done = run("import dfbackends; dfbackends.open('etcd://127.0.0.1:1')", path=tmp_path)

    assert "ConfigurationError: the backend 'etcd' of dfbackends-etcd" in done.stderr
    assert "its module for kv.proto has no description of it" in done.stderr
    assert "dfbackends-etcd needs etcd3==0.12.0, and was tried with protobuf" in done.stderr


def test_a_protobuf_that_builds_no_messages_is_said_to_be_the_wrong_one(tmp_path: Path) -> None:
    (tmp_path / "google" / "protobuf").mkdir(parents=True)
    (tmp_path / "google" / "protobuf" / "__init__.py").touch()

    done = run("import dfbackends_etcd.stubs", path=tmp_path)

    assert "ImportError: the messages of etcd could not be built from the package etcd3: ImportError" in done.stderr
    assert "install versions among these" in done.stderr


def test_an_application_may_use_etcd3_beside_it(tmp_path: Path) -> None:
    code = (
        "import sys, dfbackends_etcd.stubs\n"
        "assert not [name for name in sys.modules if name.startswith('etcd3')]\n"
        "from google.protobuf import descriptor_pool\n"
        "try: descriptor_pool.Default().FindFileByName('rpc.proto')\n"
        "except KeyError: print('free')\n"
    )

    assert run(code, path=tmp_path).stdout == "free\n"


def test_the_versions_that_were_tried_are_those_that_are_declared() -> None:
    declared = (Path(dfbackends_etcd.__file__).parent / "setup.cfg").read_text()

    assert "grpcio>=1.60\n" in declared
    assert "hpack>=4.0\n" in declared
    assert "protobuf>=4.25\n" in declared
    assert "etcd3==0.12.0\n" in declared
