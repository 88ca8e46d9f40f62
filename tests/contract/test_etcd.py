"""The contract on ``etcd``, one member; for three see ``tests/etcd/test_verify.py``."""

import pytest

from contract_tests import BackendContract
from tests.etcd.servers import HOW, MISSING

pytestmark = pytest.mark.skipif(MISSING, reason=HOW)


class TestEtcd(BackendContract):
    """One member."""

    backend = "etcd"
