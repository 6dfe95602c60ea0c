"""What a user may say about a server, checked, and turned into a spec.

The marker, the factory, ``update()`` and the command line all take the arguments of :class:`ServerArguments`.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.nginx import ocsp, text

if TYPE_CHECKING:
    from pytest_mtls.pki.ocsp import OcspResponder

E = TypeVar("E", bound=Enum)

_TICKET_KEY_SIZES: Final = (48, 80)


class Unset(Enum):
    """Says that an argument was not given, where ``None`` means something."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "<default>"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class _BlockArguments:
    """What can be said of one ``server {}``; ``None`` leaves the directive to nginx's own default."""

    verify: Any = UNSET
    client_ca: Any = UNSET
    trusted_ca: Any = UNSET
    crl: Any = UNSET
    depth: int | Unset | None = UNSET
    tls: Any = UNSET
    session_cache: str | Unset | None = UNSET
    session_tickets: bool | Unset | None = UNSET
    session_ticket_key: Any = UNSET
    server: Any = UNSET
    upstream: Any = UNSET
    forward: Any = UNSET
    error_pages: Any = UNSET
    ocsp: Any = UNSET
    directives: Any = UNSET

    def given(self) -> dict[str, Any]:
        """The arguments that were given."""
        every = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        return {name: value for name, value in every.items() if value is not UNSET}


@dataclass(frozen=True, slots=True)
class Ocsp:
    """How nginx asks whether a client's certificate was revoked; a responder alone stands for ``Ocsp(responder)``.

    Args:
        responder: whom nginx asks (``ssl_ocsp_responder``): an ``OcspResponder``, or the ``http://`` address of another
            as that nginx reaches it. ``None`` goes with ``use_aia``.
        scope: ``"leaf"`` asks about the client's own certificate, ``"on"`` about the whole chain but the root.
        cache: ``"shared:NAME:1m"`` to remember answers (``ssl_ocsp_cache``).
        use_aia: ask whom each certificate names (``ocsp_url``), and only that one. A host name there needs a
            ``resolver`` among ``directives``.

    Raises:
        InvalidArgument: a value is not allowed, or there is nobody to ask.
    """

    responder: OcspResponder | str | None = None
    scope: str = "leaf"
    cache: str | None = None
    use_aia: bool = False

    def __post_init__(self) -> None:
        if self.scope not in ocsp.SCOPES:
            raise InvalidArgument.not_one_of("Ocsp scope", self.scope, ocsp.SCOPES)
        if self.cache is not None:
            ocsp.cache(self.cache)
        if isinstance(self.responder, str):
            ocsp.responder_url(self.responder)
        elif self.responder is not None and not hasattr(self.responder, "url_for"):
            raise InvalidArgument(f"ocsp: {self.responder!r} is no OcspResponder; make one with ca.ocsp_responder().")
        if self.responder is None and not self.use_aia:
            raise InvalidArgument("Ocsp() has nobody to ask: give it a responder, or use_aia=True.")


@dataclass(frozen=True, slots=True)
class VirtualServer:
    """One of several servers on a listener; what is not said here is as it is said for the listener.

    Args:
        name: ``server_name``, one or several.
        settings: the arguments of a server, but for those that belong to a listener: ``protocol``, ``http2``,
            ``server_names``, ``virtual_servers``, ``nginx``, ``port``.

    Raises:
        InvalidArgument: an argument is unknown.
    """

    names: tuple[str, ...]
    settings: _BlockArguments

    def __init__(self, name: str | Iterable[str], **settings: Any) -> None:
        check_names(settings, _BLOCK_NAMES, "VirtualServer")
        names = (name,) if isinstance(name, str) else tuple(name)
        object.__setattr__(
            self, "names", tuple(text.server_name(each, argument="VirtualServer name") for each in names)
        )
        object.__setattr__(self, "settings", _BlockArguments(**settings))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerArguments(_BlockArguments):
    """Every argument of the marker and the factory, as it was given. The table in the README says what each means."""

    protocol: Any = UNSET
    http2: bool | Unset = UNSET
    server_names: Any = UNSET
    virtual_servers: Any = UNSET
    config: Any = UNSET
    nginx: str | Unset | None = UNSET
    port: int | Unset = UNSET

    @classmethod
    def checked(cls, arguments: Mapping[str, Any], *, where: str) -> ServerArguments:
        """These arguments, each known by name.

        Raises:
            InvalidArgument: one is not; the text names those there are.
        """
        check_names(arguments, ARGUMENT_NAMES, where)
        return cls(**arguments)

    def changed(self, arguments: Mapping[str, Any], *, where: str) -> ServerArguments:
        """The same with some arguments changed.

        Raises:
            InvalidArgument: one is unknown.
        """
        check_names(arguments, ARGUMENT_NAMES, where)
        return dataclasses.replace(self, **arguments)


_BLOCK_NAMES: Final = tuple(each.name for each in dataclasses.fields(_BlockArguments))
ARGUMENT_NAMES: Final = tuple(each.name for each in dataclasses.fields(ServerArguments))
"""The names of all arguments."""

SEQUENCE_ARGUMENTS: Final = frozenset({"virtual_servers", "directives"})
"""Arguments whose one value is a list, so that only a list of lists means several values."""


def check_names(given: Iterable[str], known: Sequence[str], where: str) -> None:
    """Refuse an argument that does not exist, and say which was probably meant.

    Raises:
        InvalidArgument: there is one.
    """
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise InvalidArgument(f"{where} has no argument {name!r}.{hint} There are: {', '.join(known)}.")
