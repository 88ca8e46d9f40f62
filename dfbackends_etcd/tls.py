"""TLS, as it is configured."""

from __future__ import annotations

import ssl

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
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"the files for TLS can not be used: {type(error).__name__}") from error
    return Tls(context, http, name or "")
