"""The agent as a program: ``python -m agent --config-file agent.conf``. Ctrl-C and SIGTERM end it."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from pathlib import Path

from oslo_config import cfg

import dfbackends
from agent.agent import Agent
from agent.dataplane import DataPlane
from agent.options import GROUP, OPTIONS

LOG = logging.getLogger("agent")


def main() -> None:
    """Run until somebody ends it. A mistake in the configuration ends it at once; nothing that the store does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    conf = cfg.ConfigOpts()
    conf.register_opts(OPTIONS, group=GROUP)
    try:
        conf(sys.argv[1:], project="agent")
        _run(conf, DataPlane(Path(conf.agent.flows)))
    except (cfg.Error, dfbackends.ConfigurationError) as error:
        sys.exit(f"agent: {error}")
    except KeyboardInterrupt:
        LOG.info("ended")


def _run(conf: cfg.ConfigOpts, plane: DataPlane) -> None:
    plane.doubt("the agent has not yet compared it with the store")
    own = conf.agent
    try:
        while True:
            try:
                with (
                    dfbackends.open(conf) as backend,
                    Agent(
                        backend,
                        plane,
                        host=own.host,
                        tenants=own.tenants,
                        check_every=own.check_every,
                        report_every=own.report_every,
                    ),
                ):
                    threading.Event().wait()
            except dfbackends.BackendError as error:
                LOG.warning("not yet: %s", error)
            time.sleep(1)
    finally:
        plane.doubt("the agent has ended")


if __name__ == "__main__":
    main()
