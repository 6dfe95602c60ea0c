"""Clients are refused for what is wrong with the CA that issued them.

Symptom: 400 for all clients of a home-made CA; the log has 25, 26, 47 or 79, and the clients' certificates look right.
Cause: OpenSSL holds each CA to its own certificate: that it is one at all, how many may follow, for which names.
Safe: A CA certificate with basicConstraints CA:TRUE, and no narrower than what it issues.
Versions: All alike but for the number of a client certificate that issues: 26 before OpenSSL 3.0, 79 since.
Source: cfssl issue 1124; RFC 5280 section 4.2.1
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere

_STATES = ("path-length-exceeded", "name-constraint-violated", "issued-by-non-ca")


def problem(stage: Stage) -> bool:
    nginx = stage.nginx(depth=3)
    codes = [nginx.request(credential=stage.credentials[state]).verify_code for state in _STATES]
    assert codes[:2] == [25, 47]
    return all(codes)


def safe(stage: Stage) -> None:
    narrow = stage.ca.intermediate("Narrow CA", path_length=0, name_constraints=["DNS:permitted.example"])
    alice = narrow.issue_client("alice", sans=["DNS:alice.permitted.example"])
    assert stage.nginx().request(credential=alice).accepted
