"""The package's own walls."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import pytest_mtls.pki as pki

SOURCES = sorted(Path(pki.__file__).parent.glob("*.py"))


def test_everything_public_is_there_and_sorted() -> None:
    """__all__ is what can be imported."""
    assert sorted(pki.__all__, key=lambda name: (not name[0].isupper(), name)) == pki.__all__
    assert all(getattr(pki, name) is not None for name in pki.__all__)
    assert set(pki.__all__) == set(dir(pki))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        pki.nothing  # noqa: B018


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.name))
def test_certificates_know_nothing_of_nginx_or_pytest(source: Path) -> None:
    """Of this project only what lies at the bottom, and never pytest."""
    allowed = tuple(f"pytest_mtls.{name}" for name in ("pki", "errors", "escapes", "reach", "secret"))
    for node in ast.walk(ast.parse(source.read_text())):
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        modules += [each.name for each in node.names] if isinstance(node, ast.Import) else []
        for module in modules:
            assert not module.startswith(("pytest", "_pytest")) or module.startswith(allowed), module
