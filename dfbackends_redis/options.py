"""The options of the Redis drivers."""

from __future__ import annotations

from oslo_config import cfg

LOGIN: list[cfg.Opt] = [
    cfg.StrOpt("user", help="Who logs in; the server's default user where it is left out."),
    cfg.StrOpt("password", secret=True, help="The password."),
]

TLS: list[cfg.Opt] = [
    cfg.BoolOpt("tls", default=False, help="Whether the servers are reached by TLS, 1.2 or later."),
    cfg.StrOpt("tls_ca", help="The file of the certificates that servers are verified by; those of the system by default."),
    cfg.StrOpt("tls_cert", help="The file of the certificate that the client shows."),
    cfg.StrOpt("tls_key", help="The file of the key of that certificate, where it is another one."),
    cfg.StrOpt("tls_host_name", help="The name that the certificates of the servers have, where it is not that of the host."),
    cfg.BoolOpt(
        "tls_verify",
        default=True,
        help="Whether servers have to prove who they are. It can not be switched off in a URL, and is logged.",
    ),
]

LINES: list[cfg.Opt] = [
    cfg.FloatOpt(
        "connect_timeout",
        default=1.0,
        min=0.05,
        max=60.0,
        help="Seconds to wait for a connection, a tenth of the deadline at most.",
    ),
    cfg.FloatOpt(
        "timeout", default=2.0, min=0.05, max=60.0, help="Seconds to wait for an answer, a fifth of the deadline at most."
    ),
    cfg.IntOpt("pool_size", default=64, min=1, max=10_000, help="Connections to each server, at most; more calls wait."),
    cfg.StrOpt(
        "durability",
        default="ack",
        choices=[
            ("ack", "A write has returned when the master has done it; a failover may take it back."),
            ("replicated", "A write has returned when a replica has it, too, or is reported as in doubt."),
        ],
        help="What a write that has returned survives.",
    ),
]


def failover(default: float, what: str) -> cfg.Opt:
    """Return the option that tells how long a failover takes."""
    help = f"Seconds until a dead master is replaced: {what}."  # noqa: A001 - it is called so.
    return cfg.FloatOpt("failover", default=default, min=0.0, max=600.0, help=help)


DATABASE: cfg.Opt = cfg.IntOpt("database", default=0, min=0, max=1_000_000, help="The number of the database.")

SINGLE: list[cfg.Opt] = [
    cfg.StrOpt("host", help="Where the server is; 127.0.0.1 by default."),
    cfg.PortOpt("port", help="Its port; 6379 by default."),
    cfg.StrOpt("unix_socket", help="The path of its socket, in place of host and port."),
    DATABASE,
    *LOGIN,
    *TLS,
    *LINES,
    failover(0.0, "0 where nothing replaces it"),
]

ADDRESS_MAP: cfg.Opt = cfg.StrOpt(
    "address_map",
    help="Where servers are reached that are announced by other addresses, as behind NAT or a tunnel: "
    "10.0.0.1:6379=127.0.0.1:7000, with commas between them.",
)

CLUSTER: list[cfg.Opt] = [
    cfg.StrOpt("hosts", help="Some of the servers, as host:port with commas between them; they name the others."),
    cfg.StrOpt(
        "startup_nodes",
        help='The same, as redis-py-cluster takes them: [{"host": "10.0.0.1", "port": 6379}, ...].',
    ),
    *LOGIN,
    *TLS,
    *LINES,
    ADDRESS_MAP,
    failover(6.0, "1.3 times the cluster's node timeout, and 2 more"),
]

SENTINEL: list[cfg.Opt] = [
    cfg.StrOpt("hosts", help="The sentinels, as host:port with commas between them."),
    cfg.StrOpt("service", help="The name by which they know the master."),
    DATABASE,
    *LOGIN,
    *TLS,
    cfg.StrOpt("sentinel_user", help="Who logs in at the sentinels."),
    cfg.StrOpt("sentinel_password", secret=True, help="The password for the sentinels."),
    *(
        type(option)(f"sentinel_{option.dest}", default=option.default, help=f"As {option.dest}, for the sentinels.")
        for option in TLS
    ),
    *LINES,
    ADDRESS_MAP,
    failover(5.0, "what the sentinels take for down-after, and 3 more"),
]
