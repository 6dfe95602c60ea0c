from pytest_mtls import CertificateAuthority, VirtualServer

def test_session_of_one_vhost_opens_no_other(mtls_nginx_factory, mtls_ca):
    partner_ca = CertificateAuthority("Partner CA")
    nginx = mtls_nginx_factory(virtual_servers=[
        VirtualServer("a.test", verify="on", client_ca=mtls_ca),
        VirtualServer("b.test", verify="on", client_ca=partner_ca),
    ])
    first = nginx.request(credential=mtls_ca.issue_client("alice"), server_name="a.test", host="a.test")
    replay = nginx.request(session=first.session, server_name="b.test", host="b.test")
    assert first.accepted and not replay.accepted

def test_a_connection_can_be_held(mtls_nginx_factory, mtls_ca):
    nginx = mtls_nginx_factory(verify="on", crl=mtls_ca.crl())
    carol = mtls_ca.issue_client("carol")
    with nginx.connect(credential=carol) as connection:
        assert connection.request("/").accepted
        mtls_ca.revoke(carol)
        nginx.update(crl=mtls_ca.crl())
        assert not connection.request("/").accepted      # nginx closed it with the old worker
