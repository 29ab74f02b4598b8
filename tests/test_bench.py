"""What the benchmarks measure with: the server that only counts, and the line that is late."""

from __future__ import annotations

import smtplib
import socket
import time
from email.message import EmailMessage

import pytest

from bench import measure, rivals
from bench.sink import GROUP, Sink, Visitor

COMMANDS = b"MAIL FROM:<a@rights.example>\r\nRCPT TO:<b@no.example>\r\nDATA\r\n"
BODY = b"Subject: x\r\n\r\n..\r\nx.\r\n\r\n."  # and the rest of a dot
TALK = [b"EHLO rights.example\r\n", COMMANDS, BODY + b"\r\n" + COMMANDS, b"x\r\n.\r\nQUIT\r\n"]
ANSWERS = [b"250", b"250", b"250", b"354", b"250", b"250", b"250", b"354", b"250", b"221"]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
def test_sink_answers_each_command_and_counts_each_dot_however_they_are_cut(size: int) -> None:
    sink = Sink()
    with socket.socket() as unused:
        visitor = Visitor(unused)
        said = b""
        for step in TALK:
            for start in range(0, len(step), size):
                said += sink.take(visitor, step[start : start + size])
    assert [line[:3] for line in said.splitlines() if line[3:4] != b"-"] == ANSWERS
    assert sink.dots == 2


def test_sink_takes_a_long_letter_in_pieces() -> None:
    sink = Sink()
    with socket.socket() as unused:
        visitor = Visitor(unused)
        sink.take(visitor, COMMANDS)
        assert sink.take(visitor, b"x" * 3 * GROUP + b"\r\n.") == b""
        assert sink.take(visitor, b".\r\n" + b"y" * 3 * GROUP + b"\r\n") == b""
        assert sink.take(visitor, b".\r\n" + COMMANDS).count(b"\r\n") == 4
    assert sink.dots == 1


def test_late_line_passes_everything_on_after_its_delay() -> None:
    with measure.helper("sink") as (sink, dots), measure.helper("delay", sink, 0.02) as (port, _):
        with smtplib.SMTP("127.0.0.1", port, local_hostname="rights.example", timeout=30) as client:
            begun = time.monotonic()
            client.noop()
            assert time.monotonic() - begun >= 0.04  # never less, however slow this computer is
            client.sendmail("a@rights.example", ["b@no.example"], b"Subject: x\r\n\r\nx\r\n")
        assert dots.readline().split()[0] == "1"


def test_other_senders_get_subject_text_and_html_of_a_letter() -> None:
    letter = EmailMessage()
    letter["Subject"] = "Zoë"
    letter.set_content("Bonjour, Zoë\n")
    letter.add_alternative("<p>Bonjour, Zoë</p>\n", subtype="html")
    assert rivals.parts(letter.as_bytes()) == {
        "subject": "Zoë", "text": "Bonjour, Zoë\n", "html": "<p>Bonjour, Zoë</p>\n",
    }  # fmt: skip
