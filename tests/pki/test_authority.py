"""Authorities: what they issue, by default and when asked for something odd."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from pytest_mtls.errors import InvalidArgument, InvalidName, InvalidPem, KeyMismatch
from pytest_mtls.pki import CertificateAuthority, Credential, KeyType
from pytest_mtls.pki.keys import public_key_der

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NEW_YEAR = datetime(2030, 1, 1, tzinfo=timezone.utc)


def utc_now() -> datetime:
    """This second."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def extension(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> Any:
    """The extension's value, ``None`` if there is none."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def test_a_client_certificate_is_for_clients(root: CertificateAuthority) -> None:
    """clientAuth, digitalSignature, no authority, named by its issuer's key."""
    certificate = root.issue_client("alice").certificate

    assert list(extension(certificate, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert extension(certificate, x509.KeyUsage).digital_signature
    assert not extension(certificate, x509.BasicConstraints).ca
    own_name = extension(root.certificate, x509.SubjectKeyIdentifier).digest
    assert own_name == extension(certificate, x509.AuthorityKeyIdentifier).key_identifier
    certificate.verify_directly_issued_by(root.certificate)


def test_a_server_certificate_is_for_this_machine_by_default(root: CertificateAuthority) -> None:
    """Or for the names given, the first of which is the common name, too."""
    default = root.issue_server()
    named = root.issue_server("IP:10.0.0.1", "b.example")
    long = root.issue_server("x" * 60 + ".example")

    assert list(extension(default.certificate, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.SERVER_AUTH]
    sans = extension(default.certificate, x509.SubjectAlternativeName)
    assert [str(name.value) for name in sans] == ["localhost", "127.0.0.1", "::1"]
    assert [each.subject_dn for each in (default, named, long)] == ["CN=localhost", "CN=10.0.0.1", ""]


def test_an_authority_may_issue_and_an_intermediate_too(root: CertificateAuthority) -> None:
    """Critical basicConstraints, keyCertSign and cRLSign; the chain goes up to the root, what is sent ends below it."""
    issuing = root.intermediate("Example Issuing CA", path_length=0)
    alice = issuing.issue_client("alice")

    for authority in (root, issuing):
        usage = extension(authority.certificate, x509.KeyUsage)
        assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
        constraints = authority.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert (constraints.critical, constraints.value.ca) == (True, True)
    assert extension(issuing.certificate, x509.BasicConstraints).path_length == 0
    assert (None, root) == (root.parent, issuing.parent)
    assert issuing.certificate_pem + root.certificate_pem == issuing.chain_pem
    assert ((), (issuing.certificate,)) == (root.issue_client("bob").chain, alice.chain)
    assert (alice.issuer_dn, repr(root)) == ("CN=Example Issuing CA", "<CertificateAuthority 'CN=Example Root'>")


def test_every_knob_is_an_argument(root: CertificateAuthority) -> None:
    """What is asked for is what the certificate says."""
    own = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.32473.2"), b"\5\0")
    certificate = root.issue_client(
        "device",
        subject="CN=device,O=Example",
        sans=["DNS:device.example"],
        key_type="ec-p384",
        lifetime=8 * HOUR,
        serial_number=0x1001,
        extended_key_usage=("clientAuth", "1.3.6.1.4.1.32473.9"),
        key_usage=("digitalSignature", "keyAgreement"),
        signature_hash="sha512",
        is_ca=True,
        path_length=3,
        name_constraints=("DNS:example.org", "IP:10.0.0.0/8"),
        ocsp_url="http://127.0.0.1:1/",
        crl_url="http://127.0.0.1:2/crl",
        extensions=[
            own,
            (x509.OCSPNoCheck(), True),
            x509.Extension(x509.InhibitAnyPolicy.oid, True, x509.InhibitAnyPolicy(0)),
        ],
    ).certificate

    assert certificate.serial_number == 0x1001
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA512)
    assert [attribute.value for attribute in certificate.subject] == ["Example", "device"]
    assert len(extension(certificate, x509.ExtendedKeyUsage)) == 2
    assert extension(certificate, x509.KeyUsage).key_agreement
    assert x509.BasicConstraints(ca=True, path_length=3) == extension(certificate, x509.BasicConstraints)
    assert len(extension(certificate, x509.NameConstraints).permitted_subtrees) == 2
    (place,) = extension(certificate, x509.AuthorityInformationAccess)
    assert place.access_location.value == "http://127.0.0.1:1/"
    (point,) = extension(certificate, x509.CRLDistributionPoints)
    assert point.full_name[0].value == "http://127.0.0.1:2/crl"
    critical = {each.oid: each.critical for each in certificate.extensions}
    assert (critical[own.oid], critical[x509.OCSPNoCheck.oid], critical[x509.InhibitAnyPolicy.oid]) == (
        False,
        True,
        True,
    )


def test_extensions_can_be_left_out(root: CertificateAuthority) -> None:
    """None for the usages, False for the key identifiers."""
    certificate = root.issue_client("x", extended_key_usage=None, key_usage=None, key_identifiers=False).certificate

    assert [x509.BasicConstraints.oid] == [each.oid for each in certificate.extensions]


def test_an_extension_given_takes_the_place_of_the_one_made(root: CertificateAuthority) -> None:
    """There is never a second one of a kind."""
    forged = x509.SubjectKeyIdentifier(b"forged")
    name_constraints = x509.NameConstraints(None, [x509.DNSName("evil.example")])

    certificate = root.issue_client("x", extensions=[forged], name_constraints=name_constraints).certificate

    assert extension(certificate, x509.SubjectKeyIdentifier).digest == b"forged"
    assert name_constraints == extension(certificate, x509.NameConstraints)


def test_a_key_can_be_brought_along(root: CertificateAuthority) -> None:
    """Two certificates for one key."""
    alice = root.issue_client("alice")

    again = root.issue_client("alice", private_key=alice.private_key, serial_number=7)

    assert alice.private_key is again.private_key
    assert alice != again


def test_the_same_serial_number_may_be_asked_for_twice(root: CertificateAuthority) -> None:
    """A test may want just that; the numbers chosen otherwise are all different."""
    twins = [root.issue_client(name, serial_number=5).serial_hex for name in ("a", "b")]

    assert twins == ["05", "05"]
    assert len({root.issue_client("x").serial_hex for _ in range(20)}) == 20


@pytest.mark.parametrize("number", [1, 127, 128, 2**159 - 1])
def test_serial_numbers_up_to_20_bytes_are_issued(root: CertificateAuthority, number: int) -> None:
    """RFC 5280 section 4.1.2.2."""
    assert number == root.issue_client("x", serial_number=number).certificate.serial_number


@pytest.mark.parametrize("number", [0, -1, 2**159, 2**200, "5"])
def test_other_serial_numbers_are_refused(root: CertificateAuthority, number: Any) -> None:
    """Zero, negative or too long ones are not allowed."""
    with pytest.raises(InvalidArgument, match=r"serial_number=.*positive number"):
        root.issue_client("x", serial_number=number)


def test_lifetimes_are_a_day_for_leaves_and_a_week_for_authorities() -> None:
    """Starting five minutes ago, for clocks that go behind."""
    root = CertificateAuthority(not_before=utc_now() - DAY)
    before = utc_now()
    leaf, issuing = root.issue_client("x").certificate, root.intermediate().certificate
    after = utc_now()

    for certificate, lifetime in ((leaf, DAY), (issuing, 7 * DAY)):
        assert before - 5 * HOUR / 60 <= certificate.not_valid_before_utc <= after - 5 * HOUR / 60
        assert before + lifetime <= certificate.not_valid_after_utc <= after + lifetime


def test_nothing_starts_before_its_issuer_unless_asked() -> None:
    """The backdating ends where the authority begins."""
    start = utc_now() - HOUR / 60
    root = CertificateAuthority(not_before=start)

    assert start == root.issue_client("x").certificate.not_valid_before_utc
    earlier = start - DAY
    assert earlier == root.issue_client("x", not_before=earlier).certificate.not_valid_before_utc


@pytest.mark.parametrize(
    "given, expected",
    [
        ({"not_before": -2 * DAY}, (-2 * DAY, -1 * DAY)),
        ({"not_before": 1 * DAY}, (1 * DAY, 2 * DAY)),
        ({"not_before": -2 * DAY, "lifetime": HOUR}, (-2 * DAY, -2 * DAY + HOUR)),
        ({"not_after": -1 * DAY}, (-2 * DAY, -1 * DAY)),
        ({"not_after": 1 * HOUR, "lifetime": DAY}, (-23 * HOUR, HOUR)),
        ({"not_before": -1 * DAY, "not_after": 1 * DAY}, (-1 * DAY, 1 * DAY)),
        ({"not_before": DAY, "not_after": DAY}, (DAY, DAY)),
    ],
)
def test_times_are_given_by_two_of_three(
    root: CertificateAuthority, given: dict[str, timedelta], expected: tuple[timedelta, timedelta]
) -> None:
    """Start, end and lifetime; an end in the past pulls the start before it."""
    now = utc_now()
    options: Any = {name: value if name == "lifetime" else now + value for name, value in given.items()}

    certificate = root.issue_client("x", **options).certificate

    assert expected == (certificate.not_valid_before_utc - now, certificate.not_valid_after_utc - now)


def test_times_are_converted_to_utc(root: CertificateAuthority) -> None:
    """A time of any zone is the same moment in the certificate."""
    elsewhere = datetime(2030, 1, 1, 12, tzinfo=timezone(timedelta(hours=5)))

    certificate = root.issue_client("x", not_before=elsewhere, not_after=elsewhere + DAY).certificate

    assert elsewhere == certificate.not_valid_before_utc


@pytest.mark.parametrize(
    "options, why",
    [
        ({"not_before": datetime(2030, 1, 1)}, "not_before=.* has no time zone"),
        ({"not_after": datetime(2030, 1, 1)}, "not_after=.* has no time zone"),
        ({"not_after": "tomorrow"}, "is a str"),
        ({"not_before": datetime(1949, 1, 1, tzinfo=timezone.utc)}, "before 1950"),
        ({"lifetime": timedelta(0)}, "not positive"),
        ({"lifetime": -DAY}, "not positive"),
        (
            {
                "not_before": datetime(2030, 1, 2, tzinfo=timezone.utc),
                "not_after": datetime(2030, 1, 1, tzinfo=timezone.utc),
            },
            "not_after=2030-01-01.* is before not_before=2030-01-02",
        ),
        (
            {"not_before": NEW_YEAR, "not_after": NEW_YEAR + DAY, "lifetime": DAY},
            "leave one of them out",
        ),
        ({"key_type": "rsa-512"}, "key_type='rsa-512' is not known; use one of 'ec-p256'"),
        ({"signature_hash": "md5"}, "signature_hash='md5' is not known; use one of 'sha1'"),
        ({"signature_hash": hashes.MD5()}, "signature_hash='md5' is not known"),
        ({"path_length": 1}, "path_length=1 with is_ca=False"),
        ({"is_ca": True, "path_length": -1}, "path_length=-1"),
        ({"ocsp_url": "localhost"}, "ocsp_url='localhost' is not a URL"),
        ({"crl_url": "http://x/ y\n"}, "crl_url=.* is not a URL"),
        ({"extensions": ["critical"]}, "extensions holds a str"),
        ({"extended_key_usage": ["client"]}, "'clientAuth'"),
        ({"key_usage": ["sign"]}, "'digitalSignature'"),
    ],
)
def test_what_cannot_be_is_refused(root: CertificateAuthority, options: dict[str, Any], why: str) -> None:
    """The error names the argument, and what it would take."""
    with pytest.raises(InvalidArgument, match=why):
        root.issue_client("x", **options)


def test_an_unknown_argument_is_refused_with_the_known_ones(root: CertificateAuthority) -> None:
    """As Python does it, but with the list."""
    with pytest.raises(TypeError, match=r"issue_client\(\) has no argument 'lifetme'.*key_type, .*lifetime"):
        root.issue_client("x", lifetme=DAY)  # type: ignore[call-arg]


@pytest.mark.parametrize("key_type", ["ec-p256", "ec-p384", "ec-p521", "ed25519", "rsa-2048"])
def test_an_authority_can_have_any_kind_of_key(key_type: str) -> None:
    """And signs with a hash that suits it."""
    root = CertificateAuthority("Example Root", key_type=key_type)

    root.issue_client("x").certificate.verify_directly_issued_by(root.certificate)

    found = root.certificate.signature_hash_algorithm
    expected = {"ec-p384": "sha384", "ec-p521": "sha512", "ed25519": None}.get(key_type, "sha256")
    assert expected == (found and found.name)


@pytest.mark.parametrize("key_type", [KeyType.EC_P256, KeyType.RSA_2048], ids=str)
def test_sha1_is_still_to_be_had(key_type: KeyType) -> None:
    """A well-formed certificate and CRL with a valid signature of a kind nobody should accept."""
    root = CertificateAuthority("Example Root", key_type=key_type)
    certificate = root.issue_client("x", signature_hash="sha1").certificate
    crl = x509.load_pem_x509_crl(root.crl(signature_hash="SHA-1"))

    public_key = root.private_key.public_key()
    for signature, signed in (
        (certificate.signature, certificate.tbs_certificate_bytes),
        (crl.signature, crl.tbs_certlist_bytes),
    ):
        if isinstance(public_key, rsa.RSAPublicKey):
            public_key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA1())
        else:
            assert isinstance(public_key, ec.EllipticCurvePublicKey)
            public_key.verify(signature, signed, ec.ECDSA(hashes.SHA1()))
    assert [getattr(each.signature_hash_algorithm, "name", None) for each in (certificate, crl)] == ["sha1", "sha1"]
    assert root.issue_client("x", signature_hash=hashes.SHA1()).subject_dn == "CN=x"


def test_an_ed25519_authority_has_no_hash_to_choose() -> None:
    """RFC 8410."""
    root = CertificateAuthority("Example Root", key_type="ed25519")

    with pytest.raises(InvalidArgument, match="signs without a hash"):
        root.issue_client("x", signature_hash="sha1")


def test_a_signing_request_is_answered_with_a_certificate(root: CertificateAuthority) -> None:
    """Subject and alternative names are the request's; the key stays with whoever asked."""
    key = ec.generate_private_key(ec.SECP256R1())
    csr = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "device")]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("device.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    issuing = root.intermediate()

    issued = issuing.sign(csr.public_bytes(serialization.Encoding.PEM), lifetime=HOUR)
    renamed = issuing.sign(csr, subject="CN=other", sans=())

    assert (issued.subject_dn, renamed.subject_dn) == ("CN=device", "CN=other")
    assert [x509.DNSName("device.example")] == list(extension(issued.certificate, x509.SubjectAlternativeName))
    assert extension(renamed.certificate, x509.SubjectAlternativeName) is None
    assert (issuing.certificate,) == issued.chain
    credential = issued.with_private_key(key)
    assert isinstance(credential, Credential)
    assert credential.matches_key


def test_a_forged_signing_request_is_refused(root: CertificateAuthority) -> None:
    """It must prove that whoever asks has the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    encoded = csr.public_bytes(serialization.Encoding.DER)
    forged = encoded.replace(public_key_der(key.public_key()), public_key_der(KeyType.EC_P256.generate().public_key()))

    with pytest.raises(InvalidArgument, match="own signature is wrong"):
        root.sign(x509.load_der_x509_csr(forged))
    with pytest.raises(InvalidPem):
        root.sign(root.certificate_pem)
    assert extension(root.sign(csr).certificate, x509.SubjectAlternativeName) is None


def test_an_authority_that_exists_can_be_used(root: CertificateAuthority) -> None:
    """Loaded, it issues as it did, and sends what is needed to get to its root."""
    issuing = root.intermediate("Example Issuing CA")

    loaded = CertificateAuthority.from_pem(issuing.chain_pem, issuing.private_key_pem)
    encrypted = Credential(root.certificate, root.private_key).encrypted_private_key_pem("secret")
    loaded_root = CertificateAuthority.from_pem(root.certificate_pem, encrypted, "secret")

    alice = loaded.issue_client("alice")
    assert (issuing.certificate,) == alice.chain
    assert issuing.chain_pem == loaded.chain_pem
    assert loaded_root.crl_bundle().count(b"BEGIN X509 CRL") == 1
    with pytest.raises(InvalidArgument, match="no key for the CRL of 'CN=Example Root'"):
        loaded.crl_bundle()
    with pytest.raises(InvalidArgument, match="no key for the CRL of 'CN=Example Root'"):
        CertificateAuthority.from_pem(issuing.certificate_pem, issuing.private_key_pem).intermediate().crl_bundle()


def test_an_authority_without_key_identifiers_can_be_used() -> None:
    """What it issues names its key by the usual digest (RFC 5280 section 4.2.1.2)."""
    old = CertificateAuthority("Old Root", key_identifiers=False)

    loaded = CertificateAuthority.from_pem(old.certificate_pem, old.private_key_pem)

    digest = x509.SubjectKeyIdentifier.from_public_key(old.private_key.public_key()).digest
    assert digest == extension(loaded.issue_client("x").certificate, x509.AuthorityKeyIdentifier).key_identifier


def test_a_certificate_without_constraints_is_no_authority() -> None:
    """As those of version 1, which OpenSSL no longer takes for one."""
    bare = _without_extensions()

    with pytest.raises(InvalidArgument, match="not an authority's certificate"):
        CertificateAuthority.from_pem(bare.certificate_pem, bare.private_key_pem)


def _without_extensions() -> Credential:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bare")])
    certificate = x509.CertificateBuilder(name, name, key.public_key(), 1, NEW_YEAR, NEW_YEAR).sign(
        key, hashes.SHA256()
    )
    return Credential(certificate, key)


def test_what_is_no_authority_is_not_loaded(root: CertificateAuthority) -> None:
    """Another's key, a leaf, or no certificate at all."""
    alice = root.issue_client("alice")
    plain = root.issue_client("plain", extensions=(), key_identifiers=False)

    with pytest.raises(KeyMismatch, match="first certificate, 'CN=Example Root'"):
        CertificateAuthority.from_pem(root.certificate_pem, alice.private_key_pem)
    with pytest.raises(InvalidArgument, match="not an authority's certificate"):
        CertificateAuthority.from_pem(plain.certificate_pem, plain.private_key_pem)
    with pytest.raises(InvalidPem, match="is empty"):
        CertificateAuthority.from_pem(b"", alice.private_key_pem)


def test_names_that_cannot_be_are_refused(root: CertificateAuthority) -> None:
    """By every act that makes a certificate."""
    with pytest.raises(InvalidName, match="control character"):
        root.issue_client("a\nb")
    with pytest.raises(InvalidName, match="alternative name"):
        root.issue_server("two words")
    with pytest.raises(InvalidName, match="subject"):
        root.issue_client("x", subject="alice")
    with pytest.raises(InvalidName, match="alternative name"):
        root.issue_client("x", sans=["DNS:a", "DNS:"])


def test_threads_may_issue_and_revoke_at_once(root: CertificateAuthority) -> None:
    """No revocation is lost, and no CRL number is used twice."""

    def work(number: int) -> int:
        root.revoke(root.issue_client(str(number)))
        crl_number = x509.load_pem_x509_crl(root.crl()).extensions.get_extension_for_class(x509.CRLNumber).value
        return crl_number.crl_number

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(work, range(40)))

    assert list(range(1, 41)) == sorted(numbers)
    assert len(x509.load_pem_x509_crl(root.crl())) == 40
