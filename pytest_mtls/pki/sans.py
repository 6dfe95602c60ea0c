"""Subject alternative names from the text a user writes (RFC 5280 section 4.2.1.6)."""

from __future__ import annotations

import ipaddress
import re

from cryptography import x509

from pytest_mtls.errors import InvalidName

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DNS = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*\.?")
_SUBTREE = re.compile(rf"\.?{_LABEL}(?:\.{_LABEL})*")
_EMAIL = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+")
_PREFIXED = re.compile(r"(?P<kind>URI|DNS|IP|email):(?P<value>.*)", re.IGNORECASE | re.DOTALL)


def parse_san(name: str | x509.GeneralName) -> x509.GeneralName:
    """One alternative name from ``URI:...``, ``DNS:...``, ``IP:...`` or ``email:...``, or the one given.

    Without a prefix an IP address is taken as one, text with ``://`` as a URI, with ``@`` as an email address, anything
    else as a DNS name. Names that are wrong on purpose can be given as an ``x509.GeneralName``.

    Raises:
        InvalidName: the text is not what its prefix, or its look, says.
    """
    if isinstance(name, x509.GeneralName):
        return name
    if not isinstance(name, str):
        raise InvalidName(f"alternative name {name!r} is a {type(name).__name__}; give text or an x509.GeneralName.")
    prefixed = _PREFIXED.fullmatch(name)
    kind, value = (prefixed["kind"].lower(), prefixed["value"]) if prefixed else (_guess(name), name)
    if kind == "ip":
        return _address(value)
    if kind == "uri":
        return x509.UniformResourceIdentifier(_matching(_URI, value, "a URI in ASCII, with a scheme", name))
    if kind == "email":
        return x509.RFC822Name(_matching(_EMAIL, value, "an email address in ASCII", name))
    return x509.DNSName(
        _matching(_DNS, value, "a DNS name in ASCII (known prefixes are URI:, DNS:, IP: and email:)", name)
    )


def parse_name_constraint(name: str | x509.GeneralName) -> x509.GeneralName:
    """One subtree of a name constraint (RFC 5280 section 4.2.1.10), or the one given.

    ``DNS:`` and ``URI:`` take a host, or a dot and a domain; ``email:`` these or a whole address; ``IP:`` a network.

    Raises:
        InvalidName: the text is none of these.
    """
    if isinstance(name, x509.GeneralName):
        return name
    prefixed = _PREFIXED.fullmatch(name) if isinstance(name, str) else None
    if not prefixed:
        raise InvalidName(f"name constraint {name!r} must start with one of URI:, DNS:, IP: and email:.")
    kind, value = prefixed["kind"].lower(), prefixed["value"]
    if kind == "ip":
        return _network(value)
    if not _SUBTREE.fullmatch(value) and not (kind == "email" and looks_like_email(value)):
        raise InvalidName(f"name constraint {name!r} is not a host, or a dot and a domain, in ASCII.")
    if kind == "uri":
        return x509.UniformResourceIdentifier(value)
    return x509.RFC822Name(value) if kind == "email" else x509.DNSName(value)


def looks_like_email(text: str) -> bool:
    """Whether the text would be taken for an email address."""
    return bool(_EMAIL.fullmatch(text))


def _guess(text: str) -> str:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return "uri" if "://" in text else "email" if "@" in text else "dns"
    return "ip"


def _matching(pattern: re.Pattern[str], value: str, what: str, whole: str) -> str:
    if not pattern.fullmatch(value):
        raise InvalidName(f"alternative name {whole!r} is not {what}.")
    return value


def _address(value: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(value))
    except ValueError:
        hint = " A network belongs into name_constraints." if "/" in value else ""
        raise InvalidName(f"alternative name {'IP:' + value!r} is not an IP address.{hint}") from None


def _network(value: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_network(value))
    except ValueError as problem:
        raise InvalidName(f"name constraint {'IP:' + value!r} is not an IP network: {problem}.") from None
