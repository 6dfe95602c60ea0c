"""The options and their ini twins: what each does, and that a value that cannot be is refused before anything runs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from pytest_mtls.engines.sources import bundled_binary
from tests.plugin.suite import Suite, lines_with

USES_IT = "def test_it(mtls_nginx): assert not mtls_nginx.request().accepted"


@pytest.fixture
def another_nginx(tmp_path: Path) -> str:
    """The path of a second nginx."""
    return str(shutil.copy(bundled_binary(), tmp_path / "nginx"))


def test_every_option_is_in_the_help(suite: Suite) -> None:
    """One group with six options, and as many settings; the generations are named."""
    said = suite.run("", "--help").stdout.str()

    assert "bullseye, bookworm, trixie, forky" in " ".join(said.split())
    for name in ("engine", "nginx", "missing", "report", "keep", "timeout"):
        assert f"--mtls-{name}" in said
        assert re.search(rf"^  mtls_{name} \(\w+\):\s+twin of\s+--mtls-{name}", said, re.MULTILINE)


def test_the_engine_may_be_a_setting(suite: Suite, engine: str) -> None:
    """``mtls_engine`` chooses, and the command line overrules it."""
    suite.settings(f"mtls_engine = {engine}")

    result = suite.run(f"def test_it(mtls_engine): assert mtls_engine.name == {engine!r}", engine=None)
    overruled = suite.run("def test_it(mtls_engine): assert mtls_engine.name == 'process'", engine="process")

    result.assert_outcomes(passed=1)
    overruled.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "option, value, named",
    [
        ("engine", "podman", "'auto', 'docker', 'process'"),
        ("missing", "xfail", "'error', 'skip'"),
        ("timeout", "soon", "--mtls-timeout: 'soon' is not a number of seconds above 0."),
        ("timeout", "0", "--mtls-timeout: '0' is not a number of seconds above 0."),
        ("timeout", "-1", "--mtls-timeout: '-1' is not a number of seconds above 0."),
        ("timeout", "nan", "--mtls-timeout: 'nan' is not a number of seconds above 0."),
        ("report", "report.txt", "--mtls-report 'report.txt': the name must end in .html or .json."),
        ("report", "json", "--mtls-report 'json': the name must end in .html or .json."),
    ],
)
@pytest.mark.parametrize("twin", [False, True], ids=["option", "ini"])
def test_nonsense_is_refused_before_anything_runs(
    suite: Suite, pytester: pytest.Pytester, option: str, value: str, named: str, twin: bool
) -> None:
    """On the command line and as a setting alike: a usage error that says what there is instead."""
    suite.write(USES_IT)
    if twin:
        suite.settings(f"mtls_{option} = {value}")

    result = pytester.runpytest_inprocess(*([] if twin else [f"--mtls-{option}={value}"]))

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    # argparse quotes choices or not, depending on the version of Python.
    assert named.replace("'", "") in result.stderr.str().replace("'", "")
    assert "collected" not in result.stdout.str()


def test_one_nginx_is_named_without_a_word_in_the_ids(suite: Suite, another_nginx: str) -> None:
    """``--mtls-nginx`` once: every server is that nginx; a marker that names one wins."""
    result = suite.run(
        f"""
        import pytest
        def test_it(mtls_nginx):
            assert str(mtls_nginx.running._binary) == {another_nginx!r}
        @pytest.mark.mtls(nginx="bundled")
        def test_marked(mtls_nginx):
            assert str(mtls_nginx.running._binary) != {another_nginx!r}
        """,
        *(f"--mtls-nginx={another_nginx}", "-v"),
    )

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["test_it.py::test_it PASSED*", "test_it.py::test_marked PASSED*"])


@pytest.mark.parametrize("twin", [False, True], ids=["option", "ini"])
def test_several_nginx_run_the_suite_on_each(suite: Suite, another_nginx: str, twin: bool) -> None:
    """``--mtls-nginx`` repeated is one more axis, the header names them all, and a marker's ``nginx`` takes no part."""
    if twin:
        suite.settings("mtls_nginx =", "    bundled", f"    {another_nginx}")

    result = suite.run(
        """
        import pytest
        @pytest.mark.mtls(verify=["on", "off"])
        def test_it(mtls_nginx): assert mtls_nginx.request().tls_version
        @pytest.mark.mtls(nginx="bundled")
        def test_marked(mtls_nginx): ...
        def test_both_run(running_nginx): assert running_nginx() == 2
        """,
        *(() if twin else ("--mtls-nginx=bundled", f"--mtls-nginx={another_nginx}")),
        "-rA",
    )

    result.assert_outcomes(passed=6)
    assert [line for line in result.outlines if line.startswith("PASSED")] == [
        *(
            f"PASSED test_it.py::test_it[{mode}-{nginx}]"
            for mode in ("on", "off")
            for nginx in ("bundled", another_nginx)
        ),
        "PASSED test_it.py::test_marked",
        "PASSED test_it.py::test_both_run",
    ]
    (line,) = lines_with(result, "mtls: nginx ")
    assert f", and {another_nginx} in engine process" in line


def test_an_nginx_that_is_not_there_is_named_in_the_header_and_by_each_test(suite: Suite) -> None:
    """Tests that need no server go on."""
    result = suite.run(USES_IT + "\ndef test_plain(mtls_ca): ...", "--mtls-nginx=/nowhere/nginx")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["mtls: nginx='/nowhere/nginx': there is no such file.*"])
    result.stdout.fnmatch_lines(["E *NginxUnavailable: nginx='/nowhere/nginx': there is no such file.*"])


@pytest.mark.parametrize("twin", [False, True], ids=["option", "ini"])
def test_the_timeout_is_in_force(suite: Suite, tmp_path: Path, twin: bool) -> None:
    """An nginx that takes longer to start is an error that says what was waited for and for how long."""
    late = tmp_path / "late-nginx"
    late.write_text(f'#!/bin/sh\n[ "$1" = -V ] || sleep 5\nexec {bundled_binary()} "$@"\n')
    late.chmod(0o755)
    if twin:
        suite.settings("mtls_timeout = 0.5")

    result = suite.run(USES_IT, f"--mtls-nginx={late}", *(() if twin else ("--mtls-timeout=0.5",)))

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E *DeadlineExceeded: Waited 0.5 s for nginx to start its workers*"])
    assert suite.left_behind() == []
