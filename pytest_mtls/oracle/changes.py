"""Where versions differ. Nothing else in the oracle asks for a version."""

from __future__ import annotations

from enum import Enum

from pytest_mtls.nginx.build import NginxBuild


class Change(Enum):
    """What a program did otherwise before a version: the version, and where that can be read.

    Attributes:
        since: the first version of OpenSSL that has it.
        source: where to read it.
    """

    DEPTH_IS_NOT_THE_LAST_WORD = (
        (3, 0),
        "a chain deeper than allowed: build_chain() of 1.1.1 returns with 22; from 3.0 it reports 22, is waved on, and "
        "goes on to say what is missing above that depth (x509_vfy.c)",
    )
    PACKAGERS_CHOOSE_LEVEL_2 = (
        (3, 0),
        "Debian's 3.0 starts at security level 2 and its 1.1.1 at 1, measured with OPENSSL_CONF at the null device; "
        "OpenSSL's own 3.0 starts at 1 (SSL_CTX_set_security_level(3))",
    )
    LEVEL_2_BY_DEFAULT = ((3, 2), "the default security level is 2, so RSA 1024 and SHA-1 are refused (NEWS of 3.2)")
    NO_CRL_FOR_SELF_SIGNED = (
        (3, 6),
        "check_revocation() no longer looks for the CRL of a self-signed certificate",
    )

    def __init__(self, since: tuple[int, ...], source: str) -> None:
        self.since = since
        self.source = source

    def is_in(self, build: NginxBuild) -> bool:
        """Whether the OpenSSL that this nginx runs with has it."""
        return build.openssl_at_least(*self.since)
