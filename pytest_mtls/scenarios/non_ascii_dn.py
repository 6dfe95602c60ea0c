r"""A client whose name is not ASCII is not found under its name.

Symptom: The application looks for `CN=müller`, and what arrives is `CN=m\C3\BCller`.
Cause: OpenSSL writes each byte of UTF-8 beyond ASCII as a backslash and two digits; the legacy form has `\xC3\xBC`.
Safe: Undo RFC 4514's escapes before names are compared; or compare `$ssl_client_fingerprint`.
Versions: All alike.
Source: nginx issue 255; RFC 4514 section 2.4
"""

import re

from cryptography.hazmat.primitives import hashes

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    seen = stage.nginx().request(credential=stage.ca.issue_client("müller"))
    assert seen.forwarded is not None
    assert seen.variables["ssl_client_s_dn_legacy"] == r"/CN=m\xC3\xBCller"
    return seen.forwarded["X-SSL-Client-S-DN"] == r"CN=m\C3\BCller"


def safe(stage: Stage) -> None:
    muller = stage.ca.issue_client("müller")
    seen = stage.nginx().request(credential=muller).variables
    escaped = seen["ssl_client_s_dn"].encode("ascii")
    name = re.sub(rb"\\([0-9A-F]{2})", lambda each: bytes.fromhex(each[1].decode()), escaped)
    assert name.decode() == "CN=müller"
    assert seen["ssl_client_fingerprint"] == muller.certificate.fingerprint(hashes.SHA1()).hex()
