"""The options of the etcd driver."""

from __future__ import annotations

from oslo_config import cfg

MEMBERS: list[cfg.Opt] = [
    cfg.StrOpt("hosts", help="The members, as host:port with commas between them; 127.0.0.1:2379 by default."),
    cfg.StrOpt("user", help="Who logs in; nobody where it is left out."),
    cfg.StrOpt("password", secret=True, help="The password."),
    cfg.BoolOpt("tls", default=False, help="Whether the members are reached by TLS."),
    cfg.StrOpt("tls_ca", help="The file of the certificates that members are verified by; those of the system by default."),
    cfg.StrOpt("tls_cert", help="The file of the certificate that the client shows."),
    cfg.StrOpt("tls_key", help="The file of the key of that certificate, where it is another one."),
    cfg.StrOpt("tls_host_name", help="The name that the certificates of the members have, where it is not that of the host."),
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
    cfg.FloatOpt(
        "failover",
        min=0.0,
        max=600.0,
        help="Seconds until the others have chosen another leader; by default 3 where there are several hosts, else 0.",
    ),
    cfg.IntOpt(
        "max_txn_ops",
        default=128,
        min=32,
        max=10_000,
        help="What the members have for --max-txn-ops; it bounds what a transaction changes.",
    ),
    cfg.IntOpt(
        "max_request_bytes",
        default=1_572_864,
        min=65_536,
        max=100_000_000,
        help="What the members have for --max-request-bytes; it bounds a value, and what a transaction changes.",
    ),
]
