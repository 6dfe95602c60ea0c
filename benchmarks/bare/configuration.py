"""The least an nginx.conf can say and still check client certificates."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.bare.certificates import Minted

CONFIG = "nginx.conf"
CERTIFICATE, KEY, AUTHORITY, CRL = "certificate.pem", "key.pem", "client_ca.pem", "crl.pem"


def files(minted: Minted, modes: Mapping[str, str], *, log: str) -> dict[str, bytes]:
    """Everything one nginx reads, by file name.

    Args:
        minted: its certificates.
        modes: ``ssl_verify_client`` by what to listen on.
        log: where ``error_log`` writes.
    """
    return {
        CONFIG: _config(modes, log, f"ssl_crl {CRL};" if minted.crl else "").encode(),
        CERTIFICATE: minted.certificate,
        KEY: minted.key,
        AUTHORITY: minted.authority,
        **({CRL: minted.crl} if minted.crl else {}),
    }


def _config(modes: Mapping[str, str], log: str, revocation: str) -> str:
    temporary = "".join(
        f"{name}_temp_path temp_{name}; " for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    servers = "".join(
        f"server {{ listen {listen} ssl; ssl_certificate {CERTIFICATE}; ssl_certificate_key {KEY}; "
        f"ssl_client_certificate {AUTHORITY}; {revocation} ssl_verify_client {mode}; location / {{ return 204; }} }}\n"
        for listen, mode in modes.items()
    )
    return (
        f"worker_processes 1; pid nginx.pid; error_log {log} notice;\nevents {{}}\n"
        f"http {{ access_log off; {temporary}\n{servers}}}\n"
    )
