"""Revoking, and the CRLs that come of it."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography import x509

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.pki import CertificateAuthority, load_crls

DAY = timedelta(days=1)


def crl_of(authority: CertificateAuthority, **options: Any) -> x509.CertificateRevocationList:
    """Its CRL, read back."""
    (crl,) = load_crls(authority.crl(**options))
    return crl


def reason_of(entry: x509.RevokedCertificate) -> x509.ReasonFlags:
    """Why it was revoked."""
    return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason


def test_a_crl_lists_what_was_revoked(root: CertificateAuthority) -> None:
    """Credentials, certificates, authorities and serial numbers; signed by the authority."""
    alice, bob, carol = (root.issue_client(name) for name in ("alice", "bob", "carol"))
    issuing = root.intermediate()

    for revoked in (alice, bob.certificate, issuing, 0x1001):
        root.revoke(revoked)
    crl = crl_of(root)

    expected = {each.certificate.serial_number for each in (alice, bob, issuing)} | {0x1001}
    assert expected == {entry.serial_number for entry in crl}
    assert crl.get_revoked_certificate_by_serial_number(carol.certificate.serial_number) is None
    assert crl.is_signature_valid(root.certificate.public_key())  # type: ignore[arg-type]
    assert root.certificate.subject == crl.issuer


def test_an_empty_crl_is_one_too(root: CertificateAuthority) -> None:
    """nginx wants one of each authority, revoked or not."""
    assert len(crl_of(root)) == 0


def test_reason_and_time_are_kept(root: CertificateAuthority) -> None:
    """The names are those of RFC 5280 section 5.3.1; without one there is no extension."""
    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    root.revoke(1, "keyCompromise", when)
    root.revoke(2, x509.ReasonFlags.superseded)
    root.revoke(3)

    by_serial = {entry.serial_number: entry for entry in crl_of(root)}

    assert when == by_serial[1].revocation_date_utc
    reasons = [reason_of(entry) for entry in (by_serial[1], by_serial[2])]
    assert [x509.ReasonFlags.key_compromise, x509.ReasonFlags.superseded] == reasons
    assert len(by_serial[3].extensions) == 0
    assert abs(by_serial[3].revocation_date_utc - datetime.now(timezone.utc)) < timedelta(minutes=1)


def test_a_revocation_can_be_looked_up(root: CertificateAuthority) -> None:
    """By what was revoked, or its serial number."""
    alice, bob = root.issue_client("alice"), root.issue_client("bob")
    root.revoke(alice, "superseded")

    found = root.revocation_of(alice)

    assert found is not None
    assert reason_of(found) == x509.ReasonFlags.superseded
    assert root.revocation_of(alice.certificate.serial_number) is found
    assert root.revocation_of(bob) is None


def test_revoking_again_replaces_the_entry(root: CertificateAuthority) -> None:
    """A serial number is listed once."""
    root.revoke(1, "certificateHold")
    root.revoke(1, "keyCompromise")

    (entry,) = crl_of(root)

    assert x509.ReasonFlags.key_compromise == reason_of(entry)


def test_only_the_issuer_revokes(root: CertificateAuthority) -> None:
    """The error names who issued it."""
    alice = root.intermediate("Example Issuing CA").issue_client("alice")

    with pytest.raises(InvalidArgument, match="was issued by 'CN=Example Issuing CA', not by 'CN=Example Root'"):
        root.revoke(alice)


@pytest.mark.parametrize(
    "arguments, why",
    [
        ((0,), "cannot be revoked"),
        ((-1,), "cannot be revoked"),
        ((2**159,), "cannot be revoked"),
        ((1, "stolen"), "reason='stolen' is not known; use one of 'unspecified', 'keyCompromise'"),
        ((1, None, datetime(2026, 1, 1)), "when=.* has no time zone"),
    ],
)
def test_what_a_crl_cannot_say_is_refused(root: CertificateAuthority, arguments: Any, why: str) -> None:
    """At once, not when the CRL is made."""
    with pytest.raises(InvalidArgument, match=why):
        root.revoke(*arguments)


def test_each_crl_has_the_next_number(root: CertificateAuthority) -> None:
    """Unless one is given, from which the next count on."""
    numbers = [
        crl_of(root, number=number).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        for number in (None, None, 40, None, 7, None)
    ]

    assert numbers == [1, 2, 40, 41, 7, 42]
    with pytest.raises(InvalidArgument, match="CRL number"):
        root.crl(number=-1)


@pytest.mark.parametrize(
    "given, expected",
    [
        ({}, (timedelta(minutes=-5), 7 * DAY - timedelta(minutes=5))),
        ({"next_update": -1 * DAY}, (-2 * DAY, -1 * DAY)),
        ({"last_update": 1 * DAY}, (1 * DAY, 8 * DAY)),
        ({"last_update": -2 * DAY, "next_update": DAY}, (-2 * DAY, DAY)),
    ],
)
def test_a_crl_can_be_stale_or_of_the_future(
    root: CertificateAuthority, given: dict[str, timedelta], expected: tuple[timedelta, timedelta]
) -> None:
    """One time is enough to say so."""
    now = datetime.now(timezone.utc).replace(microsecond=0)

    crl = crl_of(root, **{name: now + value for name, value in given.items()})

    assert crl.next_update_utc is not None
    measured = (crl.last_update_utc - now, crl.next_update_utc - now)
    assert all(abs(a - b) <= timedelta(seconds=5) for a, b in zip(expected, measured, strict=True))


def test_times_of_a_crl_that_cannot_be_are_refused(root: CertificateAuthority) -> None:
    """In the wrong order, or without a zone."""
    now = datetime.now(timezone.utc)

    with pytest.raises(InvalidArgument, match=r"next_update=.* is before last_update="):
        root.crl(last_update=now, next_update=now - DAY)
    with pytest.raises(InvalidArgument, match="no time zone"):
        root.crl(next_update=datetime(2026, 1, 1))


def test_a_crl_can_be_wrong_on_purpose(root: CertificateAuthority) -> None:
    """Signed by another key, with more or less than was revoked; the list itself stays as it is."""
    alice, bob = root.issue_client("alice"), root.issue_client("bob")
    root.revoke(alice)
    other = CertificateAuthority("Other Root")

    forged = crl_of(root, signed_by=other)
    altered = crl_of(root, extra=[bob], without=[alice])

    assert not forged.is_signature_valid(root.certificate.public_key())  # type: ignore[arg-type]
    assert forged.is_signature_valid(other.certificate.public_key())  # type: ignore[arg-type]
    assert root.certificate.subject == forged.issuer
    assert [bob.certificate.serial_number] == [entry.serial_number for entry in altered]
    assert [alice.certificate.serial_number] == [entry.serial_number for entry in crl_of(root)]


def test_a_bundle_has_the_crl_of_every_authority_above(root: CertificateAuthority) -> None:
    """This one's first, then up to the root's."""
    first = root.intermediate("First")
    second = first.intermediate("Second")

    issuers = [crl.issuer for crl in load_crls(second.crl_bundle())]

    assert [second.certificate.subject, first.certificate.subject, root.certificate.subject] == issuers


def test_many_are_revoked_in_no_time(root: CertificateAuthority) -> None:
    """Neither revoking nor the CRL slows down with the length of the list."""
    started = time.perf_counter()
    for number in range(1, 20_001):
        root.revoke(number)

    assert len(crl_of(root)) == 20_000
    # Copying the list for each entry, as cryptography's builder does, would take some seconds.
    assert time.perf_counter() - started < 2
