"""Asks the authority about a client's certificate (RFC 6960), for an nginx that asks here by `auth_request`."""

from datetime import datetime, timezone
from urllib.parse import unquote
from urllib.request import Request, urlopen

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID


class Sidecar:
    """A WSGI application: 204 for a certificate that is good, 403 for any other, and where nobody can say.

    `authorities` are certificates, each with the address of the responder that speaks for it. With `fails_open`, nobody
    is refused while the responder is down.
    """

    def __init__(self, authorities, *, fails_open=False, seconds=2):
        self.authorities = authorities
        self.fails_open = fails_open
        self.seconds = seconds

    def __call__(self, environ, start_response):
        verdict = self.verdict(environ.get("HTTP_X_CLIENT_VERIFY"), environ.get("HTTP_X_CLIENT_CERT", ""))
        start_response("204 No Content" if verdict == "good" else "403 Forbidden", [("X-Ocsp", verdict)])
        return []

    def verdict(self, verify, escaped):
        if verify != "SUCCESS":
            return f"certificate: {verify}"
        client = x509.load_pem_x509_certificate(unquote(escaped).encode())
        for issuer, url in self.authorities.items():
            if issuer.subject == client.issuer:
                try:
                    return self.ask(client, issuer, url)
                except (OSError, ValueError, InvalidSignature) as problem:
                    return "good" if self.fails_open else f"nobody can say: {type(problem).__name__}"
        return "nobody to ask"

    def ask(self, client, issuer, url):
        question = ocsp.OCSPRequestBuilder().add_certificate(client, issuer, hashes.SHA1()).build()
        headers = {"Content-Type": "application/ocsp-request"}
        with urlopen(Request(url, question.public_bytes(Encoding.DER), headers), timeout=self.seconds) as answer:
            if answer.headers.get_content_type() != "application/ocsp-response":
                raise ValueError("no answer to OCSP")
            response = ocsp.load_der_ocsp_response(answer.read())
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise ValueError(response.response_status.name)
        check_signature(response, issuer)
        now = datetime.now(timezone.utc)
        for single in response.responses:
            same_issuer = single.issuer_key_hash == question.issuer_key_hash
            if same_issuer and single.serial_number == question.serial_number:
                # Without a next update there is always something newer to be had (RFC 6960 section 4.2.2.1).
                if single.this_update_utc > now or (single.next_update_utc or now) < now:
                    raise ValueError("stale")
                return single.certificate_status.name.lower()
        raise ValueError("about another certificate")


def check_signature(response, issuer):
    """By the authority, or by one whom it has charged with that (RFC 6960 section 4.2.2.2)."""
    signer = issuer
    for delegate in response.certificates:
        delegate.verify_directly_issued_by(issuer)
        usages = delegate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        now = datetime.now(timezone.utc)
        in_time = delegate.not_valid_before_utc <= now <= delegate.not_valid_after_utc
        if ExtendedKeyUsageOID.OCSP_SIGNING in usages and in_time:
            signer = delegate
    key, signature, signed = signer.public_key(), response.signature, response.tbs_response_bytes
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, signed, ec.ECDSA(response.signature_hash_algorithm))
    else:
        key.verify(signature, signed, padding.PKCS1v15(), response.signature_hash_algorithm)
