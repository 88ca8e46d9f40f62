"""The contract on ``redis``, ``redis-cluster`` and ``redis-sentinel``."""

import pytest

from contract_tests import BackendContract
from tests.redis.servers import HOW, MISSING

pytestmark = pytest.mark.skipif(MISSING, reason=HOW)


class TestRedis(BackendContract):
    """One server."""

    backend = "redis"


class TestRedisCluster(BackendContract):
    """Three masters."""

    backend = "redis-cluster"


class TestRedisSentinel(BackendContract):
    """A master, a replica and three sentinels."""

    backend = "redis-sentinel"
