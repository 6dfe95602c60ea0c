"""The OCSP responder is down, and every client is refused.

Symptom: 400 for all clients while the responder cannot be reached; the log has `certificate status request failed`.
Cause: With `ssl_ocsp on` a client is let in when the responder says good, and at no other time. nginx has no switch for
    another answer.
Safe: A responder that is there, and `ssl_ocsp_cache` for when it is not.
Versions: All that have ssl_ocsp.
Source: nginx documentation, ssl_ocsp; nginx pull request 73
"""

from pytest_mtls import Ocsp
from pytest_mtls.stage import Stage, everywhere, needs_nginx

SHOWS = everywhere
NEEDS = [needs_nginx("1.19.0", "ssl_ocsp")]


def problem(stage: Stage) -> bool:
    responder = stage.ocsp_responder()
    nginx = stage.nginx(ocsp=responder)
    alice = stage.ca.issue_client("alice")
    assert nginx.request(credential=alice).accepted
    responder.close()
    return nginx.request(credential=alice).internal_status == 495


def safe(stage: Stage) -> None:
    responder = stage.ocsp_responder()
    nginx = stage.nginx(ocsp=Ocsp(responder, cache="shared:ocsp:1m"))
    alice = stage.ca.issue_client("alice")
    assert nginx.request(credential=alice).accepted
    responder.close()
    assert nginx.request(credential=alice).accepted
