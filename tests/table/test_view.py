"""The table as people read it, and its page as text."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from pytest_mtls import CredentialState, VerifyMode
from pytest_mtls.report.verdict import Meaning, Verdict
from pytest_mtls.table.measure import Gap, MeasuredCell
from pytest_mtls.table.page import table_page
from pytest_mtls.table.view import missing, sections
from tests.table.conftest import NAMES, SITUATIONS, STATES


def test_what_two_nginx_do_alike_is_one(measured: list[MeasuredCell]) -> None:
    """Where they do not, each has its own, and their texts alone make no difference."""
    (section, *_) = sections(measured, SITUATIONS)
    rows = {row.state: row for row in section.rows}

    assert (section.situation, section.tls, set(rows)) == ("plain", "1.2", set(STATES))
    assert [row.state for row in section.rows if row.differs] == [CredentialState.WEAK_KEY]
    assert [each.names for each in rows[CredentialState.EXPIRED].variants[VerifyMode.ON]] == [NAMES]
    weak = rows[CredentialState.WEAK_KEY].variants[VerifyMode.ON]
    assert {each.names: each.seen.meaning for each in weak} == {
        ("bullseye",): Meaning.SUCCESS,
        ("bundled",): Meaning.REFUSED,
    }


def test_gaps_with_the_same_reason_are_one() -> None:
    """A reader is told once what an nginx lacks."""
    gaps = [Gap("bullseye", name, 4, "too old") for name in ("ocsp", "ocsp-down")]

    assert list(missing([*gaps, Gap("trixie", "ocsp", 4, "too young")])) == [
        ("ocsp, ocsp-down on bullseye", "too old"),
        ("ocsp on trixie", "too young"),
    ]


def verdict(layer: str = "http", *, accepted: bool = True, **known: object) -> Verdict:
    """A verdict of which only this is known."""
    blank = dict.fromkeys(("status", "internal_status", "verify", "verify_code", "reason", "alert"))
    return Verdict(layer=layer, accepted=accepted, **{**blank, **known})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "meaning", "words"),
    [
        (verdict(status=200, verify="SUCCESS"), "success", "200 SUCCESS"),
        (verdict(status=200, verify="NONE"), "none", "200 NONE"),
        (
            verdict(status=200, verify="FAILED:self-signed", verify_code=18, reason="self_signed_certificate"),
            "failed",
            "200 FAILED: self_signed_certificate",
        ),
        (
            verdict(accepted=False, status=400, internal_status=496, verify="NONE", reason="no_certificate"),
            "refused",
            "400 (496) no_certificate",
        ),
        (verdict("stream", verify="SUCCESS"), "success", "served SUCCESS"),
        (
            verdict("stream", accepted=False, verify="FAILED:x", verify_code=10, reason="certificate_expired"),
            "refused",
            "closed certificate_expired",
        ),
        (verdict("tls", accepted=False, alert="decrypt_error"), "tls", "TLS alert decrypt_error"),
        (verdict("client", accepted=False), "unsent", "not sent"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_an_answer_has_a_meaning_and_few_words(seen: Verdict, meaning: str, words: str) -> None:
    """One of six, which have a colour each."""
    assert (str(seen.meaning), seen.words) == (meaning, words)


def test_the_page_names_no_other_place(table_file: Path) -> None:
    """No address, no file, no font: it can be mailed. What others wrote is text."""
    text = table_file.read_text()

    assert not re.search(r"https?://|@import|url\(|<link(?! rel=\"icon\" href=\"data:,\")|src=", text)
    assert "it has &lt;no&gt; such thing" in text


def test_a_wrong_expectation_is_on_the_page(measured: list[MeasuredCell]) -> None:
    """The cell is marked, the row is among the differences, the reason says what was expected, the top counts."""
    wrong = dataclasses.replace(measured[0], differences={"status": (418, 200)})
    text = table_page([wrong, *measured[1:]], [])

    assert text.count(' wrong"') == 1
    assert "On bullseye status was expected to be 418, and was 200." in text
    assert '<li class="bad">not as expected: 1</li>' in text
    assert 'class="good">each as expected' in table_page(measured, [])
