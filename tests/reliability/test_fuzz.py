"""Random answers of servers, addresses, headers, messages, sheets, letters and settings: refused in
words, or right (T12).

Replies are compared with a second reader of SMTP replies that is written for this test alone, and
reads everything at once; what goes on the wire is read by the strict grammar, or by the standard
library.
"""

from __future__ import annotations

import asyncio
import io
import random
import re
import zipfile
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes, policy
from email.header import decode_header
from pathlib import Path
from typing import Any, cast

import pytest

from mailer.base.address import allowed, key_of
from mailer.base.errors import MailerError
from mailer.base.settings.workspace import load_workspace
from mailer.base.states import Receipt, Stage, State
from mailer.contacts.rows.addresses import read_address
from mailer.contacts.sheets.reader import read_bytes
from mailer.letters.appeal_files import load_appeal
from mailer.letters.checks import check_letters
from mailer.letters.message import headers
from mailer.letters.message.mime import build
from mailer.letters.message.pieces import stuffed
from mailer.letters.message.read_back import read_back
from mailer.letters.render import Rendered
from mailer.report.readable import parsed, text_of
from mailer.sending import replies
from mailer.sending.replies import Judgement
from mailer.sending.smtp.connection import LONGEST_REPLY, SmtpConnection
from mailer.sending.smtp.session import Envelope, wire_form
from tests.contacts.bad_sheets import SHEETS
from tests.helpers.letters import DELEGATIONS, FORMS, SENDER, tidy

from . import figures

Fuzz = Callable[[random.Random, int, Path], Counter[str]]


# ------------------------------------------------------------------------------------------ replies


class Nowhere:
    """What a line needs of a transport, leading nowhere."""

    def get_extra_info(self, _name: str) -> None:
        return None

    def set_protocol(self, _protocol: object) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def write(self, _data: bytes) -> None: ...

    def abort(self) -> None: ...


PIECES = (
    b"250 2.0.0 Ok\r\n", b"250-", b"250 ", b"354 go on\r\n", b"421 4.3.2 bye\r\n",
    b"550 5.1.1 no\r\n", b"551-a\r\n", b"\r\n", b"\n", b"\r", b"2_5 x\r\n", b"+25 x\r\n",
    b"199 x\r\n", b"600 x\r\n", b"\x00", b"\xff\xfe", b"25", b"250", b"250\r\n", b"250\tx\r\n",
    b"450-4.2.0 grey\r\n450 4.2.0 listed\r\n", b"\xe2\x80\xa8", b"\x1b[2J", b"a" * 600,
)  # fmt: skip
UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ud800-\udfff]"
)  # what a terminal would act upon
ONE_LINE = re.compile(rb"([2-5][0-9]{2})([ \r\n-])")


def reference(stream: bytes) -> tuple[list[int], str]:
    """Read a whole stream of replies: their codes, and how it ends: whole, half, or wrong."""
    codes: list[int] = []
    first, size, rest = b"", 0, stream
    while (end := rest.find(b"\n") + 1) > 0:
        line, rest = rest[:end], rest[end:]
        size += len(line)
        found = ONE_LINE.match(line)
        if not found or (first and line[:1] != first) or size > LONGEST_REPLY:
            return codes, "wrong"
        first = line[:1]
        if found[2] != b"-":
            codes.append(int(found[1]))
            first, size = b"", 0
    if size + len(rest) > LONGEST_REPLY:
        return codes, "wrong"
    return codes, "half" if rest or first else "whole"


def fuzz_replies(dice: random.Random, number: int, _folder: Path) -> Counter[str]:
    async def run() -> Counter[str]:
        seen: Counter[str] = Counter()
        for _ in range(number):
            stream = b"".join(dice.choices(PIECES, k=dice.randint(1, 6)))
            if dice.random() < 0.3:
                at = dice.randrange(len(stream))
                stream = stream[:at] + dice.randbytes(1) + stream[at + 1 :]
            codes, end = reference(stream)
            line, due, left = SmtpConnection(cast(Any, Nowhere())), dice.randint(1, 4), stream
            line.send(b"x", due)
            while left:
                cut = dice.randint(1, len(left))
                line.data_received(left[:cut])
                left = left[cut:]
            found = [reply.code for reply in line._replies]
            assert found == codes, (stream, found, codes)
            assert (line._fault is not None) == (end == "wrong"), (stream, line._fault)
            asked_for = len(codes) + (end != "whole") <= due
            assert line.in_step == asked_for, (stream, due)
            for reply in line._replies:
                assert not UNSAFE.search(reply.text), stream
                assert len(reply.text) <= 2_000
            seen[end] += 1
        return seen

    return asyncio.run(run())


def fuzz_verdicts(dice: random.Random, number: int, _folder: Path) -> Counter[str]:
    words = (
        "no such user",
        "spam",
        "quota",
        "blocked",
        "greylisted",
        "relay",
        "mailbox full",
        "",
        "\x1b[1m",
        "5.7.1",
    )
    seen: Counter[str] = Counter()
    for _ in range(number):
        state = dice.choice([State.ACCEPTED, State.REFUSED, State.DEFERRED, State.UNKNOWN])
        first = {State.ACCEPTED: 2, State.REFUSED: 5, State.DEFERRED: dice.choice([4, 5])}.get(
            state
        )
        code = first * 100 + dice.randrange(100) if first else None
        enhanced = (
            f"{dice.randint(2, 5)}.{dice.randrange(9)}.{dice.randrange(40)}"
            if dice.random() < 0.7
            else None
        )
        stage = Stage.DOT if state in (State.ACCEPTED, State.UNKNOWN) else dice.choice(list(Stage))
        receipt = Receipt(state, stage, code, enhanced, " ".join(dice.choices(words, k=3)))
        verdict = replies.judge(receipt)
        assert isinstance(verdict, Judgement)
        assert (verdict.state is State.ACCEPTED) == (state is State.ACCEPTED)
        assert (verdict.state is State.UNKNOWN) == (state is State.UNKNOWN)
        assert verdict.state is not State.REFUSED or state is State.REFUSED, receipt
        seen[verdict.state.value] += 1
    return seen


# ------------------------------------------------------------------------------- addresses, headers

LETTERS = (
    "abcXYZ09.+-_'@@.."
    ' ,;<>()[]:\\"|/%=?!#$&*{}~`\r\n'
    "\t\x00\x0b\x1f\x7f\x85\u2028\u2029\u200b\u202e\u00e4\u0130\u0131"
    "\u00df\u0430\u0435\uff20\uff41\u4e2d\u05d0\U0001f600\u0301\ud7a3"
)
DOMAINS = (
    "coe.int",
    "parliament.example",
    "B\u00fcro.example",
    "x..example",
    "-a.example",
    "[127.0.0.1]",
    "localhost",
    "a",
)


def some_text(dice: random.Random, longest: int) -> str:
    return "".join(dice.choices(LETTERS, k=dice.randint(0, longest)))


def some_address(dice: random.Random) -> str:
    if dice.random() < 0.3:
        return some_text(dice, 24)
    local = "".join(dice.choices("abcXYZ.09", k=dice.randint(1, 8)))
    address = f"{local}@{dice.choice(DOMAINS)}"
    for _ in range(dice.randint(0, 3)):
        at = dice.randint(0, len(address))
        address = address[:at] + dice.choice(LETTERS) + address[at:]
    return address


PATH_ON_THE_WIRE = re.compile(rb"RCPT TO:<[!-;=?-~]+@[!-;=?-~]+>\r\n")


def fuzz_addresses(dice: random.Random, number: int, _folder: Path) -> Counter[str]:
    """Whatever a cell holds, it is an address that stands in one line of SMTP, or it is refused."""
    seen: Counter[str] = Counter()
    for _ in range(number):
        written = some_address(dice)
        reading = read_address(written)
        if reading.address:
            assert reading.address.rpartition("@")[0] in written, "the local part is never changed"
            assert len(reading.address.encode()) <= 320
        for address in {written, reading.address, reading.repair} - {""}:
            try:
                envelope = Envelope("us@rights.example", address, b"a\r\n")
                wire = wire_form(envelope.recipient)
            except MailerError:
                assert address != reading.address or not address.isascii(), (written, address)
                seen["refused"] += 1
                continue
            line = f"RCPT TO:<{wire}>\r\n".encode()
            assert PATH_ON_THE_WIRE.fullmatch(line) or not wire.isascii(), (written, line)
            assert line.count(b"\n") == line.count(b"\r") == 1, (written, line)
            assert line.count(b"<") == line.count(b">") == 1, (written, line)
            assert allowed(address, [address])
            assert not allowed(address, ["nobody@nowhere.example", "@nowhere.example"])
            assert key_of(address) == key_of(key_of(address)), address
            seen["sent"] += 1
    return seen


def fuzz_headers(dice: random.Random, number: int, _folder: Path) -> Counter[str]:
    """Whatever stands in a name or a subject: it comes back as it was, adds no header, or is
    refused.
    """
    seen: Counter[str] = Counter()
    encoded = (
        "=?utf-8?q?a=0d=0aBcc:_e=40evil.org?=",
        "\r\nBcc: x@evil.example",
        " ",
        "  ",
        "a" * 90,
        "=?",
        "?=",
    )
    for _ in range(number):
        value = some_text(dice, 60)
        if dice.random() < 0.3:
            value += dice.choice(encoded) + some_text(dice, 8)
        try:
            subject = headers.unstructured("Subject", value)
            to = headers.mailbox("To", value[:100], "anna@no.example")
        except headers.HeaderError:
            seen["refused"] += 1
            continue
        for line in (subject, to):
            assert line.endswith(b"\r\n")
            assert re.fullmatch(rb"[!-9;-~]+: ?(?:[ -~]|\r\n [ -~])*\r\n", line), line
            assert all(len(part) <= 998 for part in line.split(b"\r\n"))
        message = message_from_bytes(subject + to + b"\r\n", policy=policy.compat32)
        assert message.keys() == ["Subject", "To"], (value, subject, to)
        unfolded = (
            subject.removeprefix(b"Subject: ")
            .removesuffix(b"\r\n")
            .replace(b"\r\n ", b" ")
            .decode("ascii")
        )
        words = (
            part.decode(charset or "ascii") if isinstance(part, bytes) else part
            for part, charset in decode_header(unfolded)
        )
        if "=?" in unfolded:
            assert "".join(words) == value, (value, unfolded)
        else:
            assert unfolded == value
        seen["written"] += 1
    return seen


def fuzz_messages(dice: random.Random, number: int, _folder: Path) -> Counter[str]:
    """Whatever a letter says, its bytes are 7-bit lines with CRLF that other parsers read back, and
    dots are doubled.
    """
    seen: Counter[str] = Counter()
    for _ in range(number):
        inside = some_text(dice, 200).replace("\r", "").replace("\x00", "")
        text = f"Dear Ms Berg,\n\n.{inside}\n.\n{'x' * dice.randint(0, 1200)}\n"
        html = f"<p>Dear Ms Berg,</p><p>{dice.choice(['.', '', inside.replace('<', '')])}</p>\n"
        rendered = Rendered("Hello", "", text, html, "Dear Ms Berg,", "en")
        try:
            raw = build(
                rendered, sender="Jana <us@rights.example>", reply_to="us@rights.example",
                recipient_name=some_text(dice, 20),
                recipient_address="anna.berg@no.parliament.example",
                message_id="abc@rights.example", unsubscribe="us@rights.example",
            )  # fmt: skip
            read_back(
                raw,
                recipient="anna.berg@no.parliament.example",
                everyone=set(),
                greeting="Dear Ms Berg,",
            )
        except MailerError:
            seen["refused"] += 1
            continue
        assert raw.isascii()
        assert not re.search(rb"[^\r]\n|\r[^\n]", raw)
        assert max(map(len, raw.split(b"\r\n"))) <= 998
        wire = stuffed(raw) + b".\r\n"
        assert wire.count(b"\r\n.\r\n") == 1
        message = parsed(raw)
        content = text_of(message)
        assert content.rstrip("\n") == tidy(text).rstrip("\n"), (text, content)
        seen["built"] += 1
    return seen


# --------------------------------------------------------------------------- files that people make


def mutated(dice: random.Random, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(4):
            case 0:
                data[at:at] = dice.choice(
                    [b'"', b"\x00", b"\xff", b"\n", b"\r", b";", b"\t", b"=1+1", b"\xef\xbb\xbf"]
                )
            case 1:
                del data[at : at + dice.randint(1, 40)]
            case 2 if at < len(data):
                data[at] = dice.randrange(256)
            case _:
                data[at:at] = data[at : at + dice.randint(1, 80)]
    return bytes(data)


def fuzz_text_sheets(dice: random.Random, number: int, _folder: Path) -> Counter[str]:
    """Whatever a text file holds, it becomes tables or problems, and no exception."""
    files = sorted(name for name in SHEETS if name.endswith((".csv", ".tsv")))
    seen: Counter[str] = Counter()
    for _ in range(number):
        name = dice.choice(files)
        content = mutated(dice, SHEETS[name])
        reading = read_bytes(Path(name).suffix, "contacts/a.csv", content, 2_000)
        assert reading.tables or reading.problems
        seen["read" if reading.tables else "refused"] += 1
    return seen


def fuzz_workbooks(dice: random.Random, number: int, _folder: Path) -> Counter[str]:
    """The same for workbooks, broken as archives or within their parts."""
    files = ["clean.xlsx", "clean.ods", "formula.xlsx", "hidden-row.ods", "links.ods"]
    seen: Counter[str] = Counter()
    for _ in range(number):
        file = dice.choice(files)
        content = SHEETS[file]
        if dice.random() < 0.5:
            content = mutated(dice, content)
        else:
            buffer = io.BytesIO()
            with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
                victim = dice.choice(old.namelist())
                for name in old.namelist():
                    data = old.read(name)
                    new.writestr(name, mutated(dice, data) if name == victim else data)
            content = buffer.getvalue()
        suffix = Path(file).suffix
        reading = read_bytes(suffix, f"contacts/a{suffix}", content, 2_000)
        assert reading.tables or reading.problems
        seen["read" if reading.tables else "refused"] += 1
    return seen


LETTER = (
    "Subject: Please vote\n\n{{ greeting }}\n\nWe write to you {{ of_delegation }}, {{"
    " session.opens }}.\n\n{% if delegation.code == 'NO' %}Takk.{% endif %}"
    " [here](https://rights.example/) **now**\n\n{{ closing }}\n"
)
BITS = (
    "{{", "}}", "{%", "%}", "{#", "{{ given }}", "{{ nothing }}", "{{ greeting.__class__ }}",
    "|safe", "<script>", "\x00", "{{ ''.join }}", "{% for x in range(9) %}", "{% include 'a' %}",
    "\u202e", "](javascript:x)", "{{ 9**9**9 }}", "\n\n",
)  # fmt: skip
APPEAL = """title = "An appeal"
[session]
name = { en = "the session" }
opens = 2027-01-25
source = "a test"
invented = true
[languages]
fallback = ["en"]
[[organisation]]
name = { en = "Rights Example" }
"""


def fuzz_letters(dice: random.Random, number: int, folder: Path) -> Counter[str]:
    """Whatever stands in a letter, it is taken or its problems are said; nothing of it is run."""
    home = folder / "templates" / "appeal"
    home.mkdir(parents=True)
    (home / "appeal.toml").write_text(APPEAL)
    seen: Counter[str] = Counter()
    for _ in range(number):
        letter = LETTER
        for _ in range(dice.randint(1, 3)):
            at = dice.randint(0, len(letter))
            letter = letter[:at] + dice.choice(BITS) + letter[at + dice.choice([0, 0, 3]) :]
        (home / "en.md").write_bytes(letter.encode())
        try:
            problems = check_letters(load_appeal(folder, "appeal"), SENDER, DELEGATIONS, FORMS, ())
        except MailerError:
            seen["refused"] += 1
            continue
        seen["with problems" if problems else "taken"] += 1
    return seen


def fuzz_settings(dice: random.Random, number: int, folder: Path) -> Counter[str]:
    """Whatever stands in config.toml, it is taken or refused with its line."""
    content = (Path(__file__).parents[2] / "config.toml").read_bytes()
    seen: Counter[str] = Counter()
    for _ in range(number):
        (folder / "config.toml").write_bytes(mutated(dice, content))
        try:
            load_workspace(folder)
        except MailerError:
            seen["refused"] += 1
        else:
            seen["taken"] += 1
    return seen


SIZES: dict[str, tuple[Fuzz, int, int]] = {
    "replies": (fuzz_replies, 3_000, 300_000),
    "verdicts": (fuzz_verdicts, 1_000, 50_000),
    "addresses": (fuzz_addresses, 2_000, 200_000),
    "headers": (fuzz_headers, 1_000, 50_000),
    "messages": (fuzz_messages, 100, 5_000),
    "text sheets": (fuzz_text_sheets, 60, 5_000),
    "workbooks": (fuzz_workbooks, 15, 500),
    "letters": (fuzz_letters, 30, 1_500),
    "settings": (fuzz_settings, 100, 5_000),
}


@pytest.mark.parametrize("what", SIZES)
def test_random_input_is_refused_in_words_or_right(tmp_path: Path, what: str) -> None:
    fuzz, few, _ = SIZES[what]
    assert sum(fuzz(random.Random(what), few, tmp_path).values())


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("what", SIZES)
def test_very_many_random_inputs_are_refused_in_words_or_right(tmp_path: Path, what: str) -> None:
    fuzz, _, many = SIZES[what]
    found = fuzz(random.Random(12), many, tmp_path)
    result = " · ".join(f"{number:,} {name}" for name, number in sorted(found.items()))
    figures.note(f"T12 {what}", f"random {what}", f"{many:,} inputs", result)
