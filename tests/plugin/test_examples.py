"""The text of the interface's contract, run as it stands, as a newcomer would: with one setting and no conftest."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree
from collections import Counter
from pathlib import Path

import pytest

from pytest_mtls import CredentialState
from tests.plugin.suite import SECONDS

EXAMPLES = Path(__file__).parents[2] / "examples" / "api"

SETTINGS = """
    [pytest]
    asyncio_mode = auto
    asyncio_default_fixture_loop_scope = function
    filterwarnings = error
"""

# Where an engine answers, the suites of examples/ are collected on it already; once more from here takes `make long`.
ENGINES = ["process", pytest.param("docker", marks=pytest.mark.long)]
_STATES = len(CredentialState)
_PASSED = {
    "test_certificates": 1,
    "test_clients": 2,
    "test_forwarded_headers": 2,
    "test_modes": 3 * 2 + 4 * _STATES,
    "test_quick_start": 2,
    "test_revocation": 1,
    "test_sessions_and_connections": 2,
}


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_every_example_passes_on_this_engine(pytester: pytest.Pytester, engine: str) -> None:
    """Each file passes with exactly the tests it has, none skipped, none left out, and no warning."""
    for file in EXAMPLES.glob("*.py"):
        shutil.copy(file, pytester.path)
    pytester.makeini(SETTINGS)

    result = pytester.runpytest_subprocess("--mtls-engine", engine, "--junit-xml", "result.xml", timeout=SECONDS)

    result.assert_outcomes(passed=sum(_PASSED.values()))
    cases = xml.etree.ElementTree.parse(pytester.path / "result.xml").iter("testcase")
    assert Counter(case.attrib["classname"] for case in cases) == _PASSED


def test_the_examples_are_all_known_here() -> None:
    """A new file among the examples is run too."""
    assert {file.stem for file in EXAMPLES.glob("test_*.py")} == set(_PASSED)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize("example, passed", [("flask_app", 5), ("fastapi_app", 7)])
def test_an_application_behind_nginx(pytester: pytest.Pytester, engine: str, example: str, passed: int) -> None:
    """A service that believes what nginx says of its clients, in both engines."""
    for file in EXAMPLES.with_name(example).glob("*.py"):
        shutil.copy(file, pytester.path)
    pytester.makeini(SETTINGS)

    result = pytester.runpytest_subprocess("--mtls-engine", engine, timeout=SECONDS)

    result.assert_outcomes(passed=passed)


_DEPLOYED = {
    "internal_api": 11,
    "microservices": 6,
    "device_fleet": 7,
    "partner_access": 5,
    "admin_dashboard": 14,
    "zero_trust": 5,
    "mobile_backend": 7,
    "ocsp_sidecar": 5,
}


def run_deployed(pytester: pytest.Pytester, engine: str, example: str) -> None:
    """As its README says, from its own folder."""
    shutil.copytree(EXAMPLES.with_name(example), pytester.path, dirs_exist_ok=True)
    pytester.makeini("[pytest]\nfilterwarnings = error\n")

    result = pytester.runpytest_subprocess("--mtls-engine", engine, "-p", "no:asyncio", timeout=SECONDS)

    result.assert_outcomes(passed=_DEPLOYED[example])


@pytest.mark.long
@pytest.mark.parametrize("example", [each for each in _DEPLOYED if each != "microservices"])
def test_a_configuration_as_it_is_deployed(pytester: pytest.Pytester, example: str) -> None:
    """On plain nginx. The same suites are collected from examples/, where an engine that answers is taken."""
    run_deployed(pytester, "process", example)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_two_nginx_one_behind_the_other(pytester: pytest.Pytester, engine: str) -> None:
    """In both engines: a container reaches the other by another address than a process does."""
    run_deployed(pytester, engine, "microservices")


def test_every_example_is_known_here() -> None:
    """A new folder among the examples is run too."""
    folders = {each.name for each in EXAMPLES.parent.iterdir() if any(each.glob("test_*.py"))}
    assert folders == {"api", "quickstart", "flask_app", "fastapi_app", *_DEPLOYED}
