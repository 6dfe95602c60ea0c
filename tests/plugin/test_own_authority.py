"""A suite whose authority exists already: it overrides ``mtls_ca``."""

from __future__ import annotations

import pytest

from pytest_mtls import CertificateAuthority, Credential, Harness
from tests.plugin.suite import Suite

SUITE = """
from pathlib import Path
import pytest
from pytest_mtls import CertificateAuthority

@pytest.fixture(scope="session")
def mtls_ca():
    return CertificateAuthority.from_pem(Path("ca.pem"), Path("ca.key"), password="secret")

@pytest.mark.mtls(verify="on", depth=2)
def test_shared(mtls_nginx, mtls_ca, mtls_credentials):
    alice = mtls_ca.issue_client("alice")
    assert alice.issuer_dn == "CN=House Issuing CA"
    outcome = mtls_nginx.request(credential=alice)
    assert outcome.accepted, outcome.explain()
    for state in ("valid", "unknown-ca", "via-intermediate"):
        outcome = mtls_nginx.request(credential=mtls_credentials[state])
        assert outcome.matches(mtls_nginx.expected(state)), outcome.explain()
    with mtls_nginx.requests_session(credential=alice) as session:
        assert session.get(mtls_nginx.url).status_code == 200

def test_private(mtls_nginx_factory, mtls_ca):
    assert mtls_nginx_factory(verify="on").request(credential=mtls_ca.issue_client("bob")).accepted
"""


@pytest.fixture
def issuing(suite: Suite) -> CertificateAuthority:
    """An intermediate, in files of the suite's folder."""
    made = CertificateAuthority("House Root CA").intermediate("House Issuing CA")
    (suite.folder / "ca.pem").write_bytes(made.chain_pem)
    encrypted = Credential(made.certificate, made.private_key).encrypted_private_key_pem("secret")
    (suite.folder / "ca.key").write_bytes(encrypted)
    return made


@pytest.mark.usefixtures("issuing")
def test_servers_trust_the_authority_that_the_suite_has(suite: Suite, engine: str) -> None:
    """Shared and private ones, up to its root; the cast and what nginx is expected to do go with it."""
    suite.run(SUITE, engine=engine).assert_outcomes(passed=2)


def test_what_is_no_authority_is_named(suite: Suite) -> None:
    """Before any nginx is started."""
    result = suite.run(
        """
        import pytest
        @pytest.fixture(scope="session")
        def mtls_ca():
            return "ca.pem"
        def test_it(mtls_nginx): ...
        """
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*InvalidArgument: The fixture mtls_ca gave a str; have it return*"])


def test_the_library_takes_one_too(issuing: CertificateAuthority, suite: Suite) -> None:
    """For those who do not use the plugin."""
    loaded = CertificateAuthority.from_pem(suite.folder / "ca.pem", suite.folder / "ca.key", "secret")

    with Harness.open("process", ca=loaded) as harness:
        server = harness.nginx(verify="on")
        assert harness.ca is loaded
        assert server.request(credential=issuing.issue_client("alice")).accepted
        assert not server.request().accepted
