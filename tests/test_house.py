"""The house rules that a machine can check."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_mtls

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "pytest_mtls"

LAYERS = [
    {"escapes", "reach", "secret"},
    {"errors", "evidence", "headers", "reasons"},
    {"unclosed"},
    {"deadline", "nginx", "pki"},
    {"generations"},
    {"arguments", "causes", "engines", "outcome", "strategies", "symptoms"},
    {"applications", "contents"},
    {"own_config"},
    {"resolution", "oracle", "explanation"},
    {"export", "probe", "reload", "refusal"},
    {"control"},
    {"clients"},
    {"server"},
    {"browser", "factory", "harness", "lifecycle", "report.verdict"},
    {"site"},
    {"ground"},
    {"pool", "marking", "report", "report.record", "report.terminal", "stage", "workers"},
    {"report.coverage", "report.page"},
    {"audit", "clients.measure", "report.files", "table", "stage.workers", "scenarios"},
    {"comparison"},
    {"options"},
    {"sessions"},
    {"report.header"},
    {"report.session"},
    {"fixtures", "commands", "demo", "scenario_items", "audit_items", "generations.__main__"},
    {"plugin", "cli"},
    {"__main__"},
]
# An outcome explains itself: the prose is loaded when somebody reads it.
ALLOWED = {("outcome", "explanation")}


def _modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        if name != "__init__":
            yield name, path


def _layer(module: str) -> tuple[str, int]:
    for room in (module, module.partition(".")[0]):
        for number, layer in enumerate(LAYERS):
            if room in layer:
                return room, number
    raise AssertionError(f"{module} has no place in the house: add it to LAYERS and docs/background.md")


def _imports(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in skipped:
            package, _, module = (node.module or "").partition(".")
            if package == "pytest_mtls" and module:
                yield module


@pytest.mark.parametrize("module, path", [pytest.param(*each, id=each[0]) for each in _modules()])
def test_imports_run_downwards_only(module: str, path: Path) -> None:
    """A stranger should guess where a thing lives and be right."""
    room, number = _layer(module)
    wrong = []
    for imported in _imports(path):
        other, below = _layer(imported)
        if other != room and below >= number and (room, other) not in ALLOWED:
            wrong.append(imported)

    assert wrong == []


def test_certificates_and_configuration_do_not_know_each_other() -> None:
    """A spec holds PEM bytes."""
    for module, path in _modules():
        rooms = {imported.partition(".")[0] for imported in _imports(path)}
        assert not (module.startswith("nginx") and "pki" in rooms), module
        assert not (module.startswith("pki") and rooms - {"pki", "errors", "escapes", "reach", "secret"}), module


def test_the_front_door_names_exactly_what_is_behind_it() -> None:
    """Sorted, and each can be had."""
    assert pytest_mtls.__all__ == sorted(pytest_mtls.__all__, key=lambda name: (not name[0].isupper(), name))
    for name in pytest_mtls.__all__:
        assert getattr(pytest_mtls, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pytest_mtls.nothing


def test_importing_the_package_loads_nothing() -> None:
    """No cryptography, no docker, no nginx."""
    heavy = ("cryptography", "docker", "ssl", "pytest")
    code = f"import sys, pytest_mtls; print([name for name in {heavy} if name in sys.modules])"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True).stdout

    assert said.strip() == "[]"


def test_nothing_waits_without_a_deadline() -> None:
    """Every wait, join and read of a queue says how long; accept() is only called on sockets that never block."""
    unbounded = re.compile(r"\.(?:wait|join|get|communicate)\(\)")
    found = [
        f"{path.name}:{number}"
        for _, path in _modules()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if unbounded.search(line)
    ]

    assert found == []


def test_no_certificate_key_or_image_is_in_the_repository() -> None:
    """Nothing with a date or a secret is ever committed."""
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True).stdout
    marks = (b"-----BEGIN " + b"CERTIFICATE-----\nMII", b"PRIVATE " + b"KEY-----\nMI", b"\x7fELF")

    for name in files.split("\n"):
        path = ROOT / name
        if path.is_file():
            content = path.read_bytes()
            assert not any(mark in content for mark in marks), name
            assert path.suffix not in (".pem", ".key", ".crt", ".p12", ".tar"), name


def test_files_can_be_held_in_the_head() -> None:
    """About three hundred lines, the plugin a hundred and twenty."""
    long = {path.name: count for _, path in _modules() if (count := len(path.read_text().splitlines())) > 350}

    assert long == {}
    assert len((PACKAGE / "plugin.py").read_text().splitlines()) <= 190
