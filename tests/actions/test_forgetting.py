"""Facts about forgetting somebody: after everything that the product does with a person, they are
in no byte of any file of the workspace and of its database, a console being open; what only people
can change is named.
"""

from __future__ import annotations

import email
import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import policy
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P
from openpyxl.worksheet.hyperlink import Hyperlink

from mailer.actions.sheets import bring_in
from mailer.actions.writing import changes
from mailer.base.settings.workspace import load_workspace
from mailer.contacts.erasing.naming import Naming
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading.sent import sent_letters
from mailer.ledger.record import places
from mailer.ledger.schema import incoming, mail_out, metadata
from mailer.sending.demo_server import Mailbox
from tests.console.test_browser import PAGES as LOOKED_AT
from tests.helpers.consoles import Browser, a_console, signed_in
from tests.helpers.workspaces import (
    CLOSED_PORT,
    HEADINGS,
    a_workspace,
    address,
    data,
    edit,
    mailer,
    planned,
    row,
    said,
)
from tests.inbox.test_record import a_message

NAME, ADDRESS = "Zdislava Příkladová-Žák", "zdislava.prikladova@no.parliament.example"

NOT_PLAYED = {
    "letters, and files that belong to them",  # of the appeal; `test_what_somebody_wrote`
    "answers of servers that the log could not take",  # they are settled when the log is opened
}
BECAUSE = ("--because", "asked to be erased")


def signs() -> list[str]:
    return [ADDRESS, NAME, "zdislava", "Příkladov", "prikladov"]


def named(text: str) -> bool:
    return any(sign.casefold() in text.casefold() for sign in signs())


def unpacked(data: bytes, name: str = "") -> Iterator[bytes]:
    """Yield bytes and whatever is packed in them."""
    yield data
    if data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for one in archive.namelist():
                yield one.encode()
                yield from unpacked(archive.read(one), one)
    elif name.endswith(".eml"):
        message = email.message_from_bytes(data, policy=policy.default)
        yield str(message["Subject"]).encode()
        for part in message.walk():
            if not part.is_multipart():
                yield part.get_payload(decode=True) or b""
    else:
        while data[:1] == b"x":  # streams of zlib, one behind the other
            stream = zlib.decompressobj()
            try:
                yield stream.decompress(data)
            except zlib.error:
                return
            data = stream.unused_data


def traces(root: Path, ledger: Ledger) -> set[str]:
    """Return where a search over every byte still finds the person."""
    found = set()
    for path in sorted(root.rglob("*")):
        if named(path.relative_to(root).as_posix()):
            found.add(path.relative_to(root).as_posix())
        if path.is_file():
            for part in unpacked(path.read_bytes(), path.name):
                if named(part.decode("utf-8", "replace")):
                    found.add(path.relative_to(root).as_posix())
    with ledger.reading() as connection:
        for table in metadata.sorted_tables:
            for line in connection.execute(sa.select(table)).mappings():
                for column, value in line.items():
                    parts = unpacked(value) if isinstance(value, bytes) else [str(value).encode()]
                    if any(named(part.decode("utf-8", "replace")) for part in parts):
                        found.add(f"{table.name}.{column}")
    return found


def her_row(sheet: openpyxl.worksheet.worksheet.Worksheet, at: int) -> None:
    cells = ("NO", "representative", "Ms", "Zdislava", "Příkladová-Žák", ADDRESS, "en", "f")
    for column, text in enumerate(cells, 1):
        sheet.cell(at, column, text)
    link = sheet.cell(at, 6)
    link.hyperlink = Hyperlink(ref=link.coordinate, target=f"mailto:{ADDRESS}")


def a_book(path: Path, *, more: bool = False) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for column, text in enumerate(HEADINGS.split(","), 1):
        sheet.cell(1, column, text)
    for at, number in enumerate((1, 2, 4), 2):
        for column, text in enumerate(row(number).split(","), 1):
            sheet.cell(at, column, text)
    her_row(sheet, 5)
    if more:
        for column, text in enumerate(row(7).split(","), 1):
            sheet.cell(6, column, text)
    book.save(path)


@pytest.fixture
def lived(
    tmp_path: Path, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Path, Ledger]]:
    """A workspace in which everything was done with one person that the product can do."""
    root = tmp_path / "work"
    monkeypatch.setenv("BROWSER", "true")
    with Mailbox(tmp_path / "mailbox") as server:
        a_workspace(root, server.port)
        (root / "contacts" / "members.csv").unlink()
        if ledger_url.startswith("postgresql"):
            text = f'[log]\ndatabase = "{ledger_url}"\n'
            (root / "config.local.toml").write_text(text, encoding="utf-8")
        a_book(root / "contacts" / "norway.xlsx")
        a_book(tmp_path / "newer.xlsx", more=True)
        said(
            mailer("contacts", "update", "norway.xlsx", tmp_path / "newer.xlsx", "--apply", at=root)
        )
        said(mailer("contacts", "check", "--marked", at=root))
        said(mailer("rehearse", "appeal", at=root))
        said(mailer("preview", "appeal", "--as", ADDRESS, "--open", at=root))
        said(mailer("preview", "appeal", "--as", ADDRESS, "--eml", root / "letter.eml", at=root))
        data(mailer("plan", "appeal", "--json", at=root))
        said(mailer("rehearse", "M-0001", at=root))
        said(mailer("send", "M-0001", "--confirm", 5, at=root))
    workspace = load_workspace(root)
    said(mailer("log", "export", "--xlsx", root / "outcomes.xlsx", at=root))
    said(mailer("log", "export", "--csv", root / "outcomes.csv", at=root))
    said(mailer("contacts", "hold", ADDRESS, "--because", f"{NAME} asked", at=root))
    bring_in.drop(workspace, "norway.xlsx", (root / "contacts" / "norway.xlsx").read_bytes())
    (root / "contacts" / "_same.csv").write_text(
        "delegation,name,new delegation,new name,same,by,since\n"
        f"NO,{NAME},NO,Zdislava Příkladová,no,Jana,2027-01-20\nNO,A B,NO,A C,no,Jana,2027-01-20\n",
        encoding="utf-8",
    )
    (root / ".mailer" / "mistake-old.log").write_text(f"KeyError: '{NAME}'", encoding="utf-8")
    (root / ".mailer" / "console-M-0001.txt").write_text(f"{ADDRESS} is held", encoding="utf-8")
    with Ledger(workspace.ledger_url, beside=workspace.state_dir) as ledger:
        with ledger.reading() as connection:
            letter = next(one for one in sent_letters(connection) if one.address == ADDRESS)
        (tmp_path / "a.eml").write_bytes(a_message(letter, f"I vote for it.\n{NAME}"))
        elsewhere = f"From: {NAME} <{ADDRESS}>\r\nSubject: x\r\n\r\nWho are you?\r\n"
        (tmp_path / "b.eml").write_bytes(elsewhere.encode())
        said(mailer("inbox", "import", tmp_path / "a.eml", at=root))
        said(mailer("inbox", "import", tmp_path / "b.eml", at=root))
        file = "templates/appeal/files/zdislava.prikladova-zak.txt"
        changes.record(ledger, file, b"", b"for one person\n", who="Jana")
        changes.record(
            ledger, "templates/appeal/en.md", b"a\n", f"a\n{NAME}\n".encode(), who="Jana"
        )
        browser = signed_in(a_console(root, ledger))
        assert browser.get("/").status_code == 200
        yield root, ledger


def test_nobody_who_is_forgotten_is_in_any_byte(lived: tuple[Path, Ledger]) -> None:
    root, ledger = lived
    before = traces(root, ledger)
    for place in places.FILES:
        begins = place.where.partition("*")[0].replace("{contacts}", "contacts")
        if place.what not in NOT_PLAYED:
            assert any(one.startswith(begins) for one in before), place.what
    assert {"delivery.name", "incoming.raw", "letter.data", "journal.detail"} <= before
    shown = mailer("log", "forget", ADDRESS, *BECAUSE, at=root)
    assert shown.returncode == 3
    for words in ("outcomes.xlsx", "norway.xlsx", "_hold.csv", "deleted", "their row is emptied"):
        assert words in shown.stderr
    assert traces(root, ledger) == before, "nothing is changed by the look"
    rows = data(mailer("log", "verify", "--json", at=root))
    found = mailer(
        "log", "forget", ADDRESS, *BECAUSE, "--files", "--confirm", "1", "--json", at=root
    )
    done = data(found)
    assert (done["erased"], done["rows"], done["left"]) == (1, 1, [])
    assert traces(root, ledger) == set()
    if ledger.path is not None:
        assert not named(b"".join(
            path.read_bytes() for path in ledger.path.parent.iterdir() if path.is_file()
        ).decode("utf-8", "replace"))  # fmt: skip
    whole = data(mailer("log", "verify", "--json", at=root))
    assert (whole["whole"], whole["erased"], rows["whole"]) == (True, 1, True)


def every_page(browser: Browser) -> str:
    """Open every page of the console that can be looked at, as the browser tests name them."""
    filled = {"/letters/vote": "/letters/appeal", "all.csv": "norway.xlsx", "M-0002": "M-0001"}
    shown = []
    for at in LOOKED_AT.values():
        path = at
        for one, other in filled.items():
            path = path.replace(one, other)
        shown.append(browser.get(path).text)
    return "\n".join(shown)


@pytest.mark.timeout(300)
def test_forgetting_in_the_console_leaves_nothing_while_it_is_open(
    lived: tuple[Path, Ledger],
) -> None:
    root, ledger = lived
    browser = signed_in(a_console(root, ledger))
    assert named(every_page(browser)), "what a page keeps in mind is there"
    asked = {"who": ADDRESS, "because": "asked to be erased", "do": "yes", "others": "yes"}
    page = browser.post("/held/forget", who=ADDRESS).text
    for place in ("contacts/norway.xlsx", "contacts/_same.csv", ".mailer/backups/", "outcomes.csv"):
        assert place in page
    assert "1 row of the log (M-0001)" in page
    before = traces(root, ledger)
    for wrong in (
        {"rows": "1"},
        {"rows": "1", "typed": "somebody@else.example"},
        {"rows": "1", "typed": ADDRESS, "because": ""},
        {"rows": "0", "typed": ADDRESS},
        {"rows": "1", "typed": ADDRESS, "because": f"{NAME} asked"},
    ):
        refused = browser.post("/held/forget", **asked | wrong)
        assert refused.status_code == 400
        assert "Nothing was changed" in refused.text or "stays on record" in refused.text
    assert traces(root, ledger) == before
    done = browser.post("/held/forget", **asked, rows="1", typed=ADDRESS.upper())
    assert done.status_code == 200
    assert "1 row of the log is erased." in done.text
    assert "Not from everywhere" not in done.text
    assert traces(root, ledger) == set()
    assert not named(done.text)
    assert not named(every_page(browser))
    assert traces(root, ledger) == set(), "and looking brings nothing back"
    journal = browser.get("/journal").text
    assert "person forgotten" in journal and "asked to be erased" in journal
    gone = browser.post("/held/forget", who=ADDRESS)
    assert (gone.status_code, "There is nobody like that" in gone.text) == (400, True)


def test_what_only_people_can_change_is_named_in_the_console_too(
    lived: tuple[Path, Ledger],
) -> None:
    root, ledger = lived
    browser = signed_in(a_console(root, ledger))
    fields = {"who": ADDRESS, "because": "asked", "do": "yes", "rows": "1", "typed": ADDRESS}
    said = browser.post("/held/forget", **fields).text
    assert "Not from everywhere" in said
    left = traces(root, ledger)
    assert left == {"letter.eml", "outcomes.csv", "outcomes.xlsx"}
    assert all(f"<li>{file} (" in said for file in left)


def test_others_stay_as_they_were_and_the_hold_list_still_holds(
    lived: tuple[Path, Ledger],
) -> None:
    root, _ = lived
    before = load_workspace(root)
    people = [one for one in data_lines(root) if one["address"] != ADDRESS]
    said(mailer("log", "forget", NAME, *BECAUSE, "--files", "--confirm", "1", at=root))
    assert [one for one in data_lines(root) if one["address"]] == people
    book = openpyxl.load_workbook(root / "contacts" / "norway.xlsx")
    sheet = book.worksheets[0]
    others = [address(1), address(2), address(4), None, address(7)]
    assert {cell.value for cell in sheet["F"]} == {"e-mail", *others}
    a_book(root / "contacts" / "again.xlsx")
    held = [one for one in checked(root) if one["address"] == ADDRESS]
    assert held
    assert held[0]["held"]
    assert before.hold_list.read_text(encoding="utf-8").count("asked") == 0
    assert "A B" in (root / "contacts" / "_same.csv").read_text(encoding="utf-8")


def data_lines(root: Path) -> list[dict[str, object]]:
    found = mailer("log", "people", "M-0001", "--json", at=root)
    return [json.loads(line) for line in found.stdout.splitlines()]


def checked(root: Path) -> list[dict[str, object]]:
    found = mailer("contacts", "show", "--json", at=root)
    return [json.loads(line) for line in found.stdout.splitlines()]


def test_what_somebody_wrote_is_named_and_stays(lived: tuple[Path, Ledger]) -> None:
    root, ledger = lived
    edit(root / "templates" / "appeal" / "en.md", "We write", f"As {NAME} said, we write")
    found = mailer("log", "forget", ADDRESS, *BECAUSE, "--confirm", "1", at=root)
    assert found.returncode == 1
    assert traces(root, ledger) == {
        "templates/appeal/en.md", "letter.eml", "outcomes.csv", "outcomes.xlsx"
    }  # fmt: skip
    for file in ("templates/appeal/en.md", "letter.eml", "outcomes.csv", "outcomes.xlsx"):
        assert f"✗ {file}" in found.stderr
    again = mailer("log", "forget", NAME, *BECAUSE, "--files", "--confirm", "0", at=root)
    assert again.returncode == 1
    assert traces(root, ledger) == {"templates/appeal/en.md"}


def test_a_reason_that_names_them_is_refused(lived: tuple[Path, Ledger]) -> None:
    root, _ = lived
    found = mailer(
        "log", "forget", ADDRESS, "--because", f"{NAME} asked", "--confirm", "1", at=root
    )
    assert found.returncode == 2
    assert "The reason names the person" in found.stderr


def test_a_stranger_can_be_held_by_a_hash_alone(tmp_path: Path) -> None:
    root = a_workspace(tmp_path / "work", 9)
    data(mailer("plan", "appeal", "--json", at=root))
    said(mailer("stop", "M-0001", at=root))
    said(mailer("log", "forget", address(2), *BECAUSE, "--hold", "--confirm", "1", at=root))
    assert address(2) not in (root / "contacts" / "_hold.csv").read_text(encoding="utf-8")
    (root / "contacts" / "new.csv").write_text(f"{HEADINGS}\n{row(2)}\n", encoding="utf-8")
    assert [one["held"] != "" for one in checked(root) if one["address"] == address(2)] == [True]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("zdislava příkladová-žák", True),
        ("PŘÍKLADOVÁ-ŽÁK, Zdislava", True),
        ("files/prikladova_zak_zdislava.pdf", True),
        ("Zdislava.Prikladova@NO.Parliament.Example", True),
        ("Zdislava came", False),
        ("Příkladová-Žák", False),
        ("Zdislava Jiná; Příkladová-Žák", False),
        ("", False),
    ],
)
def test_a_text_names_a_person_by_the_whole_name_or_the_address(text: str, names: bool) -> None:
    assert Naming(frozenset({NAME}), frozenset({ADDRESS})).in_text(text) is names


def an_ods(path: Path, rows: list[list[str]]) -> None:
    document = OpenDocumentSpreadsheet()
    table = Table(name="Members")
    document.spreadsheet.addElement(table)
    for cells in rows:
        line = TableRow()
        for text in cells:
            cell = TableCell(valuetype="string")
            cell.addElement(P(text=text))
            line.addElement(cell)
        table.addElement(line)
    document.thumbnail = f"a picture of {NAME}".encode()
    document.save(str(path))


@pytest.mark.parametrize("kind", ["csv", "ods"])
def test_row_is_emptied_in_every_kind_of_sheet(tmp_path: Path, kind: str) -> None:
    root = a_workspace(tmp_path / "work", 9)
    (root / "contacts" / "members.csv").unlink()
    hers = ["NO", "substitute", "Ms", "Zdislava", "Příkladová-Žák", ADDRESS, "en", "f"]
    rows = [HEADINGS.split(","), row(1).split(","), hers, row(2).split(",")]
    sheet = root / "contacts" / f"norway.{kind}"
    if kind == "ods":
        an_ods(sheet, rows)
    else:
        sheet.write_text("\n".join(",".join(one) for one in rows) + "\n", encoding="utf-8")
    data(mailer("plan", "appeal", "--json", at=root))
    said(mailer("stop", "M-0001", at=root))
    said(mailer("log", "forget", NAME, *BECAUSE, "--confirm", "1", at=root))
    assert not any(named(part.decode("utf-8", "replace")) for part in unpacked(sheet.read_bytes()))
    assert {one["address"] for one in checked(root)} == {address(1), address(2)}


# ---------------------------------------------------------------------- what is held, and how long


def test_everything_that_is_held_on_a_person_is_given(lived: tuple[Path, Ledger]) -> None:
    root, ledger = lived
    held = data(mailer("--json", "log", "person", NAME, at=root))
    assert held["addresses"] == [ADDRESS]
    assert held["sheets"][0]["says"]["surname"] == "Příkladová-Žák"
    assert held["lists"][0]["address"] == ADDRESS
    assert held["hold_list"][0]["because"] == f"{NAME} asked"
    (letter,) = held["letters"]
    assert letter["state"] == "accepted"
    assert f"To: {NAME} <{ADDRESS}>" in letter["letter"]
    assert "We write to you" in letter["letter"]
    assert "accepted" in letter["story"][-1]["said"] or letter["story"]
    assert {one["subject"] for one in held["answers"]} == {"Re: x", "x"}
    assert any("prikladova-zak" in one["text"] for one in held["mentions"])
    named = {one["file"] for one in held["files"]}
    for place in (".mailer/backups/", ".mailer/dropped/", "contacts/_same.csv", "outcomes.xlsx"):
        assert any(file.startswith(place) for file in named), place
    text = said(mailer("log", "person", NAME, at=root))
    for words in (ADDRESS, "I vote for it.", f"{NAME} asked", "outcomes.csv"):
        assert words in text
    browser = signed_in(a_console(root, ledger))
    page = browser.post("/held", who=NAME).text
    assert "I vote for it." in page
    assert "I vote for it." in browser.post("/held", who=NAME, file="yes").text
    journal = browser.get("/journal").text
    assert "held shown" in journal
    assert NAME not in journal.partition("held shown")[2].partition("</tr>")[0]


def test_what_is_kept_too_long_is_said_and_then_taken(lived: tuple[Path, Ledger]) -> None:
    root, ledger = lived
    edit(root / "config.toml", "[smtp]", PRIVACY + "[smtp]")
    nothing = data(mailer("--json", "log", "retention", "--dry-run", at=root))
    assert (nothing["people"], nothing["answers"], nothing["files"]) == (0, 0, [])
    long_ago = datetime.now(UTC) - timedelta(days=400)
    with ledger.writing() as connection:
        connection.execute(sa.update(mail_out).values(ended_at=long_ago))
        connection.execute(sa.update(incoming).values(recorded_at=long_ago))
    for path in (root / ".mailer").rglob("*"):
        if path.is_file() and "ledger" not in path.name:
            os.utime(path, (long_ago.timestamp(), long_ago.timestamp()))
    before = traces(root, ledger)
    due = data(mailer("--json", "log", "retention", "--dry-run", at=root))
    assert (due["people"], due["mail_outs"], due["answers"]) == (5, ["M-0001"], 2)
    kinds = {file.split("/")[1] for file in due["files"]}
    assert {"backups", "dropped", "preview", "rehearsal"} <= kinds
    assert traces(root, ledger) == before
    said(mailer("log", "retention", at=root))
    left = traces(root, ledger)
    assert not {"delivery.name", "letter.data", "incoming.raw"} & left
    assert not any(one.startswith((".mailer/backups", ".mailer/dropped")) for one in left)
    assert "contacts/norway.xlsx" in left, "the sheets are for their keepers"
    again = data(mailer("--json", "log", "retention", "--dry-run", at=root))
    assert (again["people"], again["answers"], again["files"]) == (0, 0, [])
    assert data(mailer("log", "verify", "--json", at=root))["whole"]


PRIVACY = 'privacy = { basis = "public interest", authority = "CNIL", keep_days = 90 }\n'


def test_whose_name_was_changed_in_the_sheet_is_forgotten_under_one_name_after_the_other(
    tmp_path: Path,
) -> None:
    root = a_workspace(tmp_path / "workspace", CLOSED_PORT)
    planned(root)
    said(mailer("stop", "M-0001", at=root))
    edit(root / "contacts" / "members.csv", "Example2,Exemplová", "Example2,Neue")
    of_her = ("log", "forget", "--because", "asked for it")
    refused = said(mailer(*of_her, address(2), at=root), 2)
    assert "Several people match" in refused and "by the whole name" in refused
    first = said(mailer(*of_her, "Example2 Exemplová", "--confirm", 1, at=root), 1)
    assert "members.csv (contact sheets) still names them" in first
    said(mailer(*of_her, "Example2 Neue", "--confirm", 0, at=root))
    assert "nobody like that" in said(mailer(*of_her, address(2), at=root), 2)
