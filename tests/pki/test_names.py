"""Distinguished names: from a user's text, and as nginx prints them."""

from __future__ import annotations

import pytest
from cryptography import x509

from pytest_mtls.errors import InvalidName
from pytest_mtls.pki import CertificateAuthority, nginx_dn, parse_subject
from pytest_mtls.pki.names import common_name, nginx_dn_from_der, parse_authority_name

# Left what a user writes, right what nginx 1.31.3 with OpenSSL 3.3.7 had in $ssl_client_s_dn for it.
MEASURED = [
    ("CN=device-0042,OU=Sensors,O=Example,C=US", "CN=device-0042,OU=Sensors,O=Example,C=US"),
    ("CN=Jörg Ångström", r"CN=J\C3\B6rg \C3\85ngstr\C3\B6m"),
    (r"CN=J\C3\B6rg", r"CN=J\C3\B6rg"),
    ("CN=日本", r"CN=\E6\97\A5\E6\9C\AC"),
    ("CN=\N{GRINNING FACE}", r"CN=\F0\9F\98\80"),
    (r"CN=a\,b\+c\"d\\e\<f\>g\;h", r"CN=a\,b\+c\"d\\e\<f\>g\;h"),
    (r"CN=\#first", r"CN=\#first"),
    (r"CN=\#", "CN=#"),
    ("CN=#", "CN=#"),
    ("CN=in#side=ok", "CN=in#side=ok"),
    (r"CN=\ both \ ", r"CN=\ both \ "),
    (r"CN=\ ", r"CN=\ "),
    ("CN =  spaces around  , O = x", "CN=spaces around,O=x"),
    (r"CN=tab\09newline\0Anul\00del\7F", r"CN=tab\09newline\0Anul\00del\7F"),
    ('CN="Example, Inc." , C=US', r"CN=Example\, Inc.,C=US"),
    ("CN=it's $%&/()?!*~|^`{}[]", "CN=it's $%&/()?!*~|^`{}[]"),
    ("UID=u1+CN=m,O=Example", "UID=u1+CN=m,O=Example"),
    ("CN=m+UID=u1,O=Example", "UID=u1+CN=m,O=Example"),
    ("OU=a+CN=b+serialNumber=5,C=DE", "OU=a+serialNumber=5+CN=b,C=DE"),
    ("1.3.6.1.4.1.99999.1=secret,CN=x", "1.3.6.1.4.1.99999.1=#0C06736563726574,CN=x"),
    ("1.3.6.1.4.1.99999.1=#130161,CN=x", "1.3.6.1.4.1.99999.1=#130161,CN=x"),
    ("CN=#1E060041006200E9", r"CN=Ab\C3\A9"),
    ("CN=#130441424344,O=#1603616263", "CN=ABCD,O=abc"),
    ("emailAddress=a@example.com,CN=a", "emailAddress=a@example.com,CN=a"),
    ("DC=example,DC=com", "DC=example,DC=com"),
    ("SN=Doe,GN=Jo,initials=J,title=Dr,dnQualifier=q,name=n", "SN=Doe,GN=Jo,initials=J,title=Dr,dnQualifier=q,name=n"),
    ("street=Main St 1,postalCode=10115,L=Berlin,ST=Berlin", "street=Main St 1,postalCode=10115,L=Berlin,ST=Berlin"),
    ("generationQualifier=III,pseudonym=p,serialNumber=12", "generationQualifier=III,pseudonym=p,serialNumber=12"),
    ("businessCategory=b,jurisdictionC=DE,jurisdictionST=s", "businessCategory=b,jurisdictionC=DE,jurisdictionST=s"),
    ("organizationIdentifier=i,jurisdictionL=l", "organizationIdentifier=i,jurisdictionL=l"),
    ("UID=u,mail=m,x500UniqueIdentifier=x,role=r", "UID=u,mail=m,x500UniqueIdentifier=x,role=r"),
    ("INN=1,OGRN=2,SNILS=3", "INN=1,OGRN=2,SNILS=3"),
    ("CN=a,CN=b,CN=a", "CN=a,CN=b,CN=a"),
    ("2.5.4.3=by oid,OID.2.5.4.10=x", "CN=by oid,O=x"),
    ("commonName=long,cn=lower", "CN=long,CN=lower"),
    ("", ""),
    ("   ", ""),
]


@pytest.mark.parametrize("text, printed", MEASURED)
def test_a_subject_is_printed_as_nginx_prints_it(root: CertificateAuthority, text: str, printed: str) -> None:
    """subject_dn equals $ssl_client_s_dn, byte for byte."""
    assert printed == root.issue_client(subject=text).subject_dn


@pytest.mark.parametrize(
    "printed", sorted({printed for _, printed in MEASURED if "+" not in printed.replace(r"\+", "")})
)
def test_what_nginx_prints_can_be_given_back(printed: str) -> None:
    """A name copied from a log gives the same name (parts of several values have an order of their own, in DER)."""
    assert printed == nginx_dn(parse_subject(printed))


def test_the_most_specific_part_is_encoded_last() -> None:
    """RFC 4514 lists a name in the reverse of the order that the certificate has."""
    name = parse_subject("CN=device,OU=Sensors,O=Example,C=US")

    assert [attribute.value for attribute in name] == ["US", "Example", "Sensors", "device"]


def test_a_name_object_is_taken_as_it_is() -> None:
    """An x509.Name needs no parsing."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "line\nbreak")])

    assert parse_subject(name) is name
    assert nginx_dn(name) == r"CN=line\0Abreak"


def test_a_value_that_is_no_string_is_printed_as_der() -> None:
    """OpenSSL dumps what it cannot display, under the attribute's own short name."""
    identifier = bytes.fromhex("300f310d300b060355042d030400616263")

    assert nginx_dn_from_der(identifier) == "x500UniqueIdentifier=#030400616263"


def test_bytes_that_are_not_utf8_are_printed_all_the_same() -> None:
    """OpenSSL does not look whether a UTF8String is UTF-8."""
    assert nginx_dn_from_der(bytes.fromhex("300d310b300906035504030c02ff61")) == r"CN=\FFa"


@pytest.mark.parametrize(
    "text, why",
    [
        ("alice", "expected an attribute"),
        ("CN", "expected an attribute"),
        ("=x", "expected an attribute"),
        ("CN=a,", "expected an attribute"),
        ("CN=a+", "expected an attribute"),
        ("FOO=x", "'FOO' is no known attribute"),
        ("9.9.9=x", "expected an attribute"),
        ("2.5.4.03=x", "expected an attribute"),
        ("CN=", "1 to 64"),
        ("CN=" + "x" * 65, "1 to 64"),
        ("C=USA", "character 2"),
        ("emailAddress=jörg@example.com", "ASCII"),
        ("CN=a\nb", r"control character at position 4.*\\0A"),
        ("CN=a;O=b", "';' must be escaped"),
        ("CN=a<b", "'<' must be escaped"),
        ('CN=a"b', "must be escaped"),
        ('CN="a', "does not end"),
        ('CN="a" b', "expected ',' or '\\+'"),
        (r"CN=a\q", "two hexadecimal digits"),
        (r"CN=a" + "\\", "two hexadecimal digits"),
        (r"CN=\FF", "not UTF-8"),
        ("CN=#zz", "hexadecimal DER"),
        ("CN=#13", "DER ends"),
        ("CN=#130161ff", "1 bytes follow"),
        ("CN=#3000", "tag 0x30"),
        ("CN=#1404A900410042", "bytes follow"),
        ("CN=#1401A9", "cannot encode"),
        ("1.40.1=x", "not an object identifier"),
        ("CN=a+CN=a", "duplicate"),
    ],
)
def test_a_subject_that_cannot_be_understood_is_refused(text: str, why: str) -> None:
    """The error says where and why, and is a ValueError too."""
    with pytest.raises(InvalidName, match=why):
        parse_subject(text)


def test_a_subject_of_another_type_is_refused() -> None:
    """Neither text nor a name."""
    with pytest.raises(InvalidName, match="is a int"):
        parse_subject(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["alice", "CN=alice", "a,b+c=d", "Jörg", "*"])
def test_a_common_name_is_taken_as_it_stands(root: CertificateAuthority, text: str) -> None:
    """The first argument of issue_client is not parsed."""
    (attribute,) = root.issue_client(text).certificate.subject

    assert (x509.NameOID.COMMON_NAME, text) == (attribute.oid, attribute.value)


@pytest.mark.parametrize("text", ["", "x" * 65, "ö" * 33, "a\nb", "a\0b"])
def test_a_common_name_that_cannot_be_is_refused(text: str) -> None:
    """Empty, too long or with control characters."""
    with pytest.raises(InvalidName):
        common_name(text)


@pytest.mark.parametrize(
    "text, printed",
    [
        ("Example Root", "CN=Example Root"),
        ("CN=Example Root,O=Example", "CN=Example Root,O=Example"),
        ("2.5.4.10=Example", "O=Example"),
        ("key=value", "CN=key=value"),
    ],
)
def test_an_authority_is_named_plainly_or_in_full(text: str, printed: str) -> None:
    """Text that starts like RFC 4514 is parsed, anything else is a common name."""
    assert printed == nginx_dn(parse_authority_name(text))


def test_an_authority_needs_a_name() -> None:
    """RFC 5280 does not allow an empty issuer."""
    with pytest.raises(InvalidName, match="needs a name"):
        CertificateAuthority(" ")
