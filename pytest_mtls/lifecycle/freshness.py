"""A CRL that is published anew every so often, as in production, while a test does something else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

from pytest_mtls.deadline import Deadline, wait_until
from pytest_mtls.errors import InvalidArgument
from pytest_mtls.lifecycle.background import Background
from pytest_mtls.lifecycle.fleet import Fleet, Servers, fleet_of
from pytest_mtls.pki.authority import CertificateAuthority


class Freshness:
    """What :func:`keep_fresh` does meanwhile."""

    def __init__(
        self, fleet: Fleet, authority: CertificateAuthority, every: float, lifetime: timedelta | None, timeout: float
    ) -> None:
        self._fleet = fleet
        self._authority = authority
        self._lifetime = lifetime
        self._timeout = timeout
        self._begun = 0
        self._published = 0
        self.background = Background(self.publish, every=every, name="CRL publication")

    @property
    def published(self) -> int:
        """How often a CRL was published; it was in force on every server before it counts."""
        return self._published

    def publish(self) -> None:
        """Publish once: the authority's CRL and those of every one above it."""
        self._begun += 1
        end = None if self._lifetime is None else datetime.now(timezone.utc) + self._lifetime
        crls = b"".join(each.crl(next_update=end) for each in self._authority.lineage)
        self._fleet.update(crl=crls, timeout=self._timeout)
        self._published = self._begun

    def await_next(self, timeout: float = 10) -> None:
        """Wait until what is revoked now has been published and is in force.

        Raises:
            DeadlineExceeded: that took more than ``timeout`` seconds.
            MtlsError: a publication failed.
        """
        wanted = self._begun + 1

        def is_there() -> bool:
            self.background.raise_error()
            return self._published >= wanted

        wait_until(
            is_there,
            Deadline.after(timeout),
            awaited="the next CRL to be published",
            last_seen=lambda: f"{self._published} published so far",
        )


@contextmanager
def keep_fresh(
    servers: Servers,
    authority: CertificateAuthority,
    *,
    every: float,
    lifetime: timedelta | None = None,
    timeout: float = 10,
) -> Iterator[Freshness]:
    """Publish a new CRL now and then every ``every`` seconds, until the ``with`` statement ends.

    ::

        with keep_fresh(nginx, ca, every=0.5) as crl:
            ca.revoke(mallory)
            crl.await_next()
            assert nginx.request(credential=mallory).reason == "certificate_revoked"

    Args:
        servers: one, several or a fleet: several get it one after another.
        authority: whose CRL, and those of the authorities above it.
        every: seconds between the end of one publication and the next.
        lifetime: from publication to ``nextUpdate``; 7 days by default.
        timeout: seconds that one reload may take, and the end of the last publication.

    Raises:
        InvalidArgument: ``every`` or ``lifetime`` is not positive, or the servers are none.
        MtlsError: what a publication ran into, at the end of the ``with`` statement.
        DeadlineExceeded: the last publication does not end.
    """
    if not isinstance(every, int | float) or isinstance(every, bool) or every <= 0:
        raise InvalidArgument(f"keep_fresh(every={every!r}): give a number of seconds above 0.")
    if lifetime is not None and (not isinstance(lifetime, timedelta) or lifetime <= timedelta(0)):
        raise InvalidArgument(f"keep_fresh(lifetime={lifetime!r}): give a timedelta above 0.")
    if not isinstance(authority, CertificateAuthority):
        raise InvalidArgument(f"keep_fresh: {authority!r} is no CertificateAuthority.")
    fleet = fleet_of(servers)
    fresh = Freshness(fleet, authority, every, lifetime, timeout)
    fresh.publish()
    fresh.background.start()
    try:
        yield fresh
    finally:
        fresh.background.stop(timeout * len(fleet))
    fresh.background.raise_error()
