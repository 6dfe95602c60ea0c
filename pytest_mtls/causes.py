"""Likely causes: what was seen -> entries of the catalogue of regressions, each with what to do about it.

Most have a scenario of the same name, which shows it on a real nginx. OpenSSL's numbers are compared, never its texts,
which change.
"""

from __future__ import annotations

from typing import Final

from pytest_mtls.evidence import Cause, Evidence, Sign

_MOST: Final = 3

_REFUSED_BY_A_PEER: Final = (
    "bad_certificate",
    "unsupported_certificate",
    "certificate_revoked",
    "certificate_expired",
    "certificate_unknown",
    "unknown_ca",
    "certificate_required",
)
_SEEN_BY_A_CLIENT: Final = ("test", "client")
_REFUSED: Final = (False,)
_STRANGER: Final = (18, 19, 20, 21)

CAUSES: Final = (
    Cause(
        "ocsp-and-resumption",
        "nginx asks the OCSP responder about resumed sessions too, and it was told that the certificate is revoked.",
        "Renew the certificate. With ssl_ocsp_cache the old answer stays in force until it runs out.",
        (Sign(resumed=(True,), internal_status=(495,), reason=("certificate_revoked", "ocsp_status_unknown")),),
    ),
    Cause(
        "revoked-client-resumes-after-reload",
        "nginx does not verify the certificate of a resumed session again: it was good, or trusted, when the session "
        "began.",
        "To end sessions at a reload, set ssl_session_cache off and ssl_session_tickets off, or rename the shared "
        "zone; else they last for ssl_session_timeout.",
        (Sign(accepted=(True,), resumed=(True,), reason=("verified",)),),
    ),
    Cause(
        "crl-with-optional-modes",
        "With ssl_crl a missing CRL is fatal in optional and optional_no_ca as well: number 3 is not one of the five "
        "errors that are let pass.",
        "Put the CRL of every CA of the chain, root included, into ssl_crl.",
        (Sign(verify_code=(3,), mode=("optional", "optional_no_ca")),),
    ),
    Cause(
        "crl-missing-for-intermediate",
        "nginx checks every CA of the chain once ssl_crl is set, and there is no CRL of one of them.",
        "Put the CRL of every CA of the chain, root included, into ssl_crl, one after another.",
        (Sign(verify_code=(3, 33)),),
    ),
    Cause(
        "crl-breaks-second-ca",
        "Several CAs are trusted, and the CRLs of only some are in ssl_crl: clients of the others are refused.",
        "Add a CRL of each trusted CA; an empty one will do.",
        (Sign(verify_code=(3,)),),
    ),
    Cause(
        "crl-wrong-signer",
        "A CRL bears the name of the right issuer, and another key signed it.",
        "Compare the CRL's authority key identifier with the CA's: openssl crl -noout -text.",
        (Sign(verify_code=(3, 5, 8, 35)),),
    ),
    Cause(
        "crl-expired",
        "A CRL is past its nextUpdate; then nginx refuses every client of that CA.",
        "Publish a fresh CRL by rename and reload nginx; watch nextUpdate.",
        (Sign(verify_code=(12,)),),
    ),
    Cause(
        "crl-not-yet-valid",
        "A CRL begins in the future: it was published early, or this clock is slow.",
        "Compare the clocks of CA and nginx.",
        (Sign(verify_code=(11,)),),
    ),
    Cause(
        "stream-verify-closes-silently",
        "A stream server finishes the handshake and then closes without an alert where the certificate is bad or "
        "missing, with every version of TLS.",
        "Look into nginx's error log (level info) for the number; the client cannot know.",
        (
            Sign(layer=("stream",), accepted=_REFUSED),
            Sign(witness=("client",), reason=("closed_without_answer",)),
        ),
    ),
    Cause(
        "ip-url-tests-default-vhost",
        "No SNI was sent, as for a URL with an IP address, so the default server's CAs and mode counted.",
        "Dial the address and name the server: curl --resolve NAME:PORT:ADDRESS, server_hostname= in Python.",
        (
            Sign(names=("no SNI",), verify_code=_STRANGER, accepted=_REFUSED),
            Sign(names=("no SNI",), reason=("no_certificate",), accepted=_REFUSED),
        ),
    ),
    Cause(
        "no-sni-crosses-cas",
        "The SNI named no server, so the default server's CAs decided about the certificate, and Host chose another "
        "server: nginx compares the two only where the SNI named one.",
        "Make a server with ssl_reject_handshake on the default one.",
        (Sign(accepted=(True,), names=("differ",), reason=("verified",)),),
    ),
    Cause(
        "optional-is-not-lenient",
        "optional forgives a missing certificate, never a bad one.",
        "Mend the certificate, or let the client send none.",
        (Sign(mode=("optional",), internal_status=(495,)),),
    ),
    Cause(
        "optional_no_ca-lets-strangers-in",
        "optional_no_ca lets certificates of unknown CAs through, with every name in them chosen by their owner; "
        "$ssl_client_verify is FAILED:...",
        "Let the application refuse whatever is not SUCCESS, or use optional.",
        (Sign(accepted=(True,), verify_code=(*_STRANGER, 27)), Sign(reason=("failed_and_served",))),
    ),
    Cause(
        "optional_no_ca-is-not-accept-all",
        "optional_no_ca lets only five errors pass, all of an unknown issuer; expired, revoked and wrong-purpose "
        "certificates are refused.",
        "Mend the certificate; to look at any certificate at all, terminate TLS elsewhere.",
        (Sign(mode=("optional_no_ca",), internal_status=(495,)),),
    ),
    Cause(
        "verify-depth-default-1",
        "The chain is deeper than ssl_verify_depth allows; nginx's own is one intermediate. OpenSSL 1.1.1 says 22, "
        "later ones 20, which reads as an unknown issuer.",
        "Set ssl_verify_depth to the number of intermediates.",
        (Sign(verify_code=(20, 22)),),
    ),
    Cause(
        "leaf-without-intermediate",
        "The client sent its leaf alone, and nginx does not know the CA that issued it.",
        "Let the client send the intermediate too, or put it into ssl_client_certificate with its root.",
        (Sign(verify_code=(21,)), Sign(verify_code=(20,))),
    ),
    Cause(
        "intermediate-only-anchor",
        "ssl_client_certificate holds an intermediate without its root; nginx has no switch for partial chains.",
        "Add the root too; then everything below the root is trusted.",
        (Sign(verify_code=(2,)),),
    ),
    Cause(
        "same-subject-cas",
        "The signature is not of the CA of that name: two CAs have one subject, as after a rotation, and the first in "
        "the file was taken; or it is forged.",
        "Issue CAs with key identifiers, or another subject for each.",
        (Sign(verify_code=(7,)),),
    ),
    Cause(
        "serverauth-only-client-cert",
        "The certificate is not for clients: its extended key usage lacks clientAuth, or its key usage "
        "digitalSignature. Public CAs no longer issue clientAuth.",
        "Issue client certificates with clientAuth, from a CA of your own.",
        (Sign(verify_code=(26, 34)),),
    ),
    Cause(
        "bad-issuing-ca",
        "A CA of the chain may not issue this: no basicConstraints, path length or name constraint exceeded, or a "
        "purpose of its own.",
        "Look at the CA: openssl x509 -noout -ext basicConstraints,keyUsage,extendedKeyUsage,nameConstraints.",
        (Sign(verify_code=(24, 25, 26, 32, 37, 47, 48, 79)),),
    ),
    Cause(
        "weak-signature-or-key",
        "OpenSSL's security level 2 refuses keys of less than 112 bits (RSA 1024) and SHA-1 signatures.",
        "Renew with RSA 2048 or EC and SHA-256. Not for good: ssl_ciphers DEFAULT:@SECLEVEL=0.",
        (Sign(verify_code=(66, 67, 68)), Sign(reason=("too_weak_for_this_client",))),
    ),
    Cause(
        "ocsp-unreachable-is-fatal",
        "With ssl_ocsp on, nginx refuses whoever's status it cannot learn: no responder in the certificate, no "
        "resolver, or no proper answer in time.",
        "Set resolver and ssl_ocsp_responder, and see whether the responder answers: openssl ocsp.",
        (Sign(reason=("ocsp_request_failed", "ocsp_status_unknown", "ocsp_failed")),),
    ),
    Cause(
        "error_page-495-496-serves-content",
        "error_page turned nginx's refusal into another answer, so whoever was refused was served it.",
        "Keep the status in error_page 495 496, and serve nothing there that needs a certificate.",
        (Sign(status=(200, 201, 202, 203, 204, 206), internal_status=(495, 496)),),
    ),
    Cause(
        "sni-host-mismatch",
        "SNI and Host name two servers of which one verifies clients: nginx answers 421 (since 1.11.0).",
        "Let the client name one server in both; browsers that coalesce HTTP/2 connections try again.",
        (Sign(status=(421,)), Sign(reason=("misdirected_request",))),
    ),
    Cause(
        "h2-coalescing-421",
        "A browser reused an HTTP/2 connection of another server with the same wildcard certificate.",
        "Give the server that verifies clients a certificate, or an address, of its own.",
        (Sign(status=(421,), witness=("nginx", "client")), Sign(reason=("misdirected_request",), witness=("nginx",))),
    ),
    Cause(
        "mtls-not-on-plain-listener",
        "Plain HTTP came to a TLS port. A listener without ssl in the same server has no client certificates at all.",
        "Use https in the client; and see that no `listen` of a server that verifies clients lacks ssl.",
        (Sign(internal_status=(497,)), Sign(reason=("plain_http",))),
    ),
    Cause(
        "cert-header-too-large",
        "A header, such as a forwarded certificate, is larger than the receiving nginx takes: 4 x 8k.",
        "Forward subject or fingerprint instead, or raise large_client_header_buffers behind.",
        (Sign(reason=("header_too_large",)),),
    ),
    Cause(
        "multi-line-cert-header",
        "$ssl_client_cert or $ssl_client_raw_cert was forwarded: they have several lines, which an nginx behind "
        "refuses since 1.21.1.",
        "Forward $ssl_client_escaped_cert.",
        (Sign(reason=("invalid_header_line",)),),
    ),
    Cause(
        "cross-sni-resume-hard-failure",
        "A session was resumed under another server name: nginx 1.27.4 to 1.29.1, 1.26.3 and the distributions' fixes "
        "of CVE-2025-23419 end such a handshake.",
        "Update to 1.29.2, or keep sessions apart by server name in the client.",
        (Sign(alert=("access_denied",)),),
    ),
    Cause(
        "default-protocols-moved",
        "Client and server have no TLS version in common; without ssl_protocols nginx offers TLS 1.3 since 1.23.4.",
        "Set ssl_protocols TLSv1.2 TLSv1.3.",
        (Sign(alert=("protocol_version",)), Sign(reason=("no_common_protocol",))),
    ),
    Cause(
        "unusable-client-key-type",
        "The client's key is on a curve that this TLS cannot use, such as secp256k1.",
        "Use P-256, P-384, P-521, Ed25519 or RSA.",
        (Sign(alert=("illegal_parameter",)), Sign(reason=("wrong_curve",))),
    ),
    Cause(
        "oversize-client-chain",
        "The client's chain is larger than 100 KB, which OpenSSL takes at the most.",
        "Send only what leads to a trusted CA.",
        (Sign(reason=("excessive_message_size",)),),
    ),
    Cause(
        "ca-list-over-64k",
        "nginx could not write its handshake: the subjects of ssl_client_certificate are more than 64 KB, which "
        "`nginx -t` does not notice.",
        "Keep few CAs in ssl_client_certificate and the others in ssl_trusted_certificate.",
        (Sign(alert=("internal_error",)), Sign(reason=("handshake_not_writable",))),
    ),
    Cause(
        "tls13-alert-on-first-read",
        "A TLS alert about the client's certificate: nginx's http module sends none, so another terminator answered. "
        "With TLS 1.3 it comes with the first read, after a handshake that looked good.",
        "Find out what terminates TLS there: Envoy, HAProxy, a load balancer, Go.",
        (
            Sign(witness=_SEEN_BY_A_CLIENT, alert=_REFUSED_BY_A_PEER),
            Sign(witness=("client",), alert=("handshake_failure",)),
        ),
        has_scenario=False,
    ),
    Cause(
        "encrypted-or-mismatched-key",
        "The client's own library refused the key file: encrypted, or of another certificate. nginx saw nothing.",
        "Compare: openssl x509 -noout -pubkey, openssl pkey -pubout; decrypt with openssl pkey.",
        (
            Sign(reason=("key_mismatch", "key_encrypted", "credential_not_loadable")),
            Sign(alert=("decrypt_error",)),
        ),
        has_scenario=False,
    ),
    Cause(
        "pkcs12-rc2-40",
        "The .p12 file is encrypted with RC2-40, which OpenSSL 3 has only in its legacy provider.",
        "Convert it once: openssl pkcs12 -legacy -nodes, then openssl pkcs12 -export.",
        (Sign(reason=("legacy_pkcs12",)),),
        has_scenario=False,
    ),
    Cause(
        "python-3.13-strict",
        "Python 3.13 checks strictly: the server's CA lacks a key identifier or a key usage.",
        "Issue CAs with subject and authority key identifier and keyUsage keyCertSign.",
        (Sign(reason=("server_ca_not_strict",)),),
        has_scenario=False,
    ),
    Cause(
        "requests-env-bundle-overrides-verify",
        "The client does not trust the server's certificate; no client certificate was looked at yet. In requests "
        "REQUESTS_CA_BUNDLE overrides verify.",
        "Give the client the server's CA, and unset REQUESTS_CA_BUNDLE.",
        (Sign(reason=("server_not_trusted",)),),
        has_scenario=False,
    ),
    Cause(
        "upstream-verify-gaps",
        "nginx, as the client of its upstream, does not trust the certificate there: another CA, a deeper chain than "
        "proxy_ssl_verify_depth, or another name, since without proxy_ssl_name it is that of proxy_pass.",
        "Set proxy_ssl_trusted_certificate, proxy_ssl_verify_depth, proxy_ssl_name and proxy_ssl_server_name on.",
        (
            Sign(upstream=(True,), verify_code=tuple(range(1, 100))),
            Sign(upstream=(True,), reason=("upstream_mismatch",)),
        ),
    ),
    Cause(
        "upstream-sni-off-by-default",
        "The upstream ended nginx's handshake: nginx sends it no server name unless proxy_ssl_server_name is on.",
        "Set proxy_ssl_server_name on and proxy_ssl_name, and proxy_ssl_certificate where it asks for one.",
        (Sign(upstream=(True,), reason=("upstream_handshake_failed",)),),
    ),
    Cause(
        "verify-on-without-ssl_client_certificate",
        "Before 1.27.2 nginx wants ssl_client_certificate for ssl_verify_client, whatever else is trusted.",
        "Set ssl_client_certificate.",
        (Sign(reason=("no_client_ca",)),),
    ),
    Cause(
        "verify-client-in-location",
        "ssl_verify_client is a matter of http and server, not of location.",
        "Use optional in the server, and in the location: if ($ssl_client_verify != SUCCESS) { return 403; }",
        (Sign(reason=("verify_client_misplaced",)),),
    ),
    Cause(
        "crl-not-pem",
        "The file of ssl_crl is not PEM: DER, or empty.",
        "Convert it: openssl crl -inform DER -out crl.pem.",
        (Sign(reason=("crl_not_pem",)),),
    ),
    Cause(
        "glued-or-bom-pem",
        "A PEM file is broken: two were joined without a line end between them, or it was cut.",
        "Let each -----BEGIN start a line.",
        (Sign(reason=("bad_pem",)),),
    ),
    Cause(
        "nginx-never-fails-the-handshake",
        "nginx refuses a missing or bad certificate by a 400 after a completed handshake, never by a TLS alert.",
        "Look at the number: 496 means that none was sent (also withheld by clients that obey the CA list), 9 not yet "
        "valid, 10 expired, 18 to 21 of no known CA, 23 revoked.",
        (
            Sign(verify_code=(9, 10, 18, 19, 21, 23), accepted=_REFUSED),
            Sign(reason=("no_certificate", "certificate_refused"), accepted=_REFUSED),
            Sign(reason=("certificate_revoked",), accepted=_REFUSED),
        ),
    ),
)
"""Every cause that can be told from what was seen; the specific before the general."""


def fitting(evidence: Evidence) -> tuple[Cause, ...]:
    """The causes that fit, the likeliest first; three at the most."""
    return tuple(cause for cause in CAUSES if any(sign.is_in(evidence) for sign in cause.signs))[:_MOST]
