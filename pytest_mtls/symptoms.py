"""One line of a log, or one message of a client, as evidence.

nginx's own words come from its source and have been the same from 1.18 to 1.31; where a line has a number it is that
which counts. What clients say was collected from the clients themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from pytest_mtls.evidence import Evidence
from pytest_mtls.reasons import ALERTS, verify_reason

_ERROR_LOG: Final = re.compile(rb"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[\w+\] |nginx: \[\w+\] ")
_COMBINED: Final = re.compile(rb'" (\d{3}) (\d+|-) "')
_VERIFY_ERROR: Final = re.compile(
    rb"(client|upstream) ssl certificate verify error: (?:\((\d{1,4}):|(.*?)(?: while |$))"
)
_ALERT_NUMBER: Final = re.compile(rb"alert number (\d{1,3})")
_ALERT_NAME: Final = re.compile(rb"(?:sslv3|tlsv1|tlsv13|ssl/tls|fatal) (?:alert:? )?([a-z][a-z ]+)")
_GO_ALERT: Final = re.compile(rb"remote error: tls: ([a-z ]+)")

_OCSP: Final = {
    b"certificate revoked": "certificate_revoked",
    b"certificate status unknown": "ocsp_status_unknown",
}

# Of what follows `FAILED:` and nothing else: there no number is written. Both spellings of those that changed.
_TEXTS: Final = {
    b"unable to get issuer certificate": 2,
    b"unable to get certificate crl": 3,
    b"certificate signature failure": 7,
    b"certificate is not yet valid": 9,
    b"certificate has expired": 10,
    b"crl is not yet valid": 11,
    b"crl has expired": 12,
    b"self signed certificate in certificate chain": 19,
    b"self-signed certificate in certificate chain": 19,
    b"self signed certificate": 18,
    b"self-signed certificate": 18,
    b"unable to get local issuer certificate": 20,
    b"unable to verify the first certificate": 21,
    b"certificate chain too long": 22,
    b"certificate revoked": 23,
    b"path length constraint exceeded": 25,
    b"unsupported certificate purpose": 26,
    b"unsuitable certificate purpose": 26,
    b"unhandled critical extension": 34,
    b"permitted subtree violation": 47,
    b"ee certificate key too weak": 66,
    b"ca certificate key too weak": 67,
    b"ca signature digest algorithm too weak": 68,
}

# `alertText` of Go's crypto/tls, where it is not RFC 8446's name.
_GO_ALERTS: Final = {
    b"revoked certificate": "certificate_revoked",
    b"expired certificate": "certificate_expired",
    b"unknown certificate authority": "unknown_ca",
    b"unknown certificate": "certificate_unknown",
    b"error decrypting message": "decrypt_error",
    b"protocol version not supported": "protocol_version",
}

_NAMED_ALERTS: Final[Mapping[bytes, str]] = {
    **{name.replace("_", " ").encode(): name for name in ALERTS.values()},
    **_GO_ALERTS,
}

_SERVER_DISTRUSTED: Final = frozenset(
    {"bad_certificate", "unsupported_certificate", "certificate_expired", "certificate_unknown", "unknown_ca"}
)

# Lower case, and with spaces for underscores, as the lines are when they are compared.
_NGINX: Final = (
    (b"client sent no required ssl certificate", Evidence(witness="nginx", reason="no_certificate", accepted=False)),
    (b"client sent plain http request to https port", Evidence(witness="nginx", reason="plain_http", accepted=False)),
    (b"client attempted to request the server name different", Evidence(witness="nginx", reason="misdirected_request")),
    (b"client sent too long header line", Evidence(witness="nginx", reason="header_too_large")),
    (b"client sent too large request", Evidence(witness="nginx", reason="header_too_large")),
    (b'client sent invalid header line: "\\x09', Evidence(witness="nginx", reason="invalid_header_line")),
    (b'client sent invalid header line: "\t', Evidence(witness="nginx", reason="invalid_header_line")),
    (b'client sent invalid header line: "mii', Evidence(witness="nginx", reason="invalid_header_line")),
    (b"upstream ssl certificate does not match", Evidence(witness="nginx", reason="upstream_mismatch", upstream=True)),
    (b"no ssl client certificate for ssl verify client", Evidence(witness="nginx", reason="no_client_ca")),
    (b'"ssl verify client" directive is not allowed here', Evidence(witness="nginx", reason="verify_client_misplaced")),
    (b"expecting: x509 crl", Evidence(witness="nginx", reason="crl_not_pem")),
    (b"x509 lookup load file(", Evidence(witness="nginx", reason="crl_not_pem")),
    (b"bad end line", Evidence(witness="nginx", reason="bad_pem")),
    (b"excessive message size", Evidence(witness="nginx", reason="excessive_message_size", layer="tls")),
    (b"wrong curve", Evidence(witness="nginx", reason="wrong_curve", layer="tls")),
    (b"unsupported protocol", Evidence(witness="nginx", reason="no_common_protocol", layer="tls")),
    (b"version too low", Evidence(witness="nginx", reason="no_common_protocol", layer="tls")),
    (b"ssl do handshake() failed (ssl: error:0a0c0103", Evidence(witness="nginx", reason="handshake_not_writable")),
    (b"routines::internal error", Evidence(witness="nginx", reason="handshake_not_writable", layer="tls")),
    (b":internal error", Evidence(witness="nginx", reason="handshake_not_writable", layer="tls")),
)  # fmt: skip

_SAID: Final = {
    "no_certificate": (b"no required ssl certificate was sent",),
    "certificate_refused": (b"the ssl certificate error",),
    "plain_http": (b"the plain http request was sent to https port",),
    "header_too_large": (b"request header or cookie too large",),
    "misdirected_request": (b"421 misdirected request",),
    "key_mismatch": (b"key values mismatch", b"no certificate assigned", b"private key does not match"),
    "key_encrypted": (b"private key is encrypted", b"bad decrypt", b"bad password read"),
    "too_weak_for_this_client": (b"ca md too weak", b"ee key too small", b"ca key too small"),
    "legacy_pkcs12": (b"rc2-40-cbc",),
    "server_ca_not_strict": (
        b"missing authority key identifier",
        b"missing subject key identifier",
        b"ca cert does not include key usage extension",
    ),
    "server_not_trusted": (
        b"certificate verify failed",
        b"ssl certificate problem",
        b"pkix path building failed",
        b"certificate signed by unknown authority",
        b"unable to verify leaf signature",
        b"unable to get issuer cert locally",
        b"self signed cert in chain",
        b"depth zero self signed cert",
        b"err cert authority invalid",
        b"verify error:num=",
    ),
    "closed_without_answer": (
        b"server disconnected",
        b"empty reply from server",
        b"remote end closed connection without response",
        b"unexpected eof while reading",
        b"eof occurred in violation of protocol",
        b"err empty response",
        b"socket hang up",
        b"header parser received no bytes",
        b"other side closed",
        b'": eof',
    ),
}
_CLIENTS: Final = tuple((mark, reason) for reason, marks in _SAID.items() for mark in marks)
_REFUSALS: Final = frozenset({"no_certificate", "certificate_refused", "plain_http"})

_TAIL: Final = len("</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n<center></center>\r\n")
_FRAME: Final = _TAIL + len("<html>\r\n<head><title>400 ") + len("<hr><center></center>\r\n</body>\r\n</html>\r\n")
_PADDING: Final = 6 * len("<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n")
# `Server` is `nginx`, or with a version such as `nginx/1.9.15` or `nginx/1.31.3`; `nginx/1.18.0 (Ubuntu)` is longer.
_SERVERS: Final = (len("nginx"), *range(len("nginx/1.9.0"), len("nginx/1.31.10") + 1), len("nginx/1.18.0 (Ubuntu)"))
_PAGES: Final = {
    "certificate_refused": "The SSL certificate error",
    "no_certificate": "No required SSL certificate was sent",
    "plain_http": "The plain HTTP request was sent to HTTPS port",
    "header_too_large": "Request Header Or Cookie Too Large",
}
_SIZES: Final = {
    _FRAME + 2 * len(text) + server + padding: reason
    for reason, text in _PAGES.items()
    for server in _SERVERS
    for padding in (0, _PADDING)
}
"""Bytes of nginx's own pages for 400 -> which of them it was (``ngx_http_special_response.c``): all that a combined log
says about it."""


def recognise(line: bytes) -> Evidence | None:
    """What a line shows; ``None`` for one that has nothing to do with client certificates."""
    from_nginx = _ERROR_LOG.match(line) is not None
    if not from_nginx and (combined := _COMBINED.search(line)):
        return _of_access_log(line, int(combined[1]), combined[2])
    text = line.lower().replace(b"_", b" ")
    witness = "nginx" if from_nginx else "client"
    return next(_readings(text, witness), None)


def _readings(text: bytes, witness: str) -> Iterator[Evidence]:
    """What it could mean, the surest first."""
    if found := _VERIFY_ERROR.search(text):
        yield _verify_error(text, found)
    if b"failed:" in text and (code := _code_of(text.partition(b"failed:")[2])):
        yield Evidence(witness="nginx", verify_code=code, reason=verify_reason(code))
    for mark, evidence in _NGINX:
        if mark in text and (witness == "nginx" or b"nginx: [" in text):
            yield evidence
    if alert := _alert(text):
        yield from _of_alert(alert, text, witness)
    if witness == "nginx":
        if b"to upstream" in text and b"ssl" in text and b"handshak" in text:
            yield Evidence(witness="nginx", layer="tls", reason="upstream_handshake_failed", upstream=True)
        return
    for mark, reason in _CLIENTS:
        if mark in text:
            yield Evidence(witness="client", reason=reason, accepted=False if reason in _REFUSALS else None)


def _verify_error(text: bytes, found: re.Match[bytes]) -> Evidence:
    upstream = found[1] == b"upstream"
    # The http module looks when it has read a request; the stream module as the handshake ends.
    layer = "tls" if upstream else "http" if b"while reading client request" in text else None
    if b"while ssl handshaking, client" in text and not upstream:
        layer = "stream"
    if found[2]:
        code = int(found[2])
        return Evidence(
            witness="nginx",
            accepted=False,
            layer=layer,
            verify_code=code,
            reason=verify_reason(code),
            upstream=upstream,
        )
    reason = _OCSP.get(found[3], "ocsp_request_failed")
    return Evidence(witness="nginx", accepted=False, layer=layer, reason=reason, upstream=upstream)


def _of_access_log(line: bytes, status: int, size: bytes) -> Evidence | None:
    if b"FAILED:" in line and status < 400:
        code = _code_of(line.lower().partition(b"failed:")[2])
        return Evidence(witness="nginx", accepted=True, verify_code=code, reason="failed_and_served")
    if status == 400 and size.isdigit() and (reason := _SIZES.get(int(size))):
        return Evidence(witness="nginx", accepted=False, status=400, reason=reason)
    if status == 421:
        return Evidence(witness="nginx", status=421, reason="misdirected_request")
    internal = {494: "header_too_large", 495: "certificate_refused", 496: "no_certificate", 497: "plain_http"}
    if status in internal:
        return Evidence(witness="nginx", accepted=False, status=status, reason=internal[status])
    return None


def _code_of(text: bytes) -> int | None:
    return next((code for known, code in _TEXTS.items() if text.startswith(known)), None)


def _alert(text: bytes) -> str | None:
    if number := _ALERT_NUMBER.search(text):
        return ALERTS.get(int(number[1]))
    if b"err bad ssl client auth cert" in text:  # all that Chromium says of five alerts
        return "bad_certificate"
    for pattern in (_GO_ALERT, _ALERT_NAME):
        if name := pattern.search(text):
            fitting = [known for known in _NAMED_ALERTS if name[1].startswith(known)]
            if fitting:
                return _NAMED_ALERTS[max(fitting, key=len)]
    return None


def _of_alert(alert: str, text: bytes, witness: str) -> Iterator[Evidence]:
    if b"to upstream" in text:
        yield Evidence(witness=witness, layer="tls", alert=alert, reason="upstream_handshake_failed", upstream=True)
    elif witness == "nginx" and alert in _SERVER_DISTRUSTED:
        # In nginx's log an alert is what the client sent: it did not like nginx's certificate.
        yield Evidence(witness=witness, layer="tls", reason="server_not_trusted")
    elif alert != "close_notify":
        yield Evidence(witness=witness, layer="tls", alert=alert)
