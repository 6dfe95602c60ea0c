"""As plain processes started by root, workers of a user's configuration have nobody's rights, and need no more."""

from __future__ import annotations

import os
import pwd
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_mtls import Harness, NginxServer

CONF = """events {}
http {
    server {
        listen 80;
        location /pages/ { root html; }
        location /door { auth_basic door; auth_basic_user_file users; proxy_pass http://10.0.0.1; }
        location /given { auth_basic door; auth_basic_user_file given; proxy_pass http://10.0.0.1; }
        location /out { root html; rewrite ^ /$arg_file break; }
        location / { client_body_buffer_size 1k; client_body_in_file_only clean; proxy_pass http://10.0.0.1; }
    }
    server { listen 443 ssl; ssl_certificate a.pem; ssl_certificate_key a.key; }
}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """With a page."""
    (tmp_path / "html" / "pages").mkdir(parents=True)
    (tmp_path / "html" / "pages" / "a.txt").write_text("a page")
    (tmp_path / "nginx.conf").write_text(CONF)
    return tmp_path / "nginx.conf"


@pytest.fixture
def plain(process_harness: Harness, config: Path) -> NginxServer:
    server = process_harness.nginx(config=config, files={"given": b"test:{PLAIN}other\n"})
    return server.listener_for(80)


def _owners(server: NginxServer) -> set[int]:
    assert server.request("/").accepted  # whoever answers has changed users already
    return {Path(f"/proc/{worker}").stat().st_uid for worker in server.running.journal.workers}


def _somebody_else() -> int:
    """Of whose rights the workers are: root's are given up, others' cannot be."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()


def test_workers_are_not_root_s(plain: NginxServer) -> None:
    """Nor are those after a reload."""
    assert _owners(plain) == {_somebody_else()}

    plain.update()

    assert _owners(plain) == {_somebody_else()}
    assert plain.request("/door", headers={"Authorization": "Basic dGVzdDp0ZXN0"}).accepted


def test_they_read_what_they_must(plain: NginxServer) -> None:
    """Pages and password files; and they keep a request's body in a file."""
    assert plain.request("/pages/a.txt").body == b"a page"
    assert plain.request("/door").status == 401
    assert plain.request("/door", headers={"Authorization": "Basic dGVzdDp0ZXN0"}).accepted
    assert plain.request("/given", headers={"Authorization": "Basic dGVzdDpvdGhlcg=="}).accepted
    kept = plain.request("/kept", method="POST", body=b"x" * 100_000)
    assert kept.forwarded is not None
    assert len(kept.forwarded.body) == 100_000


def test_they_read_nothing_of_root_s(plain: NginxServer) -> None:
    """Also where the configuration lets a client choose the path."""
    above = "../" * 12

    for file in (f"{above}etc/shadow", f"{above}proc/1/environ"):
        assert plain.request(f"/out?file={file}").status in (403, 404)


def test_keys_stay_their_owner_s(plain: NginxServer) -> None:
    """The folder lets the workers' group in, and nobody else."""
    (worker,) = plain.running.journal.workers
    folder = Path(f"/proc/{worker}/cwd").resolve()
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (folder / "minted").iterdir()}

    assert stat.S_IMODE(folder.stat().st_mode) & 0o007 == 0
    assert {mode for name, mode in modes.items() if name.endswith(".key")} == {0o600}


@pytest.fixture
def closed_off(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A temporary folder below one that is this user's alone."""
    with tempfile.TemporaryDirectory() as folder:
        inner = Path(folder) / "tmp"
        inner.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(inner))
        yield


def test_where_nobody_else_gets_in_they_stay_this_user_s(
    closed_off: None, process_harness: Harness, config: Path
) -> None:
    """Else pages could not be read."""
    server = process_harness.nginx(config=config, files={"given": b""}).listener_for(80)

    assert _owners(server) == {os.geteuid()}
    assert server.request("/pages/a.txt").body == b"a page"
    process_harness.close()
