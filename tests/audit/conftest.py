"""A configuration with findings, audited once; the command line; a browser."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_mtls import Harness
from pytest_mtls.audit.auditing import Audit, audit
from pytest_mtls.audit.catalogue import chosen
from pytest_mtls.ground.ground import prepare
from tests.audit.mistakes.mistake import SOUND
from tests.commands.conftest import run as run
from tests.table.conftest import _browser as _browser
from tests.table.conftest import page as page

# Markup, and what a terminal would obey, wherever a configuration has names: a server, a path, a file, a value.
_HOSTILE = """
server {
    listen 443 ssl;
    server_name "~^<script>document\\.title=1</script>$" hostile.example.com;
    include snippets/tls.conf;
    include "snippets/clients<b>.conf";
    ssl_verify_client optional;
    location "/<img src=x onerror=document.title=1>" {
        proxy_set_header X-Team "<b>team</b> [link](https://example.com)";
        proxy_pass http://orders;
    }
    location / {
        if ($ssl_client_verify = "FAILED<b>\x1b[2J") { return 403; }
        include snippets/identity.conf;
        proxy_pass http://orders;
    }
}
server {
    listen 443 ssl;
    server_name "~^(?=a)b$";
    include snippets/tls.conf;
}
"""
ATTACKS = ("bad-certificates", "revoked-certificates", "forged-headers")


def wrong(folder: Path) -> Path:
    """The company's configuration with mistakes of each grade, some of them hostile to whoever reads of them."""
    shutil.copytree(SOUND / "company", folder, dirs_exist_ok=True)
    clients = (folder / "snippets/clients.conf").read_text()
    without_crl = "\n".join(line for line in clients.splitlines() if "ssl_crl" not in line)
    (folder / "snippets/clients<b>.conf").write_text(without_crl.replace("clients-ca", "partner-ca"))
    (folder / "conf.d/hostile.conf").write_text(_HOSTILE)
    return folder / "nginx.conf"


@dataclass(frozen=True)
class Audited:
    """What came of it, and where it was.

    Attributes:
        found: all of it.
        path: of the configuration.
        root: the folder that it is in.
    """

    found: Audit
    path: Path
    root: Path


@pytest.fixture(scope="session")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """Audited with a few of the attacks, so that what others find changes nothing here."""
    root = tmp_path_factory.mktemp("repository")
    path = wrong(root / "deploy")
    with Harness.open("process") as harness:
        found = audit(prepare(harness, path, public=["/nothing-there"]), chosen(ATTACKS))
    return Audited(found, path, root)
