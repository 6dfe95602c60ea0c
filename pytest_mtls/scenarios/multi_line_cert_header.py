"""A certificate in a header is cut off, or the request is refused, since it has several lines.

Symptom: `proxy_set_header X-Cert $ssl_client_cert`: the next nginx answers 400, or forwards the first line alone.
Cause: `$ssl_client_cert` continues the header over several lines, which RFC 7230 did away with; since 1.21.1 nginx
    refuses that.
Safe: `$ssl_client_escaped_cert`, which is one line.
Versions: Up to 1.21.0 the value is cut to its first line; newer ones answer 400.
Source: nginx trac 857; ingress-nginx issue 1714; CHANGES 1.21.1
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    behind = stage.nginx(verify="off", forward={"X-Cert": "$http_x_cert"})
    nginx = stage.nginx(forward={"X-Cert": "$ssl_client_cert"}, upstream=behind)
    outcome = nginx.request(credential=stage.ca.issue_client("alice"))
    if stage.build.at_least(1, 21, 1):
        return outcome.status == 400
    return outcome.status == 200 and b"-----BEGIN CERTIFICATE-----" in outcome.body and b"END" not in outcome.body


def safe(stage: Stage) -> None:
    behind = stage.nginx(verify="off", forward={"X-Cert": "$http_x_cert"})
    nginx = stage.nginx(forward={"X-Cert": "$ssl_client_escaped_cert"}, upstream=behind)
    outcome = nginx.request(credential=stage.ca.issue_client("alice"))
    assert outcome.status == 200
    assert b"-----END%20CERTIFICATE-----" in outcome.body
