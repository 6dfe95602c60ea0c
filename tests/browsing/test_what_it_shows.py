"""What a user has before them, by certificate and mode."""

from __future__ import annotations

import struct

import pytest

from pytest_mtls import Browser, Harness, InvalidArgument, KeyMismatch, Page, VirtualServer
from tests.browsing.conftest import Place, Traces


def _size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def _look(through: str, server: object, credential: object, path: str = "/") -> Page:
    with Browser.open(server, credential=credential, through=through) as browser:  # type: ignore[arg-type]
        page = browser.visit(path)
    width, height = _size(page.screenshot)
    assert width > 600
    assert height > 400
    return page


def test_a_valid_certificate_on_on(place: Place, through: str, traces: Traces) -> None:
    """The page, after a redirect, and the name that the application sees."""
    page = _look(through, place.on, place.alice, "/moved")

    assert (page.status, page.error, page.verify, page.withheld) == (200, None, "SUCCESS", False)
    assert page.url == f"{place.on.url}/here"
    assert '"X-SSL-Client-S-DN": "CN=alice"' in page.text
    assert page.forwarded is not None
    assert page.forwarded["X-SSL-Client-S-DN"] == "CN=alice"


def test_none_on_optional(place: Place, through: str) -> None:
    """Let through, and nobody is named."""
    page = _look(through, place.optional, None)

    assert (page.status, page.verify, page.withheld) == (200, "NONE", False)
    assert page.forwarded is not None
    assert "X-SSL-Client-S-DN" not in page.forwarded


def test_a_revoked_one(place: Place, through: str) -> None:
    """nginx's own page."""
    page = _look(through, place.on, place.revoked)

    assert (page.status, page.error, page.forwarded, page.withheld) == (400, None, None, False)
    assert page.verify == "FAILED:certificate revoked"
    assert "The SSL certificate error" in page.text


def test_one_that_the_list_of_cas_hides(place: Place, through: str) -> None:
    """Chromium keeps it back and says nothing, so that nginx sees nobody; Playwright presents it."""
    page = _look(through, place.names_another_ca, place.alice)

    if through == "chromium":
        assert (page.status, page.verify, page.withheld) == (200, "NONE", True)
    else:
        assert (page.status, page.withheld) == (400, False)
        assert str(page.verify).startswith("FAILED:")
        assert "The SSL certificate error" in page.text


def test_a_stream_that_closes(place: Place, through: str) -> None:
    """No page: Chromium's own says why it thinks so."""
    page = _look(through, place.stream, None)

    assert (page.status, page.verify, page.forwarded) == (None, None, None)
    assert page.error in ("net::ERR_EMPTY_RESPONSE", "net::ERR_SOCKET_NOT_CONNECTED", "net::ERR_CONNECTION_CLOSED")
    assert page.text


def test_an_intermediate_and_two_names(docker_harness: Harness) -> None:
    """The chain is sent with the leaf, and each name is found without a resolver; here with a container."""
    issuing = docker_harness.ca.intermediate("Issuing CA")
    server = docker_harness.nginx(
        depth=2, virtual_servers=[VirtualServer("a.test"), VirtualServer("b.test", verify="off")]
    )
    with Browser.open(server, credential=issuing.issue_client("carol")) as browser:
        asked, unasked = browser.visit(host="a.test"), browser.visit(host="b.test")

    assert (asked.status, asked.verify, asked.url) == (200, "SUCCESS", f"https://a.test:{server.port}/")
    assert (unasked.status, unasked.verify) == (200, "NONE")


def test_a_server_certificate_of_ones_own(process_harness: Harness, place: Place) -> None:
    """Trusted as it is, without its issuer."""
    server = process_harness.nginx(verify="off", server=place.ca.issue_server())
    with Browser.open(server) as browser:
        assert browser.visit().status == 200


def test_what_it_cannot_present(place: Place, traces: Traces) -> None:
    """A key that NSS does not know, and one of another certificate; nothing is left of the attempt."""
    with pytest.raises(InvalidArgument, match=r"saw: pk12util.*takes RSA keys and EC keys"):
        Browser.open(place.on, credential=place.ca.issue_client("dave", key_type="ed25519"))
    with pytest.raises(KeyMismatch, match="not the one of the first certificate"):
        Browser.open(place.on, credential=place.alice.with_private_key(place.revoked))
