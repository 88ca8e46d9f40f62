"""The options of the agent, which stand in one file with those of dfbackends."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "agent"

OPTIONS: list[cfg.Opt] = [
    cfg.StrOpt("host", required=True, help="The name of this hypervisor."),
    cfg.ListOpt("tenants", default=[], help="Whose ports are forwarded, while the table 'host' says nothing of this host."),
    cfg.StrOpt("flows", default="flows", help="The directory that stands for the data plane. It is made where there is none."),
    cfg.FloatOpt("check_every", default=5.0, min=0.1, help="Seconds between two comparisons with the store."),
    cfg.FloatOpt("report_every", default=10.0, min=0.1, help="Seconds between two reports in the table 'chassis'."),
]


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options by group, for oslo-config-generator."""
    return [(GROUP, OPTIONS)]
