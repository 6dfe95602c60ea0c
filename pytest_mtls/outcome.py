"""What nginx did with one request, as a frozen value; and what it was expected to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING

from pytest_mtls.headers import Headers

if TYPE_CHECKING:
    from pytest_mtls.probe.channel import Ending
    from pytest_mtls.probe.recorder import Forwarded
    from pytest_mtls.probe.session import Session


class Layer(str, Enum):
    """Where it was decided."""

    CLIENT = "client"
    """The TLS library on this side would not load or send what it was given."""
    TLS = "tls"
    """In the TLS handshake."""
    HTTP = "http"
    """By nginx's http module, after a completed handshake."""
    STREAM = "stream"
    """By nginx's stream module, after a completed handshake."""

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What nginx will do, as the oracle knows it. Compared by :meth:`Outcome.matches`.

    Attributes:
        accepted: whether the request reaches what lies behind the check.
        layer: where that is decided.
        status: on the wire; ``None`` where no answer comes.
        internal_status: nginx's own 495 or 496.
        verify: the part of ``$ssl_client_verify`` before the colon: ``NONE``, ``SUCCESS``, ``FAILED``; ``None`` where
            nginx sees no request.
        verify_code: OpenSSL's number.
        reason: its stable name.
        alert: the TLS alert the client receives.
        because: the rule, with its source.
    """

    accepted: bool
    layer: Layer
    status: int | None = None
    internal_status: int | None = None
    verify: str | None = None
    verify_code: int | None = None
    reason: str | None = None
    alert: str | None = None
    because: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What nginx did. Never raised, always returned: a refused handshake, a 400 or a closed stream is data.

    Attributes:
        accepted: the request reached what lies behind the check.
        layer: where it was decided.
        status: on the wire; ``None`` where no answer came.
        internal_status: nginx's own 495 (bad certificate), 496 (no certificate) or 497 (plain HTTP), which it sends as
            400 (``ngx_http_special_response_handler``); ``None`` for anything else.
        verify: ``$ssl_client_verify`` verbatim; ``None`` where nginx saw no request.
        verify_code: OpenSSL's ``X509_V_ERR_*`` number; ``None`` where all is well or none was reported.
        reason: the stable name of what was wrong, the same on every OpenSSL; ``None`` where all is well.
        alert: the fatal TLS alert that was received, by its name in RFC 8446.
        ending: how the connection ended, as the client saw it.
        tls_version: ``"1.2"`` or ``"1.3"``.
        cipher: the cipher suite.
        resumed: whether a former session was taken up.
        session: what a later request needs to resume this one.
        variables: every ``$ssl_*`` variable this nginx knows, exact, without the ``$``; also for refused requests.
            Empty where nginx saw no request.
        forwarded: what the application behind really received; ``None`` if nothing arrived, or what lies behind does
            not record.
        headers: of the response.
        body: of the response.
        accepted_cas: subjects in the server's CertificateRequest; ``None`` if it sent none.
        log: nginx's log lines for this connection.
        nginx: the version that answered.
        openssl: the OpenSSL it ran with.
        story: what was asked, and by whom; for :meth:`explain`.
    """

    accepted: bool
    layer: Layer
    status: int | None = None
    internal_status: int | None = None
    verify: str | None = None
    verify_code: int | None = None
    reason: str | None = None
    alert: str | None = None
    ending: Ending | None = None
    tls_version: str | None = None
    cipher: str | None = None
    resumed: bool = False
    session: Session | None = field(default=None, repr=False)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    forwarded: Forwarded | None = field(default=None, repr=False)
    headers: Headers = field(default_factory=Headers, repr=False)
    body: bytes = field(default=b"", repr=False)
    accepted_cas: tuple[str, ...] | None = field(default=None, repr=False)
    log: tuple[str, ...] = field(default=(), repr=False)
    nginx: str = ""
    openssl: str = ""
    story: Story | None = field(default=None, repr=False)

    def matches(self, expected: Expected) -> bool:
        """Whether this is what was expected. Texts that vary by version are not compared, their numbers are."""
        return not self.differences(expected)

    def differences(self, expected: Expected) -> dict[str, tuple[object, object]]:
        """Attribute -> (expected, observed) for each that differs."""
        observed = {each.name: getattr(self, each.name) for each in fields(expected) if each.compare}
        observed["verify"] = self.verify.partition(":")[0] if self.verify is not None else None
        return {
            name: (getattr(expected, name), value)
            for name, value in observed.items()
            if getattr(expected, name) != value
        }

    def explain(self) -> str:
        """A paragraph for a human: what was asked, what happened, why, and a curl command that repeats it."""
        from pytest_mtls.explanation import explain

        return explain(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What was asked, in words: kept apart from what happened.

    Attributes:
        url: with the address that was dialled.
        method: of the request; ``""`` for a bare connection.
        server_name: the SNI, or ``None`` where none was sent.
        host: the Host field.
        credential: the subject presented, ``""`` for an empty one, ``None`` for none at all.
        mode: the verify mode of the server that was asked.
        resumed_from: whether a session was offered.
        detail: the TLS library's own words, where it had any.
        http: the server is one of requests, not of byte streams.
        tls: the versions that were offered.
        security_level: OpenSSL's, of the client.
        files: what the credential's files are called where it is written; ``None`` for no credential.
        plain: no TLS was spoken, on purpose.
        withheld: the client kept its certificate back: the server's list of CAs names no issuer of it.
    """

    url: str
    method: str
    server_name: str | None
    host: str | None
    credential: str | None
    mode: str
    resumed_from: bool
    detail: str | None
    http: bool
    tls: tuple[str, ...]
    security_level: int
    files: str | None
    plain: bool = False
    withheld: bool = False
