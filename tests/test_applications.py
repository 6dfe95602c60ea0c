"""The application under test behind nginx: WSGI, ASGI, and a container by name."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from flask import Flask, request

from pytest_mtls import (
    ApplicationStartError,
    AsgiApp,
    DeadlineExceeded,
    Harness,
    InvalidArgument,
    InvalidConfigValue,
    NginxServer,
    TlsUpstream,
    VirtualServer,
    WsgiApp,
)
from pytest_mtls.applications.interface import told_apart

Serve = Callable[..., NginxServer]

THREADS = "pytest-mtls application "
OTHERS: frozenset[threading.Thread] = frozenset()


def flask_app() -> Flask:
    """Says which header fields it got, and fails on demand."""
    app = Flask("echo")

    @app.route("/", methods=["GET", "POST"])
    def echo() -> dict[str, Any]:
        return {"headers": dict(request.headers), "body": request.get_data(as_text=True)}

    @app.get("/status/<int:code>")
    def status(code: int) -> tuple[str, int]:
        return "as asked", code

    return app


def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """The least that is one."""
    if environ["PATH_INFO"] == "/boom":
        raise LookupError("no such thing in this application")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["HTTP_X_SSL_CLIENT_VERIFY"].encode()]


async def asgi(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """The least that is one; it knows no lifespan, and says so as the specification has it: by failing."""
    assert scope["type"] == "http"
    if scope["path"] == "/boom":
        raise LookupError("no such thing in this application")
    headers = dict(scope["headers"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": headers[b"x-ssl-client-verify"]})


@pytest.fixture(autouse=True)
def others_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that tests of the same session share keep their applications."""
    monkeypatch.setattr(sys.modules[__name__], "OTHERS", frozenset(threading.enumerate()))


def serving_threads() -> list[str]:
    """Names of the threads that serve this test's applications at the moment."""
    own = (each for each in threading.enumerate() if each not in OTHERS)
    return sorted(each.name for each in own if each.name.startswith(THREADS))


@pytest.mark.parametrize("app", [wsgi, asgi], ids=["wsgi", "asgi"])
def test_an_application_sees_what_nginx_says_of_the_client(serve: Serve, harness: Harness, app: Any) -> None:
    """By either interface, from a container and from a process."""
    server = serve(verify="optional", upstream=app)

    known = server.request(credential=harness.ca.issue_client("alice"))
    forged = server.request(headers={"X-SSL-Client-Verify": "SUCCESS"})

    assert (known.accepted, known.status, known.body) == (True, 200, b"SUCCESS")
    assert (forged.accepted, forged.status, forged.body) == (True, 200, b"NONE")
    assert known.forwarded is None  # that is the recorder's to know


def test_a_framework_gets_identity_and_body(serve: Serve, harness: Harness) -> None:
    """What `request.headers` says is the certificate that was shown."""
    alice = harness.ca.issue_client("alice")

    outcome = serve(upstream=flask_app()).request(credential=alice, method="POST", body=b"x" * 100_000)

    said = json.loads(outcome.body)
    assert said["headers"]["X-Ssl-Client-S-Dn"] == "CN=alice"
    assert said["headers"]["X-Ssl-Client-Serial"] == alice.serial_hex
    assert said["body"] == "x" * 100_000


def test_accepted_is_what_reached_the_application(serve: Serve, harness: Harness) -> None:
    """Whatever it answers; what nginx refuses never gets there."""
    server = serve(verify="on", upstream=flask_app())
    alice = harness.ca.issue_client("alice")

    for status in (204, 302, 404, 418, 503):
        outcome = server.request(f"/status/{status}", credential=alice)
        assert (outcome.status, outcome.accepted) == (status, True)
    assert not server.request("/status/204").accepted


def test_one_object_is_served_once(process_harness: Harness) -> None:
    """However many servers name it, and until the last of them is gone."""
    app = WsgiApp(wsgi)
    first = process_harness.nginx(verify="off", upstream=app)
    second = process_harness.nginx(
        virtual_servers=[VirtualServer("a", verify="off", upstream=wsgi), VirtualServer("b")]
    )
    before = serving_threads()

    process_harness.discard(first)

    assert second.request(server_name="a").body == b"NONE"
    assert before == serving_threads() == [f"{THREADS}wsgi"]
    process_harness.discard(second)
    assert serving_threads() == []


def test_nothing_of_an_application_outlives_its_harness() -> None:
    """Neither its thread nor its port."""
    with Harness.open("process") as harness:
        server = harness.nginx(verify="off", upstream=asgi)
        address = server.spec.default.upstream.removeprefix("http://")  # type: ignore[union-attr]
        assert server.request().accepted

    host, port = address.split(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), 1)
    assert serving_threads() == []


def test_lifespan_is_run(process_harness: Harness) -> None:
    """At the start before the first request, at the end after the last."""
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        seen.append("start")
        yield
        seen.append("end")

    app = FastAPI(lifespan=lifespan)
    app.add_api_route("/", lambda: list(seen))
    server = process_harness.nginx(verify="off", upstream=app)

    assert server.request().body == b'["start"]'
    process_harness.discard(server)
    assert seen == ["start", "end"]


def test_an_application_that_fails_at_its_start(process_harness: Harness) -> None:
    """The error names it, and says the last line of its traceback."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        raise ConnectionError("the database is not there")
        yield

    with pytest.raises(ApplicationStartError, match=r"FastAPI .* failed at its start: .*the database is not there"):
        process_harness.nginx(upstream=FastAPI(lifespan=lifespan))
    assert serving_threads() == []


def test_an_application_that_never_starts() -> None:
    """It is waited for as long as nginx is, and cancelled."""

    async def stuck(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(600)

    with Harness.open("process", timeout=1) as harness:
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded, match=r"the application .*stuck to start"):
            harness.nginx(upstream=stuck)
        assert time.monotonic() - began < 3
    assert serving_threads() == []


@pytest.mark.parametrize("app", [wsgi, asgi], ids=["wsgi", "asgi"])
def test_an_error_of_the_application_is_logged(
    process_harness: Harness, app: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """So that pytest shows it, traceback and all; the client gets a 500, and the next request is served."""
    server = process_harness.nginx(verify="off", upstream=app)

    outcome = server.request("/boom")

    assert (outcome.accepted, outcome.status) == (True, 500)
    assert "LookupError: no such thing in this application" in caplog.text
    assert server.request().status == 200


def test_nothing_is_logged_where_all_is_well(caplog: pytest.LogCaptureFixture) -> None:
    """No banner, no access log, at the level that pytest shows."""
    with caplog.at_level(logging.WARNING), Harness.open("process") as harness:
        for app in (wsgi, asgi):
            assert harness.nginx(verify="off", upstream=app).request().accepted

    assert caplog.records == []


def test_a_request_that_hangs_does_not_hold_up_the_end(
    process_harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    """It is cut off after a moment."""
    let_go = threading.Event()

    def hanging(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        let_go.wait(60)
        start_response("200 OK", [])
        return [b""]

    server = process_harness.nginx(verify="off", upstream=hanging)
    server.request(timeout=0.3)
    began = time.monotonic()
    try:
        process_harness.discard(server)
    finally:
        let_go.set()

    assert time.monotonic() - began < 12
    assert "without a deadline" in caplog.text


def test_an_application_that_never_ends_is_cancelled(
    process_harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    """What it does at its end has some seconds."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.sleep(600)

    process_harness.discard(process_harness.nginx(verify="off", upstream=FastAPI(lifespan=lifespan)))

    assert "FastAPI did not stop within 5 s and was cancelled" in caplog.text
    assert serving_threads() == []


@pytest.mark.parametrize(
    "app, kind",
    [
        (wsgi, WsgiApp),
        (asgi, AsgiApp),
        (flask_app(), WsgiApp),
        (FastAPI(), AsgiApp),
        (functools.partial(asgi), AsgiApp),
        (functools.partial(wsgi), WsgiApp),
        (lambda scope, receive, send: asgi(scope, receive, send), AsgiApp),
        (WsgiApp(lambda *arguments: []), WsgiApp),
        (AsgiApp(lambda *arguments: None), AsgiApp),
    ],
)
def test_asgi_is_told_from_wsgi(app: Any, kind: type) -> None:
    """By what is awaited, then by the number of arguments, unless it is said."""
    assert type(told_apart(app)) is kind


@pytest.mark.parametrize(
    "upstream, message",
    [
        (FastAPI, "FastAPI is a class"),
        (flask_app, r"takes 0 arguments: WSGI gives 2.*WsgiApp\(app\), AsgiApp\(app\)"),
        (lambda *arguments: [], "takes arguments that do not tell"),
        (TlsUpstream(wsgi), "speaks no TLS"),
        (42, "neither a URL, an NginxServer nor an application"),
    ],
)
def test_what_is_no_application_is_refused(process_harness: Harness, upstream: Any, message: str) -> None:
    """With what to do instead."""
    with pytest.raises(InvalidArgument, match=message):
        process_harness.nginx(upstream=upstream)


def test_what_cannot_be_called_is_no_application() -> None:
    """Nor does saying so make it one."""
    with pytest.raises(InvalidArgument, match="cannot be called"):
        WsgiApp("app:app")  # type: ignore[arg-type]


def test_a_missing_extra_names_the_command(tmp_path: Path) -> None:
    """In a process where neither server can be imported."""
    for module in ("uvicorn", "cheroot"):
        (tmp_path / f"{module}.py").write_text(f"raise ModuleNotFoundError('hidden', name={module!r})\n")
    script = tmp_path / "ask.py"
    script.write_text("""
from pytest_mtls import Harness, Unavailable
async def asgi(scope, receive, send): ...
def wsgi(environ, start_response): ...
with Harness.open("process") as harness:
    for app in (asgi, wsgi):
        try:
            harness.nginx(upstream=app)
        except Unavailable as error:
            print(error)
""")

    said = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout.splitlines()

    assert [line.partition(", and ")[2] for line in said] == [
        "uvicorn is not installed. It comes with: pip install 'pytest-mtls[app]'",
        "cheroot is not installed. It comes with: pip install 'pytest-mtls[app]'",
    ]


def test_an_application_behind_a_stream_server(serve: Serve, harness: Harness) -> None:
    """nginx passes the bytes on and says nothing of the client."""
    server = serve(protocol="stream", verify="on", upstream=flask_app())

    with server.connect(credential=harness.ca.issue_client("alice")) as connection:
        answer = connection.exchange(b"GET /status/418 HTTP/1.0\r\n\r\n", until=b"as asked")

    assert answer.startswith(b"HTTP/1.1 418 ")


def test_an_error_stands_in_the_report(pytester: pytest.Pytester) -> None:
    """A test that fails because the application did shows the application's traceback."""
    pytester.makepyfile("""
        def app(environ, start_response):
            raise LookupError("no such thing in this application")

        def test_it(mtls_nginx_factory):
            assert mtls_nginx_factory(verify="off", upstream=app).request().status == 200
    """)

    result = pytester.runpytest_subprocess("--mtls-engine", "process", "-p", "no:asyncio", timeout=60)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*LookupError: no such thing in this application"])


def test_each_worker_serves_its_own(pytester: pytest.Pytester) -> None:
    """A marker's list of applications makes a test for each, also where tests are spread over processes."""
    pytester.makepyfile("""
        import os
        import pytest

        def wsgi(environ, start_response):
            start_response("200 OK", [])
            return [b"%d" % os.getpid()]

        async def asgi(scope, receive, send):
            assert scope["type"] == "http"
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"%d" % os.getpid()})

        @pytest.mark.mtls(verify="off", upstream=[wsgi, asgi])
        @pytest.mark.parametrize("turn", range(3))
        def test_it(mtls_nginx, turn):
            assert mtls_nginx.request().body == b"%d" % os.getpid()
    """)

    result = pytester.runpytest_subprocess("--mtls-engine", "process", "-p", "no:asyncio", "-n", "2", timeout=60)

    result.assert_outcomes(passed=6)


@pytest.fixture
def neighbour(docker_harness: Harness) -> Any:
    """A container that serves plain HTTP on port 8080, and that its tests know by its name only."""
    docker_harness.nginx(verify="off", directives=["listen 8080;", "location = /who { return 200 neighbour; }"])
    engine: Any = docker_harness.engine
    label = next(f"{name}={value}" for name, value in engine.labels.items() if name.endswith("session"))
    (container,) = engine.client.containers.list(filters={"label": label})
    return container


@pytest.fixture
def network(docker_harness: Harness, neighbour: Any) -> Iterator[str]:
    """A network with the neighbour on it, who has left the one it was on."""
    client = docker_harness.engine.client  # type: ignore[attr-defined]
    made = client.networks.create(f"mtls-{uuid.uuid4().hex[:12]}")
    made.connect(neighbour)
    client.networks.get("bridge").disconnect(neighbour)
    yield made.name
    client.api.remove_container(neighbour.id, force=True)
    made.reload()
    for left in made.attrs["Containers"]:
        made.disconnect(left, force=True)
    made.remove()


def test_a_container_by_name(serve: Serve, neighbour: Any) -> None:
    """On the network that containers are on by default; for a process at its own address."""
    outcome = serve(verify="off", upstream=f"container://{neighbour.name}:8080").request("/who")

    assert (outcome.accepted, outcome.body) == (True, b"neighbour")


def test_a_container_behind_a_configuration_of_ones_own(serve: Serve, neighbour: Any, tmp_path: Path) -> None:
    """Named for a group of servers, and for a stream."""
    (tmp_path / "nginx.conf").write_text(
        "events {}\n"
        "http { upstream app { server 10.0.0.1:80; } server { listen 80; location / { proxy_pass http://app; } } }\n"
        "stream { server { listen 9000; proxy_pass db.internal:5432; } }\n"
    )
    address = f"container://{neighbour.name}:8080"

    server = serve(config=tmp_path / "nginx.conf", upstreams={"app": address, "db.internal:5432": address})

    assert server.request("/who").body == b"neighbour"
    with server.listener_for(9000).connect(plain=True) as connection:
        assert b"neighbour" in connection.exchange(b"GET /who HTTP/1.0\r\n\r\n", until=b"neighbour")


def test_a_container_on_a_network_of_its_own(serve: Serve, neighbour: Any, network: str) -> None:
    """A container's nginx gets onto that network, also when it runs already."""
    upstream = f"container://{neighbour.name}:8080"
    server = serve(verify="off")
    assert server.request("/who").body != b"neighbour"

    server.update(upstream=upstream)

    assert server.request("/who").body == b"neighbour"
    assert serve(verify="off", upstream=upstream).request("/who").body == b"neighbour"
    by_stream = serve(protocol="stream", verify="off", upstream=upstream)
    with by_stream.connect() as connection:
        assert b"neighbour" in connection.exchange(b"GET /who HTTP/1.0\r\n\r\n", until=b"neighbour")


def test_a_container_that_is_not_there(serve: Serve, neighbour: Any) -> None:
    """The error names those that run; one that was stopped is said to be."""
    with pytest.raises(InvalidArgument, match=rf"no container of that name\. Running are: .*{neighbour.name}"):
        serve(upstream="container://nobody-of-that-name:80")
    neighbour.stop(timeout=1)
    with pytest.raises(InvalidArgument, match="that container is exited; start it first"):
        serve(upstream=f"container://{neighbour.name}:8080")


@pytest.mark.parametrize("upstream", ["container://db", "container://db:0", "container://db:80/x", "container://-:80"])
def test_a_container_that_cannot_be(process_harness: Harness, upstream: str) -> None:
    """A name and a port, and nothing else."""
    with pytest.raises(InvalidConfigValue, match=r"container://name:port"):
        process_harness.nginx(upstream=upstream)
