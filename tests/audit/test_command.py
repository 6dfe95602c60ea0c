"""``pytest-mtls audit`` as a user has it: what it prints, writes and refuses."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_mtls import Harness
from pytest_mtls.audit.catalogue import ATTACKS, rules
from pytest_mtls.audit.reference import with_rules
from tests.audit.conftest import wrong
from tests.audit.mistakes import certificates
from tests.audit.mistakes.mistake import SOUND
from tests.commands.conftest import Ran

Run = Callable[..., Ran]
ROOT = Path(__file__).parents[2]
FEW = ("--only", "bad-certificates", "--only", "revoked-certificates")


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a repository whose deploy folder has a wrong configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return wrong(tmp_path / "deploy").relative_to(tmp_path)


def test_a_finding_is_told_in_full(run: Run, deployed: Path) -> None:
    """Grade, file and line, what was sent and what came back, why, how to mend it, and a command that works."""
    ran = run("audit", deployed, *FEW)

    assert ran.status == 1
    assert ran.err == ""
    assert "critical condition-fails-open: A condition on" in ran.out
    assert "deploy/conf.d/hostile.conf:" in ran.out
    for label in ("shown", "sent", "got", "why", "mend", "repeat", "not tried"):
        assert re.search(rf"^ *{label} ", ran.out, re.M), label
    assert re.search(r"^1 critical, \d notes?; 2 attacks on \d+ places in ", ran.out, re.M)
    assert "\033" not in ran.out
    long = [
        line for line in ran.out.splitlines() if len(line) > 80 and "repeat" not in line and "attacks on" not in line
    ]
    assert [line for line in long if len(max(line.split(), key=len)) < 60] == []
    (repeat,) = {line.partition("repeat")[2].strip() for line in ran.out.splitlines() if "--only condition" in line}
    again = subprocess.run(
        repeat.replace("pytest-mtls", f"{sys.executable} -m pytest_mtls", 1),
        shell=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert again.returncode == 1
    assert "critical condition-fails-open" in again.stdout


def test_colours_where_they_are_wanted(run: Run, deployed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the same words."""
    plain = run("audit", deployed, *FEW).out
    monkeypatch.setenv("FORCE_COLOR", "1")
    painted = run("audit", deployed, *FEW).out

    assert "\033[31;1mcritical\033[0m" in painted
    without = re.sub(r"\033\[[\d;]*m", "", painted)
    assert without.splitlines()[:-1] == plain.splitlines()[:-1]


@pytest.mark.parametrize(
    "options, status",
    [(["--fail-on", "never"], 0), (["--public", "/", "--fail-on", "critical"], 0), (["--fail-on", "critical"], 1)],
)
def test_the_exit_status_is_by_grade(run: Run, deployed: Path, options: list[str], status: int) -> None:
    """What is declared public is open to everybody, and right so."""
    assert run("audit", deployed, "--only", "bad-certificates", *options).status == status


def test_a_table_in_pyproject_is_read(run: Run, deployed: Path) -> None:
    """What it declares, and where it is wrong."""
    table = Path("pyproject.toml")
    table.write_text('[tool.pytest-mtls.audit]\nfail-on = "never"\n')
    assert run("audit", deployed, "--only", "bad-certificates").status == 0
    assert run("audit", deployed, "--only", "bad-certificates", "--fail-on", "note").status == 1

    table.write_text("[tool.pytest-mtls.audit]\nfail_on = 1\n")
    ran = run("audit", deployed)
    assert ran.status == 2
    assert "pyproject.toml: [tool.pytest-mtls.audit] key='fail_on' is not known" in ran.err


def test_files_are_written_beside_what_is_printed(run: Run, deployed: Path) -> None:
    """All of them, and each is named."""
    ran = run("audit", deployed, *FEW, "--html", "a.html", "--sarif", "a.sarif", "--junit", "a.xml")

    assert [line for line in ran.out.splitlines() if line.startswith("Written")] == [
        "Written to a.html", "Written to a.sarif", "Written to a.xml"
    ]  # fmt: skip
    results = json.loads(Path("a.sarif").read_text())["runs"][0]["results"]
    uris = [each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in results]
    assert "deploy/conf.d/hostile.conf" in uris
    assert "pytest-mtls audit deploy/nginx.conf" in Path("a.html").read_text()
    assert run("audit", deployed, *FEW, "--json").json["counts"]["critical"] == len(
        re.findall("^critical ", ran.out, re.M)
    )


@pytest.mark.parametrize(
    "options, status, said",
    [
        (["--html", "no/such/a.html"], 1, "--html no/such/a.html: this cannot be written"),
        (["--sarif", "no/such/a.sarif"], 1, "--sarif no/such/a.sarif: this cannot be written"),
        (["--junit", "deploy"], 1, "--junit deploy: this cannot be written"),
        (["--html", "a.htm"], 2, "--html a.htm: the name must end in .html"),
        (["--sarif", "deploy/nginx.conf"], 2, "that is the configuration itself"),
        (["--sarif", "a", "--junit", "./a"], 2, "that is the file of --sarif"),
        (["--only", "forged-header"], 2, "Did you mean 'forged-headers'?"),
        (["--at", "api.example.com/bill"], 2, "Did you mean 'api.example.com/billing/'?"),
        (["--protected", ""], 2, "--protected: '' is no prefix"),
        (["--protected", "/a", "--public", "/a"], 2, "both name '/a'"),
        (["--fail-on", "high"], 2, "invalid choice: 'high'"),
        (["--nginx", "no-such"], 1, "no-such"),
    ],
)
def test_what_cannot_be_is_said_before_anything_runs(
    run: Run, deployed: Path, options: list[str], status: int, said: str
) -> None:
    """One line, and nothing written."""
    before = {each: each.read_bytes() for each in Path().rglob("*") if each.is_file()}

    ran = run("audit", deployed, *options)

    assert ran.status == status
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""
    assert {each: each.read_bytes() for each in Path().rglob("*") if each.is_file()} == before


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("missing.conf", None, "missing.conf: there is no such file"),
        ("conf.d", None, "conf.d: that is a folder; name the main file in it"),
        ("broken.conf", "events {}\nhttp {\n  server { listen 443 }\n}\n", "broken.conf:3: unexpected"),
        ("binary.conf", b"\xff\xfe\x00", "binary.conf: is not UTF-8"),
        ("empty.conf", "", "nothing listens"),
        ("wrong.conf", "events {}\nhttp { server { listen 443; no_such_directive on; } }", "wrong.conf:2"),
    ],
)
def test_a_configuration_that_is_none(run: Run, deployed: Path, name: str, text: str | bytes | None, said: str) -> None:
    """File and line, as far as there are."""
    path = deployed.parent / name
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    ran = run("audit", path)

    assert ran.status in (1, 2)
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_without_a_configuration(run: Run) -> None:
    """It says what to write."""
    ran = run("audit")

    assert (ran.status, ran.out) == (2, "")
    assert "Name its main file: pytest-mtls audit deploy/nginx.conf" in ran.err


def test_the_attacks_can_be_listed(run: Run) -> None:
    """Each attack and each rule; for programs too; and what is chosen alone."""
    listed = run("audit", "--list").out
    for name in (*(each.name for each in ATTACKS), *(each.name for each in rules())):
        assert name in listed

    assert [each["name"] for each in run("audit", "--list", "--json").json] == [each.name for each in ATTACKS]
    one = run("audit", "--list", "--only", "deep-chains").out
    assert one.startswith("deep-chains\n")
    assert "bad-certificates" not in one


_SERVER = "listen 127.0.0.1:443 ssl; ssl_certificate a.pem; ssl_certificate_key a.key; "
_REFUSED = {
    "lua": (_SERVER + "location / { content_by_lua_block { os.execute('touch HOME/pwned') } }", "runs code"),
    "perl": (_SERVER + "location / { perl 'sub { system(\"touch HOME/pwned\") }'; }", "runs code"),
    "js": (_SERVER + "js_import a from b.js;", "runs code"),
    "dots": (_SERVER + "include ../secret.conf;", "leads out"),
    "shadow-included": (_SERVER + "include /etc/shadow;", "leads out"),
    "shadow-by-link": (_SERVER + "include link.conf;", "leads out"),
}
_HARMLESS = {
    "shadow-as-key": "listen 443 ssl; ssl_certificate /etc/shadow; ssl_certificate_key /etc/shadow; return 204;",
    "shadow-as-ca": _SERVER + "ssl_client_certificate /etc/shadow; ssl_verify_client on; return 204;",
    "shadow-as-passwords": _SERVER + "auth_basic x; auth_basic_user_file /etc/shadow; location / { return 204; }",
    "everywhere": _SERVER + "listen 0.0.0.0:8443 ssl; listen [::]:80; return 204;",
    "unix": _SERVER + "listen unix:HOME/pwned; return 204;",
    "logs": _SERVER + "access_log HOME/pwned; error_log HOME/pwned debug; return 204;",
}


@pytest.mark.parametrize("name", [*_REFUSED, *_HARMLESS])
def test_a_hostile_configuration_touches_nothing_outside(run: Run, tmp_path: Path, name: str) -> None:
    """It is refused with one line or runs as something harmless; whatever it says of daemons, users and pid files."""
    folder = tmp_path / "deploy"
    folder.mkdir()
    (tmp_path / "secret.conf").write_text("return 200 secret;")
    (folder / "link.conf").symlink_to("/etc/shadow")
    server = _REFUSED[name][0] if name in _REFUSED else _HARMLESS[name]
    path = folder / "nginx.conf"
    main = f"daemon on;\nuser root;\npid {tmp_path}/pwned.pid;\nevents {{}}\nhttp {{ server {{ {server} }} }}\n"
    path.write_text(main.replace("HOME", str(tmp_path)))
    before = sorted(tmp_path.rglob("*"))

    ran = run("audit", path, "--json", "--fail-on", "never")

    if name in _REFUSED:
        assert ran.status == 2
        assert ran.err.count("\n") == 1
        assert re.search(r"nginx\.conf:\d+: ", ran.err)
        assert _REFUSED[name][1] in ran.err
    else:
        assert ran.status == 0, ran.err
        assert ran.json["places"]
    assert "root:" not in ran.out + ran.err
    assert sorted(tmp_path.rglob("*")) == before


def test_the_configuration_is_not_written_to(run: Run, tmp_path: Path) -> None:
    """Also where it may not be written to."""
    shutil.copytree(SOUND / "company", tmp_path / "deploy")
    for each in (tmp_path / "deploy").rglob("*"):
        os.chmod(each, 0o555 if each.is_dir() else 0o444)
    before = {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}

    assert run("audit", tmp_path / "deploy/nginx.conf", "--only", "bad-certificates").status == 0
    assert {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()} == before


@pytest.mark.parametrize("page", ["README.md", "docs/audit.md"])
def test_what_the_pages_show_is_what_is_printed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    """To the letter."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "deploy").mkdir()
    (mistake,) = (each for each in certificates.MISTAKES if each.name == "compared-with-FAILED")
    mistake.plant(tmp_path / "deploy")

    told = run("audit", "deploy/nginx.conf", "--only", mistake.rule).out.partition("\n\n")[0]

    assert f"{told}\n```" in (ROOT / page).read_text()


def test_the_page_has_every_rule() -> None:
    """`python -m pytest_mtls.audit docs/audit.md` makes it so."""
    page = (ROOT / "docs/audit.md").read_text()

    assert with_rules(page) == page
    assert all(f"**{rule.name}** ({rule.grade})" in page for rule in rules())


def test_an_application_and_files_of_ones_own_take_their_places(
    run: Run, tmp_path: Path, process_harness: Harness
) -> None:
    """What the recorder would have got reaches the application; an include outside is read where it is named."""
    behind = process_harness.nginx(verify="off", tls=None)
    before = len(behind.log)
    outside = tmp_path / "elsewhere.conf"
    outside.write_text("location /more { proxy_pass https://behind; }\n")
    config = tmp_path / "deploy" / "nginx.conf"
    config.parent.mkdir()
    config.write_text(
        "events {}\nhttp { upstream behind { server 10.1.1.1:443; } server { listen 80; server_name a.example;\n"
        "  include /opt/shared/more.conf; } }\n"
    )

    ran = run(
        "audit", config, "--only", "bad-certificates", "--protected", "/more",
        "--file", f"/opt/shared/more.conf={outside}", "--upstream", f"behind={behind.upstream_url}",
    )  # fmt: skip

    assert (ran.status, ran.err) == (1, "")
    assert "http://a.example/more" in ran.out
    assert len(behind.log) > before
    assert run("audit", config).err.count("files={") == 1
    assert "is not like WRITTEN=TARGET" in run("audit", config, "--upstream", "behind").err
