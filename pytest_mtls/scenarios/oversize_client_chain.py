"""A client that sends more than 100 KB of certificates loses the connection.

Symptom: The client sees a reset or a broken pipe, and nginx logs `excessive message size`.
Cause: OpenSSL takes no more than 100 KB of certificates from a peer (SSL_MAX_CERT_LIST_DEFAULT), and nginx has no
    directive for it.
Safe: The chain up to the root and nothing else.
Versions: All alike.
Source: angie issue 146; APIcast pull request 1006
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    large = stage.ca.issue_client("large", sans=[f"DNS:device-{number:030}.example" for number in range(130)])
    outcome = stage.nginx().request(credential=large.with_chain(*[large] * 20))
    assert not outcome.accepted
    return any("excessive message size" in line for line in outcome.log)


def safe(stage: Stage) -> None:
    large = stage.ca.issue_client("large", sans=[f"DNS:device-{number:030}.example" for number in range(130)])
    assert stage.nginx().request(credential=large).accepted
