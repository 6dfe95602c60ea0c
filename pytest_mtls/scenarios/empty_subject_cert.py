"""A verified client has no name: its certificate has an empty subject.

Symptom: A client with a good certificate reaches the application as SUCCESS, and without X-SSL-Client-S-DN.
Cause: Certificates of workloads name them in alternative names alone. `$ssl_client_s_dn` is then empty, and
    `proxy_set_header` with an empty value sends no header.
Safe: An identity that every certificate has, such as the fingerprint, or the alternative names in the certificate.
Versions: All alike.
Source: RFC 5280 section 4.1.2.6; measured
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    workload = stage.ca.issue_client(subject="", sans=["URI:spiffe://example.org/workload"])
    outcome = stage.nginx().request(credential=workload)
    assert outcome.forwarded is not None
    assert outcome.forwarded["X-SSL-Client-Verify"] == "SUCCESS"
    return "X-SSL-Client-S-DN" not in outcome.forwarded


def safe(stage: Stage) -> None:
    workload = stage.ca.issue_client(subject="", sans=["URI:spiffe://example.org/workload"])
    outcome = stage.nginx().request(credential=workload)
    assert outcome.forwarded is not None
    assert outcome.forwarded["X-SSL-Client-Fingerprint"] == workload.fingerprint_sha1
