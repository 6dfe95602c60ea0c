"""``pytest-mtls demo``: an example suite on a real nginx, then a dozen credentials measured in every mode."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_mtls.commands.options import Commands, add_command, add_engine_option, print_json
from pytest_mtls.errors import DeadlineExceeded
from pytest_mtls.nginx.spec import VerifyMode
from pytest_mtls.outcome import Layer
from pytest_mtls.pki.states import CredentialState
from pytest_mtls.report.terminal import Cell, Paint, table, terminal_width

if TYPE_CHECKING:
    from pytest_mtls.harness import Harness
    from pytest_mtls.outcome import Outcome
    from pytest_mtls.server import NginxServer

SUITE: Final = Path(__file__).resolve().parent.parent / "demo" / "test_quickstart.py"
"""The example suite, shipped with the package."""

_SUITE_SECONDS: Final = 60
_WIDEST: Final = 150


@dataclass(frozen=True, slots=True)
class _Shown:
    """One row: a credential, in a few words, and whether the servers it meets have a CRL."""

    state: CredentialState
    words: str
    crl: bool = False


_CAST: Final = (
    _Shown(CredentialState.NONE, "no certificate"),
    _Shown(CredentialState.VALID, "nothing wrong"),
    _Shown(CredentialState.VIA_INTERMEDIATE, "its chain is sent along"),
    _Shown(CredentialState.INTERMEDIATE_NOT_SENT, "its chain is missing"),
    _Shown(CredentialState.CHAIN_TOO_DEEP, "three intermediates"),
    _Shown(CredentialState.EXPIRED, "ended a day ago"),
    _Shown(CredentialState.SERVER_AUTH_ONLY, "a server's certificate"),
    _Shown(CredentialState.UNKNOWN_CA, "a stranger's"),
    _Shown(CredentialState.SELF_SIGNED, "a stranger's too"),
    _Shown(CredentialState.IMPOSTOR, "forged signature"),
    _Shown(CredentialState.REVOKED, "server without ssl_crl"),
    _Shown(CredentialState.REVOKED, "server with ssl_crl", crl=True),
    _Shown(CredentialState.WRONG_KEY, "stolen, without its key"),
)

_LEGEND: Final = (
    ("off", "never asks for a certificate: everybody is let in, as NONE."),
    (
        "on",
        "refuses after a completed handshake, with 400 on the wire; (495) and (496) are nginx's own numbers for a bad "
        "and a missing certificate. TLS itself fails only where the key is wrong.",
    ),
    ("optional", "is not lenient: it forgives a missing certificate, never a bad one."),
    ("optional_no_ca", "lets strangers in, as FAILED: the application behind must look at it."),
    ("ssl_crl", "is what makes revocation count; without it a revoked certificate is a valid one."),
)


@dataclass(frozen=True, slots=True)
class _Measurement:
    shown: _Shown
    mode: VerifyMode
    outcome: Outcome

    def to_json(self) -> dict[str, object]:
        outcome = self.outcome
        return {
            "credential": str(self.shown.state),
            "description": self.shown.state.description,
            "crl": self.shown.crl,
            "verify_mode": str(self.mode),
            "accepted": outcome.accepted,
            "layer": str(outcome.layer),
            "status": outcome.status,
            "internal_status": outcome.internal_status,
            "verify": outcome.verify,
            "verify_code": outcome.verify_code,
            "reason": outcome.reason,
            "alert": outcome.alert,
        }

    def cell(self) -> Cell:
        """What happened in few words, coloured by what it means for who relies on it."""
        outcome = self.outcome
        if outcome.layer is not Layer.HTTP:
            return Cell(f"{str(outcome.layer).upper()} alert {outcome.alert or outcome.ending}", ("magenta",))
        if not outcome.accepted:
            return Cell(f"{outcome.status} ({outcome.internal_status}) {outcome.reason}", ("red",))
        if outcome.verify_code is not None:
            return Cell(f"{outcome.status} FAILED: {outcome.reason}", ("yellow",))
        return Cell(f"{outcome.status} {outcome.verify}", ("green",) if outcome.verify == "SUCCESS" else ())


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "demo",
        run,
        summary="show it working, in a few seconds",
        more="Runs an example suite, then measures a dozen credentials in each verify mode of a real nginx.\n"
        "Needs no root and no container engine.",
        example="pytest-mtls demo\n  pytest-mtls demo --engine docker",
    )
    add_engine_option(parser, default="process")


def run(options: argparse.Namespace) -> int:
    """Run the suite, measure, print."""
    from pytest_mtls.harness import Harness

    paint = Paint.for_stream(sys.stdout)
    started = time.monotonic()
    if not options.json:
        _print_heading("1. A test suite, on a real nginx", paint)
    suite_failed = _run_suite(options.engine, paint, quiet=options.json)
    with Harness.open(options.engine) as harness:
        measurements = _measure(harness)
        build, engine = harness.build, harness.engine.name
    if options.json:
        print_json(
            {
                "engine": engine,
                "nginx": build.version,
                "openssl": build.openssl,
                "suite_passed": not suite_failed,
                "measurements": [each.to_json() for each in measurements],
            }
        )
    else:
        _print_heading("2. What nginx does: credential by ssl_verify_client", paint)
        _print_measured(measurements, paint)
        print(
            f"\n{len(measurements)} requests to nginx {build.version} with OpenSSL {build.openssl_version} "
            f"(engine {engine}); {time.monotonic() - started:.1f} s in all."
        )
        print("Next: " + paint("pytest-mtls serve --verify optional", "bold") + " keeps one up for you to try.")
    return 1 if suite_failed else 0


def _print_heading(text: str, paint: Paint) -> None:
    print(f"\n{paint(text, 'bold', 'cyan')}\n", flush=True)


def _run_suite(engine: str, paint: Paint, *, quiet: bool) -> bool:
    """Run the example as its reader would; returns whether it failed.

    Raises:
        DeadlineExceeded: it did not end.
    """
    shown = ["pytest", "-v", str(SUITE), "--mtls-engine", engine]
    if not quiet:
        print(f"$ {shlex.join(shown)}", flush=True)
    # In its own surroundings: neither the configuration nor the plugins of wherever this is run may change the picture.
    settled = ["-c", os.devnull, "--rootdir", str(SUITE.parent), "--confcutdir", str(SUITE.parent)]
    settled += ["-p", "pytest_mtls.plugin", "-p", "no:cacheprovider", f"--color={'yes' if paint.enabled else 'no'}"]
    with _ended(
        subprocess.Popen(
            [sys.executable, "-m", *shown, *settled],
            env=_environment(),
            # For a program that reads JSON, the suite's own output is a matter of stderr.
            stdout=sys.stderr if quiet else None,
        )
    ) as process:
        try:
            return process.wait(_SUITE_SECONDS) != 0
        except subprocess.TimeoutExpired as error:
            raise DeadlineExceeded(f"Waited {_SUITE_SECONDS} s for `{shlex.join(shown)}` to end.") from error


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is told to end, and then made to, where the block is left before it has."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(2)
            process.kill()
            process.wait(2)


def _environment() -> Mapping[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return own | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def _measure(harness: Harness) -> list[_Measurement]:
    """Ask every server with every credential; one nginx, a listener for each mode with and without a CRL."""
    from pytest_mtls.arguments import ServerArguments

    asked = [(crl, mode) for crl in (False, True) for mode in VerifyMode]
    started = harness.start([ServerArguments(verify=mode, crl=crl) for crl, mode in asked], shared=True)
    servers: dict[tuple[bool, VerifyMode], NginxServer] = dict(zip(asked, started, strict=True))
    return [
        _Measurement(shown, mode, servers[shown.crl, mode].request(credential=harness.credentials[shown.state]))
        for shown in _CAST
        for mode in VerifyMode
    ]


def _print_measured(measurements: Sequence[_Measurement], paint: Paint) -> None:
    width = min(terminal_width(), _WIDEST)
    header = [Cell("credential", ("bold",)), *(Cell(str(mode), ("bold",)) for mode in VerifyMode)]
    rows = [
        [
            Cell(str(shown.state), ("bold",), note=shown.words),
            *(each.cell() for each in measurements if each.shown is shown),
        ]
        for shown in _CAST
    ]
    for line in table(header, rows, width=width, paint=paint):
        print(line)
    print()
    names = [[Cell(name, ("bold",)), Cell(text)] for name, text in _LEGEND]
    for line in table([Cell("what to learn", ("bold",)), Cell("")], names, width=width, paint=paint):
        print(line)
