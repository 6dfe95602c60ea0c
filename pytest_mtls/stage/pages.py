"""The catalogue as pages, made from the scenarios' files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from pytest_mtls.stage.catalogue import chosen
from pytest_mtls.stage.scenario import LONGEST, PARAGRAPHS, Scenario

INDEX: Final = "README.md"

_INTRODUCTION: Final = f"""\
# Known regressions

What goes wrong with client certificates behind nginx, each as a scenario: steps that show the problem on an nginx that
has it, and its absence on one that has not; and a safe set-up, which holds on every nginx.

```
pytest-mtls scenarios                                          # lists them
pytest-mtls scenarios show crl-expired                         # what one is about
pytest-mtls scenarios run --nginx bullseye --nginx bundled     # runs them: a table, version by scenario
pytest --mtls-scenarios=crl-expired,no-sni-crosses-cas         # runs them as tests of your own suite; all without names
```

`shows` means that the problem is there, `absent` that the same steps do not bring it about, and `n/a` that this nginx
or this engine cannot be asked. Whatever is not as the scenario says is `wrong`, and a failure.

## A scenario of your own

One file of at most {LONGEST} lines, and nothing to register. `pytest-mtls scenarios run my_own.py` runs it. It has

- a docstring: a title of one line, then the paragraphs {", ".join(f"`{each}:`" for each in PARAGRAPHS)}
- `SHOWS`: which nginx have the problem: `everywhere`, `since("1.23.2")`, `before(...)`, `openssl_since("3.6")`,
  `openssl_before(...)`; `unless_patched(...)` where distributions mend it under the same version
- `NEEDS`, where it needs something: a list of `needs_nginx("1.19.0", "ssl_ocsp")`, `needs_process_engine("...")`
- `problem(stage)`: takes the steps, and returns whether the problem showed
- `safe(stage)`: asserts that the safe set-up holds

The stage gives `stage.nginx(...)` with the arguments of the marker, `stage.refusal(...)` for an nginx that does not
start, `stage.ca`, `stage.credentials["expired"]`, `stage.stranger`, `stage.ocsp_responder()` and `stage.build`. All of
it is this scenario's own, and gone at its end.

## All of them

| scenario | what happens | shows on |
|---|---|---|
"""

_MADE: Final = "\nMade from the scenarios' files by `python -m pytest_mtls.stage docs/scenarios`.\n"


def pages(scenarios: Iterable[Scenario] | None = None) -> Mapping[str, str]:
    """Each page by its file's name; those of the package by default.

    Raises:
        InvalidArgument: a scenario's file has a mistake.
    """
    every = list(chosen(()) if scenarios is None else scenarios)
    index = "".join(f"| [{each.name}]({each.name}.md) | {_cell(each.title)} | {each.shows.text} |\n" for each in every)
    return {INDEX: _INTRODUCTION + index + _MADE} | {f"{each.name}.md": _page(each) for each in every}


def write(folder: Path) -> None:
    """Write every page into a folder, and remove those of scenarios that are gone.

    Raises:
        OSError: that is not possible.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for path in folder.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


def _page(scenario: Scenario) -> str:
    said = "\n\n".join(f"**{label}:** {text}" for label, text in scenario.paragraphs)
    run = f"pytest-mtls scenarios run {scenario.name}"
    return f"# {scenario.name}\n\n{scenario.title}.\n\n{said}\n\n```\n{run}\n```\n\n```python\n{scenario.code}\n```\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
