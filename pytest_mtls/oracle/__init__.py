"""What nginx will do, known before it is asked: a pure function of credential, situation and versions.

It follows the programs in their order. **OpenSSL** goes through its checks phase by phase; nginx's callback waves every
error through (``ngx_ssl_verify_callback``), so checking goes on and the last error is the result
(:mod:`~pytest_mtls.oracle.verification`). Where a server asks an OCSP responder, **nginx** does so after that and for
what OpenSSL found sound (:mod:`~pytest_mtls.oracle.revocation`). nginx looks at both per request
(:mod:`~pytest_mtls.oracle.answer`). **TLS** itself fails only where the client cannot prove that it has the private key
(RFC 8446 section 4.4.3).

Every fact is a row of a table: what a credential of the cast shows (:mod:`~pytest_mtls.oracle.cast`), and where
versions differ (:class:`Change`). :mod:`~pytest_mtls.oracle.recognition` finds the situation of a real server.
"""

from pytest_mtls.oracle.answer import expect
from pytest_mtls.oracle.changes import Change
from pytest_mtls.oracle.situation import DEFAULT_DEPTH, Crl, CrlAge, Situation
from pytest_mtls.oracle.verification import verify_code

__all__ = ["DEFAULT_DEPTH", "Change", "Crl", "CrlAge", "Situation", "expect", "verify_code"]
