"""A client with a large certificate gets 400 from the server behind.

Symptom: Some clients get `400 Request Header Or Cookie Too Large`: those whose certificate has many names.
Cause: The certificate is forwarded in a header, and the server behind takes 8 KB to a line by default.
Safe: `large_client_header_buffers` of the server behind, or a fingerprint in place of the certificate.
Versions: All alike.
Source: pulp-oci-images pull request 841; nginx documentation, large_client_header_buffers
"""

from pytest_mtls import Outcome
from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    return _ask(stage).status == 400


def safe(stage: Stage) -> None:
    assert _ask(stage, "large_client_header_buffers 4 64k;").status == 200


def _ask(stage: Stage, *behind: str) -> Outcome:
    large = stage.ca.issue_client("large", sans=[f"DNS:device-{number:030}.example" for number in range(130)])
    nginx = stage.nginx(upstream=stage.nginx(verify="off", directives=behind))
    assert nginx.request(credential=stage.ca.issue_client("small")).status == 200
    return nginx.request(credential=large)
