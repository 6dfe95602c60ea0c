"""A client without a good certificate gets HTTP 400, where a TLS alert was expected.

Symptom: Scanners and auditors report that the TLS handshake succeeds without a client certificate.
Cause: nginx completes every handshake, and looks at the certificate when a request comes: 400, and nothing is served.
Safe: Nothing to mend: what counts is that no request gets through. `error_page 495 496` can give it another status.
Versions: All alike, with TLS 1.2 and 1.3.
Source: nginx issue 915; ingress-nginx issue 7176
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere

_BAD = ("expired", "not-yet-valid", "unknown-ca", "unknown-ca-with-root", "self-signed", "server-auth-only")


def problem(stage: Stage) -> bool:
    nginx = stage.nginx()
    answers = [nginx.request(credential=stage.credentials[state], tls=tls) for state in _BAD for tls in ("1.2", "1.3")]
    without = [nginx.request(tls=tls) for tls in ("1.2", "1.3")]
    assert all((each.status, each.internal_status) == (400, 496) for each in without)
    return all((each.alert, each.status, each.internal_status) == (None, 400, 495) for each in answers)


def safe(stage: Stage) -> None:
    nginx = stage.nginx(error_pages={495: 403, 496: 401})
    assert nginx.request().status == 401
    for state in _BAD:
        outcome = nginx.request(credential=stage.credentials[state])
        assert outcome.status == 403
        assert outcome.forwarded is None
