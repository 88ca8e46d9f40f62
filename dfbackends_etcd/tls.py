"""TLS, as it is configured."""

from __future__ import annotations

import ssl
from pathlib import Path

import grpc

from dfbackends.errors import ConfigurationError
from dfbackends_etcd.access import Tls


def tls(*, ca: str | None, certificate: str | None, key: str | None, name: str | None) -> Tls:
    """Return how members are verified, and how we are.

    :raises ConfigurationError: a file is missing, or not what it should be
    """
    try:
        context, http = (ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca) for _ in range(2))
        context.set_alpn_protocols(["h2"])
        if certificate:
            context.load_cert_chain(certificate, key)
            http.load_cert_chain(certificate, key)
        credentials = grpc.ssl_channel_credentials(
            root_certificates=_read(ca) if ca else _system(context),
            private_key=_read(key or certificate) if certificate else None,
            certificate_chain=_read(certificate) if certificate else None,
        )
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"the files for TLS can not be used: {type(error).__name__}") from error
    return Tls(credentials, context, http, name or "")


def _read(file: str | None) -> bytes:
    return Path(file or "").read_bytes()


def _system(context: ssl.SSLContext) -> bytes | None:
    """Return the certificates of the system, which gRPC does not know where to find; None where there are none."""
    found = "".join(map(ssl.DER_cert_to_PEM_cert, context.get_ca_certs(binary_form=True)))
    return found.encode() or None
