"""What the README says is so: every code block runs, and the table is what nginx does."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pytest_mtls import CredentialState, Harness, Outcome, VerifyMode

README = Path(__file__).parent.parent / "README.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README.read_text(), re.M | re.S)
SUITES = [text for language, text in BLOCKS if language == "python" and "def test_" in text]
SCRIPTS = [text for language, text in BLOCKS if language == "python" and "def test_" not in text]
COMMANDS = [text.strip() for language, text in BLOCKS if language == "console"]

SHOWN = {
    CredentialState.NONE: "no certificate",
    CredentialState.VALID: "valid",
    CredentialState.VIA_INTERMEDIATE: "valid, through an intermediate that is sent along",
    CredentialState.INTERMEDIATE_NOT_SENT: "the same, intermediate not sent",
    CredentialState.VIA_TWO_INTERMEDIATES: "through two intermediates (default depth)",
    CredentialState.EXPIRED: "expired",
    CredentialState.NOT_YET_VALID: "not yet valid",
    CredentialState.REVOKED: "revoked (with `crl`)",
    CredentialState.SERVER_AUTH_ONLY: "for serverAuth only",
    CredentialState.NO_EKU: "without extended key usage",
    CredentialState.UNKNOWN_CA: "of an unknown CA",
    CredentialState.SELF_SIGNED: "self-signed",
    CredentialState.IMPOSTOR: "forged: our CA's name, another key",
    CredentialState.WEAK_KEY: "RSA key of 1024 bits",
    CredentialState.WRONG_KEY: "stolen, without its private key",
}


def test_every_block_is_of_a_kind_that_is_run() -> None:
    """Nothing in the README escapes these tests."""
    assert {language for language, _ in BLOCKS} == {"python", "console"}
    assert len(SUITES) >= 6


@pytest.mark.parametrize("engine", ["process", pytest.param("docker", marks=pytest.mark.long)], indirect=True)
def test_the_suites_pass_as_they_stand(engine: str, pytester: pytest.Pytester) -> None:
    """Each block is a file of its own, and nothing else is needed."""
    for number, text in enumerate(SUITES):
        (pytester.path / f"test_block_{number}.py").write_text(text)
    result = pytester.runpytest_subprocess(f"--mtls-engine={engine}", "-o", "asyncio_mode=auto", timeout=120)

    assert result.ret == 0
    assert (
        result.parseoutcomes()["passed"]
        == 6 + 4 * len(CredentialState) + sum(text.count("def test_") for text in SUITES) - 2
    )


@pytest.mark.parametrize("text", SCRIPTS)
def test_the_scripts_run_as_they_stand(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without pytest."""
    exec(compile(text, "README.md", "exec"), {})

    assert "nginx answered 200" in capsys.readouterr().out


@pytest.mark.parametrize("command", [text for text in COMMANDS if text.startswith("$ make")])
def test_the_make_commands_exist(command: str) -> None:
    """They cannot be run from within themselves; CI runs them."""
    subprocess.run([*command[2:].split(), "-n"], cwd=README.parent, check=True, timeout=20, stdout=subprocess.DEVNULL)


def test_the_table_is_what_nginx_does(serve: Any, harness: Harness) -> None:
    """Measured now."""
    servers = {mode: serve(verify=mode) for mode in VerifyMode}
    revoking = {mode: serve(verify=mode, crl=True) for mode in VerifyMode}
    rows = []
    for state, label in SHOWN.items():
        chosen = revoking if state is CredentialState.REVOKED else servers
        cells = [_cell(chosen[mode].request(credential=harness.credentials[state])) for mode in VerifyMode]
        rows.append(f"| {label} | {' | '.join(cells)} |")
    head = f"| presented | {' | '.join(f'`{mode}`' for mode in VerifyMode)} |\n|---|---|---|---|---|\n"
    table = head + "\n".join(rows) + "\n"

    assert _between(README.read_text()) == table


def _between(text: str) -> str:
    return text.split("<!-- table: begin -->\n")[1].split("<!-- table: end -->")[0]


def _cell(outcome: Outcome) -> str:
    if outcome.alert:
        return f"TLS alert {outcome.alert}"
    if not outcome.accepted:
        reason = (outcome.reason or "").replace("_", " ")
        return f"**{outcome.status}** ({outcome.internal_status}) {reason}"
    code = f" ({outcome.verify_code})" if outcome.verify_code else ""
    return f"{outcome.status} {(outcome.verify or '').partition(':')[0]}{code}"
