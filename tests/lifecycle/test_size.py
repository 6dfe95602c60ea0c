"""Ten thousand clients, a hundred thousand revocations: ordinary tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_mtls import CertificateAuthority, Harness, NginxServer

Serve = Callable[..., NginxServer]

REVOKED = 100_000
SECONDS = 90
"""Of this process's own time. Quiet cores take a third of it; two that are shared with other suites took half."""


@pytest.mark.parametrize("clients", [1000, pytest.param(10_000, marks=pytest.mark.long)])
def test_thousands_of_clients_are_each_let_in_as_themselves(process_harness: Harness, clients: int) -> None:
    """One key for all: what they are told apart by is the serial number, as nginx saw it."""
    started = time.process_time()
    ca = CertificateAuthority("Crowd CA")
    key = ca.issue_client().private_key
    crowd = [ca.issue_client(f"client-{number}", private_key=key) for number in range(clients)]
    nginx = process_harness.nginx(client_ca=ca)

    with ThreadPoolExecutor(4) as callers:
        seen = callers.map(lambda each: nginx.request(credential=each).variables.get("ssl_client_serial"), crowd)
        strangers = [each.serial_hex for each, serial in zip(crowd, seen, strict=True) if serial != each.serial_hex]

    assert strangers == []
    assert time.process_time() - started < SECONDS


def test_a_crl_of_a_hundred_thousand_entries_is_looked_up_entry_by_entry(serve: Serve) -> None:
    """First, last and some in between are refused, their neighbours let in; before the update nobody was refused."""
    started = time.process_time()
    ca = CertificateAuthority("Big CRL CA")
    revoked = [ca.issue_client(f"revoked-{serial}", serial_number=serial) for serial in (2, 100_000, 2 * REVOKED)]
    good = [ca.issue_client(f"good-{serial}", serial_number=serial) for serial in (1, 99_999, 2 * REVOKED + 1)]
    nginx = serve(client_ca=ca, crl=ca.crl())
    before = [nginx.request(credential=each).accepted for each in (*revoked, *good)]
    for serial in range(2, 2 * REVOKED + 1, 2):
        ca.revoke(serial)

    nginx.update(crl=ca.crl())

    assert before == [True] * 6
    assert [nginx.request(credential=each).reason for each in revoked] == ["certificate_revoked"] * 3
    assert [nginx.request(credential=each).accepted for each in good] == [True] * 3
    assert time.process_time() - started < SECONDS
