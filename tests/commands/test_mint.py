"""``pytest-mtls mint``: what it writes is what it lists, and OpenSSL agrees."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from pytest_mtls import Credential
from tests.commands.conftest import Ran

Run = Callable[..., Ran]


def certificate(path: Path) -> x509.Certificate:
    """The certificate in a file."""
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_without_names_there_is_a_client_and_a_server(run: Run, tmp_path: Path) -> None:
    """A CA, one client, one server for this machine; everything for the owner only."""
    ran = run("mint", tmp_path / "certs")

    names = {path.name for path in (tmp_path / "certs").iterdir()}
    assert ran.status == 0
    assert {
        "ca.crt.pem",
        "ca.key.pem",
        "client.crt.pem",
        "localhost.key.pem",
        "localhost.chain.pem",
        "client.p12",
    } <= names
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "certs").iterdir()}
    assert stat.S_IMODE((tmp_path / "certs").stat().st_mode) == 0o700


def test_it_lists_exactly_what_it_wrote(run: Run, tmp_path: Path) -> None:
    """Text and JSON name every file there is, and no other."""
    options = ("--client", "alice", "--state", "wrong-key,expired", "--crl", "--intermediate", "Issuing CA")
    listed = run("mint", tmp_path / "text", *options)
    as_json = run("mint", tmp_path / "json", *options, "--json").json

    assert {line.split("  ")[0] for line in listed.out.splitlines()} == set(map(str, (tmp_path / "text").iterdir()))
    assert {each["path"] for each in as_json["files"]} == set(map(str, (tmp_path / "json").iterdir()))


def test_openssl_accepts_chain_and_crl(run: Run, tmp_path: Path) -> None:
    """Below two intermediates a client is valid for `openssl verify` with all CRLs, and a revoked one is not."""
    run("mint", tmp_path, "--intermediate", "One", "Two", "--client", "alice", "--state", "revoked", "--crl")

    def verified(name: str) -> str:
        command = [
            "openssl",
            "verify",
            "-crl_check_all",
            "-CAfile",
            "ca.crt.pem",
            "-CRLfile",
            "crl.pem",
            "-purpose",
            "sslclient",
        ]
        done = subprocess.run(
            [*command, "-untrusted", f"{name}.chain.pem", f"{name}.crt.pem"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=10,
        )
        return done.stdout + done.stderr

    assert "alice.crt.pem: OK" in verified("alice")
    assert "certificate revoked" in verified("revoked")


def test_key_type_days_and_password_are_respected(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The knobs do what they say."""
    monkeypatch.setenv("P12_PASSWORD", "secret")
    run(
        "mint",
        tmp_path,
        "--client",
        "alice",
        "--key-type",
        "ed25519",
        "--days",
        "30",
        "--pkcs12-password-env",
        "P12_PASSWORD",
    )

    alice = Credential.from_pem(tmp_path / "alice.chain.pem", tmp_path / "alice.key.pem")
    key, _, _ = pkcs12.load_key_and_certificates((tmp_path / "alice.p12").read_bytes(), b"secret")
    lifetime = alice.certificate.not_valid_after_utc - alice.certificate.not_valid_before_utc
    assert "Ed25519" in type(alice.private_key).__name__
    assert type(key) is type(alice.private_key)
    assert timedelta(days=30) <= lifetime < timedelta(days=31)
    assert certificate(tmp_path / "ca.crt.pem").not_valid_after_utc >= alice.certificate.not_valid_after_utc


def test_a_folder_that_is_not_empty_is_refused(run: Run, tmp_path: Path) -> None:
    """Nothing is added or replaced without --force; with it the others' files stay."""
    (tmp_path / "mine.txt").write_text("mine")

    refused = run("mint", tmp_path)
    files = list(tmp_path.iterdir())
    forced = run("mint", tmp_path, "--force")

    assert refused.status == 2
    assert "--force" in refused.err
    assert [tmp_path / "mine.txt"] == files
    assert forced.status == 0
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--key-type", "rsa-7"], "rsa-2048"),
        (["--state", "expird"], "'expired'"),
        (["--days", "0"], "days"),
        (["--days", "999999999999"], "days"),
        (["--client", "a/b", "a_b"], "'a/b'"),
        (["--client", "CA"], "'ca'"),
        (["--pkcs12-password-env", "NOT_SET_ANYWHERE"], "NOT_SET_ANYWHERE"),
    ],
)
def test_a_mistake_leaves_nothing_behind(run: Run, tmp_path: Path, arguments: list[str], named: str) -> None:
    """The exit status is 2, the message names the value, and no folder is made."""
    ran = run("mint", tmp_path / "certs", *arguments)

    assert ran.status == 2
    assert named in ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "certs").exists()


def test_a_folder_that_cannot_be_written_is_one_clear_message(run: Run, tmp_path: Path) -> None:
    """Below a file there can be no folder: exit status 1, and the folder is named."""
    (tmp_path / "file").touch()

    ran = run("mint", tmp_path / "file" / "certs")

    assert ran.status == 1
    assert str(tmp_path / "file" / "certs") in ran.err


@pytest.fixture
def house(run: Run, tmp_path: Path) -> Path:
    """A folder with an authority whose key is encrypted, and a device's request."""
    folder = tmp_path / "house"
    run("mint", folder, "--client", "alice")
    for arguments in (
        ["pkey", "-in", "ca.key.pem", "-aes256", "-passout", "pass:secret", "-out", "locked.pem"],
        [
            "req",
            "-new",
            "-newkey",
            "ed25519",
            "-nodes",
            "-keyout",
            "d.key",
            "-subj",
            "/CN=device",
            "-out",
            "device.csr",
        ],
    ):
        subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, check=True, timeout=20)
    (folder / "passphrase").write_text("secret\n")
    (folder / "wrong").write_text("guess\n")
    (folder / "empty").write_text("\n")
    return folder


def existing(house: Path, key: str = "locked.pem", passphrase: str = "passphrase") -> list[object]:
    """The options that name that authority."""
    return ["--ca", house / "ca.crt.pem", "--ca-key", house / key, "--passphrase-file", house / passphrase]


def test_an_authority_that_exists_signs_a_request(run: Run, tmp_path: Path, house: Path) -> None:
    """No key is written: the device has its own, and the authority's stays where it is."""
    ran = run("mint", tmp_path / "certs", *existing(house), "--csr", house / "device.csr")

    names = sorted(path.name for path in (tmp_path / "certs").iterdir())
    assert ran.status == 0, ran.err
    assert names == ["ca.crt.pem", "device.chain.pem", "device.crt.pem"]
    certificate(tmp_path / "certs" / "device.crt.pem").verify_directly_issued_by(certificate(house / "ca.crt.pem"))


def test_one_file_may_hold_certificate_and_key(run: Run, tmp_path: Path, house: Path) -> None:
    """--ca-key is then left out; intermediates go below."""
    (house / "both.pem").write_bytes((house / "ca.crt.pem").read_bytes() + (house / "ca.key.pem").read_bytes())

    ran = run("mint", tmp_path / "certs", "--ca", house / "both.pem", "--intermediate", "Issuing", "--client", "bob")

    assert ran.status == 0, ran.err
    assert b"PRIVATE KEY" not in (tmp_path / "certs" / "ca.crt.pem").read_bytes()
    issuing = certificate(tmp_path / "certs" / "Issuing.crt.pem")
    issuing.verify_directly_issued_by(certificate(house / "ca.crt.pem"))
    certificate(tmp_path / "certs" / "bob.crt.pem").verify_directly_issued_by(issuing)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (lambda house: existing(house, passphrase="wrong"), "the password is wrong"),
        (lambda house: existing(house, passphrase="empty"), "its first line is empty"),
        (lambda house: existing(house, passphrase="missing"), "No such file"),
        (lambda house: existing(house)[:4], "--passphrase-file"),
        (lambda house: existing(house, key="alice.key.pem"), "not the one of the first certificate"),
        (lambda house: ["--ca", house / "ca.crt.pem"], "holds only a certificate"),
        (lambda house: ["--ca", house / "alice.crt.pem", "--ca-key", house / "alice.key.pem"], "not an authority's"),
        (lambda house: ["--ca", house / "nothing.pem"], "No such file"),
        (lambda house: ["--ca-key", house / "ca.key.pem"], "without --ca"),
        (lambda house: ["--csr", house / "alice.crt.pem"], "exactly one certificate signing request"),
        (lambda house: ["--csr", house / "alice.p12"], "is DER, but not a certificate signing request"),
        (lambda house: ["--csr", house], "Is a directory"),
        (lambda house: ["--csr", house / "device.csr", house / "device.csr"], "'device'"),
    ],
)
@pytest.mark.parametrize("how", [(), ("--explain",)], ids=["written", "explained"])
def test_an_authority_or_a_request_that_cannot_be_used_is_one_clear_message(
    run: Run, tmp_path: Path, house: Path, options: Callable[[Path], list[object]], named: str, how: tuple[str, ...]
) -> None:
    """Exit status 2, what is wrong with which file, and nothing is written."""
    ran = run("mint", tmp_path / "certs", *options(house), *how)

    assert ran.status == 2
    assert named in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""
    assert not (tmp_path / "certs").exists()
