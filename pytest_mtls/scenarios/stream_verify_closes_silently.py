"""A stream server closes the connection of a client without a certificate, and says nothing.

Symptom: The handshake succeeds, and the first read finds the end of the connection: no alert, no answer.
Cause: The stream module checks the client after the handshake, and has no protocol to answer in.
Safe: Nothing to mend in nginx; a client that takes an end before any data for a refusal.
Versions: All alike, with TLS 1.2 and 1.3.
Source: nginx documentation, ngx_stream_ssl_module; measured
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    nginx = stage.nginx(protocol="stream")
    refused = [nginx.request(credential=each, tls=tls) for each in (None, stage.stranger) for tls in ("1.2", "1.3")]
    return all(not each.accepted and each.alert is None and each.layer == "stream" for each in refused)


def safe(stage: Stage) -> None:
    outcome = stage.nginx(protocol="stream").request(credential=stage.ca.issue_client("alice"), body=b"hello")
    assert outcome.accepted
    assert outcome.body == b"hello"
