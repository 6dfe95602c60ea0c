"""The broken twin of each example: one mistake, which the example's own suite shows to let somebody in."""

from __future__ import annotations

import ast
import shutil
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Twin:
    """An example with something wrong in its configuration.

    Attributes:
        example: its folder.
        config: the main file of the nginx that has the mistake, in the example's ``deploy/``.
        wrong: what the mistake does.
        grade: of the finding.
        responsible: the file that has the line to blame, in ``deploy/``; that of the mistake where it is ``""``.
    """

    example: str
    config: str
    wrong: str
    grade: str
    responsible: str = ""

    @property
    def edit(self) -> tuple[str, str, str]:
        """File in ``deploy/``, what stands there, what stands there instead: ``MISTAKE`` in the example's suite."""
        (suite,) = (EXAMPLES / self.example).glob("test_*.py")
        for node in ast.parse(suite.read_text()).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MISTAKE":
                file, old, new = ast.literal_eval(node.value)
                return file, old, new
        raise AssertionError(f"{suite} has no MISTAKE")

    def plant(self, folder: Path) -> Path:
        """Write the example's configuration with the mistake, and say where its main file is."""
        shutil.copytree(EXAMPLES / self.example / "deploy", folder, dirs_exist_ok=True)
        name, old, new = self.edit
        text = (folder / name).read_text()
        assert text.count(old) == 1, f"{self.example}: {old!r} is not once in {name}"
        (folder / name).write_text(text.replace(old, new))
        return folder / self.config

    def __str__(self) -> str:
        return self.example


TWINS = (
    Twin(
        "internal_api",
        "nginx.conf",
        "A location with a header of its own inherits no other, so a client with any certificate names itself.",
        "critical",
    ),
    Twin(
        "microservices",
        "billing/nginx.conf",
        "The pattern for the caller's name has no end, so every service whose name begins with it may call.",
        "critical",
    ),
    Twin(
        "device_fleet",
        "nginx.conf",
        "Sessions are kept in a cache that outlives a reload, so a revoked device goes on with its old one.",
        "warning",
    ),
    Twin(
        "partner_access",
        "nginx.conf",
        "The first partner's server is the default one, so without SNI its clients get into the other's server.",
        "critical",
        "conf.d/acme.conf",
    ),
    Twin(
        "admin_dashboard",
        "nginx.conf",
        "$ssl_client_verify is never FAILED alone, so whoever has no certificate administrates.",
        "critical",
    ),
    Twin(
        "zero_trust",
        "edge/nginx.conf",
        "The upstream's certificate is not verified, so an impostor at its address gets what users send.",
        "warning",
    ),
    Twin(
        "mobile_backend",
        "nginx.conf",
        "The page for a missing certificate is the application itself, which believes what the client's headers say.",
        "critical",
    ),
)
