"""A header with underscores arrives beside the true one, and an application takes the two for one.

Symptom: `X_SSL_CLIENT_VERIFY: SUCCESS` from a client reaches the application, where WSGI and CGI call it by the same
    name as nginx's own X-SSL-Client-Verify.
Cause: `underscores_in_headers on`. Without it nginx drops such headers.
Safe: The default, `underscores_in_headers off`.
Versions: All alike.
Source: nginx documentation, underscores_in_headers; WSGI, environ variables
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere

_FORGED = {"X_SSL_CLIENT_VERIFY": "SUCCESS"}


def problem(stage: Stage) -> bool:
    nginx = stage.nginx(verify="optional", directives=["underscores_in_headers on;"])
    outcome = nginx.request(headers=_FORGED)
    assert outcome.forwarded is not None
    assert outcome.forwarded["X-SSL-Client-Verify"] == "NONE"
    return outcome.forwarded.get("X_SSL_CLIENT_VERIFY") == "SUCCESS"


def safe(stage: Stage) -> None:
    outcome = stage.nginx(verify="optional").request(headers=_FORGED)
    assert outcome.forwarded is not None
    assert "X_SSL_CLIENT_VERIFY" not in outcome.forwarded
