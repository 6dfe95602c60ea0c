"""rotate_ca(): both CAs are trusted for a while, then the new one alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_mtls import CertificateAuthority, Fleet, InvalidArgument, NginxServer, VirtualServer, renew, rotate_ca

Serve = Callable[..., NginxServer]


@pytest.mark.parametrize("same_name", [False, True], ids=["new-name", "same-name"])
@pytest.mark.parametrize("with_crl", [False, True], ids=["no-crl", "crl"])
def test_clients_of_both_are_let_in_meanwhile(serve: Serve, same_name: bool, with_crl: bool) -> None:
    """With CRLs of both, too; also where the new CA bears the old one's name."""
    old = CertificateAuthority("CA")
    new = CertificateAuthority("CA" if same_name else "Next CA")
    alice = old.issue_client("alice")
    next_alice = renew(alice, authority=new)
    nginx = serve(client_ca=old, crl=old.crl() if with_crl else None)

    def let_in() -> tuple[bool, bool]:
        return nginx.request(credential=alice).accepted, nginx.request(credential=next_alice).accepted

    rotation = rotate_ca(nginx, old=old, new=new)
    before = let_in()
    rotation.overlap()
    meanwhile = let_in()
    rotation.retire_old()

    assert (before, meanwhile, let_in()) == ((True, False), (True, True), (False, True))


def test_revocations_of_the_old_one_count_until_it_is_retired(serve: Serve) -> None:
    """And those of the new one afterwards; the steps may be repeated."""
    old, new = CertificateAuthority("Old"), CertificateAuthority("New").intermediate("New issuing")
    mallory, eve = old.issue_client("mallory"), new.issue_client("eve")
    old.revoke(mallory)
    nginx = serve(client_ca=old, crl=old.crl(), depth=2)
    rotation = rotate_ca([nginx], old, new)

    rotation.overlap()
    rotation.overlap()

    assert nginx.request(credential=mallory).reason == "certificate_revoked"
    assert nginx.request(credential=eve).accepted
    rotation.retire_old()
    assert nginx.request(credential=eve).accepted
    assert not nginx.request(credential=mallory).accepted
    new.revoke(eve)
    nginx.update(crl=new.crl_bundle())
    assert nginx.request(credential=eve).reason == "certificate_revoked"


def test_a_fleet_is_rotated_one_after_another(serve: Serve) -> None:
    """At each step all of it."""
    old, new = CertificateAuthority("Old"), CertificateAuthority("New")
    fleet = Fleet.of(serve, 2, client_ca=old)
    rotation = rotate_ca(fleet, old, new)

    rotation.overlap()
    rotation.retire_old()

    assert not any(server.request(credential=old.issue_client("a")).accepted for server in fleet.servers)
    assert all(server.request(credential=new.issue_client("a")).accepted for server in fleet.servers)


def test_what_cannot_be_rotated_is_said_before_anything_is_changed(serve: Serve) -> None:
    """An old CA that is not trusted, a step left out, virtual servers, things that are no CA."""
    old, new = CertificateAuthority("Old"), CertificateAuthority("New")
    nginx, alice = serve(client_ca=old), old.issue_client("alice")

    with pytest.raises(InvalidArgument, match="does not trust 'CN=New'"):
        rotate_ca(nginx, new, old)
    with pytest.raises(InvalidArgument, match=r"take overlap\(\) before"):
        rotate_ca(nginx, old, new).retire_old()
    with pytest.raises(InvalidArgument, match="is no CertificateAuthority"):
        rotate_ca(nginx, old, alice)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="has no server"):
        rotate_ca([], old, new)
    with pytest.raises(InvalidArgument, match="has virtual servers"):
        rotate_ca(serve(virtual_servers=[VirtualServer("a"), VirtualServer("b")], client_ca=old), old, new)
    assert nginx.request(credential=alice).accepted
