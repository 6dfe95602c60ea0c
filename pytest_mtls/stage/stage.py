"""What a scenario is given: servers, an authority, credentials; all its own, and gone when it is over."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_mtls.arguments import ServerArguments
from pytest_mtls.deadline import Deadline
from pytest_mtls.harness import Harness
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.outcome import Outcome
from pytest_mtls.pki.authority import CertificateAuthority
from pytest_mtls.pki.credential import Credential
from pytest_mtls.pki.states import Credentials
from pytest_mtls.refusal import StartRefusal
from pytest_mtls.server import NginxServer

if TYPE_CHECKING:
    from pytest_mtls.pki.ocsp import OcspResponder

T = TypeVar("T")

Watch = Callable[[NginxServer], AbstractContextManager[NginxServer]]


class Stage:
    """Use it in a ``with`` statement; what was opened on it is closed at its end.

    Attributes:
        last: the latest answer of any server on it.
    """

    def __init__(self, harness: Harness, nginx: str, watch: Watch | None = None) -> None:
        self.last: Outcome | None = None
        self._harness = harness
        self._nginx = nginx
        self._watch = watch
        self._opened = ExitStack()

    @property
    def build(self) -> NginxBuild:
        """The nginx that the scenario is run on: ``stage.build.at_least(1, 27, 2)``.

        Raises:
            NginxUnavailable: there is none of that name, or it is not usable.
        """
        return self._harness.engine.build(self._nginx, Deadline.after(self._harness.timeout))

    @cached_property
    def ca(self) -> CertificateAuthority:
        """The authority that servers trust unless they are told otherwise."""
        return CertificateAuthority("Example CA")

    @cached_property
    def credentials(self) -> Credentials:
        """A credential of :attr:`ca` in every state: ``stage.credentials["expired"]``."""
        return Credentials(self.ca)

    @cached_property
    def stranger(self) -> Credential:
        """A certificate of somebody else's authority, with a name of the stranger's choice."""
        return CertificateAuthority("Somebody else's CA").issue_client("admin")

    def nginx(self, **arguments: Any) -> NginxServer:
        """A server of its own, with the arguments of the marker.

        Raises:
            InvalidArgument: an argument is unknown or not allowed.
            NginxStartError: nginx refused the configuration.
            NginxLacksFeature: this nginx cannot do what is asked.
        """
        server = self._harness.nginx(**{"client_ca": self.ca, "nginx": self._nginx, **arguments})
        self._opened.callback(self._harness.discard, server)
        server.observers.append(self._note)
        return self._opened.enter_context(self._watch(server)) if self._watch else server

    def refusal(self, **arguments: Any) -> StartRefusal | None:
        """Why nginx does not start with these arguments; ``None`` where it does.

        Raises:
            InvalidArgument: an argument is unknown or not allowed.
        """
        asked = {"client_ca": self.ca, "nginx": self._nginx, **arguments}
        return self._harness.refusal_of(ServerArguments.checked(asked, where="refusal()"))

    def ocsp_responder(self, **options: Any) -> OcspResponder:
        """A responder of :attr:`ca`, that listens until the scenario is over."""
        return self.open(self.ca.ocsp_responder(**options))

    def open(self, opened: AbstractContextManager[T]) -> T:
        """Enter a context until the scenario is over: ``stage.open(nginx.connect(...))``."""
        return self._opened.enter_context(opened)

    def _note(self, outcome: Outcome) -> None:
        self.last = outcome

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()
