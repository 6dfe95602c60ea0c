"""One of two identity headers is replaced, and the application believes the other.

Symptom: nginx sets X-SSL-Client-Verify; the application looks at X-SSL-Client-S-DN, which a client without a
    certificate may send as it likes.
Cause: nginx replaces only the headers that it is told to.
Safe: `proxy_set_header` for every header that the application believes.
Versions: All alike.
Source: CVE-2026-46579 (openshift/router); vyos-1x pull request 5381
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere

_FORGED = {"X-SSL-Client-Verify": "SUCCESS", "X-SSL-Client-S-DN": "CN=admin"}


def problem(stage: Stage) -> bool:
    nginx = stage.nginx(verify="optional", forward={"X-SSL-Client-Verify": "$ssl_client_verify"})
    outcome = nginx.request(headers=_FORGED)
    assert outcome.forwarded is not None
    assert outcome.forwarded["X-SSL-Client-Verify"] == "NONE"
    return outcome.forwarded["X-SSL-Client-S-DN"] == "CN=admin"


def safe(stage: Stage) -> None:
    outcome = stage.nginx(verify="optional").request(headers=_FORGED)
    assert outcome.forwarded is not None
    assert not any("admin" in value for _, value in outcome.forwarded.items())
