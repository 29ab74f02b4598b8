"""Facts about finished messages, read by parsers of another language: Perl's Encode and MIME modules."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess

import pytest

from mailer.message import build
from mailer.render import Rendered

READ = r"""
use strict; use JSON::PP; use Encode; use MIME::QuotedPrint; use MIME::Base64;
while (<STDIN>) {
    my $raw = decode_json($_)->{raw};
    my ($head, $body) = split /\r\n\r\n/, $raw, 2;
    $head =~ s/\r\n / /g;
    my ($subject) = $head =~ /^Subject: (.*?)\r?$/m;
    my ($name) = $head =~ /^To: (.*) <x\@y\.example>\r?$/m;
    if ($name =~ /^"(.*)"$/) { $name = $1; $name =~ s/\\(.)/$1/g } else { $name = decode("MIME-Header", $name) }
    my ($about, $part) = $body =~ /^--[^\r\n]+\r\n(.*?)\r\n\r\n(.*?)\r\n--/s;
    my $text = decode("UTF-8", $about =~ /base64/ ? decode_base64($part) : decode_qp($part));
    $text =~ s/\r\n/\n/g; $text =~ s/\n+\z//;
    print encode_json({ subject => decode("MIME-Header", $subject), name => $name, text => $text }), "\n";
}
"""
LETTERS = "abcdef  ABC,.;:\"'()<>@éèüßŁłĞğ’–ОльгаЇї中文😀=?_\\[]&%#+ÀÖþÞæøÅ"


def has_perl() -> bool:
    perl = shutil.which("perl")
    modules = ["-MJSON::PP", "-MEncode", "-MMIME::QuotedPrint", "-e", "1"]
    return bool(perl) and subprocess.run([str(perl), *modules], capture_output=True, check=False).returncode == 0


def a_line(dice: random.Random) -> str:
    words = ("".join(dice.choices(LETTERS, k=dice.randint(1, 25))).strip() or "x" for _ in range(dice.randint(1, 4)))
    return re.sub(" +", " ", " ".join(words)).strip()[:120].strip()


@pytest.mark.skipif(not has_perl(), reason="needs Perl with its core modules")
@pytest.mark.parametrize("count", [300, pytest.param(4000, marks=pytest.mark.long)])
def test_perl_reads_names_subjects_and_texts_as_they_were(count: int) -> None:
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
        written.append(({"subject": subject, "name": name, "text": f"Dear {name},\n\n{subject}"}, raw))
    lines = "\n".join(json.dumps({"raw": raw.decode("ascii")}) for _, raw in written)
    done = subprocess.run(
        ["perl", "-e", READ], input=lines, capture_output=True, text=True, check=True, encoding="utf-8"
    )
    assert [json.loads(line) for line in done.stdout.splitlines()] == [said for said, _ in written]
