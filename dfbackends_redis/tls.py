"""TLS, as it is configured."""

from __future__ import annotations

import logging
import ssl

from dfbackends.errors import ConfigurationError
from dfbackends_redis.access import Tls

LOG = logging.getLogger(__name__)


def tls(*, ca: str | None, certificate: str | None, key: str | None, name: str | None, verify: bool) -> Tls:
    """Return how servers are verified, and how we are.

    :raises ConfigurationError: a file is missing, or not what it should be
    """
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if certificate:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"the files for TLS can not be used: {type(error).__name__}") from error
    if not verify:
        LOG.warning("tls_verify is off: whoever answers at the address of the server is taken for it")
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return Tls(context, name or "")
