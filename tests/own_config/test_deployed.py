"""A configuration written the way people write it, run unchanged on both engines."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_mtls import (
    CertificateAuthority,
    Harness,
    InvalidArgument,
    NginxServer,
    NginxStartError,
    ReloadRefused,
    ServerGone,
)
from pytest_mtls.pki.states import CredentialState

DEPLOY = Path(__file__).parent / "deploy"

Serve = Callable[..., NginxServer]


@pytest.fixture(scope="module")
def deployed(harness: Harness) -> Iterator[NginxServer]:
    """The whole tree, running."""
    server = harness.nginx(config=DEPLOY / "nginx.conf")
    yield server
    harness.discard(server)


def contents(folder: Path) -> dict[str, str]:
    return {
        each.relative_to(folder).as_posix(): hashlib.sha256(each.read_bytes()).hexdigest()
        for each in folder.rglob("*")
        if each.is_file()
    }


def test_the_default_listener_is_the_first_with_tls(deployed: NginxServer, harness: Harness) -> None:
    """Its check, its identity headers, its map: as in production."""
    alice = harness.ca.issue_client("alice")

    outcome = deployed.request("/x", credential=alice)

    assert outcome.accepted, outcome.explain()
    assert outcome.forwarded is not None
    assert outcome.forwarded["X-Client-DN"] == "CN=alice"
    assert outcome.forwarded["X-Role"] == "admin; of {all}"
    assert outcome.forwarded["X-Forwarded-Proto"] == "https"
    assert (deployed.request().status, deployed.request().internal_status) == (400, 496)


def test_a_revoked_client_is_turned_away(deployed: NginxServer, harness: Harness) -> None:
    """The CRL that stands in its place is that of the test CA."""
    outcome = deployed.request(credential=harness.credentials[CredentialState.REVOKED])

    assert outcome.reason == "certificate_revoked"


@pytest.mark.parametrize(
    "path, target",
    [
        ("/pool/a", "/pool/a"),
        ("/payment/b", "/v2/b"),
        ("/asked?to=example.com", "/asked?to=example.com"),
        ("/php", "/php"),
    ],
)
def test_every_target_leads_to_the_recorder(deployed: NginxServer, harness: Harness, path: str, target: str) -> None:
    """Groups, addresses, TLS, variables, other protocols; what nginx makes of the path stays."""
    outcome = deployed.request(path, credential=harness.ca.issue_client("alice"))

    assert outcome.accepted, outcome.explain()
    assert outcome.forwarded is not None
    assert outcome.forwarded.target == target


def test_virtual_servers_have_their_own_check(deployed: NginxServer, harness: Harness) -> None:
    """The same snippet holds a certificate for each."""
    alice = harness.ca.issue_client("alice")

    assert deployed.request(server_name="partners.example.com").status == 403
    assert deployed.request(server_name="partners.example.com", credential=alice).accepted
    for name in ("api.example.com", "partners.example.com"):
        presented = deployed.request(server_name=name, credential=alice).variables["ssl_server_name"]
        assert presented == name


def test_every_listener_can_be_reached(deployed: NginxServer, harness: Harness) -> None:
    """By the port or address that the file says; plain ones are spoken to in the clear."""
    alice = harness.ca.issue_client("alice")

    assert set(deployed.listeners) == {"*:443", "[::]:443", "*:80", "[::]:80", "*:8443", "*:9443"}
    assert all(each.startswith("127.0.0.1:") for each in deployed.listeners.values())
    assert deployed.listener_for("*:80").request("/y").status == 301
    assert deployed.listener_for("[::]:443").request(credential=alice).accepted
    assert deployed.listener_for(8443).request().status == 403
    stream = deployed.listener_for(9443).request(credential=alice, body=b"select 1\n")
    assert (stream.verify, stream.body) == ("SUCCESS", b"select 1\n")
    with pytest.raises(InvalidArgument, match="no listener '22'"):
        deployed.listener_for(22)


def test_pages_of_the_folder_are_served_and_nothing_outside(deployed: NginxServer, harness: Harness) -> None:
    """A root that leads elsewhere is an empty folder."""
    alice = harness.ca.issue_client("alice")

    assert deployed.request("/static/page.txt", credential=alice).body == b"a page\n"
    assert deployed.request("/etc/passwd", credential=alice).status == 404


def test_a_password_file_has_one_user(deployed: NginxServer, harness: Harness) -> None:
    """test:test."""
    alice = harness.ca.issue_client("alice")

    assert deployed.request("/door", credential=alice).status == 401
    assert deployed.request("/door", credential=alice, headers={"Authorization": "Basic dGVzdDp0ZXN0"}).accepted


def test_every_change_is_said_with_file_line_and_reason(deployed: NginxServer) -> None:
    """One line each."""
    said = [str(each) for each in deployed.changes]

    assert "nginx.conf:2: user: www-data taken out (it belongs to the machine, not to what is tested)" in said
    places = {(each.file, each.line, each.directive) for each in deployed.changes}
    assert {
        ("nginx.conf", 7, "load_module"),
        ("nginx.conf", 18, "resolver"),
        ("nginx.conf", 33, "server"),
        ("conf.d/api.conf", 9, "listen"),
        ("conf.d/api.conf", 27, "proxy_pass"),
        ("conf.d/api.conf", 29, "fastcgi_pass"),
        ("conf.d/api.conf", 31, "root"),
        ("conf.d/partners.conf", 4, "listen"),
        ("conf.d/partners.conf", 12, "set"),
        ("snippets/tls.conf", 1, "ssl_certificate"),
    } <= places
    assert all("\n" not in each and "\x01" not in each for each in said)
    (asked,) = [each for each in deployed.changes if each.line == 28 and each.directive == "proxy_pass"]
    assert "upstreams={'$arg_to': ...}" in asked.why


def test_what_need_not_change_stays(deployed: NginxServer) -> None:
    """Comments, blanks and line numbers."""
    written = (DEPLOY / "nginx.conf").read_text().splitlines()
    runs = deployed.config.splitlines()

    assert len(runs) == len(written)
    for line in (13, 15, 17, 20, 21, 22, 23, 24, 25, 26, 28, 32, 35):
        assert runs[line - 1] == written[line - 1]


def test_what_comes_of_it_is_not_known_in_advance(deployed: NginxServer) -> None:
    """expected() says so."""
    with pytest.raises(InvalidArgument, match="lines of your own"):
        deployed.expected(CredentialState.VALID)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(DEPLOY, tmp_path / "deploy"))


def test_update_reads_the_files_again_and_never_writes_them(serve: Serve, harness: Harness, folder: Path) -> None:
    """An edit takes effect; one that nginx refuses is told with its file and line."""
    server = serve(config=folder / "nginx.conf")
    assert server.listener_for(8443).request().status == 403
    partners = folder / "conf.d" / "partners.conf"
    partners.write_text(partners.read_text().replace("return 403", "return 418"))
    before = contents(folder)

    server.update()

    assert server.listener_for(8443).request().status == 418
    assert contents(folder) == before
    partners.write_text(partners.read_text().replace("return 418", "retrun 418"))
    with pytest.raises(ReloadRefused, match=r'unknown directive "retrun" in \S+/deploy/conf\.d/partners\.conf:11'):
        server.update()
    assert server.listener_for(8443).request().status == 418


def test_a_refused_start_names_the_users_file_and_line(serve: Serve, folder: Path) -> None:
    """Also in a snippet that runs as a second copy of itself."""
    with (folder / "snippets" / "tls.conf").open("a") as snippet:
        snippet.write("ssl_protocolls TLSv1.2;\n")

    with pytest.raises(NginxStartError, match=r'unknown directive "ssl_protocolls" in \S+/snippets/tls\.conf:5'):
        serve(config=folder / "nginx.conf")


def test_upstreams_and_files_of_the_users_own(serve: Serve, harness: Harness) -> None:
    """Named as they are written."""
    behind = serve(verify="on")
    stranger = harness.ca.issue_server("api.example.com", "localhost")
    server = serve(
        config=DEPLOY / "nginx.conf",
        upstreams={"pay.internal:8443": behind},
        files={"/etc/ssl/certs/site.pem": stranger, "/etc/ssl/private/site.key": stranger},
    )
    alice = harness.ca.issue_client("alice")

    # nginx presents no certificate there: what answers is the other server's check.
    assert server.request("/payment", credential=alice).status == 400
    assert server.request("/", credential=alice).accepted
    assert any(each.line == 1 and "your own file" in each.why for each in server.changes)


def test_an_authority_stands_for_its_certificate_and_its_crl(serve: Serve) -> None:
    """Several do as a tuple, and an update says who was revoked since."""
    ours, theirs = CertificateAuthority("Ours"), CertificateAuthority("Theirs")
    files = {"/etc/ssl/clients/ca.pem": (ours, theirs), "/etc/ssl/clients/crl.pem": (ours, theirs)}
    server = serve(config=DEPLOY / "nginx.conf", files=files)
    alice, bob = ours.issue_client("alice"), theirs.issue_client("bob")
    assert server.request(credential=bob).accepted
    theirs.revoke(bob)

    server.update()

    assert server.request(credential=alice).accepted
    assert server.request(credential=bob).reason == "certificate_revoked"


def test_an_application_of_the_test_stands_behind(serve: Serve, harness: Harness) -> None:
    """In place of a group's servers; the group stays, with all it says beside them."""

    def application(environ: dict[str, str], start_response: Callable[..., object]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["HTTP_X_CLIENT_DN"].encode()]

    server = serve(config=DEPLOY / "nginx.conf", upstreams={"api": application})

    assert server.request(credential=harness.ca.issue_client("alice")).body == b"CN=alice"
    assert [each.changed for each in server.changes if each.why == "upstream api"]
    assert not [each for each in server.changes if each.changed.startswith("http://api ")]


def test_a_variable_can_be_named(serve: Serve, harness: Harness) -> None:
    """Where it leads cannot be read off, so the test says it."""
    behind = serve(verify="off")
    server = serve(config=DEPLOY / "nginx.conf", upstreams={"$arg_to": behind})

    outcome = server.request("/asked?to=example.com", credential=harness.ca.issue_client("alice"))

    assert outcome.accepted, outcome.explain()
    assert not any(each.directive == "proxy_pass" and "$arg_to" in each.why for each in server.changes)


def test_addresses_cannot_change_though_their_number_stays(serve: Serve, folder: Path) -> None:
    """The sockets are held from the start; the message names those of before and now."""
    server = serve(config=folder / "nginx.conf")
    partners = folder / "conf.d" / "partners.conf"
    partners.write_text(partners.read_text().replace("listen 8443 ssl", "listen 7443 ssl"))

    with pytest.raises(InvalidArgument, match=r"what is listened on: .*\*:8443.* before, .*\*:7443.* now"):
        server.update()

    assert server.listener_for(8443).request().status == 403


def test_servers_may_change_places(serve: Serve, harness: Harness, folder: Path) -> None:
    """An address keeps its socket, wherever it stands in the files."""
    server = serve(config=folder / "nginx.conf")
    before = dict(server.listeners)
    (folder / "conf.d" / "partners.conf").rename(folder / "conf.d" / "a-partners.conf")

    server.update()

    assert dict(server.listeners) == before
    assert server.listener_for(8443).request().status == 403
    assert server.listener_for(80).request("/y").status == 301
    stream = server.listener_for(9443).request(credential=harness.ca.issue_client("alice"), body=b"select 1\n")
    assert stream.body == b"select 1\n"


def test_every_listener_knows_what_one_of_them_changed(serve: Serve, folder: Path) -> None:
    """They are one nginx: what is in force, and whether it runs, is the same for all."""
    server = serve(config=folder / "nginx.conf")
    partners = server.listener_for(8443)
    snippet = folder / "conf.d" / "partners.conf"
    snippet.write_text(snippet.read_text().replace("ssl_verify_client optional", "ssl_verify_client on"))
    api = folder / "conf.d" / "api.conf"
    api.write_text(api.read_text().replace("return 301", "return 308"))

    partners.update()

    assert partners.spec.default.verify == "on"
    assert server.spec.own is partners.spec.own
    assert [str(block.verify) for block in server.spec.blocks] == ["on", "on"]
    assert server.listener_for(80).request("/y").status == 308
    partners.stop()
    with pytest.raises(ServerGone):
        server.request()
