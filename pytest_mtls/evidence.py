"""What was seen of a failure, and what a likely cause wants to see."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was seen, by whomever; ``None`` where it is not known.

    Attributes:
        witness: who says so: ``test``, ``nginx`` (its log) or ``client``.
        accepted: whether the request reached what lies behind the check.
        layer: ``client``, ``tls``, ``http`` or ``stream``.
        status: on the wire.
        internal_status: nginx's own 495, 496 or 497.
        verify_code: OpenSSL's ``X509_V_ERR_*`` number.
        reason: a stable name, of :mod:`~pytest_mtls.reasons` or :mod:`~pytest_mtls.symptoms`.
        alert: the TLS alert, by its name in RFC 8446.
        mode: ``ssl_verify_client``.
        resumed: whether a former session was taken up.
        names: how SNI and Host go together: ``same``, ``differ``, or ``no SNI``.
        upstream: nginx was the TLS client.
    """

    witness: str
    accepted: bool | None = None
    layer: str | None = None
    status: int | None = None
    internal_status: int | None = None
    verify_code: int | None = None
    reason: str | None = None
    alert: str | None = None
    mode: str | None = None
    resumed: bool | None = None
    names: str | None = None
    upstream: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What evidence must show: one of the alternatives of each attribute; an empty tuple asks for nothing."""

    witness: tuple[str, ...] = ()
    accepted: tuple[bool, ...] = ()
    layer: tuple[str, ...] = ()
    status: tuple[int, ...] = ()
    internal_status: tuple[int, ...] = ()
    verify_code: tuple[int, ...] = ()
    reason: tuple[str, ...] = ()
    alert: tuple[str, ...] = ()
    mode: tuple[str, ...] = ()
    resumed: tuple[bool, ...] = ()
    names: tuple[str, ...] = ()
    upstream: tuple[bool, ...] = (False,)

    def is_in(self, evidence: Evidence) -> bool:
        """Whether the evidence shows all of it."""
        return all(
            not (allowed := getattr(self, each.name)) or getattr(evidence, each.name) in allowed
            for each in fields(self)
        )


@dataclass(frozen=True, slots=True)
class Cause:
    """One likely cause.

    Attributes:
        identifier: the entry of the catalogue, which is also what its scenario is called.
        sentence: why it happens.
        remedy: what to do.
        signs: any one of them is enough.
        has_scenario: whether there is a scenario of that name; what goes wrong in a client alone has none.
    """

    identifier: str
    sentence: str
    remedy: str
    signs: tuple[Sign, ...]
    has_scenario: bool = True

    @property
    def command(self) -> str | None:
        """What reproduces it on any nginx."""
        return f"pytest-mtls scenarios run {self.identifier}" if self.has_scenario else None
