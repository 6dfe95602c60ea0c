"""Stable names for what OpenSSL, nginx and TLS call a refusal.

OpenSSL's texts change between versions ("self signed", "self-signed"; "unsupported" became "unsuitable certificate
purpose"), its numbers do not. So a reason is always looked up by number: ``X509_V_ERR_*`` of OpenSSL's ``x509_vfy.h``,
and for alerts the numbers of RFC 8446 section 6.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

X509_V_OK: Final = 0

VERIFY_REASONS: Final = MappingProxyType(
    {
        1: "unspecified",
        2: "unable_to_get_issuer_certificate",
        3: "unable_to_get_crl",
        4: "unable_to_decrypt_certificate_signature",
        5: "unable_to_decrypt_crl_signature",
        6: "unable_to_decode_issuer_public_key",
        7: "certificate_signature_failure",
        8: "crl_signature_failure",
        9: "certificate_not_yet_valid",
        10: "certificate_expired",
        11: "crl_not_yet_valid",
        12: "crl_expired",
        13: "error_in_certificate_not_before_field",
        14: "error_in_certificate_not_after_field",
        15: "error_in_crl_last_update_field",
        16: "error_in_crl_next_update_field",
        17: "out_of_memory",
        18: "self_signed_certificate",
        19: "self_signed_certificate_in_chain",
        20: "unable_to_get_local_issuer_certificate",
        21: "unable_to_verify_first_certificate",
        22: "certificate_chain_too_long",
        23: "certificate_revoked",
        24: "issuer_is_not_a_ca",
        25: "path_length_exceeded",
        26: "unsuitable_certificate_purpose",
        27: "certificate_not_trusted",
        28: "certificate_rejected",
        29: "subject_issuer_mismatch",
        30: "authority_key_identifier_mismatch",
        31: "authority_key_identifier_serial_mismatch",
        32: "key_usage_lacks_certificate_signing",
        33: "unable_to_get_crl_issuer_certificate",
        34: "unhandled_critical_extension",
        35: "key_usage_lacks_crl_signing",
        36: "unhandled_critical_crl_extension",
        37: "invalid_non_ca_certificate",
        38: "proxy_path_length_exceeded",
        39: "key_usage_lacks_digital_signature",
        40: "proxy_certificates_not_allowed",
        41: "invalid_extension",
        42: "invalid_policy_extension",
        43: "no_explicit_policy",
        44: "different_crl_scope",
        45: "unsupported_extension_feature",
        46: "unnested_resource",
        47: "permitted_subtree_violation",
        48: "excluded_subtree_violation",
        49: "name_constraints_subtree_minimum_or_maximum",
        50: "application_verification_failure",
        51: "unsupported_constraint_type",
        52: "unsupported_constraint_syntax",
        53: "unsupported_name_syntax",
        54: "crl_path_validation_error",
        55: "path_loop",
        62: "host_name_mismatch",
        63: "email_mismatch",
        64: "ip_address_mismatch",
        66: "leaf_key_too_weak",
        67: "ca_key_too_weak",
        68: "ca_signature_digest_too_weak",
        69: "invalid_call",
        70: "store_lookup_failure",
        76: "key_usage_lacks_certificate_signing",
        79: "invalid_ca",
        86: "missing_subject_key_identifier",
        87: "missing_authority_key_identifier",
        94: "signature_algorithm_mismatch",
    }
)

TOLERATED_BY_OPTIONAL_NO_CA: Final = frozenset({18, 19, 20, 21, 27})
"""The only verification errors that ``optional_no_ca`` lets pass: ``ngx_ssl_verify_error_optional`` in nginx's
``ngx_event_openssl.h``, the same from 1.18 to 1.31."""

ALERTS: Final = MappingProxyType(
    {
        0: "close_notify",
        10: "unexpected_message",
        20: "bad_record_mac",
        21: "decryption_failed",
        22: "record_overflow",
        30: "decompression_failure",
        40: "handshake_failure",
        41: "no_certificate",
        42: "bad_certificate",
        43: "unsupported_certificate",
        44: "certificate_revoked",
        45: "certificate_expired",
        46: "certificate_unknown",
        47: "illegal_parameter",
        48: "unknown_ca",
        49: "access_denied",
        50: "decode_error",
        51: "decrypt_error",
        60: "export_restriction",
        70: "protocol_version",
        71: "insufficient_security",
        80: "internal_error",
        86: "inappropriate_fallback",
        90: "user_canceled",
        100: "no_renegotiation",
        109: "missing_extension",
        110: "unsupported_extension",
        111: "certificate_unobtainable",
        112: "unrecognized_name",
        113: "bad_certificate_status_response",
        114: "bad_certificate_hash_value",
        115: "unknown_psk_identity",
        116: "certificate_required",
        120: "no_application_protocol",
    }
)


def verify_reason(code: int | None) -> str | None:
    """The stable name of an ``X509_V_ERR_*`` number; ``None`` for ``None`` and for ``X509_V_OK``."""
    if code is None or code == X509_V_OK:
        return None
    return VERIFY_REASONS.get(code, f"x509_error_{code}")


def alert_name(code: int) -> str:
    """The name RFC 8446 gives an alert."""
    return ALERTS.get(code, f"alert_{code}")
