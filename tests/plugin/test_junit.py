"""JUnit XML: each test says which nginx answered it, where, and in which mode."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

import pytest

from tests.plugin.suite import Suite

SUITE = """
import pytest

@pytest.mark.mtls(verify=["on", "optional"])
def test_shared(mtls_nginx):
    mtls_nginx.request()

@pytest.mark.mtls(verify="on")
def test_that_fails(mtls_nginx):
    assert mtls_nginx.request().accepted

def test_private(mtls_nginx_factory):
    mtls_nginx_factory(verify="off")
    mtls_nginx_factory(verify="off")
    mtls_nginx_factory(verify="optional_no_ca")

def test_without():
    pass
"""


def properties(suite: Suite) -> Mapping[str, list[tuple[str, str]]]:
    """By the name of the test."""
    return {
        case.attrib["name"]: [(each.attrib["name"], each.attrib["value"]) for each in case.iter("property")]
        for case in ElementTree.parse(suite.folder / "junit.xml").iter("testcase")
    }


@pytest.mark.parametrize("workers", [None, "2"])
def test_a_test_says_what_answered_it(suite: Suite, workers: str | None) -> None:
    """Also one that fails, and one that a worker of pytest-xdist ran; several servers are named once each."""
    if workers:
        suite.settings(using=["xdist"])
    suite.run(SUITE, "--junitxml=junit.xml", *(["-n", workers] if workers else [])).assert_outcomes(passed=4, failed=1)

    found = properties(suite)
    nginx, engine = found["test_that_fails"][:2]
    assert nginx[0] == "mtls_nginx"
    assert nginx[1].startswith("1.")
    assert "(OpenSSL " in nginx[1]
    assert engine == ("mtls_engine", "process")
    modes = {name: [value for key, value in each if key == "mtls_verify"] for name, each in found.items()}
    assert modes == {
        "test_shared[on]": ["on"],
        "test_shared[optional]": ["optional"],
        "test_that_fails": ["on"],
        "test_private": ["off", "optional_no_ca"],
        "test_without": [],
    }
    assert found["test_without"] == []
