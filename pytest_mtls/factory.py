"""What ``mtls_nginx_factory`` is, for annotations."""

from __future__ import annotations

from typing import Any, Protocol

from pytest_mtls.refusal import StartRefusal
from pytest_mtls.server import NginxServer


class NginxFactory(Protocol):
    """Makes private servers for one test, and stops them at its end.

    ::

        def test_it(mtls_nginx_factory: NginxFactory) -> None: ...
    """

    def __call__(self, **arguments: Any) -> NginxServer:
        """A private server with these arguments; what they leave open is as the test's marker says.

        Raises:
            InvalidArgument: an argument is unknown or not allowed.
            NginxStartError: nginx refused the configuration.
            NginxLacksFeature: this nginx cannot do what is asked.
        """

    def refusal(self, **arguments: Any) -> StartRefusal | None:
        """Why nginx does not start with these arguments; ``None`` where it does, and then it is stopped again.

        Raises:
            InvalidArgument: an argument is unknown or not allowed.
        """
