"""A client that sends its certificate without the intermediate is refused.

Symptom: 400 for some clients of one CA and not for others; the log has `(21:unable to verify the first certificate)`.
Cause: Some libraries send the leaf alone. nginx knows only what is sent and what is in its files, and fetches nothing.
Safe: The intermediate in `ssl_client_certificate`, beside the root.
Versions: All alike.
Source: dotnet/runtime issue 47680; urllib3 issue 1060
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    alice = stage.ca.intermediate("Issuing CA").issue_client("alice")
    nginx = stage.nginx()
    assert nginx.request(credential=alice).accepted
    return nginx.request(credential=alice.without_chain()).reason == "unable_to_verify_first_certificate"


def safe(stage: Stage) -> None:
    issuing = stage.ca.intermediate("Issuing CA")
    nginx = stage.nginx(client_ca=[stage.ca, issuing])
    assert nginx.request(credential=issuing.issue_client("alice").without_chain()).accepted
