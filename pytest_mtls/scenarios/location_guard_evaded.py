"""A check in `location /admin` is evaded with `/ADMIN`.

Symptom: A stranger gets 403 for /admin and 200 for /ADMIN, which the application takes for the same.
Cause: Locations are told apart by case. Double slashes and `..` are put right before, so those do not help.
Safe: The check for the whole server, or a default that refuses.
Versions: All alike.
Source: nginx documentation, location
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere

_CHECK = "if ($ssl_client_verify != SUCCESS) { return 403; }"


def problem(stage: Stage) -> bool:
    nginx = stage.nginx(verify="optional_no_ca", directives=[f"location /admin {{ {_CHECK} return 204; }}"])
    for path in ("/admin", "//admin", "/x/../admin"):
        assert nginx.request(path, credential=stage.stranger).status == 403
    return nginx.request("/ADMIN", credential=stage.stranger).accepted


def safe(stage: Stage) -> None:
    nginx = stage.nginx(verify="optional_no_ca", directives=[_CHECK])
    for path in ("/admin", "//admin", "/x/../admin", "/ADMIN", "/"):
        assert nginx.request(path, credential=stage.stranger).status == 403
