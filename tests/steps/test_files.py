"""Files that are rewritten, broken or gone, and what an nginx of each generation makes of them."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from pytest_mtls import (
    CertificateAuthority,
    EngineLacksFeature,
    Harness,
    InvalidArgument,
    NginxServer,
    ReloadRefused,
    SharedServerError,
    StartRefusal,
    Verbatim,
)
from pytest_mtls.arguments import ServerArguments
from tests.steps.conftest import OneOfFive

Serve = Callable[..., NginxServer]

THEN = datetime(2020, 1, 1, tzinfo=timezone.utc)
SINCE_1_27 = ("forky", "bundled")
"""1.27.2 brought trusted CAs without a list of them, 1.27.4 the cache of files (``ssl_object_cache_inheritable``)."""


def _revoking(serve: Callable[..., NginxServer], **arguments: Any) -> tuple[NginxServer, CertificateAuthority, Any]:
    """A server with a CRL, and a client who has been revoked since."""
    ca = CertificateAuthority("Files CA")
    client = ca.issue_client("revoked")
    server = serve(client_ca=ca, crl=ca.crl(), **arguments)
    server.update(mtime=THEN)
    ca.revoke(client)
    return server, ca, client


def test_a_crl_rewritten_in_place_within_a_second_is_overlooked(each_process: OneOfFive) -> None:
    """Entry 12: same inode, same second; a second HUP does not help, a rename does."""
    nginx, ca, client = _revoking(each_process)

    nginx.update(crl=ca.crl(), writing="in-place", mtime=THEN)
    first = nginx.request(credential=client).accepted
    nginx.reload()
    second = nginx.request(credential=client).accepted
    nginx.update(crl=ca.crl(), mtime=THEN)

    stale = each_process.name in SINCE_1_27
    assert (first, second) == (stale, stale)
    assert nginx.request(credential=client).reason == "certificate_revoked"


@pytest.mark.parametrize("cure", [{"mtime": THEN + timedelta(seconds=1)}, {}], ids=["next second", "now"])
def test_another_modification_time_cures_it(process_harness: Harness, cure: dict[str, Any]) -> None:
    """Entry 12: the inode alone is not enough to be taken for the same file."""
    nginx, ca, client = _revoking(process_harness.nginx)

    nginx.update(crl=ca.crl(), writing="in-place", **cure)

    assert nginx.request(credential=client).reason == "certificate_revoked"


def test_so_does_turning_the_cache_off(process_harness: Harness) -> None:
    """Entry 12: the directive belongs to the top level."""
    nginx, ca, client = _revoking(process_harness.nginx, main_directives="ssl_object_cache_inheritable off;")

    nginx.update(crl=ca.crl(), writing="in-place", mtime=THEN)

    assert nginx.request(credential=client).reason == "certificate_revoked"


def test_in_place_keeps_the_inode_and_rename_does_not(process_harness: Harness) -> None:
    """The times are those that were asked for, to the second; a key stays its owner's alone."""
    nginx = process_harness.nginx()
    folder = nginx.running._folder  # type: ignore[attr-defined]

    def seen(name: str) -> tuple[int, int, int]:
        found = (folder / name).stat()
        return found.st_ino, int(found.st_mtime), stat.S_IMODE(found.st_mode)

    nginx.update(mtime=THEN)
    before = seen("server-0/key.pem")
    nginx.update(writing="in-place", mtime=THEN + timedelta(hours=1))
    in_place = seen("server-0/key.pem")
    nginx.update(mtime=THEN)

    assert in_place == (before[0], before[1] + 3600, 0o600)
    assert seen("server-0/key.pem")[0] != before[0]


def test_containers_say_that_they_cannot_write_in_place(docker_harness: Harness) -> None:
    """Before anything is done; a chosen modification time is fine."""
    nginx = docker_harness.nginx(verify="optional")
    config = nginx.config

    with pytest.raises(EngineLacksFeature, match=r"in-place.*containers.*plain process"):
        nginx.update(verify="on", writing="in-place")

    assert nginx.config == config
    assert nginx.request().accepted
    assert nginx.update(mtime=THEN).applied


def test_a_new_file_counts_from_the_next_reload_on(each: OneOfFive) -> None:
    """Entry 13."""
    nginx, ca, client = _revoking(each)

    written = nginx.update(crl=ca.crl(), reload=False)
    before = nginx.request(credential=client)
    result = nginx.reload()

    assert (written.applied, written.reason) == (False, None)
    assert before.accepted
    assert (result.applied, result.retiring) == (True, 0)
    assert nginx.request(credential=client).reason == "certificate_revoked"


def test_a_restart_takes_what_was_written_too(serve: Serve) -> None:
    """And further changes start from there."""
    nginx = serve(verify="on")

    nginx.update(verify="optional", reload=False)
    assert not nginx.request().accepted
    nginx.restart()
    assert nginx.request().accepted
    nginx.update(depth=1)

    assert nginx.request().accepted


def test_a_reload_that_is_refused_leaves_the_files_alone(serve: Serve) -> None:
    """They are as the test has written them; the old workers go on."""
    nginx = serve(verify="optional")
    nginx.update(client_ca=Verbatim(b"nonsense"), reload=False)

    with pytest.raises(ReloadRefused, match=r"client_ca\.pem"):
        nginx.reload()
    again = nginx.reload(check=False)

    assert not again.applied
    assert "client_ca.pem" in (again.reason or "")
    assert nginx.request().accepted


@pytest.mark.parametrize("argument", ["client_ca", "trusted_ca", "crl", "session_ticket_key"])
def test_a_file_that_is_gone_refuses_the_reload(serve: Serve, argument: str) -> None:
    """nginx.conf names it, and nothing is there."""
    nginx = serve(verify="optional")

    gone: dict[str, Any] = {argument: Verbatim(None)}
    result = nginx.update(check=False, **gone)

    assert not result.applied
    assert "No such file" in (result.reason or "") or "no such file" in (result.reason or "")
    assert nginx.request().accepted


def _trusted(authority: CertificateAuthority, *, rejected: bool) -> bytes:
    """``openssl x509 -trustout -addtrust (or -addreject) clientAuth``: the certificate, then X509_CERT_AUX."""
    import base64

    client_auth = bytes.fromhex("06082b06010505070302")
    uses = (b"\xa0\x0a" if rejected else b"\x30\x0a") + client_auth
    der = authority.certificate.public_bytes(Encoding.DER) + b"\x30\x0c" + uses
    body = base64.encodebytes(der)
    return b"-----BEGIN TRUSTED CERTIFICATE-----\n" + body + b"-----END TRUSTED CERTIFICATE-----\n"


def test_trusted_certificate_pem(each_process: OneOfFive) -> None:
    """Entry 16: nginx before 1.27.2 does not know the form; later ones obey it."""
    ca = CertificateAuthority("Trusted form")
    good, bad = (Verbatim(_trusted(ca, rejected=rejected)) for rejected in (False, True))

    if each_process.name not in SINCE_1_27:
        refusal = each_process.refusal(client_ca=good)
        assert refusal is not None
        assert "client_ca.pem" in refusal.reason
        return
    nginx = each_process(client_ca=good)
    client = ca.issue_client("client")
    assert nginx.request(credential=client).accepted
    nginx.update(client_ca=bad)
    assert nginx.request(credential=client).verify_code == 26


def test_verify_on_with_nothing_but_trusted_ca(each: OneOfFive) -> None:
    """Entry 17: enough since 1.27.2, and then the server names no CA to the client."""
    asked: dict[str, Any] = {"client_ca": None, "trusted_ca": each.harness.ca}

    if each.name not in SINCE_1_27:
        refusal = each.refusal(**asked)
        assert refusal is not None
        assert "since nginx 1.27.2" in refusal.reason
        return
    outcome = each(**asked).request(credential=each.harness.ca.issue_client("alice"))
    assert (outcome.accepted, outcome.accepted_cas) == (True, ())


@pytest.mark.parametrize("form", ["glued", "mark", "crlf and comments"])
def test_pem_that_people_put_together(each_process: OneOfFive, form: str) -> None:
    """Entry 18: a missing line break stops every nginx, a byte order mark only 1.18."""
    one, two = (CertificateAuthority(name).certificate_pem for name in "AB")
    content = {
        "glued": one.rstrip() + two,
        "mark": b"\xef\xbb\xbf" + one,
        "crlf and comments": b"# our CA\r\n" + one.replace(b"\n", b"\r\n") + b"trailing junk\r\n",
    }[form]

    refusal = each_process.refusal(client_ca=Verbatim(content))

    stops = form == "glued" or (form == "mark" and each_process.name == "bullseye")
    assert (refusal is not None) == stops, refusal


@pytest.mark.parametrize("form", ["der", "empty"])
def test_a_crl_that_is_not_pem(each_process: OneOfFive, form: str) -> None:
    """Entry 19: no start; what nginx says differs."""
    from pytest_mtls.pki.pem import load_crls

    ca = CertificateAuthority("DER")
    (crl,) = load_crls(ca.crl())
    content = crl.public_bytes(Encoding.DER) if form == "der" else b""

    refusal = each_process.refusal(client_ca=ca, crl=Verbatim(content))

    assert refusal is not None
    said = "no start line" if each_process.name in SINCE_1_27 else "no certificate or crl found"
    assert said in refusal.reason
    assert any("[emerg]" in line for line in refusal.log)
    assert "ssl_crl server-0/crl.pem;" in refusal.config


def test_verify_client_belongs_to_a_server(each_process: OneOfFive) -> None:
    """Entry 20."""
    refusal = each_process.refusal(directives="location /admin { ssl_verify_client on; }")

    assert refusal is not None
    assert '"ssl_verify_client" directive is not allowed here' in refusal.reason


def test_an_nginx_that_starts_is_no_refusal(harness: Harness) -> None:
    """And it is stopped again."""
    before = harness.servers

    assert harness.refusal(verify="optional") is None
    assert harness.servers == before
    assert repr(StartRefusal("why", ("a line",), "a config")) == "StartRefusal(reason='why')"


def test_a_certificate_of_any_content(serve: Serve, harness: Harness) -> None:
    """One file with both, or two; and a key that does not fit is nginx's to refuse."""
    own, other = harness.ca.issue_server("localhost"), harness.ca.issue_server("localhost")
    both = Verbatim(own.chain_pem + own.private_key_pem)
    pair = (Verbatim(own.chain_pem), Verbatim(own.private_key_pem))

    assert serve(server=both, verify="optional").request().accepted
    assert serve(server=pair, verify="optional").request().accepted
    refusal = harness.refusal(server=(Verbatim(own.chain_pem), Verbatim(other.private_key_pem)))
    assert refusal is not None
    assert "key values mismatch" in refusal.reason


def test_a_ticket_key_of_any_length_is_nginxs_to_judge(harness: Harness) -> None:
    """Through bytes of one's own a wrong length is said at once."""
    refusal = harness.refusal(session_ticket_key=Verbatim(b"short"))

    assert refusal is not None
    assert "must be 48 or 80 bytes" in refusal.reason


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"writing": "by hand"}, "writing='by hand'.*'rename', 'in-place'"),
        ({"mtime": 5}, "mtime=5 is not a datetime"),
        ({"mtime": datetime(2020, 1, 1)}, "mtime=2020-01-01T00:00:00 has no time zone"),
        ({"clock": timedelta(days=1)}, r"update\(\) cannot change clock"),
        ({"crl": 7}, "crl=7 is a int"),
        ({"server": "cert.pem"}, "server='cert.pem' is no Credential"),
    ],
    ids=["writing", "number", "no time zone", "clock", "crl", "server"],
)
def test_a_step_that_cannot_be_says_so_before_anything_is_done(
    harness: Harness, changes: dict[str, Any], said: str
) -> None:
    """With the argument's name."""
    server = harness.nginx()
    config = server.config

    with pytest.raises(InvalidArgument, match=said):
        server.update(**changes)

    assert server.config == config
    server.stop()


@pytest.mark.parametrize("content", ["text", 5, bytearray(b"x")])
def test_verbatim_takes_bytes_or_nothing(content: Any) -> None:
    """Text has an encoding, which is not ours to guess."""
    with pytest.raises(InvalidArgument, match=r"Verbatim content=.*give bytes, or None"):
        Verbatim(content)


def test_a_shared_server_is_not_reloaded(harness: Harness) -> None:
    """Others use it."""
    (shared,) = harness.start([ServerArguments()], shared=True)

    with pytest.raises(SharedServerError, match=r"reload\(\).*mtls_nginx_factory"):
        shared.reload()
    harness.discard(shared)
