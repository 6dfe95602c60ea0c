"""nginx keeps connections to the server behind, though no keepalive is written.

Symptom: nginx's own client certificate was replaced and its old one revoked, and the server behind goes on seeing the
    old.
Cause: Since 1.29.7 connections to an upstream are kept by default, and who opened one is its identity until it ends.
Safe: `keepalive 0`, or `keepalive_time` no longer than may be.
Versions: Since 1.29.7.
Source: CHANGES 1.29.7
"""

from pytest_mtls import TlsUpstream
from pytest_mtls.stage import Stage, since

SHOWS = since("1.29.7")


def problem(stage: Stage) -> bool:
    return _requests_on_one_connection(stage, keepalive=None) == ["1", "2"]


def safe(stage: Stage) -> None:
    assert _requests_on_one_connection(stage, keepalive=0) == ["1", "1"]


def _requests_on_one_connection(stage: Stage, *, keepalive: int | None) -> list[str]:
    behind = stage.nginx(forward={"X-Number": "$connection_requests"})
    upstream = TlsUpstream(behind, credential=stage.ca.issue_client("service"), keepalive=keepalive)
    nginx = stage.nginx(verify="off", upstream=upstream)
    seen = [nginx.request().forwarded for _ in range(2)]
    return [each["X-Number"] for each in seen if each is not None]
