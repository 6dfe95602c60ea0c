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
