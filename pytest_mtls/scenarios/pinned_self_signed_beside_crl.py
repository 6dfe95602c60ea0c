"""A self-signed client that is named in the CA file is refused once ssl_crl is set.

Symptom: Pinned self-signed clients worked until a CRL was added for another CA; since then they get 400.
Cause: A self-signed certificate is its own issuer, and before 3.6 OpenSSL asks for that issuer's CRL, which there is
    not.
Safe: Clients of a CA of your own, which has a CRL.
Versions: With an OpenSSL before 3.6.
Source: measured
"""

from pytest_mtls.stage import Stage, openssl_before

SHOWS = openssl_before("3.6")


def problem(stage: Stage) -> bool:
    pinned = stage.credentials["pinned-self-signed"]
    assert pinned is not None
    trusted = [stage.ca, pinned.certificate_pem]
    assert stage.nginx(client_ca=trusted).request(credential=pinned).verify == "SUCCESS"
    outcome = stage.nginx(client_ca=trusted, crl=stage.ca.crl()).request(credential=pinned)
    assert outcome.reason == (None if outcome.accepted else "unable_to_get_crl")
    return not outcome.accepted


def safe(stage: Stage) -> None:
    nginx = stage.nginx(crl=stage.ca.crl())
    assert nginx.request(credential=stage.ca.issue_client("alice")).accepted
