"""What a report or a command says of hostile strings: no terminal obeys it, and no browser takes it for markup."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_mtls import NginxStartError
from pytest_mtls.cli import main
from pytest_mtls.escapes import printable
from pytest_mtls.pki.states import CredentialState
from pytest_mtls.report.files import write_report
from pytest_mtls.report.record import Observation
from pytest_mtls.report.verdict import Verdict
from tests.plugin.suite import Suite
from tests.safety.strings import hostile_text, is_harmless


class Markup(HTMLParser):
    """The elements of a page with the names of their attributes; text, and where it may break, is left out."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if (tag, attrs) != ("wbr", []):
            self.elements.append((tag, tuple(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.elements.append((f"/{tag}", ()))


def observed(text: str, mode: str, credential: str | None) -> Observation:
    """A request with that text wherever there can be any."""
    verdict = Verdict(
        accepted=False,
        layer="http",
        status=400,
        internal_status=495,
        verify=text,
        verify_code=10,
        reason=text,
        alert=text,
    )
    return Observation(
        test=text, mode=mode, credential=credential, tls_version=text, verdict=verdict, nginx=text, openssl=text
    )


def page_of(text: str, credential: str | None) -> str:
    """The HTML report of a suite with one request."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.html")
        write_report(path, [observed(text, "on", credential)])
        return path.read_text(encoding="utf-8")


@given(text=hostile_text.map("text {}".format))
def test_html(text: str) -> None:
    """The page has the elements that it has with a harmless text."""
    for credential, harmless in ((text, "CN=nobody"), (f"CN={CredentialState.EXPIRED}",) * 2, (None, None)):
        assert Markup(page_of(text, credential)).elements == _harmless(harmless)


@cache
def _harmless(credential: str | None) -> list[tuple[str, tuple[str, ...]]]:
    return Markup(page_of("harmless", credential)).elements


def test_markup_would_be_seen() -> None:
    """Otherwise the test above could not fail."""
    page = page_of("harmless", None)

    assert Markup(page.replace("harmless", "<b>harmless</b>", 1)).elements != Markup(page).elements


@given(text=hostile_text)
def test_json(text: str) -> None:
    """Read back as it was; ASCII, so that no terminal obeys it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.json")
        write_report(path, [observed(text, "on", text)])
        written = path.read_text(encoding="utf-8")

    assert written.isascii()
    assert json.loads(written)["observations"][0]["test"] == text


@given(text=hostile_text)
def test_errors(text: str) -> None:
    """Whatever is in them, a log and a configuration among it."""
    error = NginxStartError(text, log=[text], config=text)

    assert is_harmless(str(error))
    assert (error.log, error.config) == ((text,), text)


@given(text=hostile_text)
def test_printable(text: str) -> None:
    """Harmless, the same twice over, and what is harmless stays as it is."""
    shown = printable(text)

    assert is_harmless(shown)
    assert printable(shown) == shown
    assert shown == text or not is_harmless(text)


def said_by(*arguments: str) -> str:
    """What a command prints, on both streams."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), contextlib.suppress(SystemExit):
        main(list(arguments))
    return said.getvalue()


_LINE = st.binary(max_size=60).map(lambda data: data.replace(b"\0", b""))


@settings(max_examples=15)
@given(text=hostile_text)
@pytest.mark.parametrize(
    "command",
    [
        ["config", "--verify"],
        ["explain"],
        ["serve", "--tls"],
        ["export", "--engine"],
        ["nothing"],
        ["mint", "--nothing"],
    ],
)
def test_commands_with_hostile_arguments(command: list[str], text: str) -> None:
    """Refused, in words that no terminal obeys."""
    given_by_a_shell = os.fsdecode(f"{text}-none".encode("utf-8", "surrogatepass").replace(b"\0", b""))

    assert is_harmless(said_by(*command, given_by_a_shell))


@settings(max_examples=10)
@given(text=hostile_text)
def test_minting_for_hostile_names(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Refused, or written into the folder that was named and nowhere else."""
    folder = tmp_path_factory.mktemp("minted")
    (folder / "own").mkdir()

    said = said_by("mint", str(folder / "own"), "--client", text.replace("\0", ""))

    assert is_harmless(said)
    assert [path.name for path in folder.iterdir()] == ["own"]


@given(lines=st.lists(_LINE | st.just(b'SSL_do_handshake() failed "\x1b[2J" alert number 48'), max_size=4))
def test_explaining_hostile_logs(lines: list[bytes]) -> None:
    """What a client wrote into a log is shown, and not obeyed."""
    with tempfile.NamedTemporaryFile("wb") as file:
        file.write(b"\n".join(lines))
        file.flush()

        assert is_harmless(said_by("explain", file.name))


def test_sections_of_a_failed_test(suite: Suite) -> None:
    """nginx writes a request into its log as it came: what pytest prints of that is not obeyed either."""
    result = suite.run(
        """
        import pytest
        ESC = chr(27) + "[2J"

        @pytest.mark.mtls(directives=f"# {ESC}", verify="off")
        def test_it(mtls_nginx, mtls_ca):
            mtls_nginx.request("/a", http2=False, headers={"X-A": "b"}, host="a.test")
            with mtls_nginx.connect() as connection:
                connection._channel.send(f"GET /{ESC} HTTP/1.1\\r\\nHost: {ESC}\\r\\n\\r\\n".encode(), DEADLINE)
                connection._channel.receive(DEADLINE)
            assert False

        from pytest_mtls.deadline import Deadline
        DEADLINE = Deadline.after(5)
        """,
        "--mtls-report=report.html",
        "--color=no",
    )

    result.assert_outcomes(failed=1)
    said = result.stdout.str()
    assert r"\x1b[2J" in said
    assert is_harmless(said)
