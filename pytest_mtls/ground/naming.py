"""Who a configuration names by subject, and who has a subject much like it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, cast

from cryptography import x509
from cryptography.x509.oid import NameOID

from pytest_mtls.errors import InvalidArgument
from pytest_mtls.ground.places import Place
from pytest_mtls.own_config.source import Directive
from pytest_mtls.pki.names import nginx_dn, parse_subject
from pytest_mtls.site.blocks import Block
from pytest_mtls.site.reading import Site, variables_in
from pytest_mtls.site.samples import samples
from pytest_mtls.site.values import Test, test_of_if, tests_of_map, worth

SUBJECT: Final = "ssl_client_s_dn"
ISSUER: Final = "ssl_client_i_dn"
STRANGE: Final = "mallory"
_LONGEST: Final = 64  # ub-common-name, RFC 5280 appendix A.1
_SEPARATORS: Final = " -._:@/"
_OTHERS: Final = "qQ7"
_STUDIED: Final = 60
_ASKED: Final = 6
_UNUSED: Final = ("access_log", "log_format", "error_log")

Attributes = tuple[x509.NameAttribute[str], ...]


@dataclass(frozen=True)
class Named:
    """Somebody whom one line of a configuration names.

    Attributes:
        test: the line.
        subject: a subject that it fits, the least specific attribute first, as a certificate has it.
        focus: which of them the line pins down.
    """

    test: Test
    subject: Attributes
    focus: int

    @property
    def attribute(self) -> x509.NameAttribute[str]:
        """The one that is pinned down."""
        return self.subject[self.focus]

    @property
    def rest(self) -> Attributes:
        """The others."""
        return (*self.subject[: self.focus], *self.subject[self.focus + 1 :])


def name_of(attributes: Sequence[x509.NameAttribute[str]]) -> x509.Name:
    """A subject of these, one to a part."""
    return x509.Name(attributes)


def plain(attribute: x509.NameAttribute[str]) -> str:
    """Such as ``CN=admin``, nothing escaped."""
    return f"{nginx_dn(x509.Name([attribute])).partition('=')[0]}={attribute.value}"


def known(place: Place, subject: Sequence[x509.NameAttribute[str]]) -> dict[str, str]:
    """What variables are worth for a client of that subject there, or of such an issuer."""
    # OpenSSL 3 escapes "/" within a value, 1.1.1 does not; a pattern that minds is found by asking.
    legacy = "".join(f"/{plain(each)}" for each in subject)
    return {
        "ssl_client_verify": "SUCCESS",
        **dict.fromkeys((SUBJECT, ISSUER), nginx_dn(name_of(subject))),
        **dict.fromkeys((f"{SUBJECT}_legacy", f"{ISSUER}_legacy"), legacy),
        "host": place.host,
        "http_host": place.host,
        "server_name": place.host,
        "ssl_server_name": place.host,
        "scheme": "https",
        "request_method": "GET",
        "uri": place.path,
        "request_uri": place.path,
    }


def fits(site: Site, place: Place, test: Test, subject: Sequence[x509.NameAttribute[str]]) -> bool:
    """Whether a client of that subject satisfies that line."""
    text = worth(site, test.looks_at, known(place, subject))
    return text is not None and test.fits(text) is not None


def lines_at(site: Site, place: Place, of: str = SUBJECT) -> Iterator[Test]:
    """The lines that look at the client's subject, or issuer, for what is done at a place."""
    waiting: list[str] = []
    for each in _used(place):
        waiting += variables_in(*each.args)
        test = test_of_if(each) if each.name == "if" else None
        if test and any(site.comes_from(name, of) for name in variables_in(test.looks_at)):
            yield test
    seen = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for made_of, directive in site.sources.get(name, ()):
            waiting += made_of
            looked_at = variables_in(directive.args[0]) if directive.name == "map" else ()
            if any(site.comes_from(one, of) for one in looked_at):
                yield from tests_of_map(site, directive)


def _used(place: Place) -> Iterator[Directive]:
    for block in place.block.levels():
        if block.name not in ("server", "location"):
            break
        yield from _within(block)
    yield from place.block.effective("proxy_set_header", "grpc_set_header")


def _within(block: Block) -> Iterator[Directive]:
    for each in block.inner:
        if each.block is None and each.name not in (*_UNUSED, "proxy_set_header", "grpc_set_header"):
            yield each
        elif each.name == "if":
            yield each
            yield from _within(Block(block.tree, each, block))


def names_at(site: Site, place: Place) -> Iterator[Named]:
    """Some of those whom the lines at a place name: asking for all of a long list would take for ever."""
    found = (named(site, place, each) for each in islice(dict.fromkeys(lines_at(site, place)), _STUDIED))
    return islice((each for each in found if each is not None), _ASKED)


def named(site: Site, place: Place, test: Test, of: str = SUBJECT) -> Named | None:
    """Somebody whom that line names; ``None`` where it names nobody in particular, or nobody was thought of."""
    for text in samples(test.key, ignore_case=test.ignores_case) if test.regular else (test.key,):
        for subject in _subjects(_of_subject(site, test, text, of)):
            if fits(site, place, test, subject):
                focus = _focus(site, place, test, subject)
                return None if focus is None else Named(test, subject, focus)
    return None


def _of_subject(site: Site, test: Test, text: str, of: str) -> str:
    """The part of a text that is the subject's, where the line looks at more: ``SUCCESS:CN=admin``."""
    names = list(variables_in(test.looks_at))
    if len(names) < 2:
        return text
    pattern = re.escape(test.looks_at)
    for name in names:
        part = "(.*)" if site.comes_from(name, of) else ".*?"
        pattern = re.sub(rf"\\\$(?:\\\{{{name}\\\}}|{name}\b)", lambda _, part=part: part, pattern)  # type: ignore[misc]
    found = re.fullmatch(pattern, text)
    return found[1] if found and found.groups() else text


def _subjects(text: str) -> Iterator[Attributes]:
    """Subjects that a text may stand for, the likeliest first."""
    text = text.strip(" ,/")
    if "/" in text and "=" in text:
        text = ",".join(part.replace(",", "\\,") for part in reversed(text.split("/")))
    for likely in (text, f"CN={text}"):
        for more in (likely, f"{likely},O=Example", f"CN=somebody,{likely}", f"CN=somebody,{likely},O=Example"):
            try:
                found = tuple(parse_subject(more))
            except (InvalidArgument, ValueError):
                continue
            if found and all(isinstance(each.value, str) for each in found):
                yield cast(Attributes, found)


def _focus(site: Site, place: Place, test: Test, subject: Attributes) -> int | None:
    for number in reversed(range(len(subject))):
        value = str(subject[number].value)
        if any(pinned(site, place, test, subject, number, each) for each in range(len(value))):
            return number
    return None


def pinned(site: Site, place: Place, test: Test, subject: Attributes, number: int, position: int) -> bool:
    """Whether that line wants that very character of that attribute, and is not content with any."""
    value = str(subject[number].value)
    changed = (f"{value[:position]}{other}{value[position:][1:]}" for other in _OTHERS)
    return not any(fits(site, place, test, _with(subject, number, each)) for each in changed)


def _with(subject: Attributes, number: int, value: str) -> Attributes:
    attribute = x509.NameAttribute(subject[number].oid, value)
    return (*subject[:number], attribute, *subject[number + 1 :])


def lookalikes(site: Site, place: Place, who: Named) -> Iterator[Attributes]:
    """Subjects that are plainly somebody else's, and in which the name of that one stands somewhere."""
    value, text = str(who.attribute.value), plain(who.attribute)
    edges = (0, len(value) - 1)
    first, last = (pinned(site, place, who.test, who.subject, who.focus, each) for each in edges)
    strange = x509.NameAttribute(NameOID.COMMON_NAME, STRANGE)
    others = tuple(each for each in who.rest if each.oid != NameOID.COMMON_NAME)
    # A text that ends in "svc-" is meant to go on; one that begins with ".example.com" to have something before it.
    value_of_first = str(who.subject[0].value)
    makers: tuple[Callable[[], Attributes | None], ...] = (
        lambda: _with(who.subject, who.focus, f"{value}X") if last and value[-1] not in _SEPARATORS else None,
        lambda: _with(who.subject, who.focus, f"X{value}") if first and value[0] not in _SEPARATORS else None,
        lambda: (*others, x509.NameAttribute(NameOID.COMMON_NAME, f"{STRANGE},{text}")),
        lambda: (*others, x509.NameAttribute(NameOID.COMMON_NAME, f"{STRANGE}/{text}")),
        lambda: (x509.NameAttribute(who.subject[0].oid, "/".join([value_of_first, *map(plain, who.subject[1:])])),),
        lambda: (x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, text), strange),
        lambda: (*others, x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, text), strange),
        lambda: (*others, strange, x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, text)),
        lambda: (*who.subject, strange) if who.attribute.oid == NameOID.COMMON_NAME else None,
    )
    for make in makers:
        yield from (each for each in _possible(make) if each != who.subject)


def namesakes(who: Named) -> Iterator[Attributes]:
    """Subjects that say the same of the attribute that counts, and something else beside it."""
    elsewhere = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Elsewhere")
    regular = who.test.regular
    makers: tuple[Callable[[], Attributes | None], ...] = (
        lambda: (elsewhere, *(each for each in who.subject if each.oid != NameOID.ORGANIZATION_NAME)),
        lambda: (*who.subject, x509.NameAttribute(NameOID.USER_ID, STRANGE)),
        lambda: _with(who.subject, who.focus, str(who.attribute.value).swapcase()) if regular else None,
    )
    for make in makers:
        for each in _possible(make):
            if each != who.subject:
                yield each


def _possible(make: Callable[[], Attributes | None]) -> Iterator[Attributes]:
    try:
        made = make()
    except ValueError:  # longer than such an attribute may be
        return
    if made is not None and all(len(str(each.value)) <= _LONGEST for each in made):
        yield made
