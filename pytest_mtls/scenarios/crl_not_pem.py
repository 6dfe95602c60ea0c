"""nginx does not start with a CRL that is DER, or empty.

Symptom: nginx says `no certificate or crl found`, or `no start line`; the CRL was fetched from where its CA publishes
    it.
Cause: CAs publish DER, and nginx reads PEM. A download that failed leaves an empty file.
Safe: `openssl crl -inform DER`, into a new file that takes the old one's place once it is whole.
Versions: All alike but for the text.
Source: nginx documentation, ssl_crl; RFC 5280 section 4.2.1.13
"""

from ssl import PEM_cert_to_DER_cert

from pytest_mtls import Verbatim
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    pem = stage.ca.crl().decode().replace("X509 CRL", "CERTIFICATE")
    contents = (PEM_cert_to_DER_cert(pem), b"")
    return all(stage.refusal(crl=Verbatim(content)) is not None for content in contents)


def safe(stage: Stage) -> None:
    alice = stage.ca.issue_client("alice")
    nginx = stage.nginx(crl=stage.ca.crl())
    assert not nginx.update(crl=Verbatim(b""), check=False).applied
    assert nginx.request(credential=alice).accepted
