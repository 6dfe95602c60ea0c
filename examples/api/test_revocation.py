def test_revocation_takes_effect_on_reload(mtls_nginx_factory, mtls_ca):
    bob = mtls_ca.issue_client("bob")
    nginx = mtls_nginx_factory(verify="on", crl=mtls_ca.crl())
    assert nginx.request(credential=bob).accepted
    mtls_ca.revoke(bob)
    nginx.update(crl=mtls_ca.crl())        # file replaced by rename, HUP, returns when the old workers are gone
    assert nginx.request(credential=bob).reason == "certificate_revoked"
