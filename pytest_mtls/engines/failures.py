"""What both engines do alike when nginx says no: find its reason in the log, and put it into an error that tells."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.protocol import RunningNginx
from pytest_mtls.errors import MtlsError, NginxStartError, PortInUse
from pytest_mtls.nginx.bundle import CONFIG, Bundle, BundleFile, numbered

_EMERG = re.compile(r"\[emerg\] (?:\d+#\d+: )?(.*)$")
_SHOWN_LINES = 5


def reload_files(bundle: Bundle) -> dict[str, BundleFile]:
    """All files of a bundle, the configuration last: whoever reads it finds what it names."""
    return {**bundle.files, CONFIG: BundleFile(bundle.config.encode())}


def emergencies(lines: Sequence[str]) -> list[str]:
    """What nginx gave as its reason, without time and process numbers; each once, in order."""
    found = [match[1] for line in lines if (match := _EMERG.search(line))]
    return list(dict.fromkeys(found))


def start_failure(running: RunningNginx, deadline: Deadline) -> MtlsError:
    """The error for an nginx that did not come up."""
    running.journal.read()
    log, config = running.journal.lines, running.bundle.config
    ended = running.exit_reason()
    reasons = emergencies(log)
    if ended is None:
        return deadline.exceeded("nginx to start its workers", "\n".join(log[-_SHOWN_LINES:]) or "an empty log")
    if any("bind() to" in reason and "in use" in reason for reason in reasons):
        return PortInUse(
            f"nginx could not listen: {reasons[0]}. Choose another port, or none for a free one.",
            log=log,
            config=config,
        )
    said = "\n".join(reasons) or "\n".join(log[-_SHOWN_LINES:]) or "nothing"
    return NginxStartError(
        f"nginx {running.build.version} would not start ({ended}). It said:\n{said}\n\n"
        f"with this configuration:\n{numbered(config)}",
        log=log,
        config=config,
    )
