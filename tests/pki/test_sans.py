"""Subject alternative names and name constraints from text."""

from __future__ import annotations

import ipaddress

import pytest
from cryptography import x509

from pytest_mtls.errors import InvalidName
from pytest_mtls.pki import CertificateAuthority
from pytest_mtls.pki.sans import parse_name_constraint, parse_san


@pytest.mark.parametrize(
    "text, expected",
    [
        ("DNS:device.example", x509.DNSName("device.example")),
        ("dns:*.device.example", x509.DNSName("*.device.example")),
        ("URI:spiffe://example.org/device/42", x509.UniformResourceIdentifier("spiffe://example.org/device/42")),
        ("URI:urn:uuid:1", x509.UniformResourceIdentifier("urn:uuid:1")),
        ("IP:10.0.0.42", x509.IPAddress(ipaddress.ip_address("10.0.0.42"))),
        ("IP:::1", x509.IPAddress(ipaddress.ip_address("::1"))),
        ("email:ops@example.org", x509.RFC822Name("ops@example.org")),
        ("device.example", x509.DNSName("device.example")),
        ("localhost", x509.DNSName("localhost")),
        ("under_score.example.", x509.DNSName("under_score.example.")),
        ("127.0.0.1", x509.IPAddress(ipaddress.ip_address("127.0.0.1"))),
        ("fe80::1", x509.IPAddress(ipaddress.ip_address("fe80::1"))),
        ("alice@example.org", x509.RFC822Name("alice@example.org")),
        ("spiffe://alice@example.org/", x509.UniformResourceIdentifier("spiffe://alice@example.org/")),
    ],
)
def test_text_becomes_the_name_it_says_or_looks_like(text: str, expected: x509.GeneralName) -> None:
    """A prefix decides; without one the look does."""
    assert expected == parse_san(text)


def test_a_name_of_cryptography_is_taken_as_it_is() -> None:
    """So that a test can have names that are wrong on purpose."""
    forged = x509.DNSName("good.example\0.evil.example")

    assert parse_san(forged) is forged
    assert parse_name_constraint(forged) is forged


@pytest.mark.parametrize(
    "text, why",
    [
        ("IP:10.0.0.0/8", "network belongs into name_constraints"),
        ("10.0.0.0/8", "network belongs into name_constraints"),
        ("IP:localhost", "not an IP address"),
        ("IP:", "not an IP address"),
        ("DNS:", "not a DNS name"),
        ("", "not a DNS name"),
        ("DNS:bücher.example", "not a DNS name in ASCII"),
        ("DNS:two words", "not a DNS name"),
        ("DNS:line\nbreak", "not a DNS name"),
        ("DNS:a..b", "not a DNS name"),
        ("FOO:bar", "known prefixes are URI:, DNS:, IP: and email:"),
        ("URI:no-scheme", "not a URI"),
        ("URI:http://two words/", "not a URI"),
        ("URI:http://bücher.example/", "not a URI in ASCII"),
        ("email:nobody", "not an email address"),
        ("a@b@c", "not an email address"),
    ],
)
def test_text_that_is_no_name_is_refused(text: str, why: str) -> None:
    """The error says what it should have been."""
    with pytest.raises(InvalidName, match=why):
        parse_san(text)


def test_a_name_of_another_type_is_refused() -> None:
    """Neither text nor a name."""
    with pytest.raises(InvalidName, match="is a int"):
        parse_san(1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("DNS:example.org", x509.DNSName("example.org")),
        ("DNS:.example.org", x509.DNSName(".example.org")),
        ("email:example.org", x509.RFC822Name("example.org")),
        ("email:ops@example.org", x509.RFC822Name("ops@example.org")),
        ("URI:.example.org", x509.UniformResourceIdentifier(".example.org")),
        ("IP:10.0.0.0/8", x509.IPAddress(ipaddress.ip_network("10.0.0.0/8"))),
    ],
)
def test_a_name_constraint_is_a_subtree(text: str, expected: x509.GeneralName) -> None:
    """Hosts, domains and networks."""
    assert expected == parse_name_constraint(text)


@pytest.mark.parametrize("text", ["example.org", "DNS:a b", "IP:10.0.0.1/8", "IP:x", "URI:https://example.org/"])
def test_text_that_is_no_subtree_is_refused(text: str) -> None:
    """A constraint needs a prefix, and a network its own address."""
    with pytest.raises(InvalidName, match="name constraint"):
        parse_name_constraint(text)


def test_an_email_address_as_common_name_is_an_alternative_name_too(root: CertificateAuthority) -> None:
    """Unless a subject or alternative names are given."""
    alice = root.issue_client("alice@example.com")

    assert [x509.RFC822Name("alice@example.com")] == _sans(alice.certificate)
    assert _sans(root.issue_client("alice@example.com", sans=()).certificate) == []
    assert _sans(root.issue_client("alice@example.com", subject="CN=alice").certificate) == []
    assert _sans(root.issue_client("alice").certificate) == []


def test_alternative_names_are_critical_only_without_a_subject(root: CertificateAuthority) -> None:
    """RFC 5280 section 4.2.1.6."""
    nameless = root.issue_client(subject="", sans=["DNS:a.example"]).certificate
    named = root.issue_client("a", sans="DNS:a.example").certificate

    kind = x509.SubjectAlternativeName
    assert tuple(c.extensions.get_extension_for_class(kind).critical for c in (nameless, named)) == (True, False)


def _sans(certificate: x509.Certificate) -> list[x509.GeneralName]:
    try:
        return list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []
