"""How a connection is to be made, checked; and the same in words, for whoever reads about it later."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.nginx.spec import TLS_VERSIONS, Protocol
from pytest_mtls.outcome import Story
from pytest_mtls.pki.credential import Credential
from pytest_mtls.probe.session import Session
from pytest_mtls.resolution import tls_versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a connection is to be made."""

    credential: Credential | None
    tls: tuple[str, ...]
    server_name: str | None
    session: Session | None
    http2: bool
    protocol: Protocol

    @classmethod
    def checked(
        cls,
        *,
        credential: Credential | None,
        tls: str | Iterable[str] | None,
        server_name: str | None,
        session: Session | None,
        http2: bool,
        protocol: Protocol,
    ) -> Asked:
        """The same, with every value looked at.

        Raises:
            InvalidArgument: one of them cannot be sent.
        """
        if credential is not None and not isinstance(credential, Credential):
            raise InvalidArgument(
                f"credential={credential!r} is no Credential; mtls_ca.issue_client('name') makes one."
            )
        if session is not None and not isinstance(session, Session):
            raise InvalidArgument(
                f"session={session!r} is no Session; take the one of a former outcome: outcome.session."
            )
        if server_name is not None:
            try:
                server_name.encode("idna")
            except (UnicodeError, AttributeError) as error:
                raise InvalidArgument(
                    f"server_name={server_name!r} cannot be sent as SNI ({error}); "
                    "give a host name, or None to send none."
                ) from error
        versions = TLS_VERSIONS if tls is None else tls_versions(tls)
        return cls(
            credential=credential,
            tls=versions,
            server_name=server_name,
            session=session,
            http2=http2,
            protocol=protocol,
        )


def story_of(asked: Asked, *, url: str, mode: str, method: str, host: str | None, detail: str | None) -> Story:
    return Story(
        url=url,
        method=method,
        server_name=asked.server_name,
        host=host,
        credential=None if asked.credential is None else asked.credential.subject_dn,
        mode=mode,
        resumed_from=asked.session is not None,
        detail=detail,
        curl=_curl(asked, url, method, host) if asked.protocol is Protocol.HTTP else (),
    )


def _curl(asked: Asked, url: str, method: str, host: str | None) -> tuple[str, ...]:
    """A command for a human: with the files' usual names, and nothing written."""
    port = url.rpartition(":")[2].partition("/")[0]
    path = url.partition(port)[2]
    name = asked.server_name or "127.0.0.1"
    command = ["curl", "--insecure", "--include"]
    if asked.server_name not in (None, "localhost"):
        command += ["--resolve", f"{name}:{port}:127.0.0.1"]
    if host and host != name:
        command += ["--header", f"Host: {host}"]
    if asked.credential is not None:
        files = asked.credential.files_in("certs")
        command += ["--cert", str(files.chain), "--key", str(files.key)]
    if asked.tls != TLS_VERSIONS:
        command += [f"--tlsv{asked.tls[0]}", "--tls-max", asked.tls[-1]]
    if method not in ("", "GET"):
        command += ["--request", method]
    return (*command, f"https://{name}:{port}{path or '/'}")
