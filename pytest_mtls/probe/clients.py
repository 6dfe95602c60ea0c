"""The clients people use, set up so that they present one credential and trust one server, and nothing interferes.

The traps are written down in docs/background.md: requests adds certifi's CAs to a context it is given, an environment
variable may replace the trust, and httpx drops a certificate where ``verify`` is a string.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx
    import requests

    from pytest_mtls.pki.credential import Credential
    from pytest_mtls.pki.trustme import TrustmeLeafCert


def ssl_context(credential: Credential | TrustmeLeafCert | None, trust: bytes) -> ssl.SSLContext:
    """A client context: presents ``credential``, trusts ``trust`` and nothing else, checks names.

    Raises:
        KeyMismatch: the credential's key belongs to another certificate.
    """
    from pytest_mtls.pki.tls import load_credential
    from pytest_mtls.pki.trustme import native

    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cadata=trust.decode("ascii"))
    # A user's own server certificate is trusted as it is, without its issuer.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if credential is not None:
        load_credential(context, native(credential))
    return context


def requests_session(context: ssl.SSLContext) -> requests.Session:
    """A session whose every https connection uses ``context`` as it is."""
    import requests

    from pytest_mtls.probe.requests_adapter import ContextAdapter

    session = requests.Session()
    # No proxy, no REQUESTS_CA_BUNDLE, no .netrc: the server is on this machine and the context is complete.
    session.trust_env = False
    session.mount("https://", ContextAdapter(context))
    return session


def httpx_client(url: str, context: ssl.SSLContext, **options: Any) -> httpx.Client:
    """A client with ``url`` as its base; ``options`` are httpx's own."""
    import httpx

    settings: dict[str, Any] = {"base_url": url, "trust_env": False, **options}
    return httpx.Client(**settings, verify=context)


def httpx_async_client(url: str, context: ssl.SSLContext, **options: Any) -> httpx.AsyncClient:
    """The same for ``async`` code."""
    import httpx

    settings: dict[str, Any] = {"base_url": url, "trust_env": False, **options}
    return httpx.AsyncClient(**settings, verify=context)


def curl(url: str, credential: Credential | TrustmeLeafCert | None, trust: bytes, folder: str) -> list[str]:
    """The argument list of a curl command; what it needs is written to ``folder``, keys 0600."""
    from pytest_mtls.pki.trustme import native

    place = Path(folder)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    ca = place / "server-ca.pem"
    ca.write_bytes(trust)
    command = ["curl", "--noproxy", "*", "--silent", "--show-error", "--include", "--cacert", str(ca)]
    if credential is not None:
        files = native(credential).write_to(place)
        command += ["--cert", str(files.chain), "--key", str(files.key)]
    return [*command, url]
