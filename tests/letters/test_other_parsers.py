"""Facts about finished messages, read by parsers that others wrote: Perl's core modules, two npm
libraries, Python's.

The npm libraries, postal-mime and mailparser, are looked for where node finds them (NODE_PATH).
"""

from __future__ import annotations

import email
import json
import random
import re
import shutil
import subprocess
from binascii import b2a_qp
from email import _header_value_parser, policy
from email.header import decode_header, make_header
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import pytest

from mailer.letters.message.flowed import joined
from mailer.letters.message.mime import build
from mailer.letters.render import Rendered
from mailer.report.readable import parsed, text_of
from tests.helpers.letters import invented, tidy

parser: Any = _header_value_parser

READ = r"""
use strict; use JSON::PP; use Encode; use MIME::QuotedPrint; use MIME::Base64;
while (<STDIN>) {
    my $raw = decode_json($_)->{raw};
    my ($head, $body) = split /\r\n\r\n/, $raw, 2;
    $head =~ s/\r\n / /g;
    my ($subject) = $head =~ /^Subject: (.*?)\r?$/m;
    my ($name) = $head =~ /^To: (.*) <x\@y\.example>\r?$/m;
    if ($name =~ /^"(.*)"$/) { $name = $1; $name =~ s/\\(.)/$1/g }
    else { $name = decode("MIME-Header", $name) }
    my ($about, $part) = $body =~ /^--[^\r\n]+\r\n(.*?)\r\n\r\n(.*?)\r\n--/s;
    my $text = decode("UTF-8", $about =~ /base64/ ? decode_base64($part) : decode_qp($part));
    $text =~ s/\r\n/\n/g; $text =~ s/\n+\z//;
    $subject = decode("MIME-Header", $subject);
    print encode_json({ subject => $subject, name => $name, text => $text }), "\n";
}
"""
LETTERS = "abcdef  ABC,.;:\"'()<>@éèüßŁłĞğ’–ОльгаЇї中文😀=?_\\[]&%#+ÀÖþÞæøÅ"


def has_perl() -> bool:
    perl = shutil.which("perl")
    modules = ["-MJSON::PP", "-MEncode", "-MMIME::QuotedPrint", "-e", "1"]
    return (
        bool(perl)
        and subprocess.run([str(perl), *modules], capture_output=True, check=False).returncode == 0
    )


def a_line(dice: random.Random) -> str:
    words = (
        "".join(dice.choices(LETTERS, k=dice.randint(1, 25))).strip() or "x"
        for _ in range(dice.randint(1, 4))
    )
    return re.sub(" +", " ", " ".join(words)).strip()[:120].strip()


def has_npm(library: str) -> bool:
    node = shutil.which("node")
    look = [str(node), "-e", f"require({library!r})"]
    return bool(node) and subprocess.run(look, capture_output=True, check=False).returncode == 0


def some_letters(count: int) -> list[tuple[dict[str, str], bytes]]:
    """Return what is said in each, and the finished message."""
    dice = random.Random(7)
    written = []
    for number in range(count):
        name, subject = a_line(dice), a_line(dice)
        raw = build(
            Rendered(subject, "", f"Dear {name},\n\n{subject}", "<p>x</p>", "Dear", "en"),
            sender="Jana Novák <jana@rights.example>",
            reply_to="a@rights.example",
            recipient_name=name,
            recipient_address="x@y.example",
            message_id=f"{number}@rights.example",
            unsubscribe="a@rights.example",
        )
        written.append(
            ({"subject": subject, "name": name, "text": f"Dear {name},\n\n{subject}"}, raw)
        )
    return written


def agrees(command: list[str], written: list[tuple[dict[str, str], bytes]]) -> None:
    lines = "\n".join(json.dumps({"raw": raw.decode("ascii")}) for _, raw in written)
    done = subprocess.run(
        command, input=lines, capture_output=True, text=True, check=True, encoding="utf-8"
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    for one in found:  # these libraries leave it to their callers
        one["text"] = joined(one["text"])
    assert found == [said for said, _ in written]


MANY = [300, pytest.param(4000, marks=pytest.mark.long)]


@pytest.mark.skipif(not has_perl(), reason="needs Perl with its core modules")
@pytest.mark.parametrize("count", MANY)
def test_perl_reads_names_subjects_and_texts_as_they_were(count: int) -> None:
    agrees(["perl", "-e", READ], some_letters(count))


@pytest.mark.parametrize("library", ["postal-mime", "mailparser"])
@pytest.mark.parametrize("count", MANY)
def test_npm_library_reads_names_subjects_and_texts_as_they_were(library: str, count: int) -> None:
    if not has_npm(library):
        pytest.skip(f"needs node and the npm library {library}")
    agrees(
        ["node", str(Path(__file__).parents[1] / "helpers" / "parse_letters.mjs"), library],
        some_letters(count),
    )


TWO_WORDS = b"To: =?utf-8?b?w6k=?= =?utf-8?b?w6k=?= <x@y.example>\r\n\r\n"


def name_in(raw: bytes) -> str:
    """Return the name in To as Python's newer parser reads it."""
    read: str = email.message_from_bytes(raw, policy=policy.default)["To"].addresses[0].display_name
    return read


@pytest.fixture
def mended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mend Python's newer parser where it is older than its own correction (python/cpython issue
    128110).

    It showed the blanks between encoded words of a name, which count for nothing (RFC 2047 section
    6.2).
    """
    if name_in(TWO_WORDS) == "éé":
        return
    get_atom = parser.get_atom

    def and_blanks(value: str) -> tuple[Any, str]:
        atom, rest = get_atom(value)
        if rest.startswith("=?") and [one.token_type for one in atom[-2:]] == [
            "encoded-word",
            "cfws",
        ]:
            atom[-1] = parser.EWWhiteSpaceTerminal(str(atom[-1]), "fws")
        return atom, rest

    monkeypatch.setattr(parser, "get_atom", and_blanks)


@pytest.mark.usefixtures("mended")
@pytest.mark.parametrize("count", MANY)
def test_python_reads_names_subjects_and_texts_as_they_were(count: int) -> None:
    for said, raw in some_letters(count):
        old = email.message_from_bytes(raw, policy=policy.compat32)
        new = email.message_from_bytes(raw, policy=policy.default)
        name, address = parseaddr(str(old["To"]))
        assert str(make_header(decode_header(old["Subject"]))) == said["subject"] == new["Subject"]
        assert (str(make_header(decode_header(name))), address) == (said["name"], "x@y.example")
        assert name_in(raw) == said["name"]
        assert text_of(parsed(raw)).rstrip("\n") == tidy(said["text"])


def test_newer_parser_of_any_python_reads_the_names_that_people_have() -> None:
    """Names that fit into one encoded word, or can be cut at a word of ASCII, need no mended
    parser.
    """
    names = [one.name.strip() for one in invented()]
    names += [
        "Володимир Приклад",
        "Costanza Schizzetti-Prova de la Très-Longue-et-Belle Famille",
        "Ólafur Jr. Þór",
    ]
    for name in names:
        raw = build(
            Rendered("x", "", "Dear", "<p>x</p>", "Dear", "en"),
            sender="a@rights.example",
            reply_to="a@rights.example",
            recipient_name=name,
            recipient_address="x@y.example",
            message_id="1@rights.example",
            unsubscribe="a@rights.example",
        )
        assert " ".join(name_in(raw).split()) == name, (
            "of a name too long for one word, a blank may be shown twice"
        )


def test_body_encoded_line_by_line_is_what_the_whole_would_be() -> None:
    dice = random.Random(3)
    for _ in range(300):
        lines = (
            "".join(dice.choices(" \t.=abcé–_?", k=dice.choice([0, 1, 2, 74, 75, 76, 77, 300])))
            for _ in range(3)
        )
        text = "".join(f"{line.rstrip(' ')}\n" for line in lines)
        raw = build(
            Rendered("x", "", "x", "a" * 4 * len(text) + "\n" + text, "Dear", "en"),
            sender="a@rights.example",
            reply_to="a@rights.example",
            recipient_name="x",
            recipient_address="x@y.example",
            message_id="1@rights.example",
            unsubscribe="a@rights.example",
        )
        whole = b2a_qp(text.replace("\n", "\r\n").encode())
        assert whole in raw.replace(b"=2E=\r\n", b".")
