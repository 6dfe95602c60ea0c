"""An audit as SARIF 2.1.0, the form that code scanning reads.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; what GitHub makes of it:
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from pytest_mtls import __version__
from pytest_mtls.audit.auditing import Audit
from pytest_mtls.audit.finding import Finding, Grade, Rule
from pytest_mtls.audit.text import alike, markdown, sentence
from pytest_mtls.ground.exchange import ALL

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final = {Grade.CRITICAL: "error", Grade.WARNING: "warning", Grade.NOTE: "note"}
# GitHub: over 9.0 is critical, 7.0 to 8.9 high, 4.0 to 6.9 medium, below that low.
_SEVERITIES: Final = {Grade.CRITICAL: "9.5", Grade.WARNING: "6.0", Grade.NOTE: "2.0"}
_FINGERPRINT: Final = "pytestMtlsFinding/v1"
_ROOT: Final = "%SRCROOT%"


def as_sarif(found: Audit, root: Path) -> str:
    """The whole file.

    Args:
        found: what there is to say.
        root: of the repository; files below it are named from there on.
    """
    rules = tuple(dict.fromkeys(rule for attack in found.attacks for rule in attack.rules))
    uri = _uri(found.path.resolve(), root)
    run = {
        "tool": {
            "driver": {
                "name": "pytest-mtls",
                "version": __version__,
                "rules": [_rule(each) for each in rules],
            }
        },
        # One repository may have several configurations: the results of one do not replace those of another.
        "automationDetails": {"id": f"pytest-mtls-audit/{uri}/"},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": list(_untried(found))}],
        "results": list(_results(found, rules, root)),
        "columnKind": "unicodeCodePoints",
        "properties": {"nginx": found.nginx, "openssl": found.openssl, "places": list(found.places)},
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.title}. {rule.why}"},
        "help": {
            "text": f"{rule.why}\n\nTo mend it: {rule.mend}",
            "markdown": f"{markdown(rule.why)}\n\n**To mend it**: {markdown(rule.mend)}",
        },
        "defaultConfiguration": {"level": _LEVELS[rule.grade]},
        "properties": {
            "tags": ["security", "nginx", "mtls"],
            "security-severity": _SEVERITIES[rule.grade],
            "precision": "very-high",
        },
    }


def _results(found: Audit, rules: tuple[Rule, ...], root: Path) -> Iterator[dict[str, Any]]:
    before = Counter[str]()
    for each in found.findings:
        uri = _uri(found.path.resolve().parent / each.file, root)
        digest = hashlib.sha256("\0".join((each.rule.name, uri, each.written)).encode()).hexdigest()[:32]
        before[digest] += 1
        yield {
            "ruleId": each.rule.name,
            "ruleIndex": rules.index(each.rule),
            "level": _LEVELS[each.grade],
            "message": {"text": _message(found, each)},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": _artifact(uri),
                        "region": {"startLine": each.line, "snippet": {"text": each.written}},
                    },
                    "logicalLocations": [{"fullyQualifiedName": place, "kind": "resource"} for place in each.places],
                }
            ],
            # Lines move: the words of the directive, and which of those alike it is, do not.
            "partialFingerprints": {_FINGERPRINT: f"{digest}:{before[digest]}"},
            "properties": {"grade": str(each.grade), "attack": each.attack, "repeat": found.repeat(each)},
        }


def _message(found: Audit, finding: Finding) -> str:
    shown = "\n".join(f"Sent: {each.sent}. Got: {each.seen}." for each in finding.exchanges)
    text = (
        f"{sentence(finding.fact)}\n{shown}\nTo mend it: {finding.rule.mend}\nTo see it again: {found.repeat(finding)}"
    )
    # [text](target) would be a link (SARIF section 3.11.6), and names of places are not ours.
    return text.replace("](", "] (")


def _untried(found: Audit) -> Iterator[dict[str, Any]]:
    for (attack, why), places in alike(found.untried).items():
        text = f"Not tried: {'' if attack == ALL else f'{attack} at '}{', '.join(places)}: {why}".replace("](", "] (")
        yield {"level": "note", "message": {"text": text}, "descriptor": {"id": f"not-tried-{attack}"}}


def _uri(path: Path, root: Path) -> str:
    """Relative to the root where it is below it, else absolute."""
    root = root.resolve()
    return quote(path.relative_to(root).as_posix()) if path.is_relative_to(root) else path.as_uri()


def _artifact(uri: str) -> dict[str, str]:
    return {"uri": uri} if uri.startswith("file:") else {"uri": uri, "uriBaseId": _ROOT}
