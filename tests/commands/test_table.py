"""``pytest-mtls table``: measured now, for people, for machines and as a page."""

from __future__ import annotations

import dataclasses
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_mtls import CredentialState, Expected, NginxServer
from pytest_mtls.deadline import Deadline, wait_until
from tests.commands.conftest import Ran, Served
from tests.generations.conftest import built

Run = Callable[..., Ran]
SOME = ("--credential", "none", "--credential", "expired", "--credential", "weak-key")


def test_it_prints_what_the_nginx_at_hand_does(run: Run) -> None:
    """Mode by credential, the whole cast, plain and with TLS 1.3 where nothing else is said."""
    ran = run("table")

    assert ran.status == 0, ran.err
    assert re.search(r"^plain, TLS 1\.3: ", ran.out)
    assert re.search(r"^credential +off +on +optional +optional_no_ca$", ran.out, re.M)
    assert re.search(r"^expired +200 NONE +400 \(495\)", ran.out, re.M)
    assert re.search(
        rf"^{4 * len(CredentialState)} cells in .* each was as expected\. bundled is nginx 1\.", ran.out, re.M
    )
    assert ran.err == ""


def test_several_nginx_stand_side_by_side(run: Run) -> None:
    """What they do alike is said once, what not is marked."""
    built("bullseye")
    ran = run("table", "--nginx", "bullseye", "--nginx", "bundled", *SOME)

    assert ran.status == 0, ran.out + ran.err
    assert re.search(r"^none +200 NONE +400 \(496\)", ran.out, re.M)
    assert re.search(r"^weak-key +200 NONE +≠ bullseye: 200 +≠ bullseye: 200", ran.out, re.M)
    assert "≠ bundled: 400" in ran.out
    assert ran.out.count("≠") == 6


def test_json_has_every_cell(run: Run) -> None:
    """With versions, what was seen, the rule, and no differences."""
    ran = run("table", *SOME, "--situation", "crl", "--tls", "1.2", "--tls", "1.3", "--json")

    assert ran.status == 0
    assert [each["name"] for each in ran.json["nginx"]] == ["bundled"]
    assert len(ran.json["cells"]) == 3 * 4 * 2
    assert (ran.json["gaps"], ran.json["disagreements"]) == ([], 0)
    (cell,) = (
        each
        for each in ran.json["cells"]
        if (each["credential"], each["mode"], each["tls"]) == ("expired", "on", "1.2")
    )
    assert (cell["situation"], cell["status"], cell["internal_status"], cell["reason"]) == (
        "crl",
        400,
        495,
        "certificate_expired",
    )
    assert cell["because"]
    assert cell["differences"] == {}


def test_a_page_is_written_rather_than_printed(run: Run, tmp_path: Path) -> None:
    """Only the summary is printed."""
    ran = run("table", *SOME, "--html", tmp_path / "table.html")

    assert ran.status == 0
    assert "weak-key" not in ran.out
    assert ran.out.endswith(f"Written to {tmp_path / 'table.html'}\n")
    assert (tmp_path / "table.html").read_text().count('class="cell ') == 12


def test_what_was_not_expected_fails(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit status is 1, and the cell is named with both values."""
    right = NginxServer.expected

    def wrong(server: NginxServer, state: CredentialState) -> Expected:
        expected = right(server, state)
        return dataclasses.replace(expected, status=418) if state is CredentialState.NONE else expected

    monkeypatch.setattr(NginxServer, "expected", wrong)
    ran = run("table", *SOME)

    assert ran.status == 1
    assert "not expected: bundled process plain off TLS 1.3 none: status should be 418, and was 200" in ran.out
    assert "4 were not expected" in ran.out
    assert re.search(r"^none +200 NONE ! ", ran.out, re.M)


@pytest.mark.parametrize(
    ("arguments", "status", "named"),
    [
        (["--situation", "rain"], 2, "'plain', 'crl'"),
        (["--credential", "good"], 2, "'valid', 'valid-rsa'"),
        (["--nginx", "stretch"], 1, "bundled, bullseye, bookworm, trixie, forky"),
        (["--nginx", "/no/such/nginx"], 1, "there is no such file"),
        (["--workers", "0"], 2, "not a number from 1 to 64"),
        (["--html", "table.pdf"], 2, "must end in .html"),
        (["--html", "/no/such/folder/table.html"], 1, "cannot be written"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_it_does_not_know_it_answers_with_what_there_is(
    run: Run, arguments: list[str], status: int, named: str
) -> None:
    """Before anything is measured."""
    ran = run("table", *arguments)

    assert (ran.status, ran.out) == (status, "")
    assert named in ran.err


def test_the_readme_shows_a_command_that_works(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands there."""
    built("bullseye")
    monkeypatch.chdir(tmp_path)
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (command,) = re.findall(r"^\$ pytest-mtls (table .*)$", readme, re.M)
    ran = run(*command.split())

    assert ran.status == 0, ran.out + ran.err
    assert (tmp_path / "table.html").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_interrupts_it_finds_nothing_left(start: Callable[..., Served], number: signal.Signals) -> None:
    """Also of the processes that measured."""
    served = start("table", "--situation", "all", "--workers", 2)
    wait_until(
        lambda: sum("nginx: master" in line or "nginx" in line for line in served.left()) > 1,
        Deadline.after(20),
        awaited="nginx to run",
        last_seen=lambda: str(served.left()) + served.err,
    )

    assert served.end(number) == 128 + number
    wait_until(lambda: not served.left(), Deadline.after(5), awaited="all to go", last_seen=lambda: str(served.left()))
    assert "Traceback" not in served.err
