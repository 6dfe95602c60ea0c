"""The situations that the table shows to each client: a server, what the client has, and whom it trusts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from pytest_mtls.pki.states import CredentialState


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSituation:
    """One question.

    Attributes:
        name: an identifier, such as ``hidden-optional``.
        description: a phrase for a human.
        mode: ``ssl_verify_client``.
        state: what the client has.
        protocol: the server's.
        hides: the server's list of CAs names another one; the client's own is in ``ssl_trusted_certificate``.
        key_password: what the key is encrypted with.
        trusts_server: the client trusts the server's authority; else another one.
    """

    name: str
    description: str
    mode: str
    state: CredentialState
    protocol: str = "http"
    hides: bool = False
    key_password: str | None = None
    trusts_server: bool = True

    @property
    def server(self) -> tuple[str, str, bool]:
        """What its server is told by: situations with the same share one."""
        return self.mode, self.protocol, self.hides


_SHOWN: Final = {
    "none": CredentialState.NONE,
    "valid": CredentialState.VALID,
    "expired": CredentialState.EXPIRED,
    "unknown-ca": CredentialState.UNKNOWN_CA,
    "revoked": CredentialState.REVOKED,
}

_ALL: Final = (
    *(
        ClientSituation(name=f"{name}-{mode}", description=state.description, mode=mode, state=state)
        for name, state in _SHOWN.items()
        for mode in ("on", "optional")
    ),
    *(
        ClientSituation(
            name=f"hidden-{mode}",
            description="A certificate that nginx trusts, of an authority that its list of CAs does not name.",
            mode=mode,
            state=CredentialState.VALID,
            hides=True,
        )
        for mode in ("on", "optional")
    ),
    ClientSituation(
        name="encrypted-key",
        description="A valid certificate, its private key in an encrypted file.",
        mode="on",
        state=CredentialState.VALID,
        key_password="a passphrase",
    ),
    ClientSituation(
        name="server-not-trusted",
        description="A valid certificate, and a client that trusts another authority than the server's.",
        mode="on",
        state=CredentialState.VALID,
        trusts_server=False,
    ),
    *(
        ClientSituation(
            name=f"stream-{name}",
            description=f"A server of byte streams: {_SHOWN[name].description}",
            mode="on",
            state=_SHOWN[name],
            protocol="stream",
        )
        for name in ("none", "valid", "revoked")
    ),
)

SITUATIONS: Final[Mapping[str, ClientSituation]] = MappingProxyType({each.name: each for each in _ALL})


def arguments_of(situation: ClientSituation, *, listed: bytes, trusted: bytes, recorder: str) -> dict[str, Any]:
    """The arguments of its server.

    Args:
        situation: one of them.
        listed: PEM of an authority that issued nothing.
        trusted: PEM of the one that issued what clients show.
        recorder: where HTTP is recorded, for a server of byte streams.
    """
    asked: dict[str, Any] = {"verify": situation.mode}
    asked |= {"client_ca": listed, "trusted_ca": trusted} if situation.hides else {"crl": True}
    if situation.protocol == "stream":
        asked |= {"protocol": "stream", "upstream": recorder}
    return asked
