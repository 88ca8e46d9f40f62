"""The contract on ``redis``; for a cluster and Sentinel see ``tests/redis/test_verify.py``."""

import pytest

from contract_tests import BackendContract
from tests.redis.servers import HOW, MISSING

pytestmark = pytest.mark.skipif(MISSING, reason=HOW)


class TestRedis(BackendContract):
    """One server."""

    backend = "redis"
