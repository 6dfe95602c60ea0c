"""The texts of a reproducer: what a human reads, what a shell runs, what an engine reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pytest_mtls.export.nginx_files import ACCESS_LOG, ERROR_LOG, LISTEN, LISTEN_IN_CONTAINER, STAND_IN
from pytest_mtls.export.steps import CLIENTS, quoted
from pytest_mtls.nginx.bundle import CONFIG
from pytest_mtls.nginx.spec import Protocol

if TYPE_CHECKING:
    from pytest_mtls.export.steps import Step
    from pytest_mtls.nginx.build import NginxBuild
    from pytest_mtls.nginx.spec import ServerSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the texts tell of.

    Attributes:
        spec: the server.
        build: the nginx it ran on.
        port: where the exported one listens.
        steps: what to ask it.
        left_out: what cannot be asked with a command line, one sentence each.
        made_by: this package and its version.
        good_until: when the first certificate or CRL ends that is good now.
    """

    spec: ServerSpec
    build: NginxBuild
    port: int
    steps: Sequence[Step]
    left_out: Sequence[str]
    made_by: str
    good_until: datetime


_SHELL = r"""#!/bin/sh
# Asks the nginx of this folder, step by step, and says what it should show. README.md says how to start it.
# Ends with 0 if every step showed what it should, 1 if one did not.
set -u
cd "$(dirname "$0")" || exit 2
PORT=${PORT:-@PORT@}
failed=0
if [ "$(date -u +%Y%m%d%H%M%S)" -gt @END@ ]; then echo "The certificates ended at @UNTIL@; see README.md." >&2; fi

step() { printf '\n== %s\n   should show: %s\n' "$1" "$2"; }

judge() { # wanted, seen
    if [ -z "$1" ]; then echo "   ($2)"
    elif [ "$1" = "$2" ]; then echo "   as it should: $2"
    else echo "   DIFFERENT: $2 instead of $1"; failed=1
    fi
}

ask() { # wanted status, then a curl command
    wanted=$1; shift
    printf '$ %s\n' "$*"
    answer=$("$@" --silent --show-error --noproxy '*' --max-time 10 --write-out '\n%{http_code}')
    printf '%s\n' "$answer" | sed '$d; s/^/   /'
    judge "$wanted" "$(printf '%s\n' "$answer" | sed -n '$p')"
}

speak() { # wanted status, what to send, then an openssl command
    wanted=$1 request=$2; shift 2
    printf '$ printf "%s" | %s\n' "$request" "$*"
    answer=$(printf "$request" | "$@" 2>&1)
    judge "$wanted" "$(printf '%s\n' "$answer" | sed -n 's/^HTTP[^ ]* \([0-9]*\).*/\1/p' | sed -n 1p)"
}

exchange() { # served or closed, what to send, then an openssl command
    wanted=$1 request=$2; shift 2
    printf '$ (printf "%s"; sleep 1) | %s\n' "$request" "$*"
    answer=$( (printf "$request"; sleep 1) | "$@" 2>/dev/null)
    if [ -n "$answer" ]; then printf '   %s\n' "$answer"; judge "$wanted" served; else judge "$wanted" closed; fi
}
"""


def steps_script(report: Report) -> str:
    """``steps.sh``."""
    head = _SHELL.replace("@PORT@", str(report.port)).replace("@UNTIL@", _until(report))
    head = head.replace("@END@", f"{report.good_until:%Y%m%d%H%M%S}")
    return "\n".join([head, *_script_steps(report), 'exit "$failed"', ""])


def _script_steps(report: Report) -> Iterator[str]:
    protocol = report.spec.protocol
    for number, step in enumerate(report.steps, 1):
        yield f"step {quoted([f'{number}. {step.title}'])} {quoted([step.shows])}"
        for command in step.commands(protocol):
            yield _script_line(step, command, protocol)
        yield ""


def _script_line(step: Step, command: Sequence[str], protocol: Protocol) -> str:
    wanted = quoted([step.answer or ""])
    if command[0] == "curl":
        return f"ask {wanted} {quoted(command)}"
    verb = "speak" if protocol is Protocol.HTTP else "exchange"
    return f"{verb} {wanted} {quoted([step.request(protocol)])} {quoted(command)}"


def _until(report: Report) -> str:
    return f"{report.good_until:%Y-%m-%d %H:%M:%S} UTC"


def compose_file(report: Report) -> str:
    """``compose.yaml``: any image with an nginx of that version will do."""
    return f"""\
services:
  nginx:
    image: ${{NGINX_IMAGE:-nginx:{report.build.version}}}
    user: "0:0"  # the keys are for their owner alone
    entrypoint: ["nginx"]
    command: ["-p", "/reproducer/", "-c", "/reproducer/{CONFIG}", "-g", "daemon off;"]
    volumes:
      - .:/reproducer
      - ./{LISTEN_IN_CONTAINER}:/reproducer/{LISTEN}:ro
    ports:
      - "127.0.0.1:{report.port}:{report.port}"
"""


def readme(report: Report) -> str:
    """``README.md``."""
    return "\n".join(_readme(report))


def _readme(report: Report) -> Iterator[str]:
    spec, build = report.spec, report.build
    modes = ", ".join(f"{' '.join(block.names)}: {block.verify}" for block in spec.blocks)
    yield f"# nginx {build.version} with client certificates: a reproducer"
    yield ""
    yield f"One listener, 127.0.0.1:{report.port} ({spec.protocol}); `ssl_verify_client` by server name: {modes}."
    yield f"It ran on nginx {build.version} with {build.openssl}; this folder was made by {report.made_by}."
    yield ""
    yield f"It shows what it should until {_until(report)}: then the first certificate or CRL ends that is good now."
    yield "After that, start nginx under `faketime`, or export it anew (`pytest-mtls export --days`)."
    yield "It holds private keys, minted for tests."
    yield ""
    yield from _starting(report)
    yield "## Steps"
    yield ""
    yield f"`./steps.sh` asks all of this and compares. By hand, in this folder, with `PORT={report.port}`:"
    yield ""
    for number, step in enumerate(report.steps, 1):
        yield f"{number}. With {step.title}. Should show: {step.shows}."
        yield ""
        yield "   ```sh"
        for command in step.commands(spec.protocol):
            yield f"   {_by_hand(step, command, spec.protocol)}"
        yield "   ```"
        yield ""
    yield from _left_out(report.left_out)
    yield from _files(report)


def _by_hand(step: Step, command: Sequence[str], protocol: Protocol) -> str:
    if command[0] == "curl":
        return quoted(command)
    request = f"printf {quoted([step.request(protocol)])}"
    return f"{request if protocol is Protocol.HTTP else f'({request}; sleep 1)'} | {quoted(command)}"


def _starting(report: Report) -> Iterator[str]:
    yield "## Start it"
    yield ""
    yield f"With a plain nginx, best of version {report.build.version} (an older one may not know all the variables):"
    yield ""
    yield "```sh"
    yield f"nginx -p . -c {CONFIG}            # and in the end: nginx -p . -c {CONFIG} -s stop"
    yield "```"
    yield ""
    yield "Or with containers; `NGINX_IMAGE` names another image:"
    yield ""
    yield "```sh"
    yield "docker compose up -d                # and in the end: docker compose down"
    yield "```"
    yield ""
    yield "`steps.sh` has to run where `127.0.0.1` is this machine; `PORT` is where it asks."
    if report.spec.protocol is Protocol.STREAM:
        yield "Where stream is a dynamic module, as in Debian, add"
        yield "`-g 'load_module /usr/lib/nginx/modules/ngx_stream_module.so;'`."
    yield ""


def _left_out(sentences: Iterable[str]) -> Iterator[str]:
    if found := list(sentences):
        yield "Left out, for no command line can ask it:"
        yield ""
        yield from (f"- {each}" for each in found)
        yield ""


def _files(report: Report) -> Iterator[str]:
    yield "## Files"
    yield ""
    yield f"- `{CONFIG}`, `server-0*/`: nginx's, all paths relative to this folder."
    yield f"- `{LISTEN}`: where it listens, reached from this machine alone; `{LISTEN_IN_CONTAINER}`: for compose.yaml."
    own = [block.upstream for block in report.spec.blocks if block.upstream]
    if own:
        yield f"- It also needs what lies behind at {', '.join(own)}, which is not in here."
    yield f"- `{STAND_IN}`: stands for the application, and says what arrived there."
    yield f"- `{CLIENTS}/`: the clients' certificates and keys; `server-ca.pem`: what they trust."
    yield f"- `{ERROR_LOG}` says why nginx refused, with OpenSSL's number."
    yield f"- `{ACCESS_LOG}` has every `$ssl_*` variable as JSON."
    yield ""
