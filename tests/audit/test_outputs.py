"""What comes out of an audit: a page, SARIF, JUnit XML, JSON; each says the same."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import attr
import pytest
import sarif_om

from pytest_mtls.audit.finding import Grade
from pytest_mtls.audit.junit import as_junit
from pytest_mtls.audit.page import audit_page
from pytest_mtls.audit.sarif import as_sarif
from tests.audit.conftest import ATTACKS, Audited
from tests.browser import Page

_PHONE = 400
# Which class of the SARIF object model stands under a property; all others are plain values.
_UNDER = {
    "runs": "Run",
    "tool": "Tool",
    "driver": "ToolComponent",
    "rules": "ReportingDescriptor",
    "shortDescription": "MultiformatMessageString",
    "fullDescription": "MultiformatMessageString",
    "help": "MultiformatMessageString",
    "defaultConfiguration": "ReportingConfiguration",
    "automationDetails": "RunAutomationDetails",
    "invocations": "Invocation",
    "toolExecutionNotifications": "Notification",
    "descriptor": "ReportingDescriptorReference",
    "results": "Result",
    "message": "Message",
    "locations": "Location",
    "physicalLocation": "PhysicalLocation",
    "logicalLocations": "LogicalLocation",
    "artifactLocation": "ArtifactLocation",
    "region": "Region",
    "snippet": "ArtifactContent",
}
_PLAIN = {"properties", "partialFingerprints"}


@pytest.fixture
def sarif(audited: Audited) -> Any:
    """As code scanning reads it."""
    return json.loads(as_sarif(audited.found, audited.root))


@pytest.fixture
def page_file(audited: Audited, tmp_path: Path) -> Path:
    """The page."""
    path = tmp_path / "audit.html"
    path.write_text(audit_page(audited.found), encoding="utf-8")
    return path


def misfits(value: Any, name: str, at: str = "$") -> list[str]:
    """Where a document and the SARIF object model disagree: properties that are none, or are missing."""
    fields = {field.metadata["schema_property_name"]: field for field in attr.fields(getattr(sarif_om, name))}
    required = {key for key, field in fields.items() if field.default is attr.NOTHING}
    wrong = [f"{at}: {key}" for key in (set(value) - set(fields)) | (required - set(value))]
    for key, inner in value.items():
        if key in _UNDER:
            for number, each in enumerate(inner if isinstance(inner, list) else [inner]):
                wrong += misfits(each, _UNDER[key], f"{at}.{key}[{number}]")
        elif key not in _PLAIN and isinstance(inner, dict):
            wrong.append(f"{at}.{key}: is not known to this test")
    return wrong


def test_there_is_something_of_each_kind(audited: Audited) -> None:
    """Else the other tests could not fail."""
    found = audited.found

    assert {each.rule.name for each in found.findings} >= {"condition-fails-open", "revocation-not-checked"}
    assert found.untried
    assert any("<" in place for place in found.places)


def test_sarif_fits_its_object_model(sarif: Any) -> None:
    """The classes that Microsoft generated from the schema know every property, and miss none."""
    assert misfits(sarif, "SarifLog") == []
    driver = sarif["runs"][0]["tool"]["driver"]
    driver["nam"] = driver.pop("name")
    assert {each.rpartition(": ")[2] for each in misfits(sarif, "SarifLog")} == {"nam", "name"}


def test_sarif_says_where_how_bad_and_which_rule(sarif: Any, audited: Audited) -> None:
    """Paths from the root of the repository, levels of SARIF, severities of GitHub."""
    (run,) = sarif["runs"]
    rules = run["tool"]["driver"]["rules"]
    levels = {"critical": "error", "warning": "warning", "note": "note"}

    for result, finding in zip(run["results"], audited.found.findings, strict=True):
        place = result["locations"][0]["physicalLocation"]
        assert result["level"] == levels[str(finding.grade)]
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.rule.name
        assert place["region"]["startLine"] == finding.line
        assert place["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
        assert re.fullmatch(r"deploy/[\w./%<>-]+", place["artifactLocation"]["uri"])
        assert "](" not in result["message"]["text"]
    for rule in rules:
        assert 0 < float(rule["properties"]["security-severity"]) < 10
        assert rule["defaultConfiguration"]["level"] in levels.values()
        assert all(rule[name]["text"] for name in ("shortDescription", "fullDescription", "help"))
    assert any(
        "%3Cb%3E" in each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in run["results"]
    )
    assert "/nothing-there" in json.dumps(run["invocations"])


def test_fingerprints_stay_when_lines_move(sarif: Any, audited: Audited, tmp_path: Path) -> None:
    """Of the directive, not of its line; and no two findings share one."""
    moved = [
        replace(
            each,
            directive=replace(each.directive, words=tuple(replace(w, line=w.line + 7) for w in each.directive.words)),
        )
        for each in audited.found.findings
    ]
    later = json.loads(as_sarif(replace(audited.found, findings=tuple(moved)), audited.root))

    first, second = ([each["partialFingerprints"] for each in run["runs"][0]["results"]] for run in (sarif, later))
    assert first == second
    assert len({json.dumps(each) for each in first}) == len(first)


def test_a_configuration_outside_the_root_is_named_whole(audited: Audited, tmp_path: Path) -> None:
    """As a file URI, without a base."""
    (run,) = json.loads(as_sarif(audited.found, tmp_path))["runs"]

    place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place["uri"].startswith("file:///")
    assert "uriBaseId" not in place


@pytest.mark.parametrize("threshold", [Grade.NOTE, Grade.CRITICAL, None], ids=str)
def test_junit_has_a_case_for_each_attack(audited: Audited, threshold: Grade | None) -> None:
    """Failed where something was found at or above the grade, told of otherwise; what was not tried is skipped."""
    suite = ElementTree.fromstring(as_junit(audited.found, threshold, 1.5))[0]
    cases = {each.get("name"): each for each in suite}

    assert set(cases) == {*ATTACKS, "reachable"}
    assert {each.get("classname") for each in suite} == {str(audited.path)}
    failed = {each.get("name") for each in suite if each.find("failure") is not None}
    expected = {each.attack for each in (audited.found.at_or_above(threshold) if threshold else ())}
    assert failed == expected
    assert suite.get("failures") == str(len(failed))
    assert suite.get("tests") == str(len(suite))
    assert int(suite.get("skipped", "0")) == len(suite.findall("testcase/skipped")) > 0
    told = "".join(suite.itertext())
    assert all(each.rule.name in told for each in audited.found.findings)


def test_json_has_all_of_it(audited: Audited) -> None:
    """The keys are promised in docs/audit.md."""
    value = json.loads(json.dumps(audited.found.to_json()))

    promised = Path(__file__).parents[2] / "docs/audit.md"
    keys = set(re.findall(r"^\| `([\w.\[\]]+)` \|", promised.read_text().partition("## JSON")[2], re.M))
    seen = {*value, *(f"findings[].{key}" for key in value["findings"][0])}
    seen |= {f"findings[].exchanges[].{key}" for key in value["findings"][0]["exchanges"][0]}
    seen |= {f"untried[].{key}" for key in value["untried"][0]}
    assert seen == keys
    assert value["counts"] == {str(grade): count for grade, count in audited.found.counts.items()}
    assert all(each["path"].endswith(each["file"]) for each in value["findings"])


def test_the_page_is_whole_without_javascript(page_file: Path, audited: Audited) -> None:
    """Everything is in the file: each finding with its evidence, what was not tried, the attacks and the places."""
    text = page_file.read_text()

    assert text.count('<article class="finding') == len(audited.found.findings)
    assert "http-equiv" not in text
    assert not re.search(r"(src|href)=\"(?!data:,)", text)
    for what in ("Not tried", "Attacks made", "Places attacked", "came back", "pytest-mtls audit"):
        assert what in text


@pytest.mark.parametrize("width", [_PHONE, 1400])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_fits(page: Page, page_file: Path, audited: Audited, width: int, dark: bool) -> None:
    """No sideways scrolling, nothing loaded, no script of the configuration's run, and names shown as they are."""
    page.open(page_file, width=width, dark=dark)

    assert page.width <= width
    assert page.js("return performance.getEntriesByType('resource').length") == 0
    assert page.js("return document.title") == f"Audit of {audited.path}"
    assert page.js("return document.querySelectorAll('article b b, img, article script').length") == 0
    assert len(page.all("article.finding")) == len(audited.found.findings)
    assert any("<img src=x" in text for text in page.texts(".places li"))


def test_findings_can_be_filtered(page: Page, page_file: Path, audited: Audited) -> None:
    """By grade and by words; a heading goes with the last of its findings."""
    page.open(page_file)
    page.choose("grade", "note")

    notes = audited.found.counts[Grade.NOTE]
    assert len(page.all("article.finding")) == notes
    assert page.texts("section h2") == ["Notes"]
    assert page.texts(".filters output") == [f"{notes} of {len(audited.found.findings)} findings"]
    page.choose("find", "no such thing")
    assert page.texts(".empty") == ["No finding is like that."]


def test_a_clean_page_says_so(page: Page, audited: Audited, tmp_path: Path) -> None:
    """Without filters, since there is nothing to filter."""
    path = tmp_path / "clean.html"
    path.write_text(audit_page(replace(audited.found, findings=(), untried=())))
    page.open(path)

    assert page.texts(".clean") == ["Nothing was found."]
    assert page.all(".filters") == []
    assert page.texts(".empty") == []
