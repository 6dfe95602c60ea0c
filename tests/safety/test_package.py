"""What is given to others: the wheel and the sdist, as they are built."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SECRETS = (b"PRIVATE " + b"KEY-----\nMI", b"-----BEGIN " + b"CERTIFICATE-----\nMII")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both, made from what git knows."""
    folder = tmp_path_factory.mktemp("built")
    source = folder / "source"
    source.mkdir()
    # No `git archive`: what is about to be committed is what matters.
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True).stdout.split(
        "\0"
    ):
        if name and (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
            (source / name).chmod((ROOT / name).stat().st_mode & 0o777)
    make = "import hatchling.build as h, sys; h.build_wheel(sys.argv[1]); h.build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", make, str(folder)], cwd=source, capture_output=True, timeout=60, check=True)
    return folder


@pytest.fixture
def wheel(built: Path) -> dict[str, bytes]:
    """The files of the wheel."""
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


@pytest.fixture
def sdist(built: Path) -> dict[str, bytes]:
    """The files of the sdist, below its folder."""
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as opened:
        return {
            member.name.partition("/")[2]: opened.extractfile(member).read()  # type: ignore[union-attr]
            for member in opened
            if member.isfile()
        }


def test_the_wheel_is_the_package_and_nothing_else(wheel: dict[str, bytes]) -> None:
    """Its modules, what pages are made of, its metadata and the licence; no test but the demonstration's."""
    rest = [name for name in wheel if not name.startswith("pytest_mtls/") and ".dist-info/" not in name]
    here = {f"pytest_mtls/{path.relative_to(ROOT / 'pytest_mtls')}" for path in (ROOT / "pytest_mtls").rglob("*.py")}

    assert rest == []
    assert {name for name in wheel if name.endswith(".py")} == here
    assert [name for name in wheel if "/test_" in name] == ["pytest_mtls/demo/test_quickstart.py"]
    assert any(name.endswith("licenses/LICENSE") for name in wheel)
    assert {"pytest_mtls/py.typed", "pytest_mtls/report/page.css"} <= set(wheel)


def test_the_sdist_can_do_what_its_makefile_says(sdist: dict[str, bytes]) -> None:
    """Every script that it calls is there, and the suite with what the suite needs."""
    called = set(re.findall(rb"\.ci/[a-z.-]+", sdist["Makefile"]))

    assert called
    assert {name.decode() for name in called} <= set(sdist)
    assert {"tests/test_house.py", "conftest.py", "docs/background.md", "README.md", "LICENSE"} <= set(sdist)


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_there_is_no_secret_in_it(kind: str, request: pytest.FixtureRequest) -> None:
    """No key, no certificate, no path of the machine it was built on."""
    files: dict[str, bytes] = request.getfixturevalue(kind)

    assert [name for name in files if Path(name).suffix in (".pem", ".key", ".crt", ".p12", ".pyc")] == []
    for name, content in files.items():
        assert not any(mark in content for mark in SECRETS), name
        assert os.fsencode(ROOT) not in content, name


def test_the_metadata_has_every_dependency_with_its_oldest_version(wheel: dict[str, bytes]) -> None:
    """Otherwise `make ranges` would not try that end."""
    (metadata,) = (content.decode() for name, content in wheel.items() if name.endswith("METADATA"))
    required = re.findall(r"^Requires-Dist: (.*)$", metadata, re.M)

    assert len(required) > 10
    assert [each for each in required if ">=" not in each and not each.startswith("pytest-mtls[")] == []
    assert "Requires-Python: >=3.10" in metadata


def test_ci_s_versions_are_those_of_no_index(request: pytest.FixtureRequest) -> None:
    """Names and versions alone, and every dependency of the suite among them."""
    lines = (ROOT / ".ci" / "constraints.txt").read_text().splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]

    assert [line for line in pinned if not re.fullmatch(r"[a-z0-9._-]+==[0-9][A-Za-z0-9.+!]*(?: ; .*)?", line)] == []
    assert {"cryptography", "pytest", "hypothesis", "h11", "docker"} <= {line.partition("==")[0] for line in pinned}
