"""What OpenSSL makes of a chain: ``X509_verify_cert`` with a callback that waves every error through.

Read beside ``crypto/x509/x509_vfy.c``: the functions named here are its.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from types import MappingProxyType
from typing import Final

from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.oracle.cast import AUTHORITIES, CAST, Certificate
from pytest_mtls.oracle.changes import Change
from pytest_mtls.oracle.situation import CrlAge, Situation
from pytest_mtls.pki.states import CredentialState as State
from pytest_mtls.reasons import X509_V_OK


class Phase(Enum):
    """OpenSSL's checks in their order (``verify_chain``)."""

    BUILD = "build_chain: find the issuers, up to the depth allowed"
    EXTENSIONS = "check_extensions: CA or not, purpose, path length, unknown critical extensions"
    LEVEL = "check_auth_level: keys and digests against the security level"
    REVOCATION = "check_revocation: a CRL for every certificate of the chain"
    SIGNATURES = "internal_verify: signature and validity of each, from the top down"
    NAMES = "check_name_constraints"


PHASES: Final[Mapping[int, Phase]] = MappingProxyType(
    {
        **dict.fromkeys((26, 34), Phase.EXTENSIONS),
        **dict.fromkeys((66, 68), Phase.LEVEL),
        **dict.fromkeys((7, 9, 10), Phase.SIGNATURES),
        47: Phase.NAMES,
    }
)
"""In which phase the errors of :attr:`Certificate.errors` are found."""


@dataclass(frozen=True, slots=True)
class Found:
    """One error, and the check that found it."""

    code: int
    phase: Phase


class Verification:
    """One credential on one server.

    Args:
        state: what is shown.
        situation: the server's.
        build: its versions.
    """

    def __init__(self, state: State, situation: Situation, build: NginxBuild) -> None:
        self._leaf = str(state)
        self._shown = CAST[state]
        self._situation = situation
        self._build = build
        self._known = {**AUTHORITIES, self._leaf: self._shown.leaf}

    @property
    def result(self) -> Found | None:
        """The last error, which is what ``SSL_get_verify_result`` gives; ``None`` where all is well."""
        return next(reversed(list(self.errors)), None)

    @property
    def errors(self) -> Iterator[Found]:
        """Every error in the order in which it is found."""
        checks: Mapping[Phase, Callable[[], Iterator[int]]] = {
            Phase.BUILD: self._build_errors,
            Phase.EXTENSIONS: self._extension_errors,
            Phase.LEVEL: self._level_errors,
            Phase.REVOCATION: self._revocation_errors,
            Phase.SIGNATURES: self._signature_errors,
            Phase.NAMES: lambda: self._own_errors(Phase.NAMES, self.chain),
        }
        for phase in Phase:
            yield from (Found(code, phase) for code in checks[phase]())

    @cached_property
    def chain(self) -> tuple[str, ...]:
        """Names, the leaf first: ``build_chain`` with ``X509_V_FLAG_TRUSTED_FIRST``, the default since 1.1.0.

        It goes one further than allowed, so that ``depth`` intermediates leave room for their root. Once an issuer
        comes from the trusted ones, the rest must too.
        """
        chain = [self._leaf]
        sent: tuple[str, ...] = self._shown.sent
        while len(chain) <= self._situation.depth + 1 and not self._is_self_signed(chain[-1]):
            issuer = self._certificate(chain[-1]).issuer
            if issuer in self._situation.trusted:
                sent = ()
            elif issuer not in sent:
                break
            chain.append(issuer)
        return tuple(chain)

    def _certificate(self, name: str) -> Certificate:
        return self._known[name]

    def _is_self_signed(self, name: str) -> bool:
        return self._certificate(name).issuer == name

    @property
    def _top(self) -> str:
        return self.chain[-1]

    def _build_errors(self) -> Iterator[int]:
        # Only a self-signed certificate is an anchor: nginx does not set X509_V_FLAG_PARTIAL_CHAIN.
        if self._is_self_signed(self._top) and self._top in self._situation.trusted:
            return
        if len(self.chain) > self._situation.depth + 1:
            yield 22
            if not Change.DEPTH_IS_NOT_THE_LAST_WORD.is_in(self._build):
                return
        if self._is_self_signed(self._top):
            yield 18 if len(self.chain) == 1 else 19
        else:
            yield 2 if len(self.chain) > 1 and self._top in self._situation.trusted else 20

    def _extension_errors(self) -> Iterator[int]:
        for position, name in enumerate(self.chain):
            yield from self._own_errors(Phase.EXTENSIONS, (name,))
            allowed = self._certificate(name).path_length
            if allowed is not None and position - 1 > allowed:
                yield 25

    def _level_errors(self) -> Iterator[int]:
        packaged = self._build.is_debian_package and Change.PACKAGERS_CHOOSE_LEVEL_2.is_in(self._build)
        if packaged or Change.LEVEL_2_BY_DEFAULT.is_in(self._build):
            yield from self._own_errors(Phase.LEVEL, self.chain)

    def _revocation_errors(self) -> Iterator[int]:
        """nginx asks for a CRL for every certificate (``X509_V_FLAG_CRL_CHECK_ALL`` in ``ngx_ssl_crl``)."""
        if self._situation.crls is None:
            return
        for position, name in enumerate(self.chain):
            issuer = self._certificate(name).issuer
            if issuer == name and Change.NO_CRL_FOR_SELF_SIGNED.is_in(self._build):
                continue
            crl = self._situation.crls.get(issuer)
            # crl_akid_check(): a CRL counts only where its issuer stands in the chain.
            if crl is None or issuer not in self.chain[position:]:
                yield 3
                continue
            if crl.age is not CrlAge.CURRENT:
                yield 12 if crl.age is CrlAge.EXPIRED else 11
            if name in crl.revoked:
                yield 23

    def _signature_errors(self) -> Iterator[int]:
        below_top = self.chain[:-1]
        if self._is_self_signed(self._top):
            looked_at = self.chain
        elif below_top:
            looked_at = below_top  # of the topmost not even the validity is looked at
        else:
            yield 21  # alone, its signature cannot be checked
            looked_at = self.chain
        for name in reversed(looked_at):
            found = self._own_errors(Phase.SIGNATURES, (name,))
            # A signature is checked with the key of the next one up, so not where a chain ends too early.
            yield from (code for code in found if code != 7 or self._certificate(name).issuer in self.chain)

    def _own_errors(self, phase: Phase, names: tuple[str, ...]) -> Iterator[int]:
        for name in names:
            yield from (code for code in self._certificate(name).errors if PHASES[code] is phase)


def verify_code(state: State, situation: Situation, build: NginxBuild) -> int:
    """The number OpenSSL arrives at: that of the last error, else ``X509_V_OK``."""
    found = Verification(state, situation, build).result
    return found.code if found else X509_V_OK
