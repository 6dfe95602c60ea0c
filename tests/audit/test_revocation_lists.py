"""Lists of the user's own, sound ones and such as are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_mtls import CertificateAuthority, Harness
from pytest_mtls.audit.auditing import Audit, audit
from pytest_mtls.audit.catalogue import chosen
from pytest_mtls.ground.ground import prepare

_CONFIG = """
events {}
http {
    server {
        listen 443 ssl;
        server_name api.example.com;
        ssl_certificate s.pem; ssl_certificate_key s.key;
        ssl_client_certificate ca.pem; ssl_crl ca.crl; ssl_verify_client on;
        location / { proxy_pass http://app; }
    }
}
"""


def _audited(harness: Harness, folder: Path, authorities: bytes, lists: bytes | None) -> Audit:
    (folder / "nginx.conf").write_text(_CONFIG)
    (folder / "ca.pem").write_bytes(authorities)
    if lists is not None:
        (folder / "ca.crl").write_bytes(lists)
    before = set(harness.servers)
    found = audit(prepare(harness, folder / "nginx.conf"), chosen(["revocation-lists"]))
    for server in set(harness.servers) - before:
        harness.discard(server)
    return found


@pytest.fixture(scope="module")
def devices() -> CertificateAuthority:
    return CertificateAuthority("CN=Example Root,O=Example").intermediate("CN=Example Devices,O=Example")


def test_lists_of_the_whole_chain_are_sound(
    devices: CertificateAuthority, process_harness: Harness, tmp_path: Path
) -> None:
    """Nothing is found where each authority has a list for longer than two weeks."""
    ends = devices.certificate.not_valid_after_utc.replace(year=devices.certificate.not_valid_after_utc.year + 1)
    lists = b"".join(each.crl(next_update=ends) for each in devices.lineage)

    found = _audited(process_harness, tmp_path, devices.chain_pem, lists)

    assert (found.findings, found.untried) == ((), ())


@pytest.mark.parametrize(
    "authorities, lists",
    [
        pytest.param(b"no certificate\n", b"", id="no certificate"),
        pytest.param(None, b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", id="a broken list"),
        pytest.param(None, None, id="no list"),
    ],
)
def test_what_cannot_be_read_is_said(
    authorities: bytes | None,
    lists: bytes | None,
    devices: CertificateAuthority,
    process_harness: Harness,
    tmp_path: Path,
) -> None:
    """It is not tried, and the file is named."""
    found = _audited(process_harness, tmp_path, authorities or devices.chain_pem, lists)

    assert found.findings == ()
    assert [each.attack for each in found.untried] == ["revocation-lists"]
    assert "ca.crl" in found.untried[0].why


def test_nothing_outside_the_folder_is_read(
    devices: CertificateAuthority, process_harness: Harness, tmp_path: Path
) -> None:
    """A link that leads out of it is as a file that is not there."""
    outside, folder = tmp_path / "outside.crl", tmp_path / "deploy"
    folder.mkdir()
    outside.write_bytes(devices.crl())
    (folder / "ca.crl").symlink_to(outside)

    found = _audited(process_harness, folder, devices.chain_pem, None)

    assert found.findings == ()
    assert "not in the folder" in found.untried[0].why
