"""Whether a backend can be reached at all, before any case is run."""

from __future__ import annotations

import tempfile
from pathlib import Path

import dfbackends
from contract_tests.servers.node import NotStarted
from contract_tests.servers.server import Server
from dfbackends.errors import Unavailable

_PATIENCE = 5.0


def reach(server: Server) -> None:
    """Return when the store has answered; a server that had to be started for that is stopped.

    :raises NotStarted: the server did not start
    :raises BackendError: nothing answers at the URL, or it says no
    :raises ConfigurationError: the URL is not legal
    """
    with tempfile.TemporaryDirectory(prefix="dfbackends-") as folder:
        try:
            server.start(Path(folder))
            dfbackends.open(server.url(), wait=_PATIENCE if server.count else 0).close()
        except Unavailable as error:
            if not server.count:
                raise
            raise NotStarted(f"the server was started, and then: {error}") from error
        finally:
            server.stop()
