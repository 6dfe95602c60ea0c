"""How much an audit asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_mtls import Harness
from pytest_mtls.audit.auditing import audit
from pytest_mtls.audit.catalogue import ATTACKS
from pytest_mtls.ground.ground import Ground
from pytest_mtls.ground.intent import Intent
from pytest_mtls.outcome import Outcome
from pytest_mtls.server import NginxServer
from pytest_mtls.site.reading import Site

_HEAD = """
events {}
http {
    map $ssl_client_s_dn $role { default user; "CN=admin,O=Example" admin; "~CN=ops" operator; }
    map $ssl_client_s_dn $user { "~CN=(?<cn>[^,]+)" $cn; }
    server {
        listen 443 ssl;
        server_name api.example.com;
        ssl_certificate s.pem; ssl_certificate_key s.key;
        ssl_client_certificate ca.pem; ssl_crl ca.crl; ssl_verify_client optional;
"""
_LOCATION = """
        location /{number}/ {{
            if ($ssl_client_verify != SUCCESS) {{ return 403; }}
            proxy_set_header X-Role $role;
            proxy_set_header X-User $user;
            proxy_set_header X-Verify $ssl_client_verify;
            proxy_set_header X-Cert $ssl_client_escaped_cert;
            proxy_pass https://app-{number}.internal:8443;
        }}
"""


class _Counted(Ground):
    """Hears of every request, to whichever nginx."""

    def __init__(self, harness: Harness, path: Path) -> None:
        site = Site.read(path)
        super().__init__(harness, path, site, Intent(site))
        self.outcomes: list[Outcome] = []

    def started(self, **changed: Any) -> NginxServer:
        server = super().started(**changed)
        server.observers.append(self.outcomes.append)
        return server


def _requests(harness: Harness, folder: Path, locations: int) -> int:
    config = folder / f"{locations}.conf"
    config.write_text(f"{_HEAD}{''.join(_LOCATION.format(number=each) for each in range(locations))}    }}\n}}\n")
    before = set(harness.servers)
    ground = _Counted(harness, config)
    audit(ground, ATTACKS)
    for server in set(harness.servers) - before:
        harness.discard(server)
    return len(ground.outcomes)


def test_requests_grow_with_locations_and_no_faster(process_harness: Harness, tmp_path: Path) -> None:
    """Twice as many more locations take no more than twice as many more requests."""
    few, more, most = (_requests(process_harness, tmp_path, each) for each in (1, 2, 4))

    assert few < more
    assert most - more <= 2 * (more - few)
