"""What the audit knows of names and paths, held against nginx."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from pytest_mtls import Harness, NginxServer
from pytest_mtls.audit.spellings import Likeness, likeness, normalised, spelled
from pytest_mtls.site.patterns import compiled
from pytest_mtls.site.reading import Site

_NAMES = (
    "plain.example.com",
    "*.example.com",
    ".dotted.example.com",
    "*.api.example.com",
    "www.*",
    "~^r(?<n>[0-9]+)\\.example\\.org$",
    "~example",
)
_HOSTS = (
    "plain.example.com",
    "PLAIN.example.com",
    "other.example.com",
    "dotted.example.com",
    "a.dotted.example.com",
    "a.api.example.com",
    "api.example.com",
    "www.example.com",
    "www.example.net",
    "r12.example.org",
    "rx.example.org",
    "example.com",
    "nobody.invalid",
)


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, NginxServer]]:
    """A server for each name, which says its number; the default is the last."""
    servers = "".join(
        f'server {{ listen 80; server_name "{name}"; return 200 {number}; }}\n' for number, name in enumerate(_NAMES)
    )
    path = tmp_path_factory.mktemp("names") / "nginx.conf"
    path.write_text(
        f"events {{}}\nhttp {{\n{servers}server {{ listen 80 default_server; return 200 {len(_NAMES)}; }}\n}}\n"
    )
    with Harness.open("process") as harness:
        yield Site.read(path), harness.nginx(config=path)


@pytest.mark.parametrize("host", _HOSTS)
def test_the_site_knows_which_server_answers(host: str, named: tuple[Site, NginxServer]) -> None:
    """As nginx chooses it."""
    site, nginx = named

    answered = nginx.request(host=host).body.decode()

    server = site.answering("*:80", host)
    assert server is not None
    assert answered == str(site.servers.index(server))


@pytest.mark.parametrize(
    "seen, like",
    [
        ("/admin", Likeness.SAME),
        ("/%61dmin", Likeness.SAME),
        ("/audit/../admin?x=1", Likeness.SAME),
        ("/./admin", Likeness.SAME),
        ("/admin/users", Likeness.BELOW),
        ("/admin/", Likeness.LOOSE),
        ("//admin", Likeness.LOOSE),
        ("/ADMIN", Likeness.LOOSE),
        ("/;x/admin", Likeness.LOOSE),
        ("/a/..;/admin", Likeness.LOOSE),
        ("/%2561dmin", Likeness.LOOSE),
        ("/admin%20", Likeness.LOOSE),
        ("/administrator", Likeness.NONE),
        ("/", Likeness.NONE),
        ("/admin/../public", Likeness.NONE),
    ],
)
def test_what_an_application_may_take_a_path_for(seen: str, like: Likeness) -> None:
    """RFC 3986 where everybody agrees, more where some do."""
    assert likeness(seen, "/admin") is like


def test_encoding_that_means_something_stays() -> None:
    """RFC 3986 section 6.2.2.2."""
    assert normalised("/a%2fb/%7Ec/.") == "/a%2Fb/~c/"


def test_every_spelling_is_like_the_path() -> None:
    """So that what gets through is told of."""
    for path in ("/admin", "/Admin/", "/api/internal"):
        assert [each for each in spelled(path) if not likeness(each, path)] == []


def test_an_expression_that_never_ends_is_given_up() -> None:
    """Forty characters would take `re` years."""
    pattern = compiled(r"^/(a+)+$")
    assert pattern is not None
    begun = time.monotonic()

    assert pattern.search("/" + "a" * 40 + "!") is None
    assert time.monotonic() - begun < 2
