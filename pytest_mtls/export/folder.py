"""Writing a reproducer."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_mtls import __version__
from pytest_mtls.errors import InvalidArgument, WorkspaceUnavailable
from pytest_mtls.export.nginx_files import DEFAULT_PORT, nginx_files
from pytest_mtls.export.steps import CA, CLIENTS, default_requests, make_steps
from pytest_mtls.export.texts import Report, compose_file, readme, steps_script
from pytest_mtls.pki.files import make_private_folder, write_private
from pytest_mtls.pki.pem import load_certificates, load_crls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from cryptography import x509

    from pytest_mtls.export.history import Asked
    from pytest_mtls.nginx.build import NginxBuild
    from pytest_mtls.nginx.spec import ServerSpec
    from pytest_mtls.outcome import Expected, Outcome
    from pytest_mtls.pki.credential import Credential
    from pytest_mtls.pki.states import Credentials, CredentialState

_README: Final = "README.md"
_COMPOSE: Final = "compose.yaml"
_STEPS: Final = "steps.sh"
_EXECUTABLE: Final = 0o700
_HIGHEST_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class Reproducer:
    """A folder that stands alone.

    Attributes:
        folder: where it is.
        port: where its nginx will listen.
        files: what was written, relative to the folder.
        steps: how many requests ``steps.sh`` makes.
    """

    folder: Path
    port: int
    files: tuple[str, ...]
    steps: int


def export(
    folder: Path,
    *,
    spec: ServerSpec,
    build: NginxBuild,
    port: int | None,
    answers: Mapping[Asked, Outcome | None],
    cast: Credentials,
    expected: Callable[[CredentialState, str | None], Expected],
    trust: bytes,
    force: bool,
) -> Reproducer:
    """Write a server with what was asked of it; the arguments are explained where they are used.

    Raises:
        InvalidArgument: the folder is not empty, or not a folder; or the port is none.
        WorkspaceUnavailable: it cannot be written.
    """
    check_folder(folder, force=force)
    listen = spec.port or DEFAULT_PORT if port is None else port
    if not 1 <= listen <= _HIGHEST_PORT:
        raise InvalidArgument(f"port={listen!r} is not a TCP port: 1 to {_HIGHEST_PORT}.")
    asked = answers or dict.fromkeys(default_requests(cast, spec))
    steps, left_out = make_steps(asked.items(), spec.protocol, cast, expected)
    report = Report(
        spec=spec,
        build=build,
        port=listen,
        steps=steps,
        left_out=left_out,
        made_by=f"pytest-mtls {__version__}",
        good_until=_good_until(spec, [step.asked.credential for step in steps], trust),
    )
    return write_reproducer(folder, report, trust=trust)


def _good_until(spec: ServerSpec, credentials: Iterable[Credential | None], trust: bytes) -> datetime:
    """When the first of all that is in force now ends: from then on steps may show something else."""
    now = datetime.now(timezone.utc)
    ends = [each.not_valid_after_utc for each in load_certificates(trust)]
    ends += [each.certificate.not_valid_after_utc for each in credentials if each is not None]
    for block in spec.blocks:
        ends += [each.not_valid_after_utc for each in _certificates(block.certificate)]
        ends += [each.next_update_utc for each in _crls(block.crl) if each.next_update_utc is not None]
    return min((end for end in ends if end > now), default=now)


def _certificates(pem: object) -> Sequence[x509.Certificate]:
    # A server may have been given, on purpose, what is no PEM, or nothing at all.
    with contextlib.suppress(InvalidArgument):
        return load_certificates(pem) if isinstance(pem, bytes) else ()
    return ()


def _crls(pem: object) -> Sequence[x509.CertificateRevocationList]:
    with contextlib.suppress(InvalidArgument):
        return load_crls(pem) if isinstance(pem, bytes) else ()
    return ()


def check_folder(folder: Path, *, force: bool) -> None:
    """See that nothing is overwritten that nobody gave up.

    Raises:
        InvalidArgument: it is no folder, or something is in it.
        WorkspaceUnavailable: it cannot be looked into.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise InvalidArgument(f"{folder} is not a folder. Name a folder.")
        if not force and folder.is_dir() and any(folder.iterdir()):
            raise InvalidArgument(
                f"{folder} is not empty, and nothing in it was touched. Name another, or write into it with "
                "--force (force=True)."
            )
    except OSError as error:
        raise WorkspaceUnavailable(f"Tried to look into {folder}, saw: {error.strerror}. Name another.") from error


def write_reproducer(folder: Path, report: Report, *, trust: bytes) -> Reproducer:
    """Write everything; the caller has looked at the folder.

    Args:
        folder: made if it is not there, for its owner only.
        report: what to write about.
        trust: PEM of what clients trust.

    Raises:
        WorkspaceUnavailable: it cannot be written.
        NginxLacksFeature: this version of nginx has no such server.
    """
    nginx = nginx_files(report.spec, report.build, report.port)
    texts = {
        _README: readme(report).encode(),
        _COMPOSE: compose_file(report).encode(),
        _STEPS: steps_script(report).encode(),
        CA: trust,
    }
    contents = {**{name: file.content for name, file in nginx.files.items()}, **texts}
    try:
        make_private_folder(folder)
        for name, content in contents.items():
            make_private_folder((folder / name).parent)
            write_private(folder / name, content)
        (folder / _STEPS).chmod(_EXECUTABLE)
        names = (*contents, *_write_credentials(folder, report))
    except OSError as error:
        raise WorkspaceUnavailable(
            f"Tried to write into {folder}, saw: {error.strerror or error}. Name a folder that can be written."
        ) from error
    return Reproducer(folder, report.port, tuple(sorted(names)), len(report.steps))


def _write_credentials(folder: Path, report: Report) -> Iterator[str]:
    written = set()
    for step in report.steps:
        credential = step.asked.credential
        if credential is None or step.stem is None or step.stem in written:
            continue
        written.add(step.stem)
        files = credential.write_to(folder / CLIENTS, name=step.stem)
        for path in (files.certificate, files.key, files.chain, files.pkcs12):
            yield str(path.relative_to(folder))
