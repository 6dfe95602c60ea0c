"""From when until when: the time arguments of certificates and CRLs, and what they are by default."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from pytest_mtls.errors import InvalidArgument

BACKDATING = timedelta(minutes=5)
"""How far the start lies in the past by default, for clocks that go behind this one, such as a container host's."""

LEAF_LIFETIME = timedelta(days=1)
AUTHORITY_LIFETIME = timedelta(days=7)
CRL_LIFETIME = timedelta(days=7)

_EARLIEST = datetime(1950, 1, 1, tzinfo=timezone.utc)  # what UTCTime can say, RFC 5280 section 4.1.2.5.1


def now() -> datetime:
    """This second, in UTC: certificates know no fractions."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def period(
    not_before: datetime | None,
    not_after: datetime | None,
    lifetime: timedelta | None,
    *,
    default_lifetime: timedelta = LEAF_LIFETIME,
    issuer_not_before: datetime | None = None,
) -> tuple[datetime, datetime]:
    """Start and end of a certificate's validity.

    Without ``not_before`` it starts :data:`BACKDATING` ago, but not before its issuer does; without ``not_after`` it
    ends ``lifetime`` after the given start, or after now. An end in the past, alone, pulls the start before it.

    Args:
        not_before: start, with a time zone.
        not_after: end, with a time zone.
        lifetime: in place of one of them.
        default_lifetime: where neither an end nor a lifetime is given.
        issuer_not_before: the default start is not earlier.

    Raises:
        InvalidArgument: a time has no zone, the end is before the start, or all three are given.
    """
    check_time("not_before", not_before)
    check_time("not_after", not_after)
    if lifetime is not None and lifetime <= timedelta(0):
        raise InvalidArgument(f"lifetime={lifetime!r} is not positive; for one that has ended give not_after.")
    if not_before is not None and not_after is not None and lifetime is not None:
        raise InvalidArgument("not_before, not_after and lifetime were all given; leave one of them out.")
    span = lifetime or default_lifetime
    if not_before is None:
        if not_after is not None and (lifetime is not None or not_after <= now()):
            not_before = not_after - span
        else:
            not_before = now() - BACKDATING
            if issuer_not_before is not None and not_before < issuer_not_before:
                not_before = issuer_not_before
            not_after = not_after or now() + span
    end = not_after or not_before + span
    if end < not_before:
        raise InvalidArgument(f"not_after={end.isoformat()} is before not_before={not_before.isoformat()}.")
    return not_before, end


def check_time(argument: str, moment: datetime | None) -> None:
    """Refuse what a certificate cannot say, and what has two meanings.

    Raises:
        InvalidArgument: the time has no zone, is no time, or lies before 1950.
    """
    if moment is None:
        return
    if not isinstance(moment, datetime):
        raise InvalidArgument(f"{argument}={moment!r} is a {type(moment).__name__}; give a datetime with a time zone.")
    if moment.utcoffset() is None:
        raise InvalidArgument(
            f"{argument}={moment!r} has no time zone, so its meaning depends on the machine; "
            "use datetime.now(timezone.utc) or add tzinfo=timezone.utc."
        )
    if moment < _EARLIEST:
        raise InvalidArgument(f"{argument}={moment.isoformat()} is before 1950, which a certificate cannot say.")
