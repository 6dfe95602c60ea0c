"""TLS contexts for the probe: able to send anything, however wrong, and made once for each credential."""

from __future__ import annotations

import ssl
import threading
from collections import OrderedDict
from functools import partial
from typing import Any, Final

from pytest_mtls.pki.credential import Credential
from pytest_mtls.pki.tls import load_credential
from pytest_mtls.probe.asked import Asked
from pytest_mtls.probe.channel import EvidenceSocket, HintedCredential, note_message

_KEPT: Final = 256
_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

_Key = tuple[Credential | None, tuple[str, ...], bool, int, tuple[str, ...]]


class ProbeContexts:
    """Contexts by what they present; the least recently used go first. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: OrderedDict[_Key, ssl.SSLContext] = OrderedDict()

    def of(self, asked: Asked) -> tuple[ssl.SSLContext | None, HintedCredential | None]:
        """What a connection is to be opened with: a context, and what to present only if the server's list allows it.

        As Go does (``CertificateRequestInfo.SupportsCertificate``), the issuers of all certificates it sends count.

        Raises:
            ssl.SSLError: see :meth:`get`.
            KeyMismatch: see there.
        """
        if asked.plain:
            return None, None
        get = partial(
            self.get,
            tls=asked.tls,
            http2=asked.http2,
            security_level=asked.security_level,
            signature_algorithms=asked.signature_algorithms,
        )
        credential = asked.credential
        if credential is None or not asked.obeys_ca_hints:
            return get(credential), None
        issuers = frozenset(each.issuer.public_bytes() for each in (credential.certificate, *credential.chain))
        return get(None), HintedCredential(issuers, get(credential))

    def get(
        self,
        credential: Credential | None,
        tls: tuple[str, ...],
        *,
        http2: bool,
        security_level: int = 0,
        signature_algorithms: tuple[str, ...] = (),
    ) -> ssl.SSLContext:
        """A context that presents ``credential`` and offers those TLS versions.

        Raises:
            ssl.SSLError: OpenSSL will not load the certificate or the key, for instance as too weak for that level.
            KeyMismatch: they do not belong together, and cannot be made to look so.
        """
        key = (credential, tls, http2, security_level, signature_algorithms)
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        context = _make(*key)
        with self._lock:
            self._made[key] = context
            if len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return context


def _make(
    credential: Credential | None,
    tls: tuple[str, ...],
    http2: bool,
    security_level: int,
    signature_algorithms: tuple[str, ...],
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # The question is what nginx makes of the client. Whether the client trusts nginx is another one, asked by the
    # clients of requests and httpx, which do check.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = _VERSIONS[min(tls)]
    context.maximum_version = _VERSIONS[max(tls)]
    # Level 0, the default, lets weak keys and SHA-1 through: it is for nginx to refuse them.
    context.set_ciphers(f"DEFAULT:@SECLEVEL={security_level}")
    if signature_algorithms:
        context.set_client_sigalgs(":".join(signature_algorithms))  # type: ignore[attr-defined]
    if http2:
        context.set_alpn_protocols(["h2", "http/1.1"])
    context.sslsocket_class = EvidenceSocket
    _report_messages(context)
    if credential is not None:
        load_credential(context, credential, allow_mismatch=True)
    return context


def _report_messages(context: ssl.SSLContext) -> None:
    """Have every TLS message noted.

    ``SSLContext._msg_callback`` turns each number into a member of an enumeration first, forty times a request; the
    setter of the class below it does not.
    """
    plain: Any = ssl.SSLContext.__base__
    plain._msg_callback.__set__(context, note_message)
