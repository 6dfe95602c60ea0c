"""A certificate that ends while its client is connected, or has a session: nginx looks at dates in a handshake only."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from pytest_mtls import CertificateAuthority

_SECONDS = 2


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_session_and_a_connection_outlive_the_certificate(serve: Any, tls: str) -> None:
    """OpenSSL keeps the result of verification in the session (``SSL_SESSION.verify_result``); only a full handshake
    verifies anew."""
    ca = CertificateAuthority()
    nginx = serve(client_ca=ca, tls=tls)
    ends = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(seconds=_SECONDS)
    alice = ca.issue_client("alice", not_after=ends)
    first = nginx.request(credential=alice)
    with nginx.connect(credential=alice) as held:
        assert held.request().accepted
        time.sleep(max((ends - datetime.now(timezone.utc)).total_seconds(), 0) + 1.1)

        again = held.request()
        resumed = nginx.request(session=first.session)
        fresh = nginx.request(credential=alice)

    assert first.accepted
    assert (again.accepted, again.verify) == (True, "SUCCESS")
    assert (resumed.accepted, resumed.resumed, resumed.verify) == (True, True, "SUCCESS")
    assert (fresh.accepted, fresh.reason, fresh.verify_code) == (False, "certificate_expired", 10)
