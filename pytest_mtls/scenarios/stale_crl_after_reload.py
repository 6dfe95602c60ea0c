"""A CRL was rewritten in place and nginx reloaded, and the revoked client is still let in.

Symptom: New workers are up, the file lists the client, and it gets 200; a second reload makes no difference.
Cause: Since 1.27.4 nginx keeps what it has read over a reload, where a file's inode and modification time are
    unchanged. That time has whole seconds: quick tests meet it, and image builds that give all files one time.
Safe: A new file by rename; or `ssl_object_cache_inheritable off`.
Versions: Since 1.27.4.
Source: CHANGES 1.27.4; nginx pull requests 287 and 740
"""

from datetime import datetime, timezone

from pytest_mtls.stage import Stage, needs_process_engine, since

SHOWS = since("1.27.4")
NEEDS = [needs_process_engine("it rewrites files in place")]


def problem(stage: Stage) -> bool:
    return _after_revocation(stage, writing="in-place")


def safe(stage: Stage) -> None:
    assert not _after_revocation(stage, writing="rename")


def _after_revocation(stage: Stage, *, writing: str) -> bool:
    same_time = datetime.now(timezone.utc)
    nginx = stage.nginx(crl=stage.ca.crl())
    nginx.update(writing=writing, mtime=same_time)
    mallory = stage.ca.issue_client("mallory")
    stage.ca.revoke(mallory)
    nginx.update(crl=stage.ca.crl(), writing=writing, mtime=same_time)
    nginx.reload()
    return nginx.request(credential=mallory).accepted
