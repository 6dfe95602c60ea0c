"""Names, alternative names, PEM and requests: a typed error, or exactly what was asked."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from pytest_mtls import CertificateAuthority, Credential, Harness, MtlsError, NginxServer
from pytest_mtls.pki import keys, pem
from pytest_mtls.pki.names import nginx_dn, parse_subject
from pytest_mtls.probe.certificate_request import accepted_cas, authority_names
from tests.safety.strings import hostile_text, is_harmless

pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
"""It warns of what a later version will not read."""

CA = CertificateAuthority("ca")
LEAF = CA.issue_client("leaf", sans=["URI:spiffe://a/b", "IP:127.0.0.1", "email:a@b.test"])
PEMS = [LEAF.certificate_pem, bytes(LEAF.private_key_pem), CA.crl(), LEAF.chain_pem, CA.certificate_pem]


def is_typed(error: MtlsError) -> None:
    """Nor does any terminal obey it."""
    assert is_harmless(str(error))


@given(name=hostile_text)
def test_common_names(name: str) -> None:
    """In the certificate as they stand."""
    try:
        credential = CA.issue_client(name)
    except MtlsError as error:
        is_typed(error)
        return
    (common,) = credential.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    assert common.value == name
    assert is_harmless(f"{credential.subject_dn!r}{credential!r}")


@given(name=hostile_text)
def test_names_of_authorities(name: str) -> None:
    """A common name, or a distinguished name."""
    try:
        authority = CertificateAuthority(name)
    except MtlsError as error:
        is_typed(error)
        return
    assert parse_subject(nginx_dn(authority.certificate.subject)).rdns


_DN = st.lists(
    st.tuples(st.sampled_from(["CN", "O", "OU", "UID", "2.5.4.3", "emailAddress"]), hostile_text),
    min_size=1,
    max_size=3,
).map(lambda parts: ",".join(f"{kind}={value}" for kind, value in parts))


@given(subject=_DN | hostile_text)
def test_distinguished_names(subject: str) -> None:
    """What nginx makes of one is read as the same again."""
    try:
        name = parse_subject(subject)
        credential = CA.issue_client(subject=subject)
    except MtlsError as error:
        is_typed(error)
        return
    assert credential.certificate.subject == name
    if not any(attribute.value == "#" for attribute in name):  # OpenSSL does not escape that one
        assert parse_subject(credential.subject_dn).public_bytes() == name.public_bytes()


_PREFIXES = st.sampled_from(["", "DNS:", "URI:", "IP:", "email:", "URI:spiffe://", "email:a@"])


@given(san=st.tuples(_PREFIXES, hostile_text).map("".join))
def test_alternative_names(san: str) -> None:
    """In the certificate as they stand."""
    try:
        credential = CA.issue_client("a", sans=[san])
    except MtlsError as error:
        is_typed(error)
        return
    (name,) = credential.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    kind, _, value = san.partition(":")
    assert str(name.value) in (san, value if kind.lower() in ("dns", "uri", "ip", "email") else san) or "IP" in repr(
        name
    )


@given(name=hostile_text)
def test_files_of_a_credential_are_in_their_folder(name: str) -> None:
    """Whatever it is called."""
    with tempfile.TemporaryDirectory() as outer:
        folder = Path(outer, "inner")
        files = LEAF.write_to(folder, name=name)

        assert {path.parent for path in (files.certificate, files.key, files.chain, files.pkcs12)} == {folder}
        assert len(list(folder.iterdir())) == 4
        assert [path.name for path in Path(outer).iterdir()] == ["inner"]


def _spoilt(at: int, content: bytes, original: bytes) -> bytes:
    at %= len(original)
    return original[:at] + content + original[at + len(content) :]


_READERS: list[Callable[..., object]] = [
    pem.load_certificates,
    pem.load_private_key,
    pem.load_crls,
    pem.load_csr,
    CertificateAuthority.from_pem,
]
_SPOILT_PEM = st.builds(_spoilt, st.integers(0), st.binary(max_size=4), st.sampled_from(PEMS))
_SPOILT_DER = st.builds(
    lambda at, content, of: pem.block(*_spoilt_der(at, content, of)),
    st.integers(0),
    st.binary(min_size=1, max_size=3),
    st.sampled_from(["CERTIFICATE", "PRIVATE KEY", "X509 CRL"]),
)
_CA_DER = CA.certificate.public_bytes(serialization.Encoding.DER)
_DER = {
    "CERTIFICATE": LEAF.certificate_der,
    "PRIVATE KEY": bytes(keys.private_key_der(LEAF.private_key)),
    "X509 CRL": pem.load_crls(CA.crl())[0].public_bytes(serialization.Encoding.DER),
}


def _spoilt_der(at: int, content: bytes, of: str) -> tuple[str, bytes]:
    return of, _spoilt(at, content, _DER[of])


@given(content=_SPOILT_PEM | _SPOILT_DER | st.binary(max_size=60), text=st.booleans())
def test_pem(content: bytes, text: bool) -> None:
    """Of any bytes: what is in it, or a typed error, also where it is read later than it was given."""
    given_as: Any = content.decode("latin-1") if text else content
    for read in _READERS:
        try:
            read(*(given_as, given_as) if read == CertificateAuthority.from_pem else (given_as,))
        except MtlsError as error:
            is_typed(error)


@given(content=_SPOILT_DER)
def test_a_certificate_that_is_odd_has_texts(content: bytes) -> None:
    """A credential that could be made can be printed, compared and presented."""
    try:
        credential = Credential.from_pem(content, LEAF.private_key_pem, allow_mismatch=True)
        texts = f"{credential} {credential!r} {credential.subject_dn} {credential.issuer_dn} {credential.serial_hex}"
        assert is_harmless(texts)
        assert credential == credential.without_chain()
    except MtlsError as error:
        is_typed(error)


@given(content=st.builds(_spoilt, st.integers(0), st.binary(min_size=1, max_size=3), st.just(_CA_DER)))
def test_an_authority_from_elsewhere(content: bytes) -> None:
    """Issues, or is refused."""
    try:
        authority = CertificateAuthority.from_pem(pem.block("CERTIFICATE", content), CA.private_key_pem)
        assert authority.issue_client("a").issuer_dn == nginx_dn(authority.certificate.subject)
    except MtlsError as error:
        is_typed(error)


@given(message=st.binary(max_size=120), version=st.sampled_from(["1.2", "1.3"]))
def test_certificate_requests(message: bytes, version: str) -> None:
    """A server can send anything as the names of its CAs."""
    assert all(isinstance(name, bytes) for name in authority_names(message, version))
    assert all(is_harmless(name) for name in accepted_cas(message, version))


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[bool, NginxServer]]:
    """Two that are asked all the time: HTTP/1.1 and HTTP/2."""
    with Harness.open("process") as harness:
        yield {http2: harness.nginx(http2=http2, verify="off") for http2 in (False, True)}


@given(
    http2=st.booleans(),
    part=st.sampled_from(["path", "method", "host", "server_name", "name", "value"]),
    text=hostile_text,
)
def test_requests(servers: dict[bool, NginxServer], http2: bool, part: str, text: str) -> None:
    """A typed error, a refusal by nginx, or what arrives is what was asked: nothing more."""
    header = {"name": (text, "v"), "value": ("X-Fuzz", text)}.get(part)
    arguments: dict[str, Any] = {part: text} if header is None else {"headers": [header]}
    try:
        outcome = servers[http2].request(**arguments, timeout=2)
    except MtlsError as error:
        is_typed(error)
        return
    assert is_harmless(outcome.explain())
    assert outcome.forwarded is None or _fields(outcome.forwarded) <= _KNOWN | {text.lower().strip(_BLANK)}
    if outcome.forwarded is not None and part == "value":
        # What surrounds a value is no part of it (RFC 9110 section 5.5).
        assert [each.strip(_BLANK) for each in outcome.forwarded.get_all("X-Fuzz")] == [
            text.strip(_BLANK)
        ] or not text.strip()


def _fields(forwarded: Any) -> set[str]:
    return {name.lower() for name in forwarded}


_BLANK = " \t\r\n\v\f"
_KNOWN = {
    *("host", "connection", "x-fuzz", "x-real-ip", "x-forwarded-for", "x-forwarded-proto", "x-ssl-client-verify"),
    *("x-ssl-client-s-dn", "x-ssl-client-i-dn", "x-ssl-client-serial", "x-ssl-client-fingerprint", "x-ssl-client-cert"),
}
