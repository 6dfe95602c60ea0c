"""``pytest --mtls-scenarios``."""

from __future__ import annotations

import pytest

from pytest_mtls.stage.catalogue import names
from tests.generations.conftest import built
from tests.plugin.suite import Suite, lines_with
from tests.scenarios.test_scenario_files import GOOD, write

_MINE = "def test_mine():\n    pass\n"


def test_those_that_are_named_run_beside_the_tests(suite: Suite) -> None:
    """As items with a name of their own, one for each nginx."""
    built("bullseye")

    result = suite.run(
        _MINE, "-v", "--mtls-scenarios=dn-order-flip,ocsp-and-resumption", "--mtls-nginx=bundled",
        "--mtls-nginx=bullseye", "-rs",
    )  # fmt: skip

    result.assert_outcomes(passed=4, skipped=1)
    assert lines_with(result, "collected 5 items")
    for name in ("dn-order-flip[bundled]", "dn-order-flip[bullseye]", "ocsp-and-resumption[bundled]"):
        assert len(lines_with(result, f"mtls-scenarios::{name} PASSED")) == 1
    assert lines_with(result, "nginx 1.18.0 has no ssl_ocsp")
    assert suite.left_behind() == []


def test_all_of_them_can_be_collected_and_chosen_from(suite: Suite) -> None:
    """Without a name it is all; -k chooses as ever."""
    result = suite.run(_MINE, "-v", "-k", "header-spoof", "--mtls-scenarios")

    result.assert_outcomes(passed=1, deselected=len(names()))
    assert lines_with(result, "mtls-scenarios::header-spoof-no-overwrite[bundled] PASSED")


def test_without_the_option_there_are_none(suite: Suite) -> None:
    """Nor is anything of them loaded."""
    unused = {"pytest_mtls.stage", "pytest_mtls.audit"}

    result = suite.run(f"import sys\n\ndef test_mine():\n    assert not {unused} & set(sys.modules)\n")

    result.assert_outcomes(passed=1)


def test_the_ini_twin(suite: Suite) -> None:
    """For suites that always run some."""
    suite.settings("mtls_scenarios = dn-order-flip")

    suite.run(_MINE).assert_outcomes(passed=2)


def test_a_wrong_one_fails_with_what_was_seen(suite: Suite) -> None:
    """With nginx's log and configuration, as for any test of the user's."""
    path = write(suite.folder, GOOD.replace('stage.credentials["valid"]', 'stage.credentials["expired"]'))

    result = suite.run(_MINE, f"--mtls-scenarios={path}")

    result.assert_outcomes(passed=1, failed=1)
    assert lines_with(result, "my-own on bundled (nginx")
    assert lines_with(result, "safe() in my_own.py, line 20: assert stage.nginx()")
    assert lines_with(result, "nginx configuration of https://localhost:")
    assert not lines_with(result, "running.py")


def test_workers_share_them_out(suite: Suite) -> None:
    """Each runs once."""
    suite.settings(using=["xdist"])

    result = suite.run(_MINE, "-n2", "--mtls-scenarios=dn-order-flip,partial-overwrite,crl-not-yet-valid")

    result.assert_outcomes(passed=4)


@pytest.mark.parametrize(
    "given", ["--mtls-scenarios=crl-expird", "--mtls-scenarios test_it.py", "--mtls-scenarios=x.py"]
)
def test_names_that_are_none_are_refused(suite: Suite, given: str) -> None:
    """Also a path that stands behind the option, which takes it for a name."""
    result = suite.run(_MINE, *given.split(" "))

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if "--mtls-scenarios:" in line]
    assert "write --mtls-scenarios=all" in line
