"""``pytest-mtls mint --explain``: its script runs, and what openssl makes by it is equal in effect."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from pytest_mtls import Credential, CredentialState, Harness, KeyType, Outcome
from pytest_mtls.pki import nginx_dn
from pytest_mtls.pki.pem import load_certificates, load_crls
from tests.commands.conftest import Ran

Run = Callable[..., Ran]
PASSWORD = "kept in a variable"
STATES = [str(state) for state in CredentialState if state is not CredentialState.NONE]


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P12_PASSWORD", PASSWORD)


def both(run: Run, folder: Path, *arguments: object) -> tuple[Path, Path]:
    """What ``mint`` writes, and what the script of the same command line makes."""
    asked = (*arguments, "--pkcs12-password-env", "P12_PASSWORD")
    minted = run("mint", folder / "minted", *asked)
    script = run("mint", "certs", *asked, "--explain")
    assert (minted.status, script.status) == (0, 0), minted.err + script.err
    assert not Path("certs").exists()
    ran = subprocess.run(["sh"], input=script.out, cwd=folder, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return folder / "minted", folder / "certs"


def effect(certificate: x509.Certificate) -> dict[str, Any]:
    """What it says to others: all but its key, its serial number and the second in which it was made."""
    extensions: dict[str, Any] = {}
    for each in certificate.extensions:
        value: Any = each.value
        if isinstance(value, x509.SubjectKeyIdentifier):
            value = value == x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
        elif isinstance(value, x509.AuthorityKeyIdentifier):  # whose it is, openssl and nginx find out below
            value = (len(value.key_identifier or b""), value.authority_cert_issuer, value.authority_cert_serial_number)
        extensions[each.oid.dotted_string] = (each.critical, value)
    key = certificate.public_key()
    span = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return {
        "version": certificate.version,
        "subject": certificate.subject.public_bytes(),
        "issuer": certificate.issuer.public_bytes(),
        "extensions": extensions,
        "key": (type(key).__name__, getattr(key, "key_size", None), getattr(getattr(key, "curve", None), "name", None)),
        "signature": certificate.signature_algorithm_oid,
        "hours": round(span / timedelta(hours=1)),
    }


def assert_equal_in_effect(minted: Path, made: Path) -> None:
    """File by file: certificates, chains, CRLs and PKCS #12."""
    names = {path.name for path in minted.iterdir()}
    assert {path.name for path in made.iterdir()} - {"openssl"} == names
    for name in names:
        if name.endswith((".crt.pem", ".chain.pem")) or name == "trust.pem":
            ours, theirs = load_certificates(minted / name), load_certificates(made / name)
            assert [effect(each) for each in theirs] == [effect(each) for each in ours], name
        elif name.endswith(".p12"):
            ours_12, theirs_12 = (
                Credential.from_pkcs12(minted / name, PASSWORD),
                Credential.from_pkcs12(made / name, PASSWORD),
            )
            assert str(theirs_12) == str(ours_12)
            assert len(theirs_12.chain) == len(ours_12.chain)
    if "crl.pem" in names:
        assert [listed(each) for each in load_crls(made / "crl.pem")] == [
            listed(each) for each in load_crls(minted / "crl.pem")
        ]


def listed(crl: x509.CertificateRevocationList) -> dict[str, Any]:
    """What a CRL says, but for the serial numbers themselves."""
    assert crl.next_update_utc is not None
    return {
        "issuer": crl.issuer.public_bytes(),
        "revoked": len(list(crl)),
        "extensions": {each.oid.dotted_string for each in crl.extensions},
        "signature": crl.signature_algorithm_oid,
        "days": round((crl.next_update_utc - crl.last_update_utc) / timedelta(days=1)),
    }


def answers(harness: Harness, folder: Path) -> dict[str, tuple[object, ...]]:
    """What a real nginx makes of every state in that folder."""

    def answer(outcome: Outcome) -> tuple[object, ...]:
        says = [outcome.variables.get(f"ssl_client_{name}") for name in ("s_dn", "i_dn")]
        return (outcome.reason, outcome.status, outcome.internal_status, outcome.verify, *says)

    server = harness.nginx(verify="on", client_ca=folder / "trust.pem", crl=folder / "crl.pem")
    shown = {
        state: Credential.from_pem(folder / f"{state}.chain.pem", folder / f"{state}.key.pem", allow_mismatch=True)
        for state in STATES
    }
    return {state: answer(server.request(credential=each)) for state, each in shown.items()}


def test_every_state_is_to_nginx_what_mint_makes(run: Run, tmp_path: Path, process_harness: Harness) -> None:
    """Certificates alike field by field, and the same answer to each, with CRLs."""
    minted, made = both(run, tmp_path, "--state", "all", "--crl")

    assert_equal_in_effect(minted, made)
    seen = answers(process_harness, made)
    assert seen == answers(process_harness, minted)
    assert len({reason for reason, *_ in seen.values()}) > 10


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="nothing-named"),
        pytest.param(["--key-type", "rsa-2048", "--days", "30", "--crl", "--client", "alice"], id="rsa"),
        pytest.param(["--key-type", "ed25519", "--intermediate", "One", "any", "--crl"], id="below-two"),
        pytest.param(["--key-type", "ec-p384", "--client", 'a+b, "c" \\ $HOME/`id`', "é ü"], id="names"),
        pytest.param(["--server", "*.example.org", "192.0.2.1", "2001:db8::1", "a.example"], id="servers"),
        pytest.param(["--client", "someone@example.org"], id="email"),
    ],
)
def test_every_option_of_mint_has_its_commands(run: Run, tmp_path: Path, arguments: list[str]) -> None:
    """Keys, names, intermediates, days, CRLs, PKCS #12 with a password; `openssl verify` accepts what it made."""
    minted, made = both(run, tmp_path, *arguments)

    assert_equal_in_effect(minted, made)
    for chain in made.glob("*.chain.pem"):
        command = ["openssl", "verify", "-x509_strict", "-CAfile", "ca.crt.pem", "-untrusted", chain.name, chain.name]
        said = subprocess.run(command, cwd=made, capture_output=True, text=True, timeout=10)
        assert said.stdout.endswith(": OK\n"), said.stderr


def test_an_own_authority_and_a_request_are_explained_too(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An intermediate with its root above it, an encrypted key in a file of its own, and a device's request in DER."""
    assert run("mint", tmp_path / "own", "--intermediate", "Issuing").status == 0
    own = tmp_path / "own"
    openssl(tmp_path, "pkey", "-in", "own/Issuing.key.pem", "-aes256", "-passout", "pass:secret", "-out", "key.pem")
    (tmp_path / "chain.pem").write_bytes((own / "Issuing.crt.pem").read_bytes() + (own / "ca.crt.pem").read_bytes())
    (tmp_path / "passphrase").write_text("secret\n")
    subject = ("-subj", "/O=Makers/CN=device 7", "-addext", "subjectAltName=DNS:seven.example,URI:urn:dev:7")
    openssl(
        tmp_path,
        "req",
        "-new",
        "-newkey",
        "ed25519",
        "-nodes",
        "-keyout",
        "d.key",
        "-outform",
        "DER",
        *subject,
        "-out",
        "device.csr",
    )

    existing = ("--ca", "chain.pem", "--ca-key", "key.pem", "--passphrase-file", "passphrase")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    minted, made = both(
        run, tmp_path / "out", *existing, "--csr", "device.csr", "--client", "alice", "--state", "expired"
    )

    assert_equal_in_effect(minted, made)
    device = load_certificates(made / "device.chain.pem")
    assert [nginx_dn(each.subject) for each in device] == ["CN=device 7,O=Makers", "CN=Issuing"]
    assert not (made / "ca.key.pem").exists()


def test_a_request_cannot_put_commands_into_the_script(run: Run, tmp_path: Path) -> None:
    """Whatever a device writes into its names, and whatever its file is called, is data."""
    names = ["urn:$(touch owned)", "urn:`touch owned`", "urn:\nEND\ntouch owned\n"]
    key = KeyType.EC_P256.generate()
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a\ntouch owned\n$(touch owned)")]))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(name) for name in names]), False)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "$(touch owned)\ntouch owned.csr").write_bytes(request.public_bytes(serialization.Encoding.PEM))

    minted, made = both(run, tmp_path, "--csr", *tmp_path.glob("*.csr"))

    assert_equal_in_effect(minted, made)
    assert list(tmp_path.rglob("*owned")) == []


def openssl(folder: Path, *arguments: str) -> None:
    """Run it."""
    subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, check=True, timeout=20)
