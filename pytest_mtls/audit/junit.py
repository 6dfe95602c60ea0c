"""An audit as JUnit XML: one test case for each attack."""

from __future__ import annotations

import re
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from pytest_mtls.audit.attack import Attack
from pytest_mtls.audit.auditing import Audit
from pytest_mtls.audit.finding import Finding, Grade
from pytest_mtls.audit.text import Texts, alike, named
from pytest_mtls.ground.exchange import ALL
from pytest_mtls.report.terminal import Paint

_WIDTH: Final = 100
_PLACES: Final = "reachable"
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""https://www.w3.org/TR/xml/#charsets"""


def as_junit(found: Audit, threshold: Grade | None, seconds: float) -> str:
    """The whole file.

    An attack that came to findings is a failure, one that could not be tried somewhere is skipped, with the reason.

    Args:
        found: what there is to say.
        threshold: findings below it are told and fail nothing; ``None`` where all are.
        seconds: how long it took.
    """
    suite = Element("testsuite", name=f"pytest-mtls audit {_xml(str(found.path))}", errors="0", time=f"{seconds:.3f}")
    for attack in found.attacks:
        _case(suite, found, attack, threshold)
    _unreachable(suite, found)
    for count, kind in (("tests", "testcase"), ("failures", "testcase/failure"), ("skipped", "testcase/skipped")):
        suite.set(count, str(len(suite.findall(kind))))
    suites = Element("testsuites")
    suites.append(suite)
    indent(suites)
    return tostring(suites, encoding="unicode", xml_declaration=False) + "\n"


def _case(suite: Element, found: Audit, attack: Attack, threshold: Grade | None) -> None:
    case = SubElement(suite, "testcase", classname=_xml(str(found.path)), name=attack.name)
    own = [each for each in found.findings if each.attack == attack.name]
    failing = [each for each in own if threshold is not None and each.grade.weight >= threshold.weight]
    untried = [each for each in found.untried if each.attack == attack.name]
    if failing:
        message = "; ".join(f"{each.grade} {each.rule.name} at {found.path_of(each)}:{each.line}" for each in failing)
        SubElement(case, "failure", message=_xml(message), type=str(failing[0].grade)).text = _told(found, failing)
    elif untried:
        SubElement(case, "skipped", message=_xml("; ".join(map(str, untried))))
    if further := [each for each in own if each not in failing]:
        SubElement(case, "system-out").text = _told(found, further)


def _unreachable(suite: Element, found: Audit) -> None:
    """What no attack could be made on is a case of its own."""
    for (attack, why), places in alike(found.untried).items():
        if attack == ALL:
            case = SubElement(suite, "testcase", classname=_xml(str(found.path)), name=_PLACES)
            SubElement(case, "skipped", message=_xml(f"{why}: {named(places)}"))


def _told(found: Audit, findings: list[Finding]) -> str:
    texts = Texts(_WIDTH, Paint(False))
    return _xml("\n".join(line for each in findings for line in (*texts.finding(found, each), "")))


def _xml(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
