"""Facts about finished messages: what goes on the wire, read back by parsers that we
did not write.
"""

from __future__ import annotations

import base64
import email
import email.policy
import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header
from email.message import EmailMessage
from email.utils import getaddresses
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailer.base.address import key_of
from mailer.base.errors import MailerError
from mailer.letters.appeal_files import load_appeal
from mailer.letters.markup import escaped
from mailer.letters.message import headers
from mailer.letters.message.mime import build, dated, message_id
from mailer.letters.message.read_back import read_back
from mailer.letters.render import Rendered
from mailer.report.readable import html_of, page_of, text_of
from tests.helpers.letters import ROOT, SENDER, invented, person, renderer, tidy, written
from tests.letters.test_render import GOLDEN
from tests.people.invent import COLUMNS

ID = "abcdefghijklmnopqrstuvwxyz@rights.example"


def finished(rendered: Rendered, **more: str) -> bytes:
    return build(
        rendered,
        **{
            "sender": SENDER.from_,
            "reply_to": SENDER.answers_to,
            "recipient_name": "Anna Berg",
            "recipient_address": "anna.berg@no.parliament.example",
            "message_id": ID,
            "unsubscribe": SENDER.answers_to,
        }
        | more,
    )


def words(text: str = "Dear Ms Berg,\n\nHello.\n", **more: str) -> Rendered:
    fields: dict[str, Any] = {
        "subject": "Hello",
        "preview": "",
        "text": text,
        "html": f"<p>{text}</p>\n",
        "greeting": "Dear Ms Berg,",
        "language": "en",
    }
    return Rendered(**(fields | more))


def parsed(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def bodies(raw: bytes) -> tuple[str, str]:
    message = parsed(raw)
    return text_of(message), html_of(message)


def header_of(raw: bytes, name: str) -> str:
    """Read a header without the standard library's parser, which inserts blanks between encoded
    words.
    """
    line = re.search(
        rf"^{name}: ((?:.|\r\n )*?)\r\n(?! )",
        raw.partition(b"\r\n\r\n")[0].decode("ascii") + "\r\n",
        re.MULTILINE,
    )
    assert line
    return line[1].replace("\r\n ", " ")


def decoded(text: str) -> str:
    return "".join(
        p.decode(charset or "ascii") if isinstance(p, bytes) else p
        for p, charset in decode_header(text)
    )


# -------------------------------------------------------------------------------- the whole message


@pytest.fixture(scope="module")
def everybody() -> list[tuple[Any, Rendered, bytes]]:
    """Everyone of the demo who has an address that can be used, with their finished letter."""
    appeal = load_appeal(ROOT, "azerbaijan-credentials")
    letters = renderer(appeal, COLUMNS)
    made = []
    for contact in invented():
        choice = appeal.language_for([contact.language])
        if choice and re.fullmatch(r"[^@ ]+@[^@ ]+\.example", contact.address):
            rendered = letters.render(contact, choice[0])
            raw = finished(rendered, recipient_name=contact.name, recipient_address=contact.address)
            made.append((contact, rendered, raw))
    return made


def test_message_of_everybody_says_what_was_rendered(
    everybody: list[tuple[Any, Rendered, bytes]],
) -> None:
    assert len(everybody) > 590
    for contact, rendered, raw in everybody[::7]:
        message = parsed(raw)
        assert message.get_content_type() == "multipart/alternative"
        text, related = message.iter_parts()
        kinds = [part.get_content_type() for part in (text, related, *related.iter_parts())]
        assert kinds == ["text/plain", "multipart/related", "text/html", "image/png", "image/png"]
        assert [body.rstrip("\n") for body in bodies(raw)] == [
            tidy(rendered.text).rstrip("\n"),
            page_of(rendered).rstrip("\n"),
        ]
        assert message["Subject"] == rendered.subject
        assert message["To"].addresses[0].addr_spec == contact.address
        assert message["Content-Language"] == rendered.language


def test_message_of_everybody_fits_every_relay(
    everybody: list[tuple[Any, Rendered, bytes]],
) -> None:
    for _, _, raw in everybody:
        assert raw.isascii()
        assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
        assert b"\x00" not in raw
        assert max(map(len, raw.split(b"\r\n"))) <= 76
        assert not re.search(rb"\r\n\.\r\n|[ \t]\r\n", raw)


def test_message_of_everybody_is_read_back(everybody: list[tuple[Any, Rendered, bytes]]) -> None:
    keys = {key_of(contact.address) for contact, _, _ in everybody}
    for contact, rendered, raw in everybody:
        read_back(
            raw,
            recipient=contact.address,
            everyone=keys,
            greeting=rendered.greeting,
            cells=rendered.cells,
        )


def test_headers_are_these_and_no_others() -> None:
    assert parsed(dated(finished(words()), datetime(2027, 1, 20, tzinfo=UTC))).keys() == [
        "Date", "From", "Reply-To", "To", "Subject", "Message-ID", "List-Unsubscribe",
        "MIME-Version", "Content-Language", "Content-Type",
    ]  # fmt: skip


def test_unsubscribe_is_never_encoded_or_folded() -> None:
    raw = finished(
        words(), unsubscribe="a.rather.long.address+objections@appeals.rights-organisation.example"
    )
    line = next(line for line in raw.split(b"\r\n") if line.startswith(b"List-Unsubscribe"))
    assert line == (
        b"List-Unsubscribe: <mailto:a.rather.long.address%2Bobjections"
        b"@appeals.rights-organisation.example?subject=stop>"
    )


def test_same_letter_gives_the_same_bytes() -> None:
    assert finished(words()) == finished(words())


def test_golden_message() -> None:
    """A message is bytes: read the file. After a wanted change write it anew with GOLDEN=write."""
    contact = person(
        delegation="FR", given="Zoé", surname="L'Exemple", chamber="deputy", role="chair"
    )
    rendered = renderer(load_appeal(ROOT, "azerbaijan-credentials"), COLUMNS).render(contact, "fr")
    raw = dated(
        finished(rendered, recipient_name=contact.name), datetime(2027, 1, 20, 8, 0, tzinfo=UTC)
    )
    pictures = re.compile(rb"(Content-Type: image/png.*?\r\n\r\n)(.*?)(?=\r\n--)", re.DOTALL)
    raw = pictures.sub(lambda part: part[1] + sha256(part[2]).hexdigest().encode(), raw)
    path: Path = GOLDEN / "fr-deputee.eml"
    if os.environ.get("GOLDEN") == "write":
        path.write_bytes(raw)
    assert path.read_bytes() == raw


# ------------------------------------------------------------------------------------------- bodies


@pytest.mark.parametrize(
    "text",
    [
        ".\n",
        "a\n.\nb\n",
        "..\n",
        "blank at the end \n",
        "tab\t\n",
        "=3D\n",
        "From here\n",
        "x" * 2000 + "\n",
        "é" * 2000 + "\n",
        "\n\n\n",
        "Шановна пані Анно! " * 50 + "\n",
        "ελληνικά " * 99 + "\n",
        "ქართული\n" * 40,
        "😀" * 100 + "\n",
        "no end of line",
        "\u00a0\u2028-free\n",
    ],
)
def test_body_comes_back_as_it_was(text: str) -> None:
    raw = finished(words(text, html=text))
    found = [body.rstrip("\n") for body in bodies(raw)]  # the last line end is the boundary's
    assert found == [tidy(text).rstrip("\n"), text.rstrip("\n")]
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 76
    assert b"\r\n.\r\n" not in raw


@pytest.mark.parametrize(
    ("text", "coding"),
    [
        ("Dear Ms Berg,\n", "quoted-printable"),
        ("Madame la Députée de Paris,\n", "quoted-printable"),
        ("Добрий день\n", "base64"),
    ],
)
def test_coding_is_the_shorter_one(text: str, coding: str) -> None:
    part = next(parsed(finished(words(text, html="x"))).iter_parts())
    assert part["Content-Transfer-Encoding"] == coding


@settings(max_examples=100)
@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r"), max_size=400))
def test_any_body_comes_back(text: str) -> None:
    raw = finished(words(text, html=text))
    assert bodies(raw)[0].rstrip("\n") == tidy(text).rstrip("\n")
    assert raw.isascii()
    assert b"\r\n.\r\n" not in raw


# ------------------------------------------------------------------------------------------ headers

ONE_LINE = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=100
)


@settings(max_examples=300)
@given(ONE_LINE, ONE_LINE)
@example("=?utf-8?q?a=0d=0aBcc:_e=40evil.example?=", "é=?UTF-8?Q?=0A?=Bcc: x@y.example")
@example('a "quoted" \\ name', "two  blanks")
@example(" edge ", "x" * 100)
@example(" 0000000000" + "\xa0" * 6 + "\U00010000" * 6, "0")
@example("Berg, Anna (Oslo) <a@b.example>", "comma, at @ and : ;")
def test_any_name_and_subject_come_back(name: str, subject: str) -> None:
    raw = finished(words(subject=subject), recipient_name=name)
    assert decoded(header_of(raw, "Subject")) == subject
    ((display, address),) = getaddresses([header_of(raw, "To")])
    assert (decoded(display), address) == (name, "anna.berg@no.parliament.example")
    assert len(parsed(raw).keys()) == 9
    for line in raw.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        assert len(line) <= 76 or b"=?" not in line
        assert line.strip()
    assert all(len(word) <= 75 for word in re.findall(rb"=\?utf-8\?b\?[^?]*\?=", raw))


def test_ascii_is_never_encoded() -> None:
    raw = finished(
        words(subject="A plain subject: with, all @ sorts (of) <signs>"),
        recipient_name="Anna B. O'Berg",
    )
    assert header_of(raw, "Subject") == "A plain subject: with, all @ sorts (of) <signs>"
    assert header_of(raw, "To") == '"Anna B. O\'Berg" <anna.berg@no.parliament.example>'


def test_encoded_words_are_cut_between_code_points() -> None:
    raw = finished(words(subject="Ї" * 90))
    pieces = re.findall(r"=\?utf-8\?b\?([^?]*)\?=", header_of(raw, "Subject"))
    assert "".join(base64.b64decode(piece).decode() for piece in pieces) == "Ї" * 90


@pytest.mark.parametrize(
    "bad",
    [
        "a\r\nBcc: x@y.example",
        "a\nb",
        "a\rb",
        "a\x00b",
        "a\x0bb",
        "a\u2028b",
        "a\x85b",
        "end\n",
        "\ud800",
    ],
)
def test_control_character_in_a_header_is_refused(bad: str) -> None:
    with pytest.raises(MailerError, match="no valid header") as caught:
        finished(words(subject=bad))
    assert caught.value.code == "L401"
    with pytest.raises(MailerError, match="no valid header"):
        finished(words(), recipient_name=bad)


@pytest.mark.parametrize(
    "address",
    ["", "a", "a@b@c.example", "a b@c.example", "a,b@c.example", "<a@c.example>",
     "a@c.example\r\nBcc: x@y.example", "ä@c.example", "a@ä.example",
     '"a b"@c.example', "a@[127.0.0.1]"],
)  # fmt: skip
def test_address_that_is_not_plain_is_refused(address: str) -> None:
    with pytest.raises(MailerError, match="no valid header"):
        finished(words(), recipient_address=address)


def test_name_beyond_all_measure_is_refused() -> None:
    with pytest.raises(MailerError, match="120 is the most"):
        finished(words(), recipient_name="x" * 121)


def test_without_a_name_the_address_stands_alone() -> None:
    assert (
        header_of(finished(words(), recipient_name=""), "To") == "anna.berg@no.parliament.example"
    )
    assert (
        header_of(finished(words(), sender="jana@rights.example"), "From") == "jana@rights.example"
    )


def test_ascii_headers_are_folded_at_blanks_only() -> None:
    line = headers.unstructured("Subject", "word " * 30 + "end")
    assert line.replace(b"\r\n ", b" ") == b"Subject: " + b"word " * 30 + b"end\r\n"
    assert max(map(len, line.split(b"\r\n"))) <= 76


# -------------------------------------------------------------------------------------- id and date


def test_message_id_is_the_same_on_every_attempt_and_tells_nothing() -> None:
    one = message_id(b"key", "M-0007", "anna.berg@no.parliament.example", "rights.example")
    assert one == message_id(b"key", "M-0007", "anna.berg@no.parliament.example", "rights.example")
    assert re.fullmatch(r"[a-z2-7]{26}@rights\.example", one)
    others = [
        message_id(b"key2", "M-0007", "anna.berg@no.parliament.example", "rights.example"),
        message_id(b"key", "M-0008", "anna.berg@no.parliament.example", "rights.example"),
        message_id(b"key", "M-0007", "anna.borg@no.parliament.example", "rights.example"),
    ]
    assert len({one, *others}) == 4


def test_date_goes_in_front_and_is_in_utc() -> None:
    raw = finished(words())
    at = datetime(2027, 1, 20, 10, 30, tzinfo=timezone(timedelta(hours=2)))
    assert dated(raw, at) == b"Date: Wed, 20 Jan 2027 08:30:00 +0000\r\n" + raw


# ---------------------------------------------------------------------------------------- read back

ANNA = "anna.berg@no.parliament.example"
OTHER = "o'brien@ie.parliament.example"
EVERYONE = {ANNA, OTHER, "appeals@rights.example"}


def test_own_letter_passes() -> None:
    read_back(finished(words()), recipient=ANNA, everyone=EVERYONE, greeting="Dear Ms Berg,")


@pytest.mark.parametrize(
    "text",
    [
        f"write to {OTHER}",
        f"write to {OTHER.upper()}.",
        f"({OTHER})",
        f"'{OTHER}'",
        f"mailto:{OTHER}?subject=x",
        f"https://a.example/?to={OTHER.replace('@', '%40')}",
        f"Grüße an <{OTHER}>, é",
        f"Ї{'Ї' * 400} {OTHER} ",
        f"**{OTHER}**",
    ],
)
def test_address_of_another_recipient_anywhere_is_found(text: str) -> None:
    letter = words(f"Dear Ms Berg,\n\n{text}\n", html=f"Dear Ms Berg, {text}")
    with pytest.raises(MailerError, match="another recipient") as caught:
        read_back(finished(letter), recipient=ANNA, everyone=EVERYONE, greeting="Dear Ms Berg,")
    assert caught.value.code == "L402"


@pytest.mark.parametrize("where", ["subject", "recipient_name"])
def test_address_of_another_recipient_in_a_header_is_found(where: str) -> None:
    value = f"é {OTHER}"
    raw = (
        finished(words(subject=value))
        if where == "subject"
        else finished(words(), recipient_name=value)
    )
    with pytest.raises(MailerError, match="another recipient"):
        read_back(raw, recipient=ANNA, everyone=EVERYONE, greeting="Dear Ms Berg,")


def test_own_and_foreign_addresses_that_are_nobodys_pass() -> None:
    text = f"Dear Ms Berg,\n\n{ANNA}, info@office.example, appeals@rights.example\n"
    read_back(finished(words(text)), recipient=ANNA, everyone=EVERYONE, greeting="Dear Ms Berg,")


def test_letter_to_somebody_else_is_found() -> None:
    with pytest.raises(MailerError, match="addressed to somebody else"):
        read_back(
            finished(words()),
            recipient="other@no.example",
            everyone=EVERYONE,
            greeting="Dear Ms Berg,",
        )


@pytest.mark.parametrize(
    "line", ["Bcc: x@y.example", "Cc: x@y.example", "To: x@y.example", "Resent-To: x@y.example"]
)
def test_second_recipient_is_found(line: str) -> None:
    raw = finished(words()).replace(b"\r\nSubject:", b"\r\n" + line.encode() + b"\r\nSubject:", 1)
    with pytest.raises(MailerError, match=r"stands there twice|somebody else"):
        read_back(raw, recipient=ANNA, everyone=EVERYONE, greeting="Dear Ms Berg,")


def test_greeting_of_somebody_else_is_found() -> None:
    with pytest.raises(MailerError, match="greeting of this person"):
        read_back(finished(words()), recipient=ANNA, everyone=EVERYONE, greeting="Dear Mr Berg,")


def test_greeting_with_signs_of_html_is_recognised(tmp_path: Path) -> None:
    contact = person(surname="O'Berg & <Co>", gender="")
    rendered = written(tmp_path, "x", contact)
    read_back(
        finished(rendered, recipient_name=contact.name),
        recipient=ANNA,
        everyone=EVERYONE,
        greeting=rendered.greeting,
    )


@settings(max_examples=300)
@given(text=st.text(alphabet="F.rom \n=é", max_size=200))
def test_no_line_begins_as_relays_and_mailboxes_change_it(text: str) -> None:
    """A ">" before "From " or a doubled full stop would break the hash of the body (RFC 6376)."""
    raw = finished(replace(words(), text=f"Dear Ms Berg,\n\n{text}\n"))
    body = raw.partition(b"\r\n\r\n")[2]
    assert not [line for line in body.split(b"\r\n") if line.startswith((b"From ", b"."))]
    assert max(map(len, body.split(b"\r\n"))) <= 76
    read_back(raw, recipient=ANNA, everyone=EVERYONE, greeting="Dear Ms Berg,")


@pytest.mark.parametrize("cells", [("34,30 €", "04.03.2027"), ("Dahl",), ("a < b & c",)])
def test_cell_that_arrives_passes(cells: tuple[str, ...]) -> None:
    text = f"Dear Ms Berg,\n\n{' and '.join(cells)}\n"
    letter = words(text, html=f"<p>Dear Ms Berg,</p><p>{escaped(' and '.join(cells))}</p>")
    about = {"recipient": ANNA, "everyone": EVERYONE, "greeting": "Dear Ms Berg,"}
    read_back(finished(letter), cells=cells, **about)
    for wrong in ((*cells, "12.5%"), (*reversed(cells), cells[0])):
        with pytest.raises(MailerError, match="did not arrive"):
            read_back(finished(letter), cells=wrong, **about)
