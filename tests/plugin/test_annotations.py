"""What fixtures are annotated with: mypy reads this file as well (`make lint`)."""

from __future__ import annotations

from pytest_mtls import CertificateAuthority, Fleet, NginxFactory, NginxServer, StartRefusal


def test_the_factory_makes_servers_and_says_why_one_does_not_start(
    mtls_nginx_factory: NginxFactory, mtls_ca: CertificateAuthority
) -> None:
    """Without a cast, for both of its uses and where a fleet wants one."""
    nginx: NginxServer = mtls_nginx_factory(verify="on")
    refusal: StartRefusal | None = mtls_nginx_factory.refusal(directives="nothing on;")
    fleet = Fleet.of(mtls_nginx_factory, 1)

    assert nginx.request(credential=mtls_ca.issue_client("alice")).accepted
    assert refusal is not None
    assert "nothing" in refusal.reason
    assert fleet.servers != (nginx,)
