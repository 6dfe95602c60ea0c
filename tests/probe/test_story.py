"""What an outcome keeps of the question, and the command that repeats it."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import pytest

from pytest_mtls import Harness

ASKED: list[tuple[dict[str, Any], str]] = [
    ({}, "curl --insecure --include https://localhost:PORT/x"),
    (
        {"credential": "alice smith"},
        "curl --insecure --include --cert certs/alice_smith.chain.pem --key certs/alice_smith.key.pem "
        "https://localhost:PORT/x",
    ),
    (
        {"server_name": "a.test", "host": "b.test", "method": "HEAD"},
        "curl --insecure --include --resolve a.test:PORT:127.0.0.1 --header 'Host: b.test' --request HEAD "
        "https://a.test:PORT/x",
    ),
    (
        {"server_name": None, "tls": "1.2"},
        "curl --insecure --include --header 'Host: localhost' --tlsv1.2 --tls-max 1.2 https://127.0.0.1:PORT/x",
    ),
    ({"security_level": 2}, "curl --insecure --include --ciphers DEFAULT:@SECLEVEL=2 https://localhost:PORT/x"),
    ({"plain": True}, "curl --insecure --include --header 'Host: localhost' http://127.0.0.1:PORT/x"),
]


@pytest.mark.parametrize("given, command", ASKED)
def test_an_explanation_ends_with_a_command_that_asks_the_same(
    process_harness: Harness, given: dict[str, Any], command: str
) -> None:
    """With the files' usual names; nothing of it is made before somebody reads it."""
    nginx = process_harness.nginx(verify="optional")
    name = given.get("credential")
    asked = given | ({"credential": process_harness.ca.issue_client(name)} if name else {})

    explained = nginx.request("/x", **asked).explain()

    assert explained.endswith(f"\n  {command.replace('PORT', str(nginx.port))}")


def test_a_stream_server_is_asked_by_no_curl(process_harness: Harness) -> None:
    """It speaks no HTTP."""
    assert "curl" not in process_harness.nginx(protocol="stream").request().explain()


def test_no_private_key_is_kept_with_an_outcome(process_harness: Harness) -> None:
    """A story is made of words and numbers."""
    story = process_harness.nginx().request(credential=process_harness.ca.issue_client("alice")).story

    assert story is not None
    assert {type(value) for value in astuple(story)} <= {str, bool, int, tuple, type(None)}
