"""What nginx learns by OCSP about a chain that OpenSSL found sound: ``ngx_event_openssl_stapling.c``."""

from __future__ import annotations

from pytest_mtls.oracle.cast import AUTHORITIES, CAST
from pytest_mtls.oracle.situation import Ocsp, OcspStatus
from pytest_mtls.pki.states import CredentialState as State


def ocsp_status(state: State, chain: tuple[str, ...], asked: Ocsp) -> OcspStatus:
    """The first status that is not good, leaf first; the last certificate of a chain is never asked about
    (``ngx_ssl_ocsp_validate``, ``ngx_ssl_ocsp_validate_next``).

    Args:
        state: whose leaf it is.
        chain: names, leaf first, as OpenSSL built it.
        asked: whom nginx asks, and what about.
    """
    for name in chain[:-1] if asked.whole_chain else chain[:1][: len(chain) - 1]:
        issuer = CAST[state].leaf.issuer if name == state else AUTHORITIES[name].issuer
        status = asked.answers.get(issuer, OcspStatus.FAILED)
        if status is OcspStatus.GOOD and name in asked.revoked:
            status = OcspStatus.REVOKED
        if status is not OcspStatus.GOOD:
            return status
    return OcspStatus.GOOD
