"""One more header in a location, and forged identity headers get through.

Symptom: The server sets the identity headers; a location gets an unrelated `proxy_set_header`, and from then on
    whatever the client sends in those headers reaches the application.
Cause: `proxy_set_header` is inherited only by a location that has none of its own.
Safe: Every header again in the location, or none there.
Versions: All alike.
Source: nginx documentation, proxy_set_header
"""

from pytest_mtls import Forwarded
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere

_IDENTITY = ("X-SSL-Client-Verify $ssl_client_verify", "X-SSL-Client-S-DN $ssl_client_s_dn")


def problem(stage: Stage) -> bool:
    seen = _forged(stage, "proxy_set_header X-Request-ID $request_id;")
    return (seen["X-SSL-Client-Verify"], seen["X-SSL-Client-S-DN"]) == ("SUCCESS", "CN=admin")


def safe(stage: Stage) -> None:
    seen = _forged(stage, "")
    assert (seen["X-SSL-Client-Verify"], seen.get("X-SSL-Client-S-DN")) == ("NONE", None)


def _forged(stage: Stage, line: str) -> Forwarded:
    lines = [f"proxy_set_header {each};" for each in _IDENTITY]
    lines += [f"location / {{ {line} proxy_pass http://recorder; }}"]
    nginx = stage.nginx(verify="optional", default_location=False, directives=lines)
    outcome = nginx.request(headers={"X-SSL-Client-Verify": "SUCCESS", "X-SSL-Client-S-DN": "CN=admin"})
    assert outcome.forwarded is not None
    return outcome.forwarded
