"""An outcome in words."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final

from pytest_mtls.causes import fitting
from pytest_mtls.escapes import printable
from pytest_mtls.evidence import Cause, Evidence
from pytest_mtls.nginx.spec import TLS_VERSIONS
from pytest_mtls.outcome import Layer, Outcome, Story
from pytest_mtls.pki.files import CredentialFiles
from pytest_mtls.reasons import TOLERATED_BY_OPTIONAL_NO_CA

_INTERNAL: Final = {
    495: "495: the certificate did not pass",
    496: "496: no certificate was sent",
    497: "497: plain HTTP on a TLS port",
}


def explain(outcome: Outcome) -> str:
    """A paragraph, the entries of the catalogue that fit, nginx's own words, and a command to repeat it."""
    story = outcome.story
    text = f"{_asked(outcome, story)} " if story is not None else ""
    text += conclusion(outcome)
    if causes := fitting(evidence_of(outcome)):
        text += "\n\nfits: " + "\nor: ".join(map(_likely, causes))
    if outcome.log:
        text += "\n\nnginx logged:\n" + "\n".join(f"  {line}" for line in outcome.log)
    if story is not None and story.http:
        text += "\n\nTo repeat it (credential.write_to('certs') writes the files):\n  " + shlex.join(_curl(story))
    return printable(text)


def conclusion(outcome: Outcome) -> str:
    """What happened, and why: the part of the paragraph that is the same wherever it was asked."""
    return " ".join(part for part in (_happened(outcome), _why(outcome)) if part)


def _likely(cause: Cause) -> str:
    reproduce = f"\n  To reproduce it: {cause.command}" if cause.command else ""
    return f"{cause.identifier}: {cause.sentence}\n  {cause.remedy}{reproduce}"


def evidence_of(outcome: Outcome) -> Evidence:
    """What an outcome shows."""
    story = outcome.story
    verified = outcome.reason is None and outcome.verify == "SUCCESS"
    return Evidence(
        witness="test",
        accepted=outcome.accepted,
        layer=str(outcome.layer),
        status=outcome.status,
        internal_status=outcome.internal_status,
        verify_code=outcome.verify_code,
        reason="verified" if verified else outcome.reason,
        alert=outcome.alert,
        mode=story.mode if story else None,
        resumed=outcome.resumed,
        names=_names(story) if story else None,
    )


def _names(story: Story) -> str:
    if story.server_name is None:
        return "no SNI"
    return "same" if story.host is None or _bare(story.host) == _bare(story.server_name) else "differ"


def _bare(name: str) -> str:
    """As nginx compares them: without port, case and trailing dot."""
    return name.rpartition(":")[0].lower().rstrip(".") if ":" in name else name.lower().rstrip(".")


def _asked(outcome: Outcome, story: Story) -> str:
    who = {None: "no certificate", "": "a certificate with an empty subject"}.get(
        story.credential, f"the certificate of {story.credential}"
    )
    what = f"{story.method} {story.url}" if story.method else f"A connection to {story.url}"
    name = f"SNI {story.server_name}" if story.server_name else "no SNI"
    if story.host and story.host != story.server_name:
        name += f", Host {story.host}"
    if story.withheld:
        who += ", withheld since the server names no CA of its chain,"
    tls = "no TLS" if story.plain else f"TLS {outcome.tls_version}" if outcome.tls_version else "TLS"
    offered = ", offering a former session" if story.resumed_from else ""
    return f"{what} ({name}) over {tls} with {who}{offered}, on a server with ssl_verify_client {story.mode}."


def _happened(outcome: Outcome) -> str:
    if outcome.layer is Layer.CLIENT:
        said = outcome.story.detail if outcome.story and outcome.story.detail else "no reason given"
        return f"The TLS library on this side would not send it: {said}. nginx was never asked."
    if outcome.layer is Layer.TLS:
        how = f"with the alert {outcome.alert}" if outcome.alert else f"({outcome.ending})"
        return f"TLS failed {how}; nginx saw no request."
    handshake = "The TLS handshake completed" + (" by resumption" if outcome.resumed else "")
    if outcome.story is not None and outcome.story.plain:
        handshake = "TCP connected"
    if outcome.status is None:
        ended = "was served" if outcome.accepted else f"ended without an answer ({outcome.ending})"
        return f"{handshake}, and the connection {ended}."
    internal = _INTERNAL.get(outcome.internal_status or 0)
    detail = f" (internally {internal})" if internal else ""
    reached = "the request reached what lies behind" if outcome.accepted else "nothing reached what lies behind"
    return f"{handshake}; nginx answered {outcome.status}{detail}, and {reached}."


def _why(outcome: Outcome) -> str:
    if outcome.verify_code is not None:
        sentence = f"OpenSSL's verification said {outcome.reason} ({outcome.verify_code})"
        if outcome.accepted and outcome.verify_code in TOLERATED_BY_OPTIONAL_NO_CA:
            return (
                f"{sentence}, one of the five errors that optional_no_ca lets pass; "
                f"$ssl_client_verify is {outcome.verify!r}, and whoever reads it must look."
            )
        return f"{sentence}; nginx looks at that only after the handshake (ngx_http_process_request)."
    if outcome.reason:
        return f"Reason: {outcome.reason}."
    return f"$ssl_client_verify is {outcome.verify!r}." if outcome.verify else ""


def _curl(story: Story) -> Iterator[str]:
    """A command for a human: with the files' usual names, and nothing written."""
    scheme, _, rest = story.url.partition("://")
    address, _, path = rest.partition("/")
    port = address.rpartition(":")[2]
    name = story.server_name or "127.0.0.1"
    yield from ("curl", "--insecure", "--include")
    if story.server_name not in (None, "localhost"):
        yield from ("--resolve", f"{name}:{port}:127.0.0.1")
    if story.host and story.host != name:
        yield from ("--header", f"Host: {story.host}")
    if story.files is not None and not story.withheld:
        files = CredentialFiles.named("certs", story.files)
        yield from ("--cert", str(files.chain), "--key", str(files.key))
    if story.tls != TLS_VERSIONS:
        yield from (f"--tlsv{story.tls[0]}", "--tls-max", story.tls[-1])
    if story.method not in ("", "GET"):
        yield from ("--request", story.method)
    if story.security_level:
        yield from ("--ciphers", f"DEFAULT:@SECLEVEL={story.security_level}")
    yield f"{scheme}://{name}:{port}/{path}"
