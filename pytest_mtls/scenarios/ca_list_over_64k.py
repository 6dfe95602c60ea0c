"""With too many CAs in ssl_client_certificate, every handshake dies.

Symptom: A CA was added to several hundred, `nginx -t` and the reload went well, and from then on all clients get the
    alert internal_error, whatever their certificate.
Cause: nginx sends the names of these CAs in the handshake, and the list may not be larger than 64 KB.
Safe: The CAs in `ssl_trusted_certificate`, which are trusted all the same and not sent.
Versions: All alike.
Source: openssl issues 4819 and 6609; haproxy issue 1011
"""

from pytest_mtls import CertificateAuthority
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    nginx = stage.nginx(client_ca=[stage.ca, *_authorities(600)])
    answers = [nginx.request(credential=stage.ca.issue_client("alice"), tls=tls) for tls in ("1.2", "1.3")]
    return all(each.alert == "internal_error" for each in answers)


def safe(stage: Stage) -> None:
    alice, many = stage.ca.issue_client("alice"), _authorities(600)
    assert stage.nginx(trusted_ca=many).request(credential=alice).accepted
    assert stage.nginx(client_ca=[stage.ca, *many[:300]]).request(credential=alice).accepted


def _authorities(count: int) -> list[CertificateAuthority]:
    long = ",".join(f"OU=Department {part} with a name that is as long as names may be" for part in range(2))
    return [CertificateAuthority(f"CN=CA {number},{long}") for number in range(count)]
