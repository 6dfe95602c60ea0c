"""What a scenario's file must say, and what is said of one that does not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from pytest_mtls import Harness, InvalidArgument
from pytest_mtls.stage.catalogue import FOLDER, chosen, named
from pytest_mtls.stage.running import Verdict, run
from pytest_mtls.stage.scenario import LONGEST, load

GOOD: Final = '''"""An expired certificate is refused.

Symptom: 400.
Cause: It has expired.
Safe: A new one.
Versions: All alike.
Source: RFC 5280
"""

from pytest_mtls.stage import Stage, everywhere

SHOWS = everywhere


def problem(stage: Stage) -> bool:
    return not stage.nginx().request(credential=stage.credentials["expired"]).accepted


def safe(stage: Stage) -> None:
    assert stage.nginx().request(credential=stage.credentials["valid"]).accepted
'''


def write(folder: Path, text: str = GOOD, name: str = "my_own.py") -> Path:
    """A scenario's file."""
    path = folder / name
    path.write_text(text)
    return path


def test_a_file_is_all_it_takes(process_harness: Harness, tmp_path: Path) -> None:
    """No registration: a path is as good as a name."""
    scenario = named(str(write(tmp_path)))

    result = run(scenario, process_harness, "bundled")

    assert (scenario.name, scenario.title) == ("my-own", "An expired certificate is refused")
    assert (result.verdict, result.why) == (Verdict.SHOWS, "")
    assert process_harness.servers == ()


@pytest.mark.parametrize(
    "old, new, field",
    [
        ("An expired certificate is refused.\n", "Two lines\nfor a title.\n", "title"),
        ("Cause: It has expired.\n", "", "`Cause:`"),
        ("Cause:", "Reason: none.\nCause:", "`Reason:`"),
        ("SHOWS = everywhere", "", "SHOWS"),
        ("SHOWS = everywhere", "SHOWS = 'always'", "SHOWS"),
        ("SHOWS = everywhere", "from pytest_mtls.stage import since\nSHOWS = since('1.x')", "since('1.x')"),
        ("SHOWS = everywhere", "SHOWS = everywhere\nNEEDS = 'nginx'", "NEEDS"),
        ("def problem(", "def steps(", "problem(stage)"),
        ("def safe(stage: Stage)", "def safe()", "safe()"),
        ("SHOWS = everywhere", "SHOWS = evrywhere", "'evrywhere' is not defined"),
        ("SHOWS = everywhere", "SHOWS = everywhere\n" + "\n" * LONGEST, f"{LONGEST} at most"),
        ("def problem(", "def problem((", "SyntaxError"),
    ],
)
def test_a_mistake_names_the_file_and_the_field(tmp_path: Path, old: str, new: str, field: str) -> None:
    """Before anything runs."""
    path = write(tmp_path, GOOD.replace(old, new))

    with pytest.raises(InvalidArgument, match=re.escape(field)) as raised:
        load(path)

    assert str(path) in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """As any other mistake."""
    with pytest.raises(InvalidArgument, match=r"nothing\.py: tried to read"):
        named(str(tmp_path / "nothing.py"))


@pytest.mark.parametrize(
    "old, new, why",
    [
        ('return not stage.nginx().request(credential=stage.credentials["expired"]).accepted', "return False",
         "the problem did not show, and SHOWS says every nginx"),
        ("SHOWS = everywhere", "from pytest_mtls.stage import before\nSHOWS = before('1.2')",
         "the problem showed, and SHOWS says before nginx 1.2"),
        ('stage.credentials["valid"]', 'stage.credentials["expired"]',
         "safe() in my_own.py, line 20: assert stage.nginx()"),
        ("return not stage", "return stage", "the problem did not show"),
        ("return not stage.nginx()", "return not stage.nginx(verify='maybe')", "verify='maybe' is not known"),
        ("return not stage.nginx()", "return not stage.ngin()", "AttributeError"),
        ('return not stage.nginx().request(credential=stage.credentials["expired"]).accepted', "return None",
         "problem() returned None"),
    ],
)  # fmt: skip
def test_a_wrong_scenario_is_reported(process_harness: Harness, tmp_path: Path, old: str, new: str, why: str) -> None:
    """With what was seen, and nothing left behind."""
    assert old in GOOD

    result = run(load(write(tmp_path, GOOD.replace(old, new))), process_harness, "bundled")

    assert result.verdict is Verdict.WRONG
    assert why in result.why
    assert process_harness.servers == ()


def test_what_was_seen_last_is_told(process_harness: Harness, tmp_path: Path) -> None:
    """As nobody watches a scenario run."""
    text = GOOD.replace('stage.credentials["valid"]', 'stage.credentials["expired"]')

    result = run(load(write(tmp_path, text)), process_harness, "bundled")

    assert "certificate_expired (10)" in result.why


def test_those_of_the_package_are_short() -> None:
    """A title, five paragraphs, and the steps: all on one screen."""
    long = {path.name: count for path in FOLDER.glob("*.py") if (count := len(path.read_text().splitlines())) > LONGEST}

    assert long == {}


def test_an_unknown_name_lists_near_misses() -> None:
    """Also one with the underscores that directives have."""
    with pytest.raises(InvalidArgument, match="Did you mean 'crl-expired'"):
        chosen(["crl-expred"])

    assert named("optional_no_ca-hides-eku").name == "optional-no-ca-hides-eku"
