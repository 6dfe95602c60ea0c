"""With the issuing CA alone in ssl_client_certificate, everybody is refused.

Symptom: Only clients of one issuing CA were to be let in, so only its certificate is in the file; all get 400, and the
    log has `(2:unable to get issuer certificate)`.
Cause: nginx knows no partial chains: a chain must end in a root that is in the file.
Safe: A root of its own for those clients. With the root added, whatever it issued otherwise is let in too.
Versions: All alike.
Source: ingress-nginx issue 4496; Stack Overflow 8431528
"""

from pytest_mtls import CertificateAuthority
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    issuing = stage.ca.intermediate("Issuing CA")
    alice, other = issuing.issue_client("alice"), stage.ca.issue_client("other")
    with_root = stage.nginx(client_ca=issuing, trusted_ca=stage.ca)
    assert all(with_root.request(credential=each).accepted for each in (alice, other))
    return stage.nginx(client_ca=issuing).request(credential=alice).reason == "unable_to_get_issuer_certificate"


def safe(stage: Stage) -> None:
    own_root = CertificateAuthority("Root for these clients")
    nginx = stage.nginx(client_ca=own_root)
    assert nginx.request(credential=own_root.intermediate("Issuing CA").issue_client("alice")).accepted
    assert not nginx.request(credential=stage.ca.issue_client("other")).accepted
