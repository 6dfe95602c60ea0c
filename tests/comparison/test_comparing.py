"""What differs between two nginx, or two configurations, is found, put together and explained; and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_mtls import Harness, NginxStartError, NginxUnavailable
from pytest_mtls.comparison.comparing import Comparison, compare
from pytest_mtls.comparison.difference import Difference, Kind
from pytest_mtls.comparison.side import sides_of
from tests.generations.conftest import built

CONF = """events {}
http {
    upstream app { server 10.0.0.1:80; }
    server {
        listen 443 ssl http2;
        server_name a.example.com;
        ssl_certificate a.pem; ssl_certificate_key a.key;
        ssl_client_certificate ca.pem; ssl_verify_client optional_no_ca;
        location / {
            proxy_set_header X-Client-Legacy $ssl_client_s_dn_legacy;
            proxy_set_header X-Request-ID $request_id;
            proxy_pass http://app;
        }
        location /strict {
            if ($ssl_client_verify = "FAILED:self signed certificate") { return 403; }
            return 200 welcome;
        }
    }
    server {
        listen 443 ssl;
        server_name b.example.com;
        ssl_protocols TLSv1.2;
        ssl_certificate a.pem; ssl_certificate_key a.key;
        ssl_client_certificate ca.pem; ssl_crl crl.pem; ssl_verify_client on;
        location / { proxy_pass http://app; }
    }
}
"""
SMALL = """events {}
http {
    server {
        listen 443 ssl;
        server_name a.example.com;
        ssl_certificate a.pem; ssl_certificate_key a.key;
        ssl_client_certificate ca.pem; ssl_verify_client on;
        proxy_set_header X-Client $ssl_client_s_dn;
        proxy_set_header X-Where $server_addr:$server_port;
        location / { proxy_pass http://10.0.0.1; }
        location /moved { return 301 https://$host:$server_port/; }
    }
}
"""


def written(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "nginx.conf").write_text(text)
    return folder / "nginx.conf"


def compared(harness: Harness, paths: list[Path], *nginx: str) -> Comparison:
    before = set(harness.servers)
    try:
        return compare(sides_of(harness, paths, nginx or [None]))
    finally:
        for server in set(harness.servers) - before:
            harness.discard(server)


@pytest.fixture(scope="module")
def processes() -> Iterator[Harness]:
    """One for all."""
    with Harness.open("process") as opened:
        yield opened


@pytest.fixture(scope="module")
def upgrade(processes: Harness, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Of what grew up with the oldest, on three of them."""
    path = written(tmp_path_factory.mktemp("upgrade"), CONF)
    return compared(processes, [path], built("bullseye").name, built("trixie").name, built("forky").name)


def of(found: Comparison, values: dict[str, str], aspect: str = "answer") -> Difference:
    hits = [each for each in found.differences if dict(each.values) == values and each.aspect == aspect]
    assert len(hits) == 1, [each.to_json() for each in found.differences]
    return hits[0]


def each(*values: str) -> dict[str, str]:
    return dict(zip(("bullseye", "trixie", "forky"), values, strict=True))


@pytest.mark.parametrize(
    "aspect, values, place, question, why",
    [
        (
            "answer",
            each("403 self_signed_certificate", *["200 FAILED: self_signed_certificate"] * 2),
            "a.example.com/strict",
            "self-signed",
            "'FAILED:self signed certificate' and 'FAILED:self-signed certificate'",
        ),
        (
            "answer",
            each("200 SUCCESS, reached the application", *["400 (495) leaf_key_too_weak"] * 2),
            "b.example.com/",
            "weak-key",
            "since OpenSSL 3.0:",
        ),
        (
            "answer",
            each(*["400 (495) unable_to_get_crl"] * 2, "400 (495) self_signed_certificate"),
            "b.example.com/",
            "self-signed",
            "since OpenSSL 3.6:",
        ),
        (
            "answer",
            each("TLS alert protocol_version", *["200 NONE, reached the application"] * 2),
            "a.example.com/",
            "none by TLS 1.3",
            "since nginx 1.23.4:",
        ),
        ("TLS version", each("1.2", "1.3", "1.2"), "b.example.com/", "valid", ""),
        (
            "answer",
            each("closed", *["200 SUCCESS, reached the application"] * 2),
            "a.example.com/",
            "valid with a header of 7 KB",
            "since nginx 1.19.7:",
        ),
        (
            "received: HTTP version",
            each("HTTP/1.0", "HTTP/1.0", "HTTP/1.1"),
            "b.example.com/",
            "valid",
            "since nginx 1.29.7:",
        ),
        (
            "received: X-Client-Legacy",
            each("/O=Example/CN=alice/CN=admin", *[r"/O=Example/CN=alice\/CN=admin"] * 2),
            "a.example.com/",
            "name with a slash",
            "since OpenSSL 3.0:",
        ),
        (
            "wording of $ssl_client_verify",
            each("FAILED:unsupported certificate purpose", *["FAILED:unsuitable certificate purpose"] * 2),
            "b.example.com/",
            "server-auth-only",
            "OpenSSL changes its texts",
        ),
    ],
)
def test_an_upgrade_changes(
    upgrade: Comparison, aspect: str, values: dict[str, str], place: str, question: str, why: str
) -> None:
    """What is known to have changed, with the version that did it."""
    difference = of(upgrade, values, aspect)

    assert question in difference.places[place]
    assert why in difference.because


def test_a_deprecated_directive_is_told_with_its_line(upgrade: Comparison) -> None:
    """Whoever upgrades sees it in the log too, afterwards."""
    (warning,) = [each for each in upgrade.differences if each.kind is Kind.WARNING]

    assert warning.by_value["nothing"] == ("bullseye",)
    assert any(value.endswith("/nginx.conf:5") for value in warning.by_value)
    assert "CHANGES 1.25.1" in warning.because


def test_what_changes_with_every_request_is_left_out_and_said(upgrade: Comparison) -> None:
    """A request's number, also where an unknown host leads."""
    assert not any("X-Request-ID" in each.aspect for each in upgrade.differences)
    assert "a.example.com/: received: X-Request-ID" in upgrade.unsteady


def test_the_gravest_comes_first(upgrade: Comparison) -> None:
    """Who gets in, before what is received, before wording."""
    kinds = [list(Kind).index(each.kind) for each in upgrade.differences]

    assert kinds == sorted(kinds)
    assert upgrade.differences[0].aspect == "answer"


def test_two_configurations(processes: Harness, tmp_path: Path) -> None:
    """A check that is gone, a header that is lost, a place that is new; mere names are no matter."""
    edited = (
        SMALL.replace("ssl_verify_client on", "ssl_verify_client optional")
        .replace("ca.pem", "clients/of-today.pem")
        .replace("{ proxy_pass", "{ proxy_set_header X-New 1; proxy_pass")
        .replace("location /moved", "location /new { return 204; }\n location /moved")
    )
    old, new = written(tmp_path / "old", SMALL), written(tmp_path / "new", edited)

    found = compared(processes, [old, new])
    before, after = str(old), str(new)

    opened = of(found, {before: "400 (496) no_certificate", after: "200 NONE, reached the application"})
    assert {"none", "none by TLS 1.2", "none to an unknown host"} < set(opened.places["a.example.com/"])
    assert opened.because
    lost = [each for each in found.differences if each.aspect == "received: X-Client"]
    assert {before: "$ssl_client_s_dn", after: "nothing"} in [dict(each.values) for each in lost]
    assert any("CN=forged-by-the-client" in dict(each.values)[after] for each in lost)
    assert len(lost) < 5
    place = of(found, {before: "nothing", after: "TLS"}, "place")
    assert place.places == {"a.example.com/new": ("listens on *:443",)}
    assert not any(each.aspect == "list of CAs" for each in found.differences)


def test_a_start_that_only_one_refuses(processes: Harness, tmp_path: Path) -> None:
    """Its reason, with the user's file and line, and what changed."""
    path = written(tmp_path, SMALL.replace("listen 443 ssl;", "listen 443 ssl;\nssl on;"))

    found = compared(processes, [path], built("bookworm").name, built("trixie").name)

    (start,) = [each for each in found.differences if each.kind is Kind.START]
    assert dict(start.values)["bookworm"] == "starts"
    assert f'unknown directive "ssl" in {path}:5' in dict(start.values)["trixie"]
    assert "CHANGES 1.25.1" in start.because
    assert (found.requests, found.places) == (0, ())


def test_a_start_that_all_refuse(processes: Harness, tmp_path: Path) -> None:
    """There is nothing to compare."""
    path = written(tmp_path, SMALL.replace("return 301", "retrun 301"))

    with pytest.raises(NginxStartError, match=r'No nginx starts with .*\n.*"retrun" in \S+nginx\.conf:11'):
        compared(processes, [path], built("bookworm").name, built("trixie").name)


def test_an_nginx_that_is_none(processes: Harness, tmp_path: Path) -> None:
    """Said with those there are."""
    with pytest.raises(NginxUnavailable, match="bullseye, bookworm"):
        compared(processes, [written(tmp_path, SMALL)], "bundled", "stretch")
