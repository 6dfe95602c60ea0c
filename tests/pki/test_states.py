"""The cast: every state is there, minted once, and wrong in the one way it says."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from itertools import pairwise

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from pytest_mtls.pki import CertificateAuthority, Credential, Credentials, CredentialState, KeyType, load_crls
from pytest_mtls.pki import load_certificates as certificates_in

S = CredentialState


@pytest.fixture(scope="module")
def cast() -> Credentials:
    """One cast for all the tests that only look at it."""
    return Credentials(CertificateAuthority("Example Root"))


def credential(cast: Credentials, state: CredentialState) -> Credential:
    """That state's credential, of those that have one."""
    found = cast[state]
    assert found is not None
    return found


def test_states_have_readable_names() -> None:
    """For test ids and command lines, and a sentence for people."""
    assert (str(S.VIA_INTERMEDIATE), f"{S.VIA_INTERMEDIATE}") == ("via-intermediate", "via-intermediate")
    assert all(str(state) == state.name.lower().replace("_", "-") for state in S)
    assert all(state.description.endswith(".") and state.description.count(". ") == 0 for state in S)
    assert S("expired") is S.EXPIRED


def test_the_names_of_the_states_are_a_promise() -> None:
    """Tests of users mention them: none may go or change places."""
    names = (
        "NONE VALID VALID_RSA VALID_ED25519 VIA_INTERMEDIATE INTERMEDIATE_NOT_SENT VIA_TWO_INTERMEDIATES "
        "TWO_INTERMEDIATES_NOT_SENT CHAIN_TOO_DEEP NO_EKU BOTH_EKUS SERVER_AUTH_ONLY ANY_EKU_ONLY "
        "KEY_ENCIPHERMENT_ONLY UNKNOWN_CA UNKNOWN_CA_WITH_ROOT UNKNOWN_CA_WITH_INTERMEDIATE SELF_SIGNED IMPOSTOR "
        "ISSUED_BY_NON_CA PATH_LENGTH_EXCEEDED NAME_CONSTRAINT_VIOLATED EXPIRED NOT_YET_VALID EXPIRED_INTERMEDIATE "
        "EXPIRED_ROOT REVOKED REVOKED_INTERMEDIATE WEAK_KEY SHA1_SIGNATURE UNKNOWN_CRITICAL_EXTENSION WRONG_KEY "
        "EXPIRED_UNKNOWN_CA SERVER_AUTH_UNKNOWN_CA PINNED_SELF_SIGNED"
    )

    assert names == " ".join(state.name for state in S)


def test_every_state_has_a_credential_but_none(cast: Credentials) -> None:
    """Its common name is the state's identifier."""
    assert cast[S.NONE] is None
    assert {state: str(state) for state in S if state is not S.NONE} == {
        state: str(each) for state, each in cast.items() if each is not None
    }


def test_the_cast_is_a_mapping(cast: Credentials) -> None:
    """By member or identifier, over all states in order, without minting what is not asked for."""
    fresh = Credentials(cast.authority)

    assert list(S) == list(fresh)
    assert len(S) == len(fresh)
    assert S.EXPIRED in fresh
    assert "expired" in fresh
    assert "exhausted" not in fresh
    assert "0 of 35 minted" in repr(fresh)
    assert fresh["expired"] is fresh[S.EXPIRED]
    assert fresh != cast
    with pytest.raises(KeyError, match="'exhausted' is no state; there are none, valid"):
        fresh["exhausted"]


def test_threads_are_given_the_same_credential() -> None:
    """Each is minted once."""
    cast = Credentials(CertificateAuthority())
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: cast[S.CHAIN_TOO_DEEP], range(32)))

    assert len({id(each) for each in found}) == 1


def test_chains_are_as_long_as_they_say(cast: Credentials) -> None:
    """How many certificates follow the leaf."""
    lengths = {state: len(each.chain) for state, each in cast.items() if each is not None and each.chain}

    assert lengths == {
        S.VIA_INTERMEDIATE: 1,
        S.VIA_TWO_INTERMEDIATES: 2,
        S.CHAIN_TOO_DEEP: 3,
        S.UNKNOWN_CA_WITH_ROOT: 1,
        S.UNKNOWN_CA_WITH_INTERMEDIATE: 1,
        S.ISSUED_BY_NON_CA: 1,
        S.PATH_LENGTH_EXCEEDED: 2,
        S.NAME_CONSTRAINT_VIOLATED: 1,
        S.EXPIRED_INTERMEDIATE: 1,
        S.REVOKED_INTERMEDIATE: 1,
    }


def test_every_signature_but_the_impostors_is_the_issuers(cast: Credentials) -> None:
    """Whoever a chain says has signed really did, except where that is the defect."""
    (root,) = certificates_in(cast.authority.certificate_pem)
    for state, each in cast.items():
        if each is None or state is S.SHA1_SIGNATURE:  # which cryptography does not verify
            continue
        path = [each.certificate, *each.chain]
        if path[-1].issuer == root.subject:
            path.append(root)
        wrong = []
        for certificate, issuer in pairwise(path):
            try:
                certificate.verify_directly_issued_by(issuer)
            except InvalidSignature:
                wrong.append(certificate)
        assert ([each.certificate] if state is S.IMPOSTOR else []) == wrong, state


def test_times_are_wrong_only_where_that_is_the_defect(cast: Credentials) -> None:
    """Leaf and chain are valid now, apart from the states that say otherwise."""
    now = datetime.now(timezone.utc)
    expected = {S.EXPIRED, S.NOT_YET_VALID, S.EXPIRED_INTERMEDIATE, S.EXPIRED_UNKNOWN_CA}

    found = {
        state
        for state, each in cast.items()
        if each is not None
        for certificate in (each.certificate, *each.chain)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
    }

    assert expected == found


def test_keys_are_wrong_only_where_that_is_the_defect(cast: Credentials) -> None:
    """And there they can be sent all the same."""
    assert {S.WRONG_KEY} == {state for state, each in cast.items() if each is not None and not each.matches_key}
    assert credential(cast, S.WRONG_KEY).ssl_context(allow_mismatch=True)


def test_the_impostor_claims_the_authoritys_key(cast: Credentials) -> None:
    """So that a verifier goes for its signature, not for another issuer."""
    impostor = credential(cast, S.IMPOSTOR).certificate
    kind = x509.AuthorityKeyIdentifier

    assert cast.authority.certificate.subject == impostor.issuer
    assert cast.authority.key_identifier == impostor.extensions.get_extension_for_class(kind).value


@pytest.mark.parametrize("key_type", ["ed25519", "rsa-2048"])
def test_an_authority_with_any_key_has_a_cast(key_type: str) -> None:
    """Also one that cannot sign with SHA-1 itself."""
    authority = CertificateAuthority("Example Root", key_type=key_type)
    cast = Credentials(authority)

    sha1 = credential(cast, S.SHA1_SIGNATURE)
    assert getattr(sha1.certificate.signature_hash_algorithm, "name", None) == "sha1"
    assert (1 if key_type == "ed25519" else 0) == len(sha1.chain)
    assert credential(cast, S.IMPOSTOR).issuer_dn == authority.subject_dn
    assert authority.certificate.subject in {crl.issuer for crl in load_crls(cast.crl_bundle())}


def test_the_crls_are_those_of_every_authority_a_chain_can_name() -> None:
    """nginx wants one for each; the revoked are listed though nobody asked for them before."""
    root = CertificateAuthority("Example Root")
    cast = Credentials(root)

    crls = {crl.issuer: crl for crl in load_crls(cast.crl_bundle())}

    revoked = {entry.serial_number for entry in crls[root.certificate.subject]}
    lower = credential(cast, S.REVOKED_INTERMEDIATE).chain[0]
    assert {credential(cast, S.REVOKED).certificate.serial_number, lower.serial_number} == revoked
    unknown = {S.UNKNOWN_CA_WITH_ROOT, S.UNKNOWN_CA_WITH_INTERMEDIATE}
    for state, each in cast.items():
        if each is not None and state not in unknown:
            assert {certificate.subject for certificate in each.chain} <= set(crls), state


def test_what_to_trust_is_the_authority_and_the_expired_root(cast: Credentials) -> None:
    """So that the one state whose root has ended is told from an unknown authority's."""
    own, expired = certificates_in(cast.trust_pem)

    assert cast.authority.certificate == own
    assert credential(cast, S.EXPIRED_ROOT).certificate.issuer == expired.subject
    assert expired.not_valid_after_utc < datetime.now(timezone.utc)


def test_the_weak_are_weak_in_one_way_only(cast: Credentials) -> None:
    """A small key with a good signature, a bad signature on a good key."""
    weak, sha1 = credential(cast, S.WEAK_KEY), credential(cast, S.SHA1_SIGNATURE)

    assert getattr(weak.private_key, "key_size", 0) == 1024
    assert [getattr(each.certificate.signature_hash_algorithm, "name", None) for each in (weak, sha1)] == [
        "sha256",
        "sha1",
    ]


def test_key_types_have_readable_names() -> None:
    """For test ids and command lines."""
    assert [kind.name.lower().replace("_", "-") for kind in KeyType] == [str(kind) for kind in KeyType]


def test_naming_a_state_does_not_load_cryptography() -> None:
    """A test module names states when it is collected, which should cost nothing."""
    code = "import sys; from pytest_mtls.pki import CredentialState; sys.exit('cryptography' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
