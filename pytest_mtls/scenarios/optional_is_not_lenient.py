"""With `ssl_verify_client optional`, a client with a bad certificate is worse off than one with none.

Symptom: Certificates are optional; a client whose certificate has expired gets 400, and 200 when it leaves it out.
Cause: `optional` is about whether a certificate is sent. One that is sent must be good.
Safe: `optional_no_ca` where strangers are to be served all the same, with a check of `$ssl_client_verify`.
Versions: All alike.
Source: nginx documentation, ssl_verify_client; nginx-tests ssl_verify_client.t
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    nginx = stage.nginx(verify="optional")
    assert nginx.request().verify == "NONE"
    bad = ("expired", "not-yet-valid", "unknown-ca", "self-signed", "server-auth-only", "intermediate-not-sent")
    answers = [nginx.request(credential=stage.credentials[state]) for state in bad]
    return all((each.status, each.internal_status) == (400, 495) for each in answers)


def safe(stage: Stage) -> None:
    nginx = stage.nginx(verify="optional_no_ca")
    outcome = nginx.request(credential=stage.stranger)
    assert outcome.accepted
    assert (outcome.verify or "").startswith("FAILED:")
