"""nginx's log, sorted by connection."""

from __future__ import annotations

from pytest_mtls.deadline import Deadline
from pytest_mtls.engines.journal import Journal

ACCEPT = "2026/11/23 18:29:07 [debug] 9#9: *{number} accept: 127.0.0.1:{port} fd:3\n"
VERIFY = '2026/11/23 18:29:07 [debug] 9#9: *2 verify:0, error:{error}, depth:0, subject:"/CN=x", issuer:"/CN=\\"y\\""\n'
RECORD = (
    '{{"pytest-mtls":1,"connection":"{number}","peer":"127.0.0.1:{port}","listener":"127.0.0.1:1","status":"200",'
    '"upstream":"{upstream}","ssl_client_verify":"SUCCESS"}}\n'
)


class Pieces:
    """A log that arrives in pieces."""

    def __init__(self, *pieces: str) -> None:
        self._pieces = [piece.encode("utf-8", "surrogateescape") for piece in pieces]

    def read(self, timeout: float) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    def check(self) -> None:
        assert not self._pieces

    def close(self) -> None:
        self._pieces.clear()


def _journal(*pieces: str) -> Journal:
    journal = Journal(Pieces(*pieces))
    for _ in pieces:
        journal.read()
    return journal


def test_a_line_cut_anywhere_is_read_whole() -> None:
    """Bytes arrive as the kernel likes."""
    line = RECORD.format(number=1, port=5000, upstream="0.001")

    for cut in range(len(line)):
        journal = _journal(line[:cut], line[cut:])
        assert [record.status for record in journal.connection(1).records] == [200]


def test_a_connection_is_found_by_its_peer_and_not_by_an_older_one_of_the_same_port() -> None:
    """Ports are used again."""
    journal = _journal(ACCEPT.format(number=1, port=5000), ACCEPT.format(number=7, port=5000))

    found = journal.from_peer("127.0.0.1:5000", after=1)
    assert found is not None
    assert found.number == 7
    assert journal.from_peer("127.0.0.1:5000", after=7) is None


def test_the_last_call_of_the_verify_callback_stands() -> None:
    """OpenSSL remembers the last error only; quotes in names do not confuse."""
    journal = _journal(VERIFY.format(error=20), VERIFY.format(error=21))

    assert [each.error for each in journal.connection(2).verifications] == [20, 21]


def test_debug_lines_and_records_are_not_for_humans() -> None:
    """What a user sees as the log is what an operator would see."""
    line = "2026/11/23 18:29:07 [info] 9#9: *1 client sent no required SSL certificate\n"
    journal = _journal(ACCEPT.format(number=1, port=1), line, RECORD.format(number=1, port=1, upstream=""))

    assert journal.lines == (line.rstrip("\n"),)
    assert journal.connection(1).lines == [line.rstrip("\n")]


def test_an_upstream_counts_as_contacted_only_if_it_was_connected() -> None:
    """nginx writes a dash where connecting failed."""
    contacted = {
        text: _journal(RECORD.format(number=1, port=1, upstream=text)).connection(1).records[0].upstream_contacted
        for text in ("", "-", "0.000", "-, 0.001")
    }

    assert contacted == {"": False, "-": False, "0.000": True, "-, 0.001": True}


def test_workers_are_counted_in_and_out() -> None:
    """A reload is over when the old ones are gone."""
    start = "2026/11/23 18:29:07 [notice] 1#1: start worker process {}\n"
    end = "2026/11/23 18:29:07 [notice] 1#1: worker process {} exited with code 0\n"
    journal = _journal(start.format(5), start.format(6), end.format(5))

    assert journal.workers == {6}


def test_bytes_that_are_no_text_survive() -> None:
    """What a client sends may be anything."""
    journal = _journal("\udcff\udcfe odd\n")

    assert journal.lines == ("\udcff\udcfe odd",)


def test_waiting_ends_at_the_deadline() -> None:
    """Nothing waits for ever."""
    assert _journal().wait_for(lambda: None, Deadline.after(0.05)) is None


def test_a_forgotten_connection_is_gone() -> None:
    """A long session does not fill the memory."""
    journal = _journal(ACCEPT.format(number=1, port=5000))

    journal.forget(1)

    assert journal.from_peer("127.0.0.1:5000", after=0) is None
