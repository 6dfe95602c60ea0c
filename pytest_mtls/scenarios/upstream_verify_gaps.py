"""nginx hands its requests to an impostor in place of the server behind.

Symptom: Whoever takes the address of the server behind gets all requests, with any certificate.
Cause: `proxy_ssl_verify` is off by default. Once it is on, `proxy_ssl_name` must be a name in the certificate: the
    default is the address, and alternative names that are addresses are not looked at.
Safe: `proxy_ssl_verify on`, `proxy_ssl_trusted_certificate` and `proxy_ssl_name`.
Versions: All alike.
Source: nginx documentation, proxy_ssl_verify; nginx-gateway-fabric issue 5115
"""

from pytest_mtls import CertificateAuthority, TlsUpstream
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    impostor = stage.nginx(verify="off", server=CertificateAuthority("Impostor CA").issue_server("localhost"))
    return stage.nginx(verify="off", upstream=TlsUpstream(impostor)).request().status == 200


def safe(stage: Stage) -> None:
    impostor = stage.nginx(verify="off", server=CertificateAuthority("Impostor CA").issue_server("localhost"))
    true = stage.nginx(verify="off", server=stage.ca.issue_server("localhost"))
    for behind, name, status in ((impostor, "localhost", 502), (true, "localhost", 200), (true, None, 502)):
        upstream = TlsUpstream(behind, verify=True, trusted_ca=stage.ca, name=name)
        assert stage.nginx(verify="off", upstream=upstream).request().status == status
