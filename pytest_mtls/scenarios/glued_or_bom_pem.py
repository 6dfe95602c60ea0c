"""nginx does not start with two CAs that were joined without a line break.

Symptom: nginx says `bad end line`, after a new CA was appended to the file with cat.
Cause: The file of the first CA did not end in a line break, so that its last line and the second's first became one.
Safe: A line break between them. Comments, CRLF and text after the last one do no harm.
Versions: All alike. A byte order mark at the beginning is refused by 1.18 and read by newer ones.
Source: measured
"""

from pytest_mtls import CertificateAuthority, Verbatim
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    glued = stage.ca.certificate_pem.rstrip() + CertificateAuthority("Partner CA").certificate_pem
    refusal = stage.refusal(client_ca=Verbatim(glued))
    return refusal is not None and "bad end line" in refusal.reason


def safe(stage: Stage) -> None:
    partner = CertificateAuthority("Partner CA")
    joined = b"# ours\r\n" + stage.ca.certificate_pem + b"\n# theirs\n" + partner.certificate_pem + b"the end\n"
    nginx = stage.nginx(client_ca=Verbatim(joined))
    for ca in (stage.ca, partner):
        assert nginx.request(credential=ca.issue_client("alice")).accepted
