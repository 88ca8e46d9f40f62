"""The messages and services of etcd, taken from the package etcd3.

The modules that etcd3 0.12 was generated with create descriptors in a way that protobuf gave up in its version 4. What they
describe is in them as serialized files, too: messages are built of those, in a pool of their own, and the services are
loaded as they are. Nothing of it enters ``sys.modules``, so that an application may import etcd3 beside it. This module alone
knows the inside of etcd3; why it is used nevertheless stands in ADR 13.
"""

from __future__ import annotations

import builtins
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any

_FILES = ("kv", "auth", "rpc")
_PACKAGE = "etcd3.etcdrpc"

_ADVICE = (
    "the messages of etcd could not be built from the package etcd3: {reason}. dfbackends-etcd needs etcd3==0.12.0, and was "
    "tried with protobuf 4.25 to 7 and grpcio 1.60 to 1.85: install versions among these, or a newer dfbackends-etcd"
)


class _Missing(Exception):
    """Something is not where it was in the versions that were tried."""


def _folder() -> Path:
    spec = PathFinder.find_spec("etcd3")
    if spec is None or not spec.submodule_search_locations:
        raise _Missing("it is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / "etcdrpc"


def _code(folder: Path, name: str) -> CodeType:
    """Return a compiled module, without running it."""
    loader = SourceFileLoader(f"{_PACKAGE}.{name}", str(folder / f"{name}.py"))
    code = loader.get_code(loader.name)
    if code is None:
        raise _Missing(f"it has no module {name}")
    return code


def _serialized(code: CodeType, file: str) -> bytes:
    """Return the description of a file, which begins with its name and stands in the module as text."""
    begin = f"\n{chr(len(file))}{file}\x12"
    for constant in code.co_consts:
        if isinstance(constant, str) and constant.startswith(begin):
            return constant.encode("latin-1")
    raise _Missing(f"its module for {file} has no description of it")


def _messages(folder: Path) -> dict[str, ModuleType]:
    from google.protobuf import descriptor_pool
    from google.protobuf.internal import builder

    pool = descriptor_pool.DescriptorPool()
    found = {}
    for name in _FILES:
        file, module = f"{name}.proto", ModuleType(f"dfbackends_etcd.{name}")
        pool.AddSerializedFile(_serialized(_code(folder, f"{name}_pb2"), file))
        described = pool.FindFileByName(file)
        builder.BuildMessageAndEnumDescriptors(described, module.__dict__)
        builder.BuildTopDescriptorsAndMessages(described, module.__name__, module.__dict__)
        found[f"{name}_pb2"] = module
    return found


def _services(folder: Path, messages: dict[str, ModuleType]) -> dict[str, Any]:
    """Return the names of the module with the services, which imports the messages from where they are not."""

    def import_(name: str, *arguments: Any, **more: Any) -> Any:
        return SimpleNamespace(**messages) if name == _PACKAGE else __import__(name, *arguments, **more)

    names: dict[str, Any] = {"__name__": "dfbackends_etcd.services"}
    names["__builtins__"] = {**vars(builtins), "__import__": import_}
    exec(_code(folder, "rpc_pb2_grpc"), names)  # noqa: S102 - it is a module of a distribution that we depend on.
    return names


try:
    _found = _messages(_folder())
    kv: Any = _found["kv_pb2"]
    """Entries and events: ``KeyValue``, ``Event``."""
    rpc: Any = _found["rpc_pb2"]
    """Requests and answers: ``RangeRequest``, ``TxnRequest``, ``WatchResponse`` and so on."""
    _names = _services(_folder(), _found)
    services: Any = SimpleNamespace(**{name: kind for name, kind in _names.items() if name.endswith("Stub")})
    """What calls a server, by a channel of grpc or of ours: ``KVStub``, ``WatchStub`` and so on."""
except Exception as error:
    reason = str(error) if isinstance(error, _Missing) else f"{type(error).__name__}: {error}"
    raise ImportError(_ADVICE.format(reason=reason)) from error


def numbered(create: Any, number: int) -> Any:
    """Return a request for a watch that will be known by a number of ours, above 0.

    Etcd has this since 3.4, and etcd3 does not know the field, which is number 7.
    """
    field = bytearray(b"\x38")
    while number > 0x7F:
        field.append(number & 0x7F | 0x80)
        number >>= 7
    field.append(number)
    create.MergeFromString(bytes(field))
    return create
