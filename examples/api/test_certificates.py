"""Runs ``certificates.py``, which is a script and not a test, in a folder of its own: keys belong nowhere else."""

import runpy
from pathlib import Path

import pytest

from pytest_mtls import CertificateAuthority


# The script reads two files in passing, and leaves it to Python to close them.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_the_certificates_are_as_the_script_asks(tmp_path, monkeypatch):
    somebody = CertificateAuthority("Somebody Else").intermediate("Theirs").issue_client("outside")
    (tmp_path / "chain.pem").write_bytes(somebody.chain_pem)
    (tmp_path / "key.pem").write_bytes(somebody.private_key_pem)
    monkeypatch.chdir(tmp_path)

    made = runpy.run_path(str(Path(__file__).with_name("certificates.py")))

    assert made["device"].subject_dn == "CN=device-0042,OU=Sensors,O=Example,C=US"
    assert made["device"].serial_hex == "1001"
    assert len(made["device"].chain) == 1 and not made["bare"].chain
    assert made["files"].key.stat().st_mode & 0o777 == 0o600
    assert made["crls"].count(b"BEGIN X509 CRL") == 2
    assert made["outside"].subject_dn == "CN=outside"
