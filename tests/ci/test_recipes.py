"""What can be known of a recipe without a network: its shape, and that every command in it can be given."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest

from pytest_mtls import cli
from pytest_mtls.generations import GENERATIONS
from tests.ci.recipes import FOLDER, dev_container, github, gitlab, jobs, loaded, plain_container


def _checked(name: str, schema: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *options(schema), name]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=FOLDER)


def options(schema: str) -> list[str]:
    """GitLab's own tags (``!reference``) are no YAML of the standard."""
    return ["--data-transform", "gitlab-ci"] if "gitlab" in schema else []


@pytest.mark.parametrize(
    "name, schema",
    [("github-actions.yml", "vendor.github-workflows"), ("gitlab-ci.yml", "vendor.gitlab-ci")],
)
def test_the_file_is_what_its_schema_says(name: str, schema: str) -> None:
    """Those that check-jsonschema ships."""
    done = _checked(name, schema)

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_file_that_is_not_would_be_found() -> None:
    """Each schema refuses the other's file."""
    assert _checked("github-actions.yml", "vendor.gitlab-ci").returncode == 1
    assert _checked("gitlab-ci.yml", "vendor.github-workflows").returncode == 1


def test_every_command_of_ours_can_be_given(pytester: pytest.Pytester) -> None:
    """pytest knows the options, and so does pytest-mtls; a job installs before it runs."""
    for job in jobs():
        asked = [shlex.split(part) for line in job.lines for part in line.split("&&")]
        (install, *_), *ours = asked
        assert install == "pip"
        assert [words[0] for words in ours] == [words[0] for words in ours if words[0].startswith("pytest")]
        for command, *arguments in ours:
            if command == "pytest-mtls":
                cli._parser().parse_args(arguments)
            else:
                nginx = [each.replace("$NGINX", job.environment.get("NGINX", "")) for each in arguments]
                assert pytester.parseconfig("-c", "/dev/null", *nginx).getoption("mtls_engine") in (
                    None,
                    "process",
                    "docker",
                )


def test_the_matrices_name_every_nginx_that_can_be_named() -> None:
    """The generations by name, and what an image's name may not do to an artifact's."""
    named = {job.environment["NGINX"] for job in gitlab() if "NGINX" in job.environment}
    uploads = [
        step["with"]["name"]
        for job in loaded("github-actions.yml")["jobs"].values()
        for step in job["steps"]
        if "upload-artifact" in step.get("uses", "")
    ]

    assert named == {"bundled", *GENERATIONS}
    assert len(list(github())) == 5
    assert uploads
    assert not any("matrix.nginx" in name for name in uploads)


def test_every_result_that_is_kept_is_written() -> None:
    """What a job uploads is what an option of its command names."""
    for name in ("github-actions.yml", "gitlab-ci.yml"):
        text = (FOLDER / name).read_text()
        kept = set(re.findall(r"\b[\w-]+\.(?:xml|html|sarif|log)\b", text))
        written = set(re.findall(r"(?:=|--\w+ |>)([\w-]+\.(?:xml|html|sarif|log))\b", text))
        assert kept == written


def test_no_recipe_needs_an_engine_but_those_that_bring_one() -> None:
    """A plain container has none."""
    without = [dev_container(), plain_container(), *(job for job in gitlab() if "containers" not in job.name)]

    for job in without:
        said = " ".join([*job.lines, *job.environment.values()])
        assert "process" in said
        assert "docker" not in said
