"""nginx as a child process: no container engine, no root, no system package."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.cleanup import Guard, make_folder, remove_folder, using_workspace
from pytest_mtls.engines.clock import clock_environment, clock_of, shared_memory
from pytest_mtls.engines.failures import reload_files, start_failure
from pytest_mtls.engines.journal import Journal
from pytest_mtls.engines.limits import within_limits
from pytest_mtls.engines.names import known_names, looks_like_a_binary
from pytest_mtls.engines.process_log import FileSource
from pytest_mtls.engines.protocol import BY_RENAME, Address, Listener, Upstreams, Writing
from pytest_mtls.engines.sources import Program, named_source
from pytest_mtls.engines.sources import bundled_binary as bundled_binary
from pytest_mtls.engines.unprivileged import Unprivileged, nobody_for
from pytest_mtls.errors import EngineUnavailable, NginxUnavailable, PortInUse
from pytest_mtls.nginx.build import NginxBuild
from pytest_mtls.nginx.bundle import CONFIG, Bundle, BundleFile, Layout, make_bundle
from pytest_mtls.nginx.spec import ServerSpec

_LOOPBACK: Final = "127.0.0.1"
_LOG: Final = "nginx.log"
_QUIT_GRACE: Final = 2.0


class ProcessEngine:
    """Runs nginx as child processes of this one."""

    name = "process"
    upstream_bind = _LOOPBACK
    upstream_host = _LOOPBACK

    def __init__(self, guard: Guard) -> None:
        if os.name != "posix":
            raise EngineUnavailable("nginx as a plain process needs a POSIX system; use --mtls-engine docker here.")
        self._guard = guard
        self._programs: dict[str, Program] = {}
        self._builds: dict[Path, NginxBuild] = {}
        self.description = "nginx as a plain process"

    def build(self, nginx: str, deadline: Deadline) -> NginxBuild:
        """What that nginx says about itself; asked once."""
        program = self._program(nginx)
        if program.binary not in self._builds:
            # Building it may have taken long; the deadline is for asking.
            self._builds[program.binary] = ask_version(program, Deadline.after(deadline.seconds))
        return self._builds[program.binary]

    def start(
        self, specs: Sequence[ServerSpec], *, nginx: str, upstreams: Upstreams, deadline: Deadline
    ) -> NginxProcess:
        """Start one nginx for all of ``specs``."""
        if nginx not in self._programs:
            self.build(nginx, deadline)
            deadline = Deadline.after(deadline.seconds)  # getting hold of it is not part of starting it
        program, build = self._program(nginx), self.build(nginx, deadline)
        clock = clock_environment(program, build, clock_of(specs), deadline)
        running = NginxProcess(program, build, specs, upstreams, self._guard, clock)
        try:
            running.launch(deadline)
        except BaseException:
            running.stop(Deadline.after(_QUIT_GRACE))
            raise
        return running

    def container_address(self, name: str, port: int) -> Address:
        """Where that container is reached from this machine."""
        from pytest_mtls.engines.api import connect
        from pytest_mtls.engines.neighbours import address_from_here

        with contextlib.closing(connect()) as client:
            return address_from_here(client, name, port)

    def close(self) -> None:
        """Nothing is held."""

    def _program(self, nginx: str) -> Program:
        if nginx not in self._programs:
            source = named_source(nginx)
            self._programs[nginx] = source.program() if source else _own_program(nginx)
        return self._programs[nginx]


def _own_program(nginx: str) -> Program:
    """A binary of the user's."""
    if not looks_like_a_binary(nginx):
        raise NginxUnavailable(
            f"nginx={nginx!r} is neither the path of a binary nor one of {known_names()}. "
            "If it is an image, a container engine is needed: --mtls-engine docker."
        )
    path = Path(nginx).expanduser()
    if not path.is_file():
        raise NginxUnavailable(
            f"nginx={nginx!r}: there is no such file. Name an nginx binary, or one of {known_names()}."
        )
    return Program(path.resolve())


def ask_version(program: Program, deadline: Deadline) -> NginxBuild:
    """What a program of this machine says about itself.

    Raises:
        NginxUnavailable: it does not run, or is no nginx with TLS.
        LimitReached: no process can be started.
    """
    try:
        with within_limits(f"run {program} -V"):
            said = subprocess.run(
                [*program.command, "-V"],
                capture_output=True,
                text=True,
                errors="replace",
                env=program.environment,
                timeout=max(deadline.remaining, 0.1),
                check=False,
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NginxUnavailable(
            f"{program} is not an nginx: running it with -V failed ({error}). Name an nginx binary."
        ) from error
    build = NginxBuild.from_output(said.stderr + said.stdout, source=str(program))
    module = program.stream_module or build.dynamic_stream_module
    return replace(build, stream_module=str(module)) if module and Path(module).is_file() else build


def _listen(port: int) -> socket.socket:
    """A listening socket for nginx to inherit, so that no port is chosen before it is held."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((_LOOPBACK, port))
        listening.listen(511)
        # nginx takes it over as it is, and with `multi_accept on` it accepts until it would have to wait.
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        if port and error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise PortInUse(
                f"Tried to listen on {_LOOPBACK}:{port}, saw: {error.strerror}. "
                "Choose another port, or none for a free one."
            ) from error
        raise
    return listening


class NginxProcess:
    """One nginx master with its workers, in a process group of its own."""

    writes_in_place = True

    def __init__(
        self,
        program: Program,
        build: NginxBuild,
        specs: Sequence[ServerSpec],
        upstreams: Upstreams,
        guard: Guard,
        clock: Mapping[str, str],
    ) -> None:
        self.build = build
        self._clock = clock
        self._binary = program
        self._specs = tuple(specs)
        self._upstreams = upstreams
        self._guard = guard
        self._process: subprocess.Popen[bytes] | None = None
        self._ports: tuple[int, ...] = tuple(spec.port for spec in specs)
        self._folder = make_folder()
        guard.watch_folder(self._folder)
        self._bundle = Bundle("", {})
        self._nobody: Unprivileged | None = None
        try:
            with using_workspace(f"make nginx's log in {self._folder}"):
                (self._folder / _LOG).touch(mode=0o600)
                self.journal = Journal(FileSource(self._folder / _LOG))
        except BaseException:
            self._remove_folder()
            raise

    @property
    def bundle(self) -> Bundle:
        """What it was given last."""
        return self._bundle

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """One for each spec; nothing stands between a client and nginx."""
        addresses = [Address(_LOOPBACK, port) for port in self._ports]
        return tuple(Listener(address, address) for address in addresses)

    def launch(self, deadline: Deadline) -> None:
        """Spawn nginx on sockets that listen already, and return once it has a worker."""
        sockets: list[socket.socket] = []
        try:
            for port in self._ports:
                with within_limits(f"listen on {_LOOPBACK} for nginx", any_port=not port):
                    sockets.append(_listen(port))
            self._ports = tuple(each.getsockname()[1] for each in sockets)
            if not self._bundle.config:  # started anew, it goes on with what update() has made of its files
                self.write(self._specs, deadline)
            self._process = self._spawn([each.fileno() for each in sockets])
        finally:
            for each in sockets:
                each.close()
        self._guard.watch_process(self._process.pid)
        for path in self._shared_memory(self._process.pid):
            self._guard.watch_folder(path)
        started = self.journal.wait_for(lambda: self.journal.workers or self.exit_reason(), deadline)
        if self.exit_reason() or not started:
            raise start_failure(self, deadline)

    def _spawn(self, inherited: list[int]) -> subprocess.Popen[bytes]:
        # nginx takes over listening sockets named in NGINX, as it does when it upgrades its own binary.
        environment = {**self._binary.environment, **self._clock, "NGINX": "".join(f"{fd};" for fd in inherited)}
        early_log = ["-e", "stderr"] if self.build.at_least(1, 19, 5) else []
        files = ["-p", str(self._folder), "-c", str(self._folder / CONFIG)]
        with within_limits("start nginx"), open(self._folder / _LOG, "ab") as log:
            return subprocess.Popen(
                [*self._binary.command, *early_log, *files, "-g", "daemon off;"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=inherited,
                env=environment,
                start_new_session=True,
                cwd=self._folder,
            )

    def write(self, specs: Sequence[ServerSpec], deadline: Deadline, writing: Writing = BY_RENAME) -> Bundle:
        """Replace the files by those for ``specs``."""
        layout = Layout(
            listen=[f"{_LOOPBACK}:{port}" for port in self._ports],
            error_log=_LOG,
            access_log=_LOG,
            http_recorder=str(self._upstreams.http),
            stream_recorder=str(self._upstreams.stream),
            user=self._user(specs),
        )
        former = self._bundle
        self.restore(make_bundle(specs, self.build, layout), deadline, writing)
        return former

    def _user(self, specs: Sequence[ServerSpec]) -> str | None:
        # What the test itself wrote may name files of its own, also such that only root can read.
        self._nobody = nobody_for(self._folder) if any(spec.own for spec in specs) else None
        return str(self._nobody or "root") if os.geteuid() == 0 else None

    def restore(self, bundle: Bundle, deadline: Deadline, writing: Writing = BY_RENAME) -> None:
        """Replace the files by those of ``bundle``."""
        with using_workspace(f"write nginx's files into {self._folder}"):
            for name, file in reload_files(bundle).items():
                _write(self._folder / name, file, writing)
            if self._nobody:
                self._nobody.let_in(self._folder, bundle.files)
        self._bundle = bundle

    def signal_reload(self, deadline: Deadline) -> None:
        """Send HUP to the master."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def exit_reason(self) -> str | None:
        """How the master ended, or ``None`` while it runs."""
        if self._process is None:
            return "it was never started"
        status = self._process.poll()
        if status is None:
            return None
        return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"

    def restart(self, deadline: Deadline) -> None:
        """Stop it and start it again on the same port, with the same files."""
        self._end(deadline)
        self.journal.begin_anew()
        self.launch(deadline)

    def stop(self, deadline: Deadline) -> None:
        """End nginx and remove its folder."""
        self._end(deadline)
        self.journal.close()
        self._remove_folder()

    def _remove_folder(self) -> None:
        remove_folder(self._folder)
        if not self._folder.exists():  # as it does where no file can be opened any more: the guard can
            self._guard.forget_folder(self._folder)

    def _end(self, deadline: Deadline) -> None:
        process = self._process
        if process is None:
            return
        # TERM lets the master take its workers along; what is left of the group after that is killed.
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(deadline.within(_QUIT_GRACE).remaining)
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(_QUIT_GRACE)
        self._guard.forget_process(process.pid)
        for path in self._shared_memory(process.pid):
            path.unlink(missing_ok=True)
            self._guard.forget_folder(path)
        self._process = None

    def _shared_memory(self, pid: int) -> tuple[Path, ...]:
        return shared_memory(pid) if self._clock else ()


def _write(path: Path, file: BundleFile, writing: Writing) -> None:
    """Write beside it, then rename: a reader sees the old file or the new one, and its inode number is new.

    nginx 1.27.4 and later keep a certificate or CRL over a reload where inode and modification time (in whole seconds)
    are the same (``ngx_openssl_cache.c``), so writing in place can leave the old one in force.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = path if writing.in_place else path.with_name(f"{path.name}.new")
    with open(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if file.secret else 0o644), "wb") as new:
        new.write(file.content)
    if writing.mtime is not None:
        os.utime(written, (writing.mtime, writing.mtime))
    if written != path:
        os.replace(written, path)
