"""The files of docs/ci, taken apart: which commands they run, and where."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

FOLDER: Final = Path(__file__).parents[2] / "docs" / "ci"


@dataclass(frozen=True, slots=True)
class Job:
    """What a CI runs in one container or machine.

    Attributes:
        name: with the nginx of its matrix.
        lines: each a shell command, in order.
        environment: what the CI sets; ``PROJECT`` stands for the folder it runs in.
    """

    name: str
    lines: tuple[str, ...]
    environment: Mapping[str, str]


def loaded(name: str) -> Any:
    """A recipe as plain values."""
    if name.endswith(".json"):
        return json.loads((FOLDER / name).read_text())
    return YAML(typ="safe").load(FOLDER / name)


def github() -> Iterator[Job]:
    """Each job of the workflow, for each nginx of its matrix."""
    for name, job in loaded("github-actions.yml")["jobs"].items():
        for nginx in job.get("strategy", {}).get("matrix", {}).get("nginx", [""]):
            lines = [each["run"].replace("${{ matrix.nginx }}", nginx) for each in job["steps"] if "run" in each]
            yield Job(f"github-{name}-{nginx}".rstrip("-"), tuple(lines), {"CI": "true"})


def gitlab() -> Iterator[Job]:
    """Each job of the pipeline, for each nginx of its matrix."""
    pipeline = loaded("gitlab-ci.yml")
    variables = {key: value.replace("$CI_PROJECT_DIR", "PROJECT") for key, value in pipeline["variables"].items()}
    for name, job in pipeline.items():
        for nginx in job.get("parallel", {}).get("matrix", [{"NGINX": [""]}])[0]["NGINX"] if "script" in job else ():
            set_up = {"CI": "true", **variables, **({"NGINX": nginx} if nginx else {})}
            yield Job(f"gitlab-{name}-{nginx}".rstrip("-"), tuple(job["script"]), set_up)


def dev_container() -> Job:
    """What is run in it once it is there, and then the suite."""
    recipe = loaded("devcontainer.json")
    return Job("dev-container", (recipe["postCreateCommand"], "pytest"), recipe["remoteEnv"])


def plain_container() -> Job:
    """The lines of the Dockerfile: what installs, and what runs."""
    text = (FOLDER / "Dockerfile").read_text()
    (install,) = re.findall(r"^RUN (.+)$", text, re.M)
    (command,) = re.findall(r"^CMD (.+)$", text, re.M)
    return Job("plain-container", (install, " ".join(json.loads(command))), {})


def jobs() -> list[Job]:
    """Every one."""
    return [*github(), *gitlab(), dev_container(), plain_container()]
