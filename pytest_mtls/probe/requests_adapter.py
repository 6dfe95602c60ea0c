"""A transport adapter for requests that leaves an ``ssl.SSLContext`` alone."""

from __future__ import annotations

import ssl
from typing import Any

from requests.adapters import HTTPAdapter


class ContextAdapter(HTTPAdapter):
    """Uses one context for every connection.

    By default requests loads certifi's CAs into a context it is given, or those that REQUESTS_CA_BUNDLE names; then a
    server certificate of any public CA would pass. Its hooks for that are overridden here.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pool with our context."""
        super().init_poolmanager(*args, ssl_context=self._context, **options)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Require a valid certificate, and add no CAs."""
        conn.cert_reqs, conn.ca_certs, conn.ca_cert_dir = "CERT_REQUIRED", None, None

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> tuple[Any, Any]:
        """Keep our context in the key of the pool, and the CAs of requests out of it."""
        host, attributes = super().build_connection_pool_key_attributes(request, verify, cert)
        pool: dict[str, Any] = dict(attributes)
        for key in ("ca_certs", "ca_cert_dir"):
            pool.pop(key, None)
        pool.update(cert_reqs="CERT_REQUIRED", ssl_context=self._context)
        return host, pool
