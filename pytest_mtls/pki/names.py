"""Distinguished names: from the text a user writes (RFC 4514), and to the text nginx prints.

Both list the most specific part first, the reverse of the order in which the certificate holds them.
"""

from __future__ import annotations

import re

from cryptography import x509
from cryptography.x509.name import _ASN1Type

from pytest_mtls.errors import InvalidName
from pytest_mtls.pki import der
from pytest_mtls.pki.attribute_types import OIDS, SHORT_NAMES

_ATTRIBUTE_TYPE = re.compile(
    r" *(?:(?P<name>[A-Za-z][A-Za-z0-9-]*)|(?:OID\.)?(?P<oid>[0-2](?:\.(?:0|[1-9]\d*))+)) *= *"
)
_HEX_VALUE = re.compile(r"#(?P<digits>(?:[0-9A-Fa-f]{2})+) *(?=[,+]|$)")
_ESCAPED = re.compile(r'\\(?:(?P<hex>[0-9A-Fa-f]{2})|(?P<special>[ "#+,;<=>\\]))')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

_ASCII_ATTRIBUTES = {
    x509.NameOID.COUNTRY_NAME,
    x509.NameOID.JURISDICTION_COUNTRY_NAME,
    x509.NameOID.SERIAL_NUMBER,
    x509.NameOID.DN_QUALIFIER,
    x509.NameOID.EMAIL_ADDRESS,
    x509.NameOID.DOMAIN_COMPONENT,
}
_ONE_BYTE_STRINGS = (0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1A)  # Numeric, Printable, T61, IA5, two times, Visible
_ENCODINGS = {der.UTF8_STRING: "utf-8", 0x1C: "utf-32-be", 0x1E: "utf-16-be"} | dict.fromkeys(
    _ONE_BYTE_STRINGS, "latin-1"
)


def common_name(text: str) -> x509.Name:
    """A name of one attribute, the common name, that is ``text`` as it stands.

    Raises:
        InvalidName: it is empty, longer than 64 bytes (RFC 5280 appendix A.1), or has control characters.
    """
    _refuse_control_characters(text)
    try:
        return x509.Name([_text_attribute(x509.NameOID.COMMON_NAME, text)])
    except ValueError as problem:
        raise InvalidName(
            f"{text!r} cannot be a common name: {problem}. Longer texts fit into a subject alternative name (sans=...)."
        ) from None


def parse_subject(subject: str | x509.Name) -> x509.Name:
    r"""A distinguished name from RFC 4514 text, or the one given.

    The text lists the most specific part first, as nginx prints it: ``CN=device,OU=Sensors,O=Example,C=US`` is encoded
    with C first. Escapes (``\,`` and ``\C3\B6``), multi-valued parts (``CN=a+UID=b``), dotted OIDs and ``#`` with
    hexadecimal DER are understood, as are values in double quotes (RFC 2253 section 4). ``""`` is the empty name.

    Raises:
        InvalidName: it is none of these; the message says where.
    """
    if isinstance(subject, x509.Name):
        return subject
    if not isinstance(subject, str):
        raise InvalidName(f"subject={subject!r} is a {type(subject).__name__}; give RFC 4514 text or an x509.Name.")
    _refuse_control_characters(subject)
    return _Parser(subject).name() if subject.strip(" ") else x509.Name([])


def parse_authority_name(subject: str | x509.Name) -> x509.Name:
    """The name of an authority: RFC 4514 text where it starts like one (``CN=...``), else a plain common name.

    Raises:
        InvalidName: it is empty or cannot be understood.
    """
    if isinstance(subject, str):
        if not subject.strip():
            raise InvalidName("An authority needs a name (RFC 5280 section 4.1.2.4), and an empty one was given.")
        match = _ATTRIBUTE_TYPE.match(subject)
        if not match or (match["name"] and match["name"].lower() not in OIDS):
            return common_name(subject)
    return parse_subject(subject)


def nginx_dn(name: x509.Name) -> str:
    r"""The name as nginx spells it in ``$ssl_client_s_dn`` and ``$ssl_client_i_dn``.

    That is OpenSSL's ``X509_NAME_print_ex`` with ``XN_FLAG_RFC2253`` (``ngx_ssl_get_subject_dn``): parts in reversed
    order, values in UTF-8 with every byte outside ASCII and every control character as ``\XX``, attributes unknown to
    OpenSSL as dotted OID and ``#`` hexadecimal DER.
    """
    return nginx_dn_from_der(name.public_bytes())


def nginx_dn_from_der(encoded: bytes) -> str:
    """The same for a name in DER, as it stands in a TLS CertificateRequest."""
    parts = der.read(encoded).children()
    return ",".join(
        "+".join(_attribute_text(attribute) for attribute in reversed(part.children())) for part in reversed(parts)
    )


def first_common_name(name: x509.Name) -> str | None:
    """The most specific common name, or ``None`` where there is none."""
    attributes = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(attributes[-1].value) if attributes else None


def _refuse_control_characters(text: str) -> None:
    found = _CONTROL.search(text)
    if found:
        raise InvalidName(
            f"{text!r} has a control character at position {found.start()}. "
            rf"If it is meant, write it as \{ord(found[0]):02X} in subject=..."
        )


def _attribute_text(attribute: der.Element) -> str:
    oid, value = attribute.children()
    dotted = der.decode_oid(oid.content)
    short_name = SHORT_NAMES.get(dotted)
    if short_name is None or value.tag not in _ENCODINGS:
        return f"{short_name or dotted}=#{value.encoded.hex().upper()}"
    return f"{short_name}={_escape(_as_utf8(value))}"


def _as_utf8(value: der.Element) -> bytes:
    if value.tag == der.UTF8_STRING:
        return value.content  # OpenSSL does not look whether it is UTF-8
    return value.content.decode(_ENCODINGS[value.tag], "surrogatepass").encode("utf-8", "surrogatepass")


def _escape(value: bytes) -> str:
    text = "".join(_ESCAPES[byte] for byte in value)
    # A lone "#" is not escaped: OpenSSL's do_buf looks at the last character's rule only, which is the space's.
    if text.startswith(" ") or (text.startswith("#") and len(value) > 1):
        text = "\\" + text
    if text.endswith(" ") and len(value) > 1:
        text = text[:-1] + "\\ "
    return text


def _escape_byte(byte: int) -> str:
    if byte < 0x20 or byte >= 0x7F:
        return f"\\{byte:02X}"
    return f"\\{byte:c}" if byte in b'",+;<>\\' else chr(byte)


_ESCAPES = tuple(_escape_byte(byte) for byte in range(256))


class _Parser:
    """A cursor over RFC 4514 text (the grammar of section 3)."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def name(self) -> x509.Name:
        parts = [self._part()]
        while self._take(","):
            parts.append(self._part())
        if self._position < len(self._text):
            raise self._refusal(f"expected ',' or '+', found {self._text[self._position]!r}")
        return x509.Name(reversed(parts))

    def _part(self) -> x509.RelativeDistinguishedName:
        attributes = [self._attribute()]
        while self._take("+"):
            attributes.append(self._attribute())
        try:
            return x509.RelativeDistinguishedName(attributes)
        except ValueError as problem:
            raise self._refusal(str(problem)) from None

    def _attribute(self) -> x509.NameAttribute[str | bytes]:
        oid = self._attribute_type()
        start = self._position
        try:
            hexadecimal = _HEX_VALUE.match(self._text, start)
            if hexadecimal:
                self._position = hexadecimal.end()
                return _attribute_from_der(oid, bytes.fromhex(hexadecimal["digits"]))
            value = self._quoted() if self._take('"') else self._plain()
            if value != b"#" and self._text.startswith("#", start):
                raise self._refusal("'#' must be followed by hexadecimal DER or be escaped with '\\'", start)
            return _text_attribute(oid, value.decode())
        except UnicodeDecodeError:
            raise self._refusal("the escaped bytes are not UTF-8", start) from None
        except InvalidName:
            raise
        except ValueError as problem:
            raise self._refusal(str(problem), start) from None

    def _attribute_type(self) -> x509.ObjectIdentifier:
        match = _ATTRIBUTE_TYPE.match(self._text, self._position)
        if not match:
            found = self._text[self._position : self._position + 20]
            raise self._refusal(f"expected an attribute such as 'CN=', found {found!r}")
        dotted = match["oid"] or OIDS.get(match["name"].lower())
        if dotted is None:
            raise self._refusal(f"{match['name']!r} is no known attribute; write its dotted OID")
        self._position = match.end()
        try:
            return x509.ObjectIdentifier(dotted)
        except ValueError:
            raise self._refusal(f"{dotted!r} is not an object identifier") from None

    def _plain(self) -> bytes:
        value = bytearray()
        kept = 0  # spaces at the end count only where they are escaped
        while self._position < len(self._text) and self._text[self._position] not in ",+":
            if self._text[self._position] in '";<>':
                raise self._refusal(rf"{self._text[self._position]!r} must be escaped with '\'")
            character = self._character(value)
            if character != " ":
                kept = len(value)
        return bytes(value[:kept])

    def _quoted(self) -> bytes:
        value = bytearray()
        while not self._take('"'):
            if self._position >= len(self._text):
                raise self._refusal("the quoted value does not end")
            self._character(value)
        while self._take(" "):
            pass
        return bytes(value)

    def _character(self, value: bytearray) -> str:
        """Move one character, or one escape, into the value; give back the text it had."""
        text = self._text[self._position]
        if text != "\\":
            value += text.encode()
        else:
            escaped = _ESCAPED.match(self._text, self._position)
            if not escaped:
                raise self._refusal(r"'\' must be followed by one of ' \"#+,;<=>\' or two hexadecimal digits")
            text = escaped[0]
            value += bytes.fromhex(escaped["hex"]) if escaped["hex"] else escaped["special"].encode()
        self._position += len(text)
        return text

    def _take(self, character: str) -> bool:
        found = self._text.startswith(character, self._position)
        self._position += found
        return found

    def _refusal(self, why: str, position: int | None = None) -> InvalidName:
        at = self._position if position is None else position
        return InvalidName(f"subject {self._text!r}, at character {at}: {why}.")


def _text_attribute(oid: x509.ObjectIdentifier, text: str) -> x509.NameAttribute[str | bytes]:
    if oid == x509.NameOID.COMMON_NAME and not 1 <= len(text.encode()) <= 64:
        # cryptography 42 lets it pass, later ones do not.
        raise ValueError(f"its length must be 1 to 64 bytes (RFC 5280 appendix A.1), not {len(text.encode())}")
    if oid in _ASCII_ATTRIBUTES and not text.isascii():
        # cryptography would put UTF-8 bytes into a string type that has none.
        raise ValueError(f"{SHORT_NAMES[oid.dotted_string]} holds ASCII only (RFC 5280 appendix A.1)")
    return x509.NameAttribute(oid, text)


def _attribute_from_der(oid: x509.ObjectIdentifier, encoded: bytes) -> x509.NameAttribute[str | bytes]:
    element = der.read(encoded)
    if element.tag not in _ENCODINGS:
        raise ValueError(f"DER values of tag 0x{element.tag:02X} are not supported, only character strings")
    attribute: x509.NameAttribute[str | bytes] = x509.NameAttribute(
        oid, element.content.decode(_ENCODINGS[element.tag]), _ASN1Type(element.tag)
    )
    written = x509.Name([attribute]).public_bytes()
    if not written.endswith(encoded):
        raise ValueError(f"cryptography cannot encode the DER value {encoded.hex()} as it stands")
    return attribute
