"""Everything this package raises, in one tree.

Grouped by what the caller can do about it::

    MtlsError
     ├─ InvalidArgument (also a ValueError)    what was asked cannot be: mend the call
     │   ├─ InvalidMarker                        an argument of @pytest.mark.mtls
     │   ├─ InvalidPem                           malformed, DER or empty where PEM is needed
     │   ├─ InvalidPkcs12                        damaged, something else, or of another password
     │   ├─ InvalidName                          a subject, alternative name or server name
     │   ├─ InvalidConfigValue                   would not survive as nginx configuration text
     │   ├─ KeyMismatch                          a private key of another certificate
     │   └─ SharedServerError                    changing a server that other tests use too
     ├─ ApplicationStartError                  the application given as upstream failed at its start: mend it
     ├─ Unavailable                            what was asked is not on this machine: install it
     │   ├─ EngineUnavailable                    no container engine, or it does not answer
     │   │   └─ EngineLacksFeature                 an engine that cannot do what was asked, or not on this machine
     │   ├─ NginxUnavailable                     no such image, binary or name; not an nginx; no SSL module
     │   │   └─ NginxLacksFeature                  a good nginx that cannot do what was asked: too old, or built without
     │   ├─ BrowserUnavailable                   no browser, nothing to make its profile with, or too old
     │   ├─ ClientUnavailable                    no curl, Go, Node, Java ..., or too old
     │   ├─ LimitReached                         no more open files, processes, memory or free ports
 │   └─ WorkspaceUnavailable                 the temporary folder cannot be written
     ├─ BrowserGone                            a browser crashed, or was closed: open another one
     ├─ NginxError                             nginx said no, or died: .log and .config tell
     │   ├─ NginxStartError                      it refused to start
     │   ├─ PortInUse                            the address asked for is taken
     │   ├─ ReloadRefused                        it kept the old configuration
     │   └─ ServerGone                           it was stopped, or died, before it was asked
     └─ DeadlineExceeded (also a TimeoutError) something took longer than it may

Every message says what was tried, what was seen, and what to do.
A refused handshake, a 400 or a closed stream is none of these: that is data, see :class:`~pytest_mtls.Outcome`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_mtls.escapes import printable


class MtlsError(Exception):
    """Base of everything this package raises. What others have said in it cannot command a terminal."""

    def __str__(self) -> str:
        return printable(super().__str__())


class UnclosedWarning(UserWarning):
    """A test left a connection or a server open; it was closed at the end of the test.

    With ``-W error::pytest_mtls.UnclosedWarning`` such a test fails.
    """


class InvalidArgument(MtlsError, ValueError):
    """What was asked cannot be done as it was asked."""

    @classmethod
    def not_one_of(cls, argument: str, value: object, allowed: Iterable[object]) -> InvalidArgument:
        """The value is not among the few that are allowed."""
        import difflib

        names = [str(choice) for choice in allowed]
        close = difflib.get_close_matches(str(value), names, 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        return cls(f"{argument}={value!r} is not known; use one of {', '.join(map(repr, names))}.{hint}")


class InvalidMarker(InvalidArgument):
    """An argument of ``@pytest.mark.mtls`` is unknown, or its value is."""


class InvalidPem(InvalidArgument):
    """Bytes that should be PEM are malformed, DER, empty, or hold something else."""


class InvalidPkcs12(InvalidArgument):
    """Bytes that should be PKCS #12 are damaged or something else, or the password is another one."""


class InvalidName(InvalidArgument):
    """A distinguished name, subject alternative name or server name cannot be understood."""


class InvalidConfigValue(InvalidArgument):
    """A value cannot become nginx configuration text without changing what the text means."""


class KeyMismatch(InvalidArgument):
    """The private key does not belong to the certificate, where the two must match."""


class SharedServerError(InvalidArgument):
    """A server that other tests share was asked to change."""


class Unavailable(MtlsError):
    """Something this machine does not have."""


class EngineUnavailable(Unavailable):
    """No container engine answers."""


class EngineLacksFeature(EngineUnavailable):
    """This engine cannot do what was asked: a step that works with the other one only, or not on this machine.

    Attributes:
        lack: what it lacks: the message without the advice.
    """

    def __init__(self, lack: str) -> None:
        super().__init__(f"{lack}. Choose the engine with --mtls-engine; --mtls-missing=skip skips such tests.")
        self.lack = lack


class NginxUnavailable(Unavailable):
    """There is no such nginx, or what is there cannot serve TLS."""


class NginxLacksFeature(NginxUnavailable):
    """This nginx is too old for what was asked, or was built without it; ``--mtls-missing=skip`` skips such tests.

    Attributes:
        lack: which nginx, and what it lacks: the message without the advice.
    """

    def __init__(self, lack: str) -> None:
        super().__init__(
            f"{lack}. Name another nginx with --mtls-nginx or nginx=, or have such tests skipped with "
            "--mtls-missing=skip."
        )
        self.lack = lack


class LimitReached(Unavailable):
    """This process or this machine has no more of something: open files, processes, memory, free ports."""


class WorkspaceUnavailable(Unavailable):
    """The temporary folder for configuration and keys cannot be used."""


class BrowserUnavailable(Unavailable):
    """There is no browser, or it is too old, or what makes its profile or drives it is missing."""


class ClientUnavailable(Unavailable):
    """A client is not on this machine, or too old, or cannot be built; the message has the command that installs it."""


class ApplicationStartError(MtlsError):
    """The WSGI or ASGI application given as upstream failed at its start."""


class NginxError(MtlsError):
    """nginx refused, or died.

    Attributes:
        log: nginx's log lines up to that moment.
        config: the nginx.conf it was given.
    """

    def __init__(self, message: str, *, log: Sequence[str] = (), config: str = "") -> None:
        super().__init__(message)
        self.log = tuple(log)
        self.config = config


class NginxStartError(NginxError):
    """nginx would not start with this configuration."""


class PortInUse(NginxError):
    """The address asked for is already taken."""


class ReloadRefused(NginxError):
    """nginx kept its old configuration after HUP; the old workers go on."""


class ServerGone(NginxError):
    """The server was stopped, or died, before it could be asked."""


class BrowserGone(MtlsError):
    """The browser crashed, or was closed, before it had shown a page."""


class DeadlineExceeded(MtlsError, TimeoutError):
    """Something took longer than it may.

    The message names what was awaited, for how long, and what was seen last.
    """
