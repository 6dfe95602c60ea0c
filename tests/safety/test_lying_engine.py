"""A container engine that answers what it likes: a typed error that no terminal obeys, and in time."""

from __future__ import annotations

import contextlib
import json
import socketserver
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_mtls import Harness, MtlsError
from tests.safety.strings import hostile_text, is_harmless

pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
"""The guard goes on trying to have removed what such an engine will not remove."""

Answer = tuple[int, bytes]
LONGEST = 15.0
"""Seconds for a session that gives each step half a second; the engine has ten to remove its containers."""

VERSION = {"ApiVersion": "1.41", "Version": "20.10", "Components": []}
BRIDGE = {"IPAM": {"Config": [{"Subnet": "127.0.0.0/8", "Gateway": "127.0.0.1"}]}}
HONEST: dict[str, Any] = {
    "version": VERSION,
    "networks": BRIDGE,
    "images": {"Id": "sha256:" + "0" * 64},
    "list": [],
    "create": {"Id": "c0ffee"},
    "inspect": {"State": {"Running": True}, "NetworkSettings": {"Ports": {}, "Networks": {}}},
}


def kind_of(path: str) -> str:
    """What is asked for."""
    parts = path.partition("?")[0].strip("/").split("/")
    parts = parts[1:] if parts[0].startswith("v1") else parts
    if parts[0] == "containers":
        if len(parts) == 2 and parts[1] == "json":
            return "list"
        return {"create": "create", "json": "inspect", "attach": "attach"}.get(parts[-1], "other")
    return parts[0]


class Liar(BaseHTTPRequestHandler):
    """Answers each request as the server's ``answer`` says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(size)
        if "chunked" in (self.headers.get("Transfer-Encoding") or ""):
            self.close_connection = True
        status, body = self.server.answer(kind_of(self.path))  # type: ignore[attr-defined]
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET  # noqa: N815

    def address_string(self) -> str:
        return "nobody"

    def log_message(self, *_: object) -> None:
        pass


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass


class Engine:
    """A socket that says it is Docker."""

    def __init__(self, path: Path) -> None:
        self._server = _Server(str(path), Liar)
        self.lies: Callable[[str], Answer | None] = lambda _: None
        self._server.answer = self._answer  # type: ignore[attr-defined]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def _answer(self, kind: str) -> Answer:
        return self.lies(kind) or (200, json.dumps(HONEST.get(kind, {})).encode())

    def close(self) -> None:
        """Be gone."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def engine_of_lies() -> Iterator[Engine]:
    """One for all: what it says is changed."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        engine = Engine(Path(folder, "docker.sock"))
        patch.setenv("DOCKER_HOST", f"unix://{folder}/docker.sock")
        yield engine
        engine.close()


def session() -> None:
    """Say which engine it is, and start a server."""
    with Harness.open("docker", timeout=0.15) as harness:
        assert is_harmless(harness.engine.description)
        harness.nginx()


def refusal() -> MtlsError:
    """What a session with that engine ends in."""
    began = time.monotonic()
    with pytest.raises(MtlsError) as refused:
        session()

    assert time.monotonic() - began < LONGEST
    assert is_harmless(str(refused.value))
    return refused.value


def test_an_engine_that_says_it_does_all_that_is_asked(engine_of_lies: Engine) -> None:
    """And does nothing: what was awaited is said. The lies below differ from this in one answer each."""
    engine_of_lies.lies = lambda _: None

    assert isinstance(refusal(), MtlsError)


@pytest.mark.parametrize("kind", ["version", "networks", "images", "create", "inspect", "attach"])
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((200, b""), id="nothing"),
        pytest.param((200, b"null"), id="null"),
        pytest.param((200, b"[]"), id="a list"),
        pytest.param((200, b'{"Id": 5, "State": 5, "NetworkSettings": 5, "Version": 5, "IPAM": 5}'), id="numbers"),
        pytest.param((500, b'{"message": "\\u001b[2J\\u202e"}'), id="escapes"),
    ],
)
def test_one_lie(engine_of_lies: Engine, kind: str, answer: Answer) -> None:
    """A typed error, whichever answer it is."""
    engine_of_lies.lies = lambda asked: answer if asked == kind else None

    refusal()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 10**6) | hostile_text,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["Id", "State", "NetworkSettings", "Ports", "IPAM", "Config", "Version", "message"]), inner
        )
    ),
    max_leaves=5,
)


@settings(max_examples=max(5, settings().max_examples // 20))
@given(
    kind=st.sampled_from(["version", "networks", "images", "create", "inspect"]),
    status=st.sampled_from([200, 204, 400, 404, 409, 500]),
    value=_JSON,
)
def test_any_answer(engine_of_lies: Engine, kind: str, status: int, value: Any) -> None:
    """A typed error, whatever it is."""
    engine_of_lies.lies = lambda asked: (status, json.dumps(value).encode()) if asked == kind else None

    refusal()
