"""``pytest-mtls scenarios``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_mtls.stage.catalogue import names
from tests.commands.conftest import Ran
from tests.generations.conftest import built
from tests.scenarios.test_scenario_files import GOOD, write

Run = Callable[..., Ran]


def test_the_list_has_each_with_its_title(run: Run) -> None:
    """One line or two for each."""
    ran = run("scenarios")

    assert ran.status == 0
    assert all(name in ran.out.replace("\n", "") for name in ("crl-expired", "no-sni-crosses-cas"))
    assert [each["name"] for each in run("scenarios", "--json").json] == list(names())


def test_one_is_shown_with_all_that_its_file_says(run: Run) -> None:
    """Also by the name that a directive gives it."""
    ran = run("scenarios", "show", "optional_no_ca-hides-eku")

    assert ran.status == 0
    assert all(f"{label}: " in ran.out for label in ("Symptom", "Cause", "Safe", "Versions", "Shows", "Source"))
    assert "def problem(stage: Stage) -> bool:" in ran.out
    assert run("scenarios", "show", "crl-expired", "--json").json["shows"] == "every nginx"


def test_a_table_has_version_by_scenario(run: Run) -> None:
    """What shows, what is absent, and why what is left out is."""
    built("bullseye")

    ran = run("scenarios", "run", "legacy-dn-slash", "ocsp-and-resumption", "--nginx", "bullseye", "--nginx", "bundled")

    lines = [line.split() for line in ran.out.splitlines()]
    assert ran.status == 0, ran.out
    assert ["scenario", "bullseye", "bundled"] in lines
    assert ["legacy-dn-slash", "shows", "absent"] in lines
    assert ["ocsp-and-resumption", "n/a", "shows"] in lines
    assert "nginx 1.18.0 has no ssl_ocsp: nginx has it since 1.19.0" in ran.out
    assert "each came to what it says" in ran.out


def test_what_containers_cannot_do_is_said_before_anything_runs(run: Run, engine: str) -> None:
    """Rewriting in place, of which the process engine is capable."""
    (result,) = run("scenarios", "run", "stale-crl-after-reload", "--engine", engine, "--json").json["results"]

    assert result["verdict"] == ("shows" if engine == "process" else "n/a")
    assert ("cannot be done in a container" in result["why"]) is (engine == "docker")


def test_several_processes_come_to_the_same(run: Run) -> None:
    """In the order of the list, whoever was first."""
    asked = ("crl-expired", "dn-order-flip", "partial-overwrite")
    alone = run("scenarios", "run", *asked, "--workers", 1, "--json").json
    together = run("scenarios", "run", *asked, "--workers", 2, "--json").json

    assert [(each["scenario"], each["verdict"]) for each in together["results"]] == [(each, "shows") for each in asked]
    assert [each["scenario"] for each in alone["results"]] == list(asked)
    assert (alone["wrong"], together["wrong"]) == (0, 0)


def test_a_wrong_one_is_reported(run: Run, tmp_path: Path) -> None:
    """With what was seen, in the table and in the exit status."""
    path = write(tmp_path, GOOD.replace('stage.credentials["valid"]', 'stage.credentials["expired"]'))

    ran = run("scenarios", "run", path)

    assert ran.status == 1
    assert "wrong: my-own on bundled" in ran.out
    assert "safe() in my_own.py, line 20" in ran.out
    assert "1 came to something else" in ran.out


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("show", "crl-expird"), "Did you mean 'crl-expired'"),
        (("run", "no-sni"), "Did you mean 'no-sni-crosses-cas'"),
        (("run", "xyzzy"), "`pytest-mtls scenarios` lists them"),
        (("run", "nothing.py"), "nothing.py: tried to read this scenario"),
        (("run", "--workers", "0"), "'0' is not a number from 1 to 64"),
        (("runn",), "invalid choice: 'runn'"),
    ],
)
def test_what_cannot_be_understood_is_refused(run: Run, arguments: tuple[str, ...], said: str) -> None:
    """Before anything runs."""
    ran = run("scenarios", *arguments)

    assert ran.status == 2
    assert said in ran.err


def test_an_nginx_that_is_not_there_is_an_error(run: Run) -> None:
    """Not one scenario after another that cannot be run."""
    ran = run("scenarios", "run", "crl-expired", "--nginx", "stretch")

    assert ran.status == 1
    assert "bookworm" in ran.err
