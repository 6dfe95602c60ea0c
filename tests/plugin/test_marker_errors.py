"""What a marker cannot say is an error at collection, which names the argument and what there is instead."""

from __future__ import annotations

import pytest

from pytest_mtls.arguments import ARGUMENT_NAMES
from tests.plugin.suite import Suite


def _marked(marker: str) -> str:
    return f"""
        import pytest
        @pytest.mark.mtls({marker})
        def test_it(mtls_nginx): ...
    """


def test_an_unknown_argument_is_named_with_all_there_are(suite: Suite) -> None:
    """A slip of the pen is shown with what was probably meant, and with every argument that exists."""
    said = suite.refuse(_marked("verfy='on'"))

    assert "no argument 'verfy'. Did you mean 'verify'?" in said
    assert f"There are: {', '.join(ARGUMENT_NAMES)}." in said
    assert "test_it.py::test_it" in said
    assert "During handling" not in said


@pytest.mark.parametrize(
    "marker, named",
    [
        ("verify='yes'", "verify='yes' is not known; use one of 'off', 'on', 'optional', 'optional_no_ca'."),
        ("verify=['on', 'yes']", "verify='yes' is not known; use one of 'off', 'on', 'optional', 'optional_no_ca'."),
        ("tls='1.1'", "tls='1.1' is not known; use one of '1.2', '1.3'."),
        ("tls=()", "tls=() leaves no version to speak; give '1.2', '1.3' or both."),
        ("protocol='udp'", "protocol='udp' is not known; use one of 'http', 'stream'."),
        ("http2='yes'", "http2='yes' is not known; use one of 'True', 'False'."),
        ("depth=-1", "depth=-1 is not a number of intermediates: 0 or more"),
        ("port=70000", "port=70000 is not a TCP port"),
        ("verify=[]", "verify=[] leaves nothing to test."),
        ("config='nowhere.conf'", "config='nowhere.conf': there is no such file"),
        ("error_pages='403'", "error_pages='403' is not a mapping such as {495: 403}."),
        ("server_names='a; b'", "server_names: 'a; b' is not a host name."),
        ("directives='a\\0b'", "directives"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_those_that_can(suite: Suite, marker: str, named: str) -> None:
    """The error names the argument, the value, and the values or the form that it takes."""
    assert named in suite.refuse(_marked(marker))


def test_positional_arguments_are_refused(suite: Suite) -> None:
    """Nobody can know what a bare value is for, so the error shows how to say it."""
    said = suite.refuse(_marked("'optional'"))

    assert "takes arguments by name only, e.g. verify='on'; saw ('optional',)." in said


def test_a_test_without_a_server_is_told_too(suite: Suite) -> None:
    """A slip is found where it stands, also where no fixture of the test's arguments would have met it."""
    said = suite.refuse("""
        import pytest
        @pytest.mark.mtls(verfy="on")
        def test_it(mtls_ca): ...
    """)

    assert "no argument 'verfy'" in said


def test_an_error_is_one_of_its_own_test_only(suite: Suite) -> None:
    """Tests in other files are collected, so that the error is seen beside them and not in their place."""
    suite.write("def test_fine(mtls_nginx): ...", "test_other.py")

    said = suite.refuse(_marked("verfy='on'"))

    assert "1 error" in said
    assert "test_fine" in said


def test_a_list_needs_a_fixture_that_is_named(suite: Suite) -> None:
    """pytest cannot make several tests of one that asks for its server while it runs; the error says what to do."""
    result = suite.run("""
        import pytest
        @pytest.mark.mtls(verify=["on", "off"])
        def test_it(request):
            request.getfixturevalue("mtls_nginx")
    """)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*has a list, and the test gets its server through getfixturevalue(): name one of*"])
