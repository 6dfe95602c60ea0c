"""A client says in a header who it is, and the application believes it.

Symptom: `X-SSL-Client-Verify: SUCCESS` and `X-SSL-Client-S-DN: CN=admin`, sent by a client without a certificate, reach
    the application as if nginx had set them.
Cause: nginx passes on whatever headers a client sends. Only `proxy_set_header` of the same name replaces one.
Safe: `proxy_set_header` for every header that the application believes.
Versions: All alike.
Source: CVE-2026-46579 (openshift/router); CVE-2026-35616; vyos-1x pull request 5381
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere

_FORGED = {"X-SSL-Client-Verify": "SUCCESS", "X-SSL-Client-S-DN": "CN=admin"}


def problem(stage: Stage) -> bool:
    outcome = stage.nginx(verify="optional", forward={}).request(headers=_FORGED)
    assert outcome.forwarded is not None
    return all(outcome.forwarded[name] == value for name, value in _FORGED.items())


def safe(stage: Stage) -> None:
    headers = {"X-SSL-Client-Verify": "$ssl_client_verify", "X-SSL-Client-S-DN": "$ssl_client_s_dn"}
    outcome = stage.nginx(verify="optional", forward=headers).request(headers=_FORGED)
    assert outcome.forwarded is not None
    assert outcome.forwarded["X-SSL-Client-Verify"] == "NONE"
    assert "X-SSL-Client-S-DN" not in outcome.forwarded
