"""``pytest-mtls compare``: what it prints, writes and ends with."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.conftest import Ran
from tests.comparison.test_comparing import SMALL, written
from tests.generations.conftest import built

Run = Callable[..., Ran]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return written(tmp_path / "old", SMALL)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """The check is gone."""
    return written(tmp_path / "new", SMALL.replace("ssl_verify_client on", "ssl_verify_client optional"))


def test_two_nginx(run: Run, old: Path) -> None:
    """Every difference with its places and, where it is known, why."""
    ran = run("compare", old, "--nginx", built("bookworm").name, "--nginx", "bundled")

    said = " ".join(ran.out.split())
    assert ran.status == 1, ran.err
    assert "What the application receives" in ran.out
    assert "received: HTTP version bookworm: HTTP/1.0 bundled: HTTP/1.1 at a.example.com/: valid" in said
    assert "why: since nginx 1.29.7: nginx speaks HTTP/1.1 to upstreams" in said
    assert re.search(r"\d+ differences; \d+ requests each at 2 places in [\d.]+ s\.", said)
    assert "bookworm is nginx 1.22.1 (OpenSSL 3.0." in said


def test_two_configurations_for_machines(run: Run, old: Path, new: Path) -> None:
    """The same as JSON."""
    ran = run("compare", old, new, "--json")

    assert ran.status == 1
    assert [each["name"] for each in ran.json["sides"]] == [str(old), str(new)]
    (opened,) = [
        each
        for each in ran.json["differences"]
        if each["values"] == {str(old): "400 (496) no_certificate", str(new): "200 NONE, reached the application"}
    ]
    assert opened["kind"] == "answer"
    assert "none" in opened["places"]["a.example.com/"]


def test_a_page_holds_every_difference(run: Run, old: Path, new: Path, tmp_path: Path) -> None:
    """And is all that is printed, but for a summary."""
    page = tmp_path / "page.html"
    ran = run("compare", old, new, "--html", page)

    text = page.read_text()
    assert ran.status == 1
    assert ran.out.endswith(f"Written to {page}\n")
    assert "What clients get" not in ran.out
    assert "400 (496) no_certificate" in text
    assert "200 NONE, reached the application" in text
    assert "http" + "://" not in re.sub(r"<code>.*?</code>|<b>.*?</b>", "", text)


def test_no_difference(run: Run, old: Path, tmp_path: Path) -> None:
    """The exit status is 0."""
    ran = run("compare", old, written(tmp_path / "copy", SMALL))

    assert ran.status == 0, ran.out
    assert ran.out.startswith("no differences; ")


@pytest.mark.parametrize("page", ["README.md", "docs/compare.md"])
def test_the_page_shows_what_it_says(run: Run, page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the configuration that stands in docs/compare.md."""
    root = Path(__file__).parents[2]
    (config,) = re.findall(r"^```nginx\n(.*?)^```$", (root / "docs" / "compare.md").read_text(), re.M | re.S)
    (command, shown), *_ = re.findall(
        r"^```console\n\$ pytest-mtls (compare [^\n]*)\n(.*?)(?:\.\.\.\n)?```$", (root / page).read_text(), re.M | re.S
    )
    written(tmp_path / "deploy", config)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("bullseye", "trixie"):
        built(name)

    ran = run(*command.split())

    assert ran.status == 1
    assert shown in ran.out


@pytest.mark.parametrize(
    "arguments, status, said",
    [
        (["{old}"], 2, "nothing to compare with"),
        (["{old}", "{old}"], 2, "nothing to compare with"),
        (["{old}", "--nginx", "bundled"], 2, "nothing to compare with"),
        (["{old}", "{new}", "--nginx", "bundled", "--nginx", "trixie"], 2, "on one nginx"),
        (["{old}", "missing.conf"], 2, "missing.conf: there is no such file"),
        (["{old}", "{new}", "--html", "page.txt"], 2, "must end in .html"),
        (["{old}", "--nginx", "bundled", "--nginx", "stretch"], 1, "bullseye, bookworm"),
        ([], 2, "NGINX.CONF"),
    ],
)
def test_what_cannot_be_compared(run: Run, old: Path, new: Path, arguments: list[str], status: int, said: str) -> None:
    """Said at once; never a traceback."""
    ran = run("compare", *(each.format(old=old, new=new) for each in arguments))

    assert (ran.status, ran.out) == (status, "")
    assert said in ran.err
    assert "Traceback" not in ran.err
