"""A missing CRL is fatal also where a certificate is optional.

Symptom: With `optional` or `optional_no_ca` clients without a certificate are served, and those with a good one get
    400.
Cause: `optional` is about whether a certificate is sent, and `optional_no_ca` forgives five errors; a missing CRL (3)
    is none of them.
Safe: The CRL of every CA of the chain.
Versions: All alike.
Source: nginx, ngx_ssl_verify_error_optional; measured
"""

from pytest_mtls import CertificateAuthority
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    alice, missing = stage.ca.issue_client("alice"), CertificateAuthority("Other CA").crl()
    servers = [stage.nginx(verify=mode, crl=missing) for mode in ("optional", "optional_no_ca")]
    assert all(nginx.request().accepted for nginx in servers)
    return all(nginx.request(credential=alice).reason == "unable_to_get_crl" for nginx in servers)


def safe(stage: Stage) -> None:
    alice = stage.ca.issue_client("alice")
    for mode in ("optional", "optional_no_ca"):
        nginx = stage.nginx(verify=mode, crl=stage.ca.crl())
        assert nginx.request(credential=alice).verify == "SUCCESS"
        assert nginx.request().verify == "NONE"
