"""Every line of every recipe, literally: a fresh virtual environment, the built wheel, an index for the rest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.ci.recipes import Job, dev_container, github, gitlab, plain_container
from tests.documentation.blocks import ROOT

pytestmark = pytest.mark.long

SECONDS = 300
HERE = [*(job for job in github() if "nginx:" not in job.name), *gitlab(), dev_container()]
"""Those that pull no image."""

_ALONE = """
set -eu
mount -t tmpfs none /run
ip link set lo up
mount -t tmpfs none "$1/tmp"
chmod 1777 "$1/tmp"
mount -o remount,bind,ro "$(stat -c %m "$1")"
cd "$1/project"
shift
exec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs "$@"
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One that others may look into, as `nobody` must."""
    made = Path(tempfile.mkdtemp(prefix="recipes-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def wheel(folder: Path) -> Path:
    """The folder with this project's wheel."""
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder / "wheel"), "."]
    subprocess.run(build, cwd=ROOT, check=True, timeout=SECONDS)
    return folder / "wheel"


def interpreter() -> Path:
    """One that `nobody` may run: this one, unless it is in somebody's home; then the system's."""
    every = (Path(sys.executable).resolve(), Path("/usr/bin/python3"))
    return next(each for each in every if all(above.stat().st_mode & 0o001 for above in each.parents))


@pytest.fixture(scope="module")
def environment(folder: Path, wheel: Path) -> Mapping[str, str]:
    """A fresh virtual environment, where ``pip install pytest-mtls`` finds that wheel."""
    subprocess.run([str(interpreter()), "-m", "venv", str(folder / "venv")], check=True, timeout=SECONDS)
    links = f"{os.environ.get('PIP_FIND_LINKS', '')} {wheel}".strip()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON"))}
    return {**kept, "PATH": f"{folder}/venv/bin:/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin", "PIP_FIND_LINKS": links}


@pytest.fixture
def project(folder: Path) -> Iterator[Path]:
    """What a user has: a suite, and a configuration in deploy/."""
    path = folder / "project"
    shutil.copytree(ROOT / "examples" / "internal_api" / "deploy", path / "deploy")
    shutil.copy(ROOT / "examples" / "quickstart" / "test_quickstart.py", path)
    yield path
    shutil.rmtree(path)


def run(line: str, project: Path, environment: Mapping[str, str]) -> str:
    """One line, by the shell that CI uses."""
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", line],
        cwd=project,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("job", HERE, ids=lambda job: job.name)
def test_a_job_does_what_it_is_for(job: Job, project: Path, environment: Mapping[str, str]) -> None:
    """It ends well, and leaves what the CI is to keep. Builds of nginx are there, as a CI's cache restores them."""
    given = {name: value.replace("PROJECT", str(project)) for name, value in job.environment.items()}
    cached = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "pytest-mtls"
    if "XDG_CACHE_HOME" in given and cached.exists():
        shutil.copytree(cached, Path(given["XDG_CACHE_HOME"]) / "pytest-mtls", copy_function=shutil.copy2)

    said = "".join(run(line, project, {**environment, **given}) for line in job.lines)

    for written in ("junit.xml", "audit.xml"):
        if any(written in line for line in job.lines):
            assert len(list(ElementTree.parse(project / written).iter("testcase"))) >= 12
    assert "Ready: " in said or " passed" in said or "nothing found" in said


def test_a_plain_container_needs_nothing(project: Path, folder: Path, environment: Mapping[str, str]) -> None:
    """As nobody, without an engine, a network, or a disk that can be written."""
    job = plain_container()
    (folder / "tmp").mkdir()
    install, suite = job.lines
    run(install, project, environment)

    alone = ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "sh", "-c", _ALONE, "sh", str(folder)]
    done = subprocess.run(
        [*alone, *suite.split()],
        env={**environment, "HOME": "/nonexistent", "TMPDIR": f"{folder}/tmp", "DOCKER_HOST": ""},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
