"""Another machine with a container engine on it: a network namespace of its own, with its own dockerd and sshd.

This machine reaches its address on a cable between the two, and nothing behind it: not the network of its containers,
not its loopback. It is no second machine in that it has this one's disk, kernel and clock.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_mtls.deadline import Deadline, wait_until
from pytest_mtls.pki.authority import CertificateAuthority

_COMMAND_SECONDS: Final = 20
_START_SECONDS: Final = 60
_SSH_PORT: Final = 2222


@dataclass(frozen=True)
class Elsewhere:
    """What there is.

    Attributes:
        address: of the other machine.
        namespace: the path of its network.
        by_tls: the environment for an engine by TCP with TLS.
        by_ssh: the same by ssh.
    """

    address: str
    namespace: str
    by_tls: dict[str, str]
    by_ssh: dict[str, str]

    def run(self, *command: str) -> str:
        """Run a command on its network; returns what it printed."""
        return _run("nsenter", f"--net={self.namespace}", *command)


@contextlib.contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    """Build it up, and take it down again."""
    with contextlib.ExitStack() as undoing:
        folder = Path(tempfile.mkdtemp(prefix="elsewhere-", dir="/tmp"))  # the path of a socket must be short
        undoing.callback(shutil.rmtree, folder, ignore_errors=True)
        name, address = f"mtls{os.getpid()}", _cable(f"{os.getpid()}", undoing)
        namespace = f"/run/netns/{name}"
        credentials = _credentials(folder, address)
        _dockerd(folder, namespace, address, undoing)
        _sshd(folder, namespace, address, undoing)
        ssh = {
            "DOCKER_HOST": f"ssh://root@{address}:{_SSH_PORT}{folder}/engine",
            "PATH": f"{folder}/bin{os.pathsep}{os.environ['PATH']}",
        }
        tls = {"DOCKER_HOST": f"tcp://{address}:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(credentials)}
        yield Elsewhere(address, namespace, tls, ssh)


def _cable(name: str, undoing: contextlib.ExitStack) -> str:
    """A namespace, and a pair of interfaces between it and this one; returns the address over there."""
    network = ipaddress.ip_network((int(ipaddress.ip_address("198.19.0.0")) + os.getpid() % 16384 * 4, 30))
    here, there = network.hosts()  # of 198.18.0.0/15, which RFC 2544 keeps for tests
    _run("ip", "netns", "add", f"mtls{name}")
    undoing.callback(_run, "ip", "netns", "delete", f"mtls{name}")
    _run("ip", "link", "add", f"mh{name}", "type", "veth", "peer", "name", f"mt{name}", "netns", f"mtls{name}")
    _run("ip", "address", "add", f"{here}/30", "dev", f"mh{name}")
    _run("ip", "link", "set", f"mh{name}", "up")
    for command in (f"address add {there}/30 dev mt{name}", f"link set mt{name} up", "link set lo up"):
        _run("ip", "-n", f"mtls{name}", *command.split())
    _run("ip", "-n", f"mtls{name}", "route", "add", "default", "via", str(here))
    return str(there)


def _credentials(folder: Path, address: str) -> Path:
    """Files for both ends of TLS; returns the folder of the client's."""
    ca = CertificateAuthority()
    for end, credential in (
        ("client", ca.issue_client("engine's user")),
        ("server", ca.issue_server(address, lifetime=datetime.timedelta(days=1))),
    ):
        own = folder / end
        own.mkdir(mode=0o700)
        (own / "ca.pem").write_bytes(ca.chain_pem)
        (own / "cert.pem").write_bytes(credential.chain_pem)
        (own / "key.pem").write_bytes(credential.private_key_pem)
    return folder / "client"


def _dockerd(folder: Path, namespace: str, address: str, undoing: contextlib.ExitStack) -> None:
    # Everything that two engines could share is this one's own; its bridge and its iptables are of its namespace.
    # Not `ip netns exec`, which mounts /sys anew and so hides the control groups.
    own = ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid"]
    tls = ["--tlsverify", *(f"--tls{kind}={folder}/server/{file}.pem" for kind, file in _TLS_FILES)]
    command = ["dockerd", *own, *tls, "-H", f"unix://{folder}/engine", "-H", f"tcp://{address}:2376"]
    log = undoing.enter_context((folder / "log").open("wb"))
    started = subprocess.Popen(["nsenter", f"--net={namespace}", *command], stdout=log, stderr=log)
    undoing.callback(_end, started)
    wait_until(
        lambda: started.poll() is not None or _listens(address, 2376),
        Deadline.after(_START_SECONDS),
        awaited="the other machine's dockerd",
        last_seen=lambda: (folder / "log").read_text(errors="replace")[-1000:],
    )
    assert started.poll() is None, (folder / "log").read_text(errors="replace")


_TLS_FILES: Final = (("cacert", "ca"), ("cert", "cert"), ("key", "key"))


def _sshd(folder: Path, namespace: str, address: str, undoing: contextlib.ExitStack) -> None:
    """With a key of its own, one user's key, and an ``ssh`` for PATH that knows both."""
    for key in ("host", "user"):
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{key}")
    Path("/run/sshd").mkdir(exist_ok=True)
    settings = {
        "AuthorizedKeysFile": f"{folder}/user.pub",
        "HostKey": f"{folder}/host",
        "ListenAddress": f"{address}:{_SSH_PORT}",
        "PasswordAuthentication": "no",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
    }
    (folder / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    (folder / "known").write_text(f"[{address}]:{_SSH_PORT} {(folder / 'host.pub').read_text()}")
    (folder / "bin").mkdir()
    program = folder / "bin/ssh"
    program.write_text(
        f"#!/bin/sh\nexec {shutil.which('ssh')} -i {folder}/user -o IdentitiesOnly=yes"
        f' -o UserKnownHostsFile={folder}/known "$@"\n'
    )
    program.chmod(0o755)
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    assert sshd, "no sshd here: `.ci/install ssh`"
    command = ["nsenter", f"--net={namespace}", sshd, "-D", "-e", "-f", f"{folder}/sshd_config"]
    started = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    undoing.callback(_end, started)
    wait_until(lambda: _listens(address, _SSH_PORT), Deadline.after(_COMMAND_SECONDS), awaited="sshd")


def _listens(host: str, port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection((host, port), 1).close()
        return True
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_COMMAND_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_COMMAND_SECONDS)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


@contextlib.contextmanager
def over_tcp(path: str) -> Iterator[str]:
    """The engine at that socket by TCP on loopback, as through somebody's port forwarding; gives its DOCKER_HOST."""
    listening = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def serve(near: socket.socket) -> None:
        with near, socket.socket(socket.AF_UNIX) as far:
            far.connect(path)
            back = threading.Thread(target=pump, args=(far, near), daemon=True)
            back.start()
            pump(near, far)
            back.join(_COMMAND_SECONDS)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield f"tcp://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        accepting.join(_COMMAND_SECONDS)
        listening.close()
