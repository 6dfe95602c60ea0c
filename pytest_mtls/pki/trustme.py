"""Authorities and certificates that trustme made, taken for our own; trustme itself is not needed for that.

What is used of it is public and has been the same since 0.6: ``CA.cert_pem``, ``CA.private_key_pem``,
``CA.parent_cert``, ``LeafCert.cert_chain_pems`` and ``LeafCert.private_key_pem``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, overload
from weakref import WeakKeyDictionary

from pytest_mtls.errors import InvalidArgument

if TYPE_CHECKING:
    from pytest_mtls.pki.authority import CertificateAuthority
    from pytest_mtls.pki.credential import Credential


class _Blob(Protocol):
    def bytes(self) -> bytes: ...


class TrustmeCA(Protocol):
    """``trustme.CA``."""

    @property
    def cert_pem(self) -> _Blob: ...

    @property
    def private_key_pem(self) -> _Blob: ...


class TrustmeLeafCert(Protocol):
    """``trustme.LeafCert``."""

    @property
    def cert_chain_pems(self) -> Sequence[_Blob]: ...

    @property
    def private_key_pem(self) -> _Blob: ...


_AUTHORITIES: WeakKeyDictionary[TrustmeCA, CertificateAuthority] = WeakKeyDictionary()


@overload
def from_trustme(made: TrustmeLeafCert) -> Credential: ...
@overload
def from_trustme(made: TrustmeCA) -> CertificateAuthority: ...
def from_trustme(made: Any) -> Any:
    """The same as trustme made, as one of ours.

    Where a test only names it (``client_ca=``, ``trusted_ca=``, ``crl=True``, ``server=``, ``credential=``), trustme's
    own object will do. The same authority gives the same one of ours each time, with what that has revoked.

    Args:
        made: a ``trustme.CA``, which becomes a ``CertificateAuthority``, or a ``trustme.LeafCert``, which becomes a
            ``Credential``.

    Raises:
        InvalidArgument: it is neither, or of a trustme that is not known.
    """
    if not _is_trustme(made):
        raise InvalidArgument(f"from_trustme({made!r}): neither a trustme.CA nor a trustme.LeafCert.")
    try:
        if hasattr(made, "cert_chain_pems"):
            return _credential(made)
        return _authority(made)
    except (AttributeError, TypeError) as error:
        raise InvalidArgument(
            f"This trustme {_version()} object cannot be read ({error}): {type(made).__name__}. CA and LeafCert of "
            "0.6 to 1.2 can; give PEM to CertificateAuthority.from_pem() or Credential.from_pem() instead."
        ) from error


def native(value: Any) -> Any:
    """What trustme made as one of ours; anything else as it is.

    Raises:
        InvalidArgument: it is of a trustme that is not known.
    """
    return from_trustme(value) if _is_trustme(value) else value


def _is_trustme(value: object) -> bool:
    return any(each.__module__.partition(".")[0] == "trustme" for each in type(value).__mro__)


def _credential(leaf: TrustmeLeafCert) -> Credential:
    from pytest_mtls.pki.credential import Credential

    chain = b"".join(each.bytes() for each in leaf.cert_chain_pems)
    return Credential.from_pem(chain, leaf.private_key_pem.bytes())


def _authority(ca: TrustmeCA) -> CertificateAuthority:
    from pytest_mtls.pki.authority import CertificateAuthority

    if ca not in _AUTHORITIES:
        chain = b"".join(each.cert_pem.bytes() for each in _lineage(ca))
        _AUTHORITIES[ca] = CertificateAuthority.from_pem(chain, ca.private_key_pem.bytes())
    return _AUTHORITIES[ca]


def _lineage(ca: Any) -> Iterator[Any]:
    while ca is not None:
        yield ca
        ca = ca.parent_cert


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("trustme")
    except PackageNotFoundError:
        return "(no version)"
