"""An authority whose certificates and CRLs last as long as it does."""

from __future__ import annotations

from datetime import timedelta

from pytest_mtls import CertificateAuthority, Credentials, CredentialState
from pytest_mtls.pki.lasting import LastingAuthority
from pytest_mtls.pki.pem import load_crls
from pytest_mtls.pki.validity import now

MONTH = timedelta(days=30)


def test_what_it_issues_ends_when_it_does() -> None:
    """Clients, servers, intermediates and what those issue, and every CRL."""
    ca = LastingAuthority("Lasting CA", lifetime=MONTH)
    end = ca.certificate.not_valid_after_utc
    below = ca.intermediate()

    leaves = [ca.issue_client("a"), ca.issue_server("a.test"), below.issue_client("b")]
    assert {each.certificate.not_valid_after_utc for each in leaves} == {below.certificate.not_valid_after_utc} == {end}
    assert {crl.next_update_utc for crl in load_crls(below.crl_bundle())} == {end}


def test_what_is_told_otherwise_does_not() -> None:
    """By a lifetime, an end or a start; and the CRL of one that has ended is as ever."""
    ca = LastingAuthority("Lasting CA", lifetime=MONTH)
    hour = timedelta(hours=1)
    end = now() + hour
    ended = LastingAuthority("Ended CA", not_after=now() - hour)

    assert ca.issue_client("a", lifetime=hour).certificate.not_valid_after_utc <= now() + hour
    assert ca.issue_client("a", not_after=end).certificate.not_valid_after_utc == end
    assert ca.issue_client("a", not_before=end).certificate.not_valid_after_utc == end + timedelta(days=1)
    assert load_crls(ca.crl(next_update=end))[0].next_update_utc == end
    (crl,) = load_crls(ended.crl())
    assert crl.next_update_utc is not None
    assert crl.next_update_utc > now()


def test_its_cast_lasts_but_for_those_that_have_ended_on_purpose() -> None:
    """Strangers too, and each CRL of the bundle; the cast of an ordinary authority is as ever."""
    ca = LastingAuthority("Lasting CA", lifetime=MONTH)
    cast, ordinary = Credentials(ca), Credentials(CertificateAuthority())

    def end(credentials: Credentials, state: CredentialState) -> timedelta:
        credential = credentials[state]
        assert credential is not None
        return credential.certificate.not_valid_after_utc - now()

    for state in (CredentialState.VALID, CredentialState.UNKNOWN_CA, CredentialState.REVOKED):
        assert end(cast, state) > timedelta(days=29)
        assert end(ordinary, state) <= timedelta(days=1)
    assert end(cast, CredentialState.EXPIRED) < timedelta(0)
    assert {crl.next_update_utc for crl in load_crls(cast.crl_bundle())} == {ca.certificate.not_valid_after_utc}
