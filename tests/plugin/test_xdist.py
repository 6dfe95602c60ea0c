"""Several workers: each has servers of its own, and the user hears of them once."""

from __future__ import annotations

import json

from tests.plugin.suite import Suite, lines_with


def test_workers_share_the_work_and_speak_once(suite: Suite, engine: str) -> None:
    """Both workers run tests, the header is printed once, the report has every request, and nothing stays behind."""
    suite.settings(using=["xdist"])

    result = suite.run(
        """
        import pytest
        @pytest.mark.parametrize("number", range(3))
        @pytest.mark.mtls(verify=["off", "on"])
        def test_it(mtls_nginx, mtls_ca, number, running_nginx):
            assert mtls_nginx.request(credential=mtls_ca.issue_client("alice")).accepted
            assert running_nginx() == 1
        def test_private(mtls_nginx_factory):
            mtls_nginx_factory().request()
            assert False
        """,
        *("-n", "2", "--mtls-report=report.json"),
        engine=engine,
    )

    result.assert_outcomes(passed=6, failed=1)
    (line,) = lines_with(result, "mtls: nginx ")
    assert f"in engine {engine}" in line
    assert len(lines_with(result, "mtls: 7 requests in report.json")) == 1
    assert len(lines_with(result, "nginx configuration of https://")) == 1
    seen = json.loads((suite.folder / "report.json").read_text())["observations"]
    assert sorted({each["test"] for each in seen}) == [
        *(f"test_it.py::test_it[{verify}-{number}]" for verify in ("off", "on") for number in range(3)),
        "test_it.py::test_private",
    ]
    assert len(suite.processes) == 3
    assert suite.left_behind() == []


def test_each_worker_has_an_authority_and_an_nginx_of_its_own(suite: Suite, engine: str) -> None:
    """One of each for four modes; and a client of one worker is a stranger to the other's nginx."""
    suite.settings(using=["xdist"])

    result = suite.run(
        """
        import os, time
        import pytest
        from pytest_mtls import Credential

        @pytest.fixture(scope="session")
        def stranger(mtls_ca, worker_id, pytestconfig):
            alice = mtls_ca.issue_client("alice")
            written = pytestconfig.rootpath / f"{worker_id}.new"
            written.write_bytes(alice.private_key_pem + alice.chain_pem)
            written.rename(written.with_suffix(".pem"))
            theirs = written.with_name("gw1.pem" if worker_id == "gw0" else "gw0.pem")
            deadline = time.monotonic() + 30
            while not theirs.exists():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            return Credential.from_pem(theirs, theirs)

        @pytest.mark.parametrize("number", range(4))
        @pytest.mark.mtls(verify=["off", "on", "optional", "optional_no_ca"])
        def test_it(mtls_nginx, mtls_ca, stranger, number, running_nginx, worker_id, request):
            assert running_nginx() == 1
            assert mtls_nginx.request(credential=mtls_ca.issue_client("alice")).accepted
            asks = request.node.callspec.id.rpartition("-")[0] in ("on", "optional")
            assert mtls_nginx.request(credential=stranger).accepted != asks
            seen = request.config.rootpath / "seen"
            seen.mkdir(exist_ok=True)
            (seen / f"{worker_id} {mtls_ca.certificate.serial_number} {os.getpid()}").touch()
        """,
        *("-n", "2"),
        engine=engine,
    )

    result.assert_outcomes(passed=16)
    seen = [each.name.split() for each in (suite.folder / "seen").iterdir()]
    assert [len(set(each)) for each in zip(*seen, strict=True)] == [2, 2, 2]
    assert len(seen) == 2
    assert suite.left_behind() == []


def test_a_suite_that_uses_none_is_silent(suite: Suite) -> None:
    """With workers as without."""
    suite.settings(using=["xdist"])

    result = suite.run("def test_plain(): ...", "-n", "2")

    result.assert_outcomes(passed=1)
    assert not lines_with(result, "mtls: ")
