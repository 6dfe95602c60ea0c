"""Strategies for Hypothesis: names and credentials of every kind, to find the one that a configuration cannot take.

Importable with the extra ``hypothesis``::

    from hypothesis import HealthCheck, given, settings, strategies as st
    from pytest_mtls import strategies

    # The server is shared and not changed by a test, so that examples cannot notice each other.
    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_every_name_arrives(mtls_nginx, mtls_ca, data):
        client = data.draw(strategies.credentials(mtls_ca))
        assert mtls_nginx.request(credential=client).variables["ssl_client_s_dn"] == client.subject_dn
"""

from __future__ import annotations

from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import strategies as st

from pytest_mtls.pki.authority import CertificateAuthority
from pytest_mtls.pki.credential import Credential
from pytest_mtls.pki.keys import KeyType

__all__ = ["credentials", "distinguished_names"]

_LONGEST: Final = {
    NameOID.COMMON_NAME: 64,
    NameOID.ORGANIZATION_NAME: 64,
    NameOID.ORGANIZATIONAL_UNIT_NAME: 64,
    NameOID.LOCALITY_NAME: 128,
    NameOID.STATE_OR_PROVINCE_NAME: 128,
    NameOID.SERIAL_NUMBER: 64,
}
"""In bytes of UTF-8, which is stricter than the characters of RFC 5280 appendix A.1."""

_SPECIAL: Final = ",+\"\\<>;=#/ '$%&\t\r\n\0äßЖ中\u202e\u00a0"
"""What escapes, templates, logs and headers stumble over, so that it is not left to chance."""


def _texts(longest: int) -> st.SearchStrategy[str]:
    characters = st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(_SPECIAL))
    return st.text(characters, min_size=1, max_size=longest).filter(lambda text: len(text.encode()) <= longest)


def _attributes(oid: x509.ObjectIdentifier) -> st.SearchStrategy[x509.NameAttribute[Any]]:
    if oid == NameOID.COUNTRY_NAME:
        texts = st.sampled_from(["DE", "FR", "GB", "US"])
    elif oid == NameOID.SERIAL_NUMBER:  # a PrintableString
        texts = st.text("ABCXYZabcxyz0189 '()+,-./:=?", min_size=1, max_size=_LONGEST[oid])
    else:
        texts = _texts(min(_LONGEST[oid], 40))
    return st.builds(x509.NameAttribute, st.just(oid), texts)


def distinguished_names(*, min_attributes: int = 1, max_attributes: int = 4) -> st.SearchStrategy[x509.Name]:
    """Distinguished names, for ``subject=``: several attributes, also twice, in any order, with any text.

    Args:
        min_attributes: 0 gives the empty name, too.
        max_attributes: at most so many.
    """
    kinds = st.sampled_from([*_LONGEST, NameOID.COUNTRY_NAME])
    several = st.lists(kinds.flatmap(_attributes), min_size=min_attributes, max_size=max_attributes)
    return several.map(x509.Name)


@st.composite
def credentials(draw: st.DrawFn, /, ca: CertificateAuthority, **options: Any) -> Credential:
    """Credentials for clients, issued by ``ca``.

    Args:
        draw: Hypothesis gives it.
        ca: who issues them.
        options: those of ``ca.issue_client()``, each a value or a strategy for one. By default ``subject`` is any of
            :func:`distinguished_names`, and ``key_type`` one that is made in no time.

    Raises:
        InvalidArgument: an option is unknown, or cannot be.
    """
    defaults = {
        "subject": distinguished_names(),
        "key_type": st.sampled_from([KeyType.EC_P256, KeyType.EC_P384, KeyType.ED25519]),
    }
    chosen = {
        name: draw(value) if isinstance(value, st.SearchStrategy) else value
        for name, value in {**defaults, **options}.items()
    }
    return ca.issue_client(**chosen)
