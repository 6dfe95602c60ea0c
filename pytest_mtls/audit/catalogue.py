"""Every attack there is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pytest_mtls.audit.attack import Attack
from pytest_mtls.audit.attacks import (
    certificates,
    headers,
    hosts,
    identity,
    paths,
    plain_http,
    revocation_lists,
    sessions,
    subjects,
    upstreams,
)
from pytest_mtls.audit.finding import Rule
from pytest_mtls.errors import InvalidArgument

ATTACKS: Final = (
    *certificates.ATTACKS,
    *headers.ATTACKS,
    *identity.ATTACKS,
    *revocation_lists.ATTACKS,
    *subjects.ATTACKS,
    *upstreams.ATTACKS,
    *hosts.ATTACKS,
    *sessions.ATTACKS,
    *plain_http.ATTACKS,
    *paths.ATTACKS,
)


def chosen(names: Iterable[str]) -> tuple[Attack, ...]:
    """The attacks of these names, or that may come to findings of these names; all where there are none.

    Raises:
        InvalidArgument: there is none of that name.
    """
    wanted = list(dict.fromkeys(names))
    known = [name for each in ATTACKS for name in (each.name, *(rule.name for rule in each.rules))]
    for name in wanted:
        if name not in known:
            raise InvalidArgument.not_one_of("--only", name, known)
    return tuple(
        each
        for each in ATTACKS
        if not wanted or any(name in (each.name, *(rule.name for rule in each.rules)) for name in wanted)
    )


def rules() -> tuple[Rule, ...]:
    """Every kind of finding there is."""
    return tuple(dict.fromkeys(rule for attack in ATTACKS for rule in attack.rules))
