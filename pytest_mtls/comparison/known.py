"""Why two sides differ, where that is known: what changed in nginx and OpenSSL, with its source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_mtls.causes import fitting
from pytest_mtls.comparison.answers import ANSWER, HTTP_VERSION, TLS_VERSION, WORDING
from pytest_mtls.explanation import evidence_of
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.oracle.changes import Change
from pytest_mtls.outcome import Outcome

_TEXTS: Final = (
    "OpenSSL changes its texts with its versions; its numbers stay, and so do SUCCESS, NONE and FAILED. "
    "Compare with SUCCESS and nothing else"
)
_TOO_WEAK: Final = ("leaf_key_too_weak", "ca_key_too_weak", "ca_signature_digest_too_weak")


@dataclass(frozen=True, slots=True)
class _Seen:
    """One difference, divided by a version.

    Attributes:
        aspect: what differs.
        question: that showed it.
        before: what sides older than the version showed.
        after: what the others did.
        reasons: of the former's outcomes, and of the latter's.
    """

    aspect: str
    question: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    reasons: tuple[frozenset[str | None], frozenset[str | None]]


@dataclass(frozen=True, slots=True)
class _Known:
    """What changed with a version of nginx, or of OpenSSL."""

    since: tuple[int, ...]
    why: str
    fits: Callable[[_Seen], bool]
    openssl: bool = False

    def is_in(self, build: NginxBuild) -> bool:
        return build.openssl_at_least(*self.since) if self.openssl else build.at_least(*self.since)


def _says(texts: Sequence[str], part: str) -> bool:
    return any(part in text for text in texts)


def _of_change(change: Change, fits: Callable[[_Seen], bool]) -> _Known:
    return _Known(change.since, change.source, fits, openssl=True)


_KNOWN: Final = (
    _Known(
        (1, 29, 7),
        "nginx speaks HTTP/1.1 to upstreams and keeps connections to them by default (CHANGES 1.29.7)",
        lambda seen: seen.aspect in (HTTP_VERSION, "received: Connection"),
    ),
    _Known(
        (1, 29, 2),
        "ssl_protocols of a server that is not the default one of its listener takes effect (CHANGES 1.29.2)",
        lambda seen: (
            (seen.aspect == TLS_VERSION and "1.3" in seen.before)
            or (seen.aspect == ANSWER and _says(seen.after, "alert protocol_version"))
        ),
    ),
    _Known(
        (1, 23, 4),
        "nginx offers TLS 1.3 by default (CHANGES 1.23.4)",
        lambda seen: (
            (seen.aspect == TLS_VERSION and "1.3" in seen.after)
            or (seen.aspect == ANSWER and _says(seen.before, "alert protocol_version"))
        ),
    ),
    _Known(
        (1, 19, 7),
        "a header field of an HTTP/2 request may be as long as large_client_header_buffers says, 8 KB by default; "
        "http2_max_field_size, 4 KB, is obsolete (CHANGES 1.19.7)",
        lambda seen: "header of" in seen.question and any(value.startswith("closed") for value in seen.before),
    ),
    _Known(
        (1, 25, 1),
        "`http2 on;` is a directive of its own, and `listen ... http2` is deprecated (CHANGES 1.25.1)",
        lambda seen: _says(seen.after, '"listen ... http2" directive is deprecated') or _says(seen.before, '"http2"'),
    ),
    _Known(
        (1, 25, 1),
        "`ssl on;` is gone (CHANGES 1.25.1): write `listen 443 ssl;`",
        lambda seen: _says(seen.after, 'unknown directive "ssl"'),
    ),
    _Known(
        (1, 27, 2),
        "ssl_trusted_certificate alone is enough for ssl_verify_client (CHANGES 1.27.2)",
        lambda seen: _says(seen.before, "no ssl_client_certificate for ssl_"),
    ),
    _Known(
        (3, 0),
        "OpenSSL writes a slash within a value of $ssl_client_s_dn_legacy as \\/ (X509_NAME_oneline)",
        lambda seen: _says(seen.after, "\\/"),
        openssl=True,
    ),
    _of_change(
        Change.DEPTH_IS_NOT_THE_LAST_WORD,
        lambda seen: "certificate_chain_too_long" in seen.reasons[0],
    ),
    _of_change(Change.PACKAGERS_CHOOSE_LEVEL_2, lambda seen: bool(seen.reasons[1] & set(_TOO_WEAK))),
    _of_change(Change.LEVEL_2_BY_DEFAULT, lambda seen: bool(seen.reasons[1] & set(_TOO_WEAK))),
    _of_change(Change.NO_CRL_FOR_SELF_SIGNED, lambda seen: "unable_to_get_crl" in seen.reasons[0]),
)


def because(
    aspect: str, question: str, values: Sequence[str], builds: Sequence[NginxBuild], outcomes: Sequence[Outcome]
) -> str:
    """One sentence; empty where nothing is known.

    Args:
        aspect: what differs.
        question: that showed it.
        values: how, for each side.
        builds: which nginx each is.
        outcomes: the answers; none where nothing was asked.
    """
    if aspect == WORDING:
        return _TEXTS
    numbers = {each.verify_code for each in outcomes}
    if len(numbers) == 1 and None not in numbers and len({each.verify for each in outcomes}) > 1:
        said = " and ".join(dict.fromkeys(repr(each.verify) for each in outcomes))
        return f"something here compares the text of $ssl_client_verify, which is {said}. {_TEXTS}"
    for known in _KNOWN:
        has = [known.is_in(build) for build in builds]
        seen = _Seen(
            aspect,
            question,
            tuple(value for value, later in zip(values, has, strict=True) if not later),
            tuple(value for value, later in zip(values, has, strict=True) if later),
            (_reasons(outcomes, has, later=False), _reasons(outcomes, has, later=True)),
        )
        if seen.before and seen.after and not set(seen.before) & set(seen.after) and known.fits(seen):
            program = "OpenSSL" if known.openssl else "nginx"
            return f"since {program} {'.'.join(map(str, known.since))}: {known.why}"
    if aspect == ANSWER and len({each.accepted for each in outcomes}) > 1:
        refused = next(each for each in outcomes if not each.accepted)
        return next((cause.sentence for cause in fitting(evidence_of(refused))), "")
    return ""


def _reasons(outcomes: Sequence[Outcome], has: Sequence[bool], *, later: bool) -> frozenset[str | None]:
    return frozenset(each.reason for each, new in zip(outcomes, has, strict=False) if new is later)
