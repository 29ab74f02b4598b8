"""Facts about the two doors: what a user does gives the same data on the command line and in the
console.

The command line runs with `--json`, the console is asked by a browser that is signed in; both on
one workspace.
"""

from __future__ import annotations

import html
import io
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import icalendar
import pypdf
import pytest
from click.testing import CliRunner

from mailer.actions import preview
from mailer.base.states import MailOutState, Reason, Receipt, Stage, State
from mailer.cli import cli
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.ledger.reading import listing
from mailer.plan.plan import Planned
from tests.conftest import SettableClock, a_contact
from tests.helpers.consoles import Browser, a_console, signed_in, workspace
from tests.helpers.journeys import Journey
from tests.helpers.workspaces import edit
from tests.inbox.test_record import returned
from tests.report.conftest import BROKE, YES, one_of_each
from tests.sending.test_imap import Dovecot, dovecot, needs_dovecot

__all__ = ["dovecot"]


@dataclass
class Doors:
    """One workspace, and both ways into it."""

    root: Path
    browser: Browser

    def typed(self, *words: str) -> list[dict[str, Any]]:
        """Type a command with --json; return the lines of its answer."""
        answer = CliRunner().invoke(cli, ["-C", str(self.root), "--json", *words])
        assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.output
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def rows(self, path: str) -> list[dict[str, Any]]:
        """Take rows along as JSON from a page of the console."""
        answer = self.browser.get(path)
        assert answer.status_code == 200
        return [json.loads(line) for line in answer.text.splitlines()]

    def page(self, path: str) -> str:
        """Read a page of the console as text, its marks and blanks taken away."""
        answer = self.browser.get(path)
        assert answer.status_code == 200, answer.text
        return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())

    def problems(self, path: str) -> dict[str, list[tuple[str, ...]]]:
        """Read the tables of problems on a page of the console: heading → (code, place, value)."""
        answer = self.browser.get(path)
        assert answer.status_code == 200, answer.text
        found: dict[str, list[tuple[str, ...]]] = {}
        for part in re.split(r"<h2>", answer.text)[1:]:
            rows = re.findall(r'<tr class="(?:error|warning|note)">(.*?)</tr>', part, re.DOTALL)
            found[html.unescape(part.partition("</h2>")[0])] = [
                tuple(
                    html.unescape(re.sub(r"<[^>]+>", "", one[1])) if one else ""
                    for one in (
                        re.search(r'<span class="quiet">([A-Z]\d+)</span></td>', row),
                        re.search(r"<th[^>]*>([^<]*?)\s*<", row),
                        re.search(r"<code>(.*?)</code>", row, re.DOTALL),
                    )
                )
                for row in rows
            ]
        return found


@pytest.fixture
def doors(tmp_path: Path, sqlite_ledger: Ledger) -> Doors:
    root = workspace(tmp_path)
    for language, words in (("en", ", as a {{ role }}"), ("fr", ", comme {{ role }}")):
        edit(root / "templates" / "vote" / f"{language}.md", words, "")
    return Doors(root, signed_in(a_console(root, sqlite_ledger)))


# ------------------------------------------------------------------------------------------- check


def a_title_that_nobody_has(root: Path) -> None:
    edit(root / "templates" / "vote" / "en.md", "Please vote", "{{ title }}\n\nPlease vote")
    edit(root / "templates" / "vote" / "fr.md", "Merci de voter", "{{ title }}\n\nMerci de voter")


def a_doubt_on_the_hold_list(root: Path) -> None:
    (root / "contacts" / "_hold.csv").write_text(
        "address,name,delegation,because,since,by\n,Anna M. Berg,NO,asked us,2026-01-01,Jana\n"
    )


def one_letter_says_more(root: Path) -> None:
    edit(root / "templates" / "vote" / "en.md", "Please vote", "On 26 January 2027, please vote")


def settings_of_a_new_workspace(root: Path) -> None:
    new = "Your Name <you@your-organisation.example>"
    edit(root / "config.toml", "Jana Novák <jana@rights.example>", new)


def a_letter_in_no_language_of_theirs(root: Path) -> None:
    edit(root / "templates" / "vote" / "appeal.toml", 'fallback = ["en"]', "fallback = []")


def a_placeholder_that_is_none(root: Path) -> None:
    edit(root / "templates" / "vote" / "en.md", "Please vote", "{{ rloe }}")


def a_broken_sheet(root: Path) -> None:
    (root / "contacts" / "norway.xlsx").write_bytes(b"this is no workbook")


@pytest.mark.parametrize(
    ("spoil", "codes"),
    [
        (lambda _: None, {"C114"}),
        (a_title_that_nobody_has, {"L301"}),
        (a_doubt_on_the_hold_list, {"C203"}),
        (one_letter_says_more, {"L141"}),
        (settings_of_a_new_workspace, {"K113"}),
        (a_letter_in_no_language_of_theirs, {"L128"}),
        (a_placeholder_that_is_none, {"L203"}),
        (a_broken_sheet, {"C002"}),
    ],
)
def test_check_finds_the_same_through_both_doors(doors: Doors, spoil: Any, codes: set[str]) -> None:
    spoil(doors.root)
    (typed,) = doors.typed("check", "vote")
    page = doors.problems("/letters/vote/check")
    shown = page["Settings, contact sheets and hold list"] + page["Letters"]
    assert sorted(shown) == sorted(map(as_row, typed["problems"]))
    assert codes <= {one["code"] for one in typed["problems"]}
    obstacles = typed["obstacles"]["vote"] or ()
    assert page["Before real people can be written to"] == list(map(as_row, obstacles))


def as_row(one: dict[str, Any]) -> tuple[str, ...]:
    """Return what the page shows of a problem: code, place, value."""
    at = one["cell"] or one["row"]
    where = f"{one['file']}:{at}" if at else one["file"]
    return one["code"], where or one["code"], one["value"]


def test_own_delegation_of_a_workspace_counts_for_its_appeals(doors: Doors) -> None:
    (doors.root / "delegations.csv").write_text(
        "code,name_en,name_fr,of_en,of_fr,representatives,substitutes,status\n"
        "XK,Kosovo,Kosovo,of Kosovo,du Kosovo,3,3,member\n"
    )
    edit(
        doors.root / "templates" / "vote" / "appeal.toml",
        "[languages]",
        '[audience.leave_out]\nXK = "no session"\n[languages]',
    )
    (one,) = doors.typed("letters", "list")
    assert one["title"] in doors.page("/letters")
    (typed,) = doors.typed("check", "vote")
    assert {one["code"] for one in typed["problems"]} == {"C100", "C114", "L129"}
    assert doors.problems("/letters/vote/check")["Letters"][0][0] == "L129"


# ----------------------------------------------------------------------------------------- preview


@pytest.mark.parametrize(
    ("name", "row", "language"),
    [
        ("Anna Berg", 2, ""),
        ("Chloe Exemple", 4, ""),
        ("Chloe Exemple", 4, "en"),
        ("Jo Beispiel", 6, ""),
        ("Peter Sample", 7, ""),  # would be left out
    ],
)
def test_letter_reads_the_same_through_both_doors(
    doors: Doors, name: str, row: int, language: str
) -> None:
    (typed,) = doors.typed(
        "preview", "vote", "--as", name, *(["--lang", language] * bool(language))
    )
    page = f"/letters/vote/preview.html?as=contacts/all.csv::{row}&lang={language}"
    assert doors.browser.get(page).text == typed["html"]


def test_letters_that_differ_most_are_the_same_through_both_doors(doors: Doors) -> None:
    typed = [one["name"] for one in doors.typed("preview", "vote", "--hardest")]
    page = doors.browser.get("/letters/vote").text
    start = page.index("<ul", page.index('<ul class="list">'))
    shown = re.findall(r"<li><a href=[^>]*>([^<]+)</a>", page[start:])
    assert shown[: len(typed)] == typed


def test_language_without_a_letter_is_refused_through_both_doors(doors: Doors) -> None:
    (typed,) = doors.typed("preview", "vote", "--as", "Anna Berg", "--lang", "tr")
    answer = doors.browser.get("/letters/vote?as=contacts/all.csv::2&lang=tr")
    assert (typed["exit"], answer.status_code) == (2, 404)
    assert typed["error"] in html.unescape(answer.text)


def test_formal_letters_are_printed_in_one_file_through_both_doors(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = doors.root / "templates" / "vote" / "appeal.toml"
    toml.write_text(f"{toml.read_text()}\n[letter]\npdf = true\nplace = 'Strasbourg'\n")
    file = doors.root / "letters.pdf"
    monkeypatch.setattr(preview, "TOGETHER", 1)  # they are set in several parts
    (typed,) = doors.typed("preview", "vote", "--everybody", "--pdf", str(file))
    page = doors.browser.get("/letters/vote/letters.pdf")
    assert page.content == file.read_bytes()
    pages = [one.extract_text() for one in pypdf.PdfReader(file).pages]
    assert typed["letters"] == len(pages) > 1
    assert all("Dear" in one or "Madame" in one for one in pages)
    assert "/Producer" not in (pypdf.PdfReader(file).metadata or {})


# ----------------------------------------------------------------------------------------- writing


def test_language_that_is_added_stands_in_the_history(doors: Doors) -> None:
    (typed,) = doors.typed("letters", "add", "vote", "de", "--from", "fr")
    assert (typed["file"], typed["lines"]) == ("templates/vote/de.md", "new")
    assert doors.typed("letters", "history", "vote") == [typed]
    (refused,) = doors.typed("letters", "add", "vote", "cz")
    assert (refused["exit"], refused["hint"]) == (2, "call it cs.md")
    assert "cs" not in doors.typed("letters", "list")[0]["languages"]
    answer = doors.browser.post("/letters/vote/languages", language="it", **{"from": "fr"})
    assert answer.headers["location"].startswith("/letters/vote/write/it")
    assert [(one["file"], one["lines"]) for one in doors.typed("letters", "history", "vote")] == [
        ("templates/vote/it.md", "new"),
        ("templates/vote/de.md", "new"),
    ]
    assert "it.md new" in doors.page("/letters/vote/history")
    again = doors.browser.post("/letters/vote/languages", language="it")
    (typed,) = doors.typed("letters", "add", "vote", "it")
    assert typed["error"] in html.unescape(again.text)


def test_appeal_is_begun_through_both_doors(doors: Doors) -> None:
    (typed,) = doors.typed("letters", "new", "first", "--title", "A first one")
    answer = doors.browser.post("/letters", title="A second one")
    assert answer.headers["location"] == "/letters/a-second-one/write"
    (one, other, _) = doors.typed("letters", "list")
    assert {one["title"], other["title"]} == {"A first one", "A second one"}
    assert one["languages"] == other["languages"] == ["en", "fr"]
    begun = doors.typed("letters", "history", "a-second-one")
    assert sorted(each["file"].rpartition("/")[2] for each in begun) == typed["files"]


def test_file_goes_along_through_both_doors(doors: Doors, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("one")
    (typed,) = doors.typed("letters", "attach", "vote", str(tmp_path / "one.txt"))
    assert typed == {"appeal": "vote", "file": "one.txt"}
    doors.browser.post("/letters/vote/files", to="fr", files={"file": ("two.txt", b"two")})
    listed = doors.typed("letters", "files", "vote")
    assert [(each["name"], each["goes_to"]) for each in listed] == [
        ("one.txt", "all"),
        ("two.fr.txt", "fr"),
    ]
    page = doors.page("/letters/vote/files")
    assert "one.txt 1 kB every letter" in page
    assert "two.fr.txt 1 kB letters in: français" in page


# ---------------------------------------------------------------------------------------- rehearse


def test_rehearsal_keeps_the_same_letters_through_both_doors(doors: Doors) -> None:
    typed = doors.typed("rehearse", "vote")
    folder = doors.root / ".mailer" / "rehearsal" / "vote"

    def subjects() -> list[str]:
        found = [message_from_bytes(path.read_bytes()) for path in sorted(folder.iterdir())]
        return [str(make_header(decode_header(one["Subject"]))) for one in found]

    first = subjects()
    assert [one["state"] for one in typed] == ["accepted"] * 4
    assert all(one["name"] in subject for one, subject in zip(typed, first, strict=True))
    answer = doors.browser.post("/letters/vote/rehearse")
    assert answer.status_code == 303, answer.text
    assert "4 samples lie in a folder" in doors.page(answer.headers["location"])
    assert subjects() == first


def test_sample_goes_to_nobody_else_through_either_door(doors: Doors) -> None:
    (typed,) = doors.typed("rehearse", "vote", "--to", "eve@elsewhere.example")
    answer = doors.browser.post("/letters/vote/rehearse", to="eve@elsewhere.example")
    assert (typed["exit"], answer.status_code) == (3, 409)
    assert typed["error"] in html.unescape(answer.text)


# ---------------------------------------------------------------------------------- plan and retry


def outcomes(doors: Doors, mail_out: str) -> list[tuple[str, ...]]:
    return [
        (one["name"], one["state"], one["reason"] or "")
        for one in doors.typed("log", "people", mail_out)
    ]


def test_files_of_both_doors_are_the_same_byte_for_byte(doors: Doors, tmp_path: Path) -> None:
    mail_out = doors.typed("plan", "vote")[-1]["mail_out"]
    for kind, path in (("csv", tmp_path / "out.csv"), ("json", tmp_path / "out.jsonl")):
        doors.typed("log", "export", mail_out, f"--{kind}", str(path))
        told = doors.browser.get(f"/mail-outs/{mail_out}/outcomes.{kind}")
        assert told.content == path.read_bytes()
        assert int(told.headers["content-length"]) == len(told.content) > 100


def planned_in_the_browser(doors: Doors, path: str, **form: str) -> str:
    answer = doors.browser.post(path, **form)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].split("/")[2]


@pytest.mark.parametrize(
    ("words", "form"),
    [
        ([], {}),
        (["--only", "NO"], {"delegation": "NO"}),
        (["--role", "substitute"], {"role": "substitute"}),
        (["--where", "role = suppléant"], {"where": "role = substitute"}),
        (["--only", "DE"], {"delegation": "DE"}),  # nobody would get a letter
    ],
)
def test_plan_is_the_same_through_both_doors(
    doors: Doors, words: list[str], form: dict[str, str]
) -> None:
    (typed,) = doors.typed("plan", "vote", *words)
    doors.typed("stop", typed["mail_out"])
    mail_out = planned_in_the_browser(doors, "/letters/vote/send", **form)
    assert mail_out != typed["mail_out"]
    waiting = [
        (name, "not_sent" if state == "waiting" else state, reason)
        for name, state, reason in outcomes(doors, mail_out)
    ]
    before = outcomes(doors, typed["mail_out"])
    assert [one[:2] for one in waiting] == [one[:2] for one in before]
    assert len([one for one in before if one[1] == "not_sent"]) == typed["to_send"]
    page = doors.browser.get(f"/mail-outs/{mail_out}/send").text
    assert ("Nobody would get a letter" in page) == (typed["to_send"] == 0)


def one_letter_a_delegation(doors: Doors) -> None:
    with (doors.root / "templates" / "vote" / "appeal.toml").open("a") as toml:
        toml.write('[letter]\nmode = "head"\n')
    edit(doors.root / "contacts" / "all.csv", "NO,representative,,Anna", "NO,chair,,Anna")
    edit(doors.root / "contacts" / "all.csv", "FR,representative", "FR,chair")


def test_letter_to_heads_is_the_same_through_both_doors(doors: Doors) -> None:
    one_letter_a_delegation(doors)
    (typed,) = doors.typed("plan", "vote")
    assert (typed["to_send"], typed["letters"]) == (3, 2)
    doors.typed("stop", typed["mail_out"])
    page = doors.page("/letters/vote/send")
    assert "2 letters, each to the head of a delegation, its members in copy." in page
    mail_out = planned_in_the_browser(doors, "/letters/vote/send")
    before, after = (outcomes(doors, name) for name in (typed["mail_out"], mail_out))
    assert [one[0] for one in after if one[1] == "waiting"] == [
        one[0] for one in before if one[1] == "not_sent"
    ]
    (shown,) = doors.typed("preview", "vote", "--as", "Ola Nordmann")
    assert shown["to"] == "anna.berg@no.parliament.example"
    assert shown["copies"] == ["ola.nordmann@no.parliament.example"]
    assert "Dear Ms Berg" in shown["text"]
    page = doors.page("/letters/vote?as=contacts/all.csv::3")
    assert "One letter a delegation: to Anna Berg, its head. In copy: Ola Nordmann." in page
    (eml,) = [doors.browser.get(f"/mail-outs/{mail_out}/people/2/letter.eml").content]
    assert message_from_bytes(eml)["Cc"] == "Ola Nordmann <ola.nordmann@no.parliament.example>"


def test_delegation_without_a_head_is_asked_about_in_both_doors(doors: Doors) -> None:
    one_letter_a_delegation(doors)
    edit(doors.root / "contacts" / "all.csv", "FR,chair", "FR,representative")
    (refused,) = doors.typed("plan", "vote")
    asked = "nobody is the head of the delegation of France in the sheets"
    assert [one["code"] for one in refused["problems"]] == ["L136"]
    assert asked in refused["problems"][0]["message"]
    assert asked in doors.page("/letters/vote/send")
    assert asked in doors.page("/letters/vote/check")
    assert doors.browser.post("/letters/vote/send").status_code != 303


def test_drafts_to_heads_are_refused_in_both_doors(doors: Doors) -> None:
    one_letter_a_delegation(doors)
    (planned,) = doors.typed("plan", "vote")
    (refused,) = doors.typed("draft", planned["mail_out"])
    assert "a mail program would send each draft to all of them" in refused["error"]
    answer = doors.browser.post(f"/mail-outs/{planned['mail_out']}/drafts", only="Ola")
    assert "a mail program would send each draft to all of them" in answer.text


def test_mistakes_of_files_letters_and_rows_are_told_in_one_go(doors: Doors) -> None:
    folder = doors.root / "templates" / "vote"
    edit(folder / "en.md", "Please vote", "Please {{ vtoe }}")
    edit(folder / "fr.md", "Merci de voter", "Merci {{ title }}")
    (told,) = doors.typed("check", "vote")
    assert {"L203", "L301"} <= {one["code"] for one in told["problems"]}
    edit(folder / "appeal.toml", 'fallback = ["en"]', 'fallbakc = ["en"]')
    (folder / "signature.md").write_text("x", encoding="utf-8")
    (told,) = doors.typed("check", "vote")
    assert {"L203", "L122", "L103"} <= {one["code"] for one in told["problems"]}


def test_title_that_the_greeting_drops_is_told_when_it_is_planned(doors: Doors) -> None:
    edit(doors.root / "contacts" / "all.csv", "NO,representative,,", "NO,representative,Bogus,")
    told = doors.problems("/letters/vote/send")["To be looked at"]
    assert [one[0] for one in told] == ["L306"]
    (typed,) = doors.typed("plan", "vote")
    assert "L306" in [one["code"] for one in typed["problems"]]


def test_plan_that_was_never_begun_is_replaced_through_both_doors(doors: Doors) -> None:
    (first,) = doors.typed("plan", "vote")
    (second,) = doors.typed("plan", "vote")
    assert second["to_send"] == 0
    assert second["reasons"]["already_written"] == first["to_send"]
    (third,) = doors.typed("plan", "vote", "--replace")
    assert third["to_send"] == first["to_send"]
    states = {one["mail_out"]: one["state"] for one in doors.typed("status")}
    assert states == {"M-0001": "stopped", "M-0002": "stopped", "M-0003": "planned"}
    assert "Give up M-0003" in doors.page("/letters/vote/send")
    fourth = planned_in_the_browser(doors, "/letters/vote/send", replace="yes")
    waiting = [one for one in outcomes(doors, fourth) if one[1] == "waiting"]
    assert len(waiting) == first["to_send"]
    assert [one["state"] for one in doors.typed("status")][-2:] == ["stopped", "planned"]
    assert {one[1] for one in outcomes(doors, "M-0003")} <= {"not_sent", "skipped"}


def test_saved_audience_is_the_same_through_both_doors(doors: Doors) -> None:
    where = "role = substitute and delegation = NO"
    (typed,) = doors.typed("audience", "save", "northern  substitutes", "--where", where)
    one = {"name": "Ola Nordmann", "delegation": "NO"}
    assert typed == {
        "audience": "northern substitutes", "where": where, "people": [one], "replaced": "",
    }  # fmt: skip
    page = doors.page("/letters/vote/people")
    assert f"Saved audiences: northern substitutes {where}" in page
    plans = [
        doors.typed("plan", "vote", "--audience", "Northern Substitutes", *more)[0]
        for more in (
            [],
            ["--replace", "--where", "not written"],
            ["--replace", "--where", "gender = f"],
        )
    ]
    assert [one["to_send"] for one in plans] == [1, 0, 0]
    answer = doors.browser.post(
        "/letters/vote/audience", name="the French", where="delegation = FR"
    )
    assert answer.headers["location"] == "/letters/vote/people?where=delegation+%3D+FR"
    assert doors.typed("audience", "list")[1] == {
        "audience": "the French", "where": "delegation = FR",
    }  # fmt: skip
    assert len(doors.typed("audience", "show", "the french")[0]["people"]) == 2
    for name, text in (("x" * 61, "role = chair"), ("a", "rolle = chair")):
        (refused,) = doors.typed("audience", "save", name, "--where", text)
        answer = doors.browser.post("/letters/vote/audience", name=name, where=text)
        assert refused["error"] in html.unescape(answer.text)
    doors.typed("audience", "save", "the French", "--where", "language = fr")
    doors.browser.post("/letters/vote/audience", name="northern substitutes", drop="yes")
    assert doors.typed("audience", "list") == [{"audience": "the French", "where": "language = fr"}]
    (refused,) = doors.typed("plan", "vote", "--audience", "the Frensh")
    assert refused["hint"] == 'did you mean "the French"?'
    doors.typed("audience", "drop", "the French")
    assert doors.typed("audience", "list") == []
    (doors.root / "audiences.toml").write_text("monitoring = committee", encoding="utf-8")
    assert "audiences.toml cannot be read" in doors.typed("audience", "list")[0]["error"]
    (refused,) = doors.typed("plan", "vote", "--audience", "monitoring")
    assert "line 1" in refused["error"]


def test_plan_is_named_annotated_and_given_up_through_both_doors(doors: Doors) -> None:
    (typed,) = doors.typed("plan", "vote", "--name", "North  first", "--note", "ask Marta")
    (now,) = doors.typed("status", typed["mail_out"])
    assert (now["title"], now["notes"]) == ("North first", ["ask Marta"])
    asked = {"replace": "yes", "name": "South first", "note": "Marta says yes"}
    mail_out = planned_in_the_browser(doors, "/letters/vote/send", **asked)
    page = doors.page(f"/mail-outs/{mail_out}")
    assert "South first" in page
    assert "Marta says yes" in page
    assert "Give it up…" in page
    doors.typed("log", "name", mail_out, "All", "of", "them")
    doors.typed("log", "note", mail_out, "after", "the", "committee")
    doors.browser.post(f"/mail-outs/{mail_out}/note", text="on Monday")
    (now,) = doors.typed("status", mail_out)
    assert now["title"] == "All of them"
    assert now["notes"] == ["Marta says yes", "after the committee", "on Monday"]
    page = doors.page(f"/mail-outs/{mail_out}")
    assert "called “All of them” by" in page
    doors.browser.post(f"/mail-outs/{mail_out}/name", name="")
    assert doors.typed("status", mail_out)[0]["title"] == "A vote"
    too_long = {"name": "x" * 81}
    answer = doors.browser.post(f"/mail-outs/{mail_out}/name", **too_long)
    (refused,) = doors.typed("log", "name", mail_out, "x" * 81)
    assert refused["error"] in answer.text
    doors.typed("log", "note", f"{mail_out}-001", "she", "rang")
    assert "she rang" in doors.page(f"/mail-outs/{mail_out}/people/1")
    doors.browser.post(f"/mail-outs/{mail_out}/stop", sure="yes")
    assert doors.typed("status", mail_out)[0]["state"] == "stopped"


def test_changes_of_sheets_stand_in_one_journal_whoever_made_them(
    doors: Doors, tmp_path: Path
) -> None:
    lines = "Name,E-mail\nAnna PRØVE,mailto:anna@no.example\n"
    (tmp_path / "norway.csv").write_text(lines, encoding="utf-8")
    (tmp_path / "newer.csv").write_text(lines.replace("mailto:anna", "ola"), encoding="utf-8")
    doors.typed("contacts", "import", str(tmp_path / "norway.csv"))
    doors.typed("contacts", "fix", "norway.csv", "--apply")
    doors.typed("contacts", "update", "norway.csv", str(tmp_path / "newer.csv"), "--apply")
    doors.typed("contacts", "undo", "norway.csv")
    doors.typed("contacts", "hold", "Anna PRØVE", "--because", "asked for it")
    doors.typed("contacts", "release", "Anna PRØVE")
    assert doors.browser.post("/contacts/norway.csv/take-back", version="1").status_code == 303
    journal = doors.page("/journal")
    for what in (
        "sheet taken over contacts/norway.csv, 1 people",
        "cells mended contacts/norway.csv 2:2",
        "newer list taken over contacts/norway.csv: 0 left, 0 joined, 1 changed",
        "sheet taken back contacts/norway.csv, version",
        "held NO",
        "released NO",
    ):
        assert what in journal, what
    assert journal.count("sheet taken back") == 2
    assert "anna@no.example" not in journal


def test_delegations_with_nobody_in_the_sheets_are_told_everywhere(doors: Doors) -> None:
    doors.typed("plan", "vote")
    none = [one["name"] for one in doors.typed("log", "delegations") if not one["planned"]]
    assert len(none) == 42
    assert "Andorra" in none
    for path in ("/letters/vote/people", "/letters/vote/standing", "/mail-outs/M-0001/delegations"):
        assert f"Not in the sheets at all: {', '.join(none)}" in doors.page(path)
    shown = CliRunner().invoke(cli, ["-C", str(doors.root), "log", "delegations"]).stdout
    assert f"nobody in the sheets: {', '.join(none[:6])}" in " ".join(shown.split())


def test_follow_up_goes_to_the_same_people_through_both_doors(
    doors: Doors, sqlite_ledger: Ledger, clock: SettableClock
) -> None:
    """Two have had the first letter, one of whom the hold list has since, and one was refused."""
    doors.typed("plan", "vote")
    journey = Journey(sqlite_ledger, 1, clock)
    *accepted, refused = journey.claim(3)
    for one in accepted:
        assert journey.mark(one)
        journey.record(one, Receipt(State.ACCEPTED, Stage.DOT, code=250))
    journey.record(refused, Receipt(State.REFUSED, Stage.RCPT, code=550))
    folder = doors.root / "templates" / "reminder"
    shutil.copytree(doors.root / "templates" / "vote", folder)
    page = doors.page("/letters/reminder/people")
    assert "A follow-up to – vote M-0001" in page
    page = doors.page("/letters/reminder/send?follows=vote")
    for shown in (page, str(doors.typed("plan", "reminder", "--follows", "vote"))):
        assert "under the subject of the first letter" in shown
        assert "a follow-up needs an end" in shown
    for language, subject in (("en", "Please vote"), ("fr", "Votez")):
        edit(folder / f"{language}.md", f"Subject: {subject}", "Subject: Re:")
    edit(folder / "appeal.toml", "[languages]", "last_day = 2027-01-25\n[languages]")
    (typed,) = doors.typed("plan", "reminder", "--follows", "M-0001")
    doors.typed("stop", typed["mail_out"])
    page = doors.page("/letters/reminder/people?follows=M-0001")
    assert "2 people get a letter" in page
    assert "M-0001, refused" in page
    mail_out = planned_in_the_browser(doors, "/letters/reminder/send", follows="M-0001")
    assert (typed["to_send"], typed["reasons"]["no_first_letter"]) == (2, 2)
    assert "A follow-up to M-0001" in doors.page(f"/mail-outs/{mail_out}")
    before, after = (
        [(one["name"], one["reason"], one["detail"]) for one in people if one["state"] == "skipped"]
        for people in (doors.typed("log", "people", typed["mail_out"]),
                       doors.typed("log", "people", mail_out))
    )  # fmt: skip
    assert before == after


def test_rows_that_lack_something_are_left_out_before_the_plan_and_by_it(doors: Doors) -> None:
    a_title_that_nobody_has(doors.root)
    assert "0 people get a letter" in doors.browser.get("/letters/vote/people").text
    (typed,) = doors.typed("plan", "vote")
    assert (typed["to_send"], typed["reasons"]["row"]) == (0, 3)
    mail_out = planned_in_the_browser(doors, "/letters/vote/send")
    assert outcomes(doors, mail_out) == outcomes(doors, typed["mail_out"])
    assert "a problem in the row" in doors.browser.get(f"/mail-outs/{mail_out}/send").text


def test_delegation_that_there_is_not_is_refused_and_never_means_everyone(doors: Doors) -> None:
    answer = doors.browser.post("/letters/vote/send", delegation="Norwey")
    assert answer.status_code == 400
    assert "did you mean &#34;Norway&#34;?" in answer.text
    assert doors.typed("plan", "vote", "--only", "Norwey")[0]["hint"] == 'did you mean "Norway"?'
    assert doors.typed("status") == []


def test_slip_in_a_condition_is_refused_at_its_place_and_never_means_everyone(
    doors: Doors,
) -> None:
    (typed,) = doors.typed("plan", "vote", "--where", "rolle = substitute")
    said = 'No sheet has a column "rolle". (character 1 of: rolle = substitute)'
    assert typed["error"] == said
    assert typed["hint"] == 'did you mean "role"?'
    page = doors.browser.get("/letters/vote/people?where=rolle+%3D+substitute")
    assert typed["error"] in html.unescape(page.text)
    assert "On: check" not in page.text
    answer = doors.browser.post("/letters/vote/send", where="rolle = substitute")
    assert answer.status_code == 400
    edit(
        doors.root / "templates" / "vote" / "appeal.toml",
        "[languages]",
        '[audience]\nwhere = "rolle = substitute"\n[languages]',
    )
    (checked,) = doors.typed("check", "vote")
    assert [one["code"] for one in checked["problems"] if one["code"] == "L134"] == ["L134"]
    assert doors.problems("/letters/vote/check")["Letters"][0][0] == "L134"
    assert doors.typed("status") == []


def test_whom_a_mail_out_is_for_goes_along_from_step_to_step(doors: Doors) -> None:
    asked = "?role=substitute&where=delegation+%3D+NO"
    page = doors.browser.get(f"/letters/vote/people{asked}").text
    assert "1 person gets a letter" in page
    for step in ("check", "rehearse", "send"):
        assert f'"/letters/vote/{step}{asked}"' in html.unescape(page)
        page = doors.browser.get(f"/letters/vote/{step}{asked}").text
    assert "1 person gets a letter" in page
    assert "delegation = NO" in page


def test_role_that_is_not_understood_gets_no_letter(doors: Doors) -> None:
    sheet = doors.root / "contacts" / "all.csv"
    for role in ("grand vizier", "secrétaire de la délégation"):
        sheet.write_text(
            "delegation,role,name,gender,email,language\n"
            "NO,representative,Anna Berg,f,anna.berg@no.parliament.example,en\n"
            f"NO,{role},Ola Nordmann,m,ola.nordmann@no.parliament.example,en\n"
        )
        (typed,) = doors.typed("plan", "vote")
        assert (typed["to_send"], typed["reasons"]) == (1, {"role": 1})
        doors.typed("stop", typed["mail_out"])


def test_rest_is_planned_anew_through_both_doors(
    doors: Doors, sqlite_ledger: Ledger, clock: SettableClock
) -> None:
    """One was accepted, one refused, one not reached."""
    (first,) = doors.typed("plan", "vote")
    early = doors.browser.post("/mail-outs/M-0001/retry")
    assert early.status_code == 400
    assert doors.typed("retry", "M-0001")[0]["error"] in html.unescape(early.text)
    journey = Journey(sqlite_ledger, 1, clock)
    accepted, refused = journey.claim(2)
    assert journey.mark(accepted)
    journey.record(accepted, Receipt(State.ACCEPTED, Stage.DOT, code=250))
    journey.record(refused, Receipt(State.REFUSED, Stage.RCPT, code=550))
    doors.typed("stop", "M-0001")
    for words, form, number in (([], {}, 1), (["--refused"], {"refused": "yes"}, 2)):
        (typed,) = doors.typed("retry", "M-0001", *words)
        assert (first["to_send"], typed["to_send"]) == (3, number)
        doors.typed("stop", typed["mail_out"])
        mail_out = planned_in_the_browser(doors, "/mail-outs/M-0001/retry", **form)
        reached = [one[0] for one in outcomes(doors, mail_out) if one[1] == "waiting"]
        stopped = [one[0] for one in outcomes(doors, typed["mail_out"]) if one[1] == "not_sent"]
        assert reached == stopped
        assert len(reached) == number
        doors.typed("stop", mail_out)


def test_whose_letter_came_back_needs_a_person_until_the_address_is_another(
    doors: Doors, sqlite_ledger: Ledger, clock: SettableClock
) -> None:
    """Everyone was accepted; then a server reports that one mailbox is not there."""
    doors.typed("plan", "vote")
    journey = Journey(sqlite_ledger, 1, clock)
    for one in journey.claim(3):
        journey.mark(one)
        journey.record(one, YES)
    journey.become(MailOutState.FINISHED)
    assert doors.typed("status", "M-0001")[0]["needs_a_person"] == 0
    who = doors.typed("log", "people", "M-0001", "--state", "accepted")[0]
    (doors.root / "back.eml").write_bytes(returned(who["address"]))
    doors.typed("inbox", "import", str(doors.root / "back.eml"))
    # one answer everywhere
    (status,) = doors.typed("status", "M-0001")
    assert (status["needs_a_person"], status["came_back"]) == (1, {"returned_hard": 1})
    (listed,) = doors.typed("log", "people", "M-0001", "--needs-a-person")
    assert (listed["delivery"], listed["came_back"]) == (who["delivery"], ["returned_hard"])
    assert doors.typed("log", "people", "M-0001", "--came-back", "returned") == [listed]
    for path in ("outcomes.json?needs=a_person", "outcomes.json?came=returned", "follow-up.json"):
        assert names(doors.rows(f"/mail-outs/M-0001/{path}")) == [who["delivery"]]
    page = doors.page("/mail-outs/M-0001")
    assert "Needs you 1" in page
    assert "Of the accepted: 1 came back" in page
    words = "came back: the address is of no use"
    assert words in doors.page("/mail-outs/M-0001/follow-up")
    assert f"1 {words}" in doors.page("/")
    assert words in doors.page("/letters/vote/standing")
    # this address is left out of every plan, until somebody asks for it, or the sheet has another
    shutil.copytree(doors.root / "templates" / "vote", doors.root / "templates" / "second")
    (second,) = doors.typed("plan", "second")
    assert second["reasons"]["returned_before"] == 1
    doors.typed("stop", second["mail_out"])
    for words, form, number in (([], {}, 0), (["--returned"], {"returned": "yes"}, 1)):
        (typed,) = doors.typed("retry", "M-0001", *words)
        doors.typed("stop", typed["mail_out"])
        mail_out = planned_in_the_browser(doors, "/mail-outs/M-0001/retry", **form)
        waiting = [one[0] for one in outcomes(doors, mail_out) if one[1] == "waiting"]
        assert typed["to_send"] == len(waiting) == number
        if not number:
            doors.typed("stop", mail_out)
    taken = Journey(sqlite_ledger, int(mail_out[2:]), clock).claim(3)
    assert [one.address for one in taken] == [who["address"]]
    doors.typed("stop", mail_out)
    edit(doors.root / "contacts" / "all.csv", who["address"], f"new.{who['address']}")
    (typed,) = doors.typed("retry", "M-0001")
    assert typed["to_send"] == 1
    assert doors.typed("status", "M-0001")[0]["needs_a_person"] == 0  # a letter waits for them


@needs_dovecot
def test_drafts_are_put_and_looked_after_through_both_doors(doors: Doors, dovecot: Dovecot) -> None:
    secret = doors.root / "imap.txt"
    secret.write_text("correct")
    secret.chmod(0o600)
    with (doors.root / "config.toml").open("a", encoding="utf-8") as config:
        config.write(
            f'[imap]\nhost = "127.0.0.1"\nport = {dovecot.imap}\nsecurity = "none"\n'
            'user = "us"\npassword = { file = "imap.txt" }\n'
        )
    doors.typed("plan", "vote")
    people = doors.typed("log", "people", "M-0001", "--state", "waiting")
    (typed,) = doors.typed("draft", "M-0001", "--only", people[0]["name"])
    assert (typed["put"], typed["lying"], typed["waiting"]) == ([people[0]["delivery"]], 1, 2)
    assert "1 letters were put" not in doors.page("/mail-outs/M-0001")
    (resumed,) = doors.typed("resume", "M-0001")  # nobody has said how many people it goes to
    assert "mailer send M-0001" in resumed["hint"]
    go_on = doors.browser.post("/mail-outs/M-0001/resume")
    assert go_on.headers["location"] == "/mail-outs/M-0001/send"
    page = doors.page("/mail-outs/M-0001/send")
    assert "Type the number to send" in page
    assert "begin by itself later" not in page
    nobody = doors.browser.post("/mail-outs/M-0001/drafts")
    assert nobody.status_code == 400
    answer = doors.browser.post("/mail-outs/M-0001/drafts", only=people[1]["address"])
    assert answer.status_code == 303, answer.text
    assert [one[1] for one in outcomes(doors, "M-0001")].count("drafted") == 2
    page = doors.page("/mail-outs/M-0001")
    assert "2 ✎ lies as a draft" in page
    assert "Needs you 2" in page
    assert doors.typed("status", "M-0001")[0]["counts"]["drafted"] == 2
    here = f"/mail-outs/M-0001/people/{int(people[0]['delivery'][-3:])}"
    lies = doors.browser.post(f"{here}/settle", to="not_sent", because="not her")
    words = ("resolve", people[0]["delivery"], "--not-sent", "--because", "not her")
    assert doors.typed(*words)[0]["error"] in html.unescape(lies.text)
    assert "It is not to be sent" in doors.page(here)
    (looked,) = doors.typed("draft", "M-0001", "--look")
    assert (looked["sent"], looked["lying"]) == ([], 2)
    doors.browser.post("/mail-outs/M-0001/drafts", look="yes")
    assert doors.typed("resolve", *words[1:2], "--accepted", "--because", "sent it")[0][
        "state"
    ] == ("accepted")


# ------------------------------------------------------------------------------------- the send log


@pytest.fixture
def sent(doors: Doors, sqlite_ledger: Ledger, clock: SettableClock, ledger_plan: int) -> Doors:
    """A mail-out with one of each outcome."""
    one_of_each(Journey(sqlite_ledger, ledger_plan, clock))
    return doors


@pytest.fixture
def ledger(sqlite_ledger: Ledger) -> Ledger:
    return sqlite_ledger


@pytest.fixture
def ledger_plan(planned: Callable[..., int]) -> int:
    return planned(6, left_out=2)


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["delivery"] for row in rows]


def test_what_a_mail_out_rests_on_is_said_through_both_doors(doors: Doors) -> None:
    typed = doors.typed("doctor")
    page = doors.browser.post("/order").text
    said = re.findall(r"</span> ([^<]+?)(?: <code>|</li>)", html.unescape(page))
    assert said == [one["sentence"] for one in typed]
    assert "mail server" in {one["topic"] for one in typed}


def test_each_person_stands_once_in_an_appeal_over_all_its_mail_outs(
    sent: Doors, sqlite_ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    again = Journey(sqlite_ledger, planned(6), clock)  # 1 was refused, 6 given up before
    again.become(MailOutState.SENDING)
    for one in again.claim(6):
        if one.number in (1, 6):
            again.mark(one)
            again.record(one, YES)
    (first,) = sent.typed("status", "M-0001")
    (whole,) = sent.typed("status", "appeal")
    assert first["needs_a_person"] == 1  # the unknown one: the others were reached since
    assert whole["needs_a_person"] == 1
    assert list(whole["mail_outs"]) == ["M-0001", "M-0002"]
    assert whole["planned"] == 8
    counts = {state: number for state, number in whole["counts"].items() if number}
    assert counts == {"accepted": 4, "unknown": 1, "deferred": 1, "skipped": 2}
    assert sum(row["accepted"] for row in whole["delegations"].values()) == 4
    (who,) = sent.typed("log", "people", "appeal", "--needs-a-person")
    assert [who] == sent.typed("log", "people", "--needs-a-person")  # both without a name
    page = sent.page("/letters/appeal/standing")
    assert "4 ✓ accepted for delivery" in page
    assert "Needs a person 1" in page
    assert who["name"] in page
    assert "Not in the sheets at all: Albania" in page
    hint = sent.typed("status", "apeal")[0]["hint"]
    assert hint == 'did you mean "appeal"?'
    assert sent.browser.get("/letters/apeal/standing").status_code == 404


def test_lists_of_a_whole_appeal_are_the_same_through_both_doors(
    sent: Doors, sqlite_ledger: Ledger, planned: Callable[..., int], clock: SettableClock
) -> None:
    sent.typed("log", "note", "M-0001-001", "rang: out till Monday")
    again = Journey(sqlite_ledger, planned(6), clock)
    again.become(MailOutState.SENDING)
    for one in again.claim(6):
        if one.number in (1, 6):
            again.mark(one)
            again.record(one, YES)
    here, file = "/letters/appeal", sent.root / "out.csv"
    for words, query in (
        (["appeal"], ""),
        (["appeal", "--state", "accepted"], "?state=accepted"),
        (["appeal", "--needs-a-person"], "?needs=a_person"),
        (["appeal", "--search", "person1"], "?q=person1"),
        (["M-0001", "--state", "refused"], "?mail_out=M-0001&state=refused"),
    ):
        sent.typed("log", "export", *words, "--csv", str(file), "--force")
        assert sent.browser.get(f"{here}/outcomes.csv{query}").content == file.read_bytes()
        listed = sent.typed("log", "people", *words)
        assert sent.rows(f"{here}/outcomes.json{query}") == listed
        sheet = sent.page(f"{here}/call-sheet{query}")
        assert f"{len(listed)} pe" in sheet
        assert all(one["name"] in sheet for one in listed)
    sheet = sent.page(f"{here}/call-sheet")
    assert "M-0001, M-0002" in sheet
    assert "rang: out till Monday" in sheet  # noted beside the first letter, reached by the second
    for wrong in ("mail_out=M-0009", "mail_out=everyone", "state=acepted"):
        assert sent.browser.get(f"{here}/outcomes.csv?{wrong}").status_code == 404
    assert sent.browser.get("/letters/apeal/outcomes.csv").status_code == 404
    assert "exported appeal, 8 rows, csv" in sent.page("/journal")


def test_who_needs_a_person_is_the_same_everywhere(sent: Doors) -> None:
    (status,) = sent.typed("status", "M-0001")
    listed = sent.typed("log", "people", "M-0001", "--needs-a-person")
    assert status["needs_a_person"] == len(listed) == 3
    assert {row["state"] for row in listed} == {"unknown", "refused", "not_sent"}
    for path in ("outcomes.json?needs=a_person", "follow-up.json"):
        assert sorted(names(sent.rows(f"/mail-outs/M-0001/{path}"))) == sorted(names(listed))
    assert "Needs you 3" in sent.page("/mail-outs/M-0001")
    assert "3 of 8 people" in sent.page("/mail-outs/M-0001/outcomes?needs=a_person")
    start = sent.page("/")
    assert all(f"1 {word}" in start for word in ("unknown:", "refused by", "given up:"))


@pytest.fixture
def umlauts(doors: Doors, planned: Callable[..., int]) -> Doors:
    """Müller and Mueller, in a mail-out and in the sheets; and Schröder in the sheets alone."""
    people = [
        Planned(replace(a_contact(n), name=name), n, n, "en", False, Reason.ON_HOLD, "")
        for n, name in enumerate(("Ada Müller", "Bo Mueller", "Di Mule"), 1)
    ]
    planned(deliveries=tuple(people))
    rows = "delegation,role,given name,surname,email\n" + "".join(
        f"DE,representative,{given},{surname},{given.lower()}@de.parliament.example\n"
        for given, surname in (("Ada", "Müller"), ("Bo", "Mueller"), ("Eva", "Schröder"))
    )
    (doors.root / "contacts" / "umlauts.csv").write_text(rows, encoding="utf-8")
    return doors


@pytest.mark.parametrize(
    ("wanted", "log", "sheets"),
    [
        ("müller", ["Ada Müller", "Bo Mueller"], ["Ada Müller", "Bo Mueller"]),
        ("MUELLER", ["Ada Müller", "Bo Mueller"], ["Ada Müller", "Bo Mueller"]),
        ("Müller Mueller", ["Ada Müller", "Bo Mueller"], ["Ada Müller", "Bo Mueller"]),
        ("muller ada", ["Ada Müller"], ["Ada Müller"]),
        ("schroeder", [], ["Eva Schröder"]),
        ("schroder", [], ["Eva Schröder"]),
        ("nobody", [], []),
    ],
)
def test_a_person_is_found_under_every_spelling(
    umlauts: Doors, wanted: str, log: list[str], sheets: list[str]
) -> None:
    typed = umlauts.typed("log", "find", wanted)
    assert [row["name"] for row in typed if "delivery" in row] == log
    assert [row["name"] for row in typed if "file" in row] == sheets
    rows = umlauts.rows(f"/mail-outs/M-0001/outcomes.json?q={wanted}")
    assert [row["name"] for row in rows] == log
    assert [row["name"] for row in umlauts.typed("log", "people", "--search", wanted)] == log
    page = umlauts.page(f"/search?q={wanted}")
    assert f"In the mail-outs {len(log)}" in page
    assert f"In the contact sheets {len(sheets)}" in page


@pytest.mark.parametrize("said", ["such user", "no here", "GREYLISTED"])
def test_a_person_is_found_by_what_a_server_said(sent: Doors, said: str) -> None:
    listed = names(sent.typed("log", "people", "M-0001", "--search", said))
    assert listed
    assert names(sent.rows(f"/mail-outs/M-0001/outcomes.json?q={said}")) == listed
    assert names(sent.typed("log", "find", said)) == listed
    assert f"In the mail-outs {len(listed)}" in sent.page(f"/search?q={said}")


@pytest.fixture
def kosovo(doors: Doors, planned: Callable[..., int]) -> Doors:
    """A workspace with a delegation of its own, and a mail-out to somebody in it."""
    (doors.root / "delegations.csv").write_text(
        "code,name_en,name_fr,of_en,of_fr,representatives,substitutes,status\n"
        "XK,Kosovo,Kosovo,of Kosovo,du Kosovo,3,3,member\n",
        encoding="utf-8",
    )
    (doors.root / "contacts" / "kosovo.csv").write_text(
        "delegation,role,given name,surname,gender,email,language\n"
        "Kosovo,representative,Ana,Prova,f,ana@xk.parliament.example,en\n",
        encoding="utf-8",
    )
    one = replace(a_contact(1), delegation="XK", name="Ana Prova")
    planned(deliveries=(Planned(one, 1, 1, "en", False, Reason.ON_HOLD, ""),))
    return doors


def test_a_delegation_of_the_workspace_holds_everywhere(kosovo: Doors) -> None:
    assert [row["name"] for row in kosovo.typed("log", "people", "--delegation", "Kosovo")] == [
        "Ana Prova"
    ]
    lines = kosovo.typed("log", "delegations")
    assert [row["name"] for row in lines if row["planned"]] == ["Kosovo"]
    assert [row["delegation"] for row in kosovo.typed("contacts", "show", "Ana Prova")] == ["XK"]
    for path in ("/mail-outs/M-0001/outcomes", "/mail-outs/M-0001/delegations", "/search?q=prova"):
        assert "Kosovo" in kosovo.page(path)
    assert "Kosovo" in kosovo.browser.get("/mail-outs/M-0001/outcomes.csv").text
    answer = kosovo.browser.post(
        "/contacts/hold-list", name="Ana Prova", delegation="Kosovo", address="", because="asked"
    )
    assert answer.status_code == 303
    assert [row["delegation"] for row in kosovo.typed("contacts", "holds")] == ["XK"]


def test_a_change_of_the_own_delegations_shows_at_once(kosovo: Doors) -> None:
    assert "Kosovo" in kosovo.page("/mail-outs/M-0001/outcomes")
    file = kosovo.root / "delegations.csv"
    file.write_text(file.read_text(encoding="utf-8").replace("Kosovo", "Elbonia"), "utf-8")
    assert "Elbonia" in kosovo.page("/mail-outs/M-0001/outcomes")
    assert [row["name"] for row in kosovo.typed("log", "delegations") if row["planned"]] == [
        "Elbonia"
    ]


# ----------------------------------------------------------------------- send, pause, stop, resolve


def refusal(doors: Doors, *words: str) -> str:
    """Type a command that is refused; return the sentence."""
    answer = CliRunner().invoke(cli, ["-C", str(doors.root), *words])
    assert answer.exit_code == 3, answer.output
    return " ".join(answer.stderr.split())


def keep_by_kill_switch(doors: Doors) -> None:
    (doors.root / ".mailer").mkdir(exist_ok=True)
    (doors.root / ".mailer" / "STOP").touch()


def change_a_letter(doors: Doors) -> None:
    letter = doors.root / "templates" / "vote" / "en.md"
    letter.write_text(letter.read_text(encoding="utf-8") + "\nOne more line.\n", encoding="utf-8")


def ask_for_approval(doors: Doors) -> None:
    config = doors.root / "config.toml"
    text = config.read_text(encoding="utf-8").replace("[safety]", "[safety]\napprovals = 1")
    config.write_text(text, encoding="utf-8")


@pytest.fixture
def ready(doors: Doors) -> Doors:
    """A plan of the workspace's own letters and people."""
    assert doors.typed("plan", "vote")[0]["mail_out"] == "M-0001"
    return doors


def test_a_plan_that_may_be_sent_may_be_sent_in_both_doors(ready: Doors) -> None:
    (status,) = ready.typed("status", "M-0001")
    number = status["counts"]["waiting"]
    assert f"{number} Type the number to send" in ready.page("/mail-outs/M-0001/send")


@pytest.mark.parametrize(
    ("why", "typed", "shown"),
    [
        (keep_by_kill_switch, "The kill switch is on", "The kill switch is on"),
        (change_a_letter, "no longer matches its sources", "no longer matches its sources"),
        (ask_for_approval, "waits for the approval", "A second person must approve"),
    ],
)
def test_what_keeps_a_mail_out_from_being_sent_is_said_in_both_doors(
    ready: Doors, why: Callable[[Doors], None], typed: str, shown: str
) -> None:
    why(ready)
    assert typed in refusal(ready, "send", "M-0001", "--confirm", "3")
    page = ready.page("/mail-outs/M-0001/send")
    assert shown in page and "Type the number to send" not in page


def test_whoever_is_held_is_taken_out_of_the_plan_from_both_doors(ready: Doors) -> None:
    assert "3 people of 2 delegations" in ready.page("/mail-outs/M-0001/send")
    (held,) = ready.typed("contacts", "hold", "anna.berg@no.parliament.example", "--because", "x")
    assert [row["name"] for row in held["matches"]] == ["Anna Berg"]
    assert [(one["mail_out"], one["numbers"]) for one in held["taken_out"]] == [("M-0001", [1])]
    assert "2 people of 2 delegations" in ready.page("/mail-outs/M-0001/send")
    path = "/mail-outs/M-0001/people/2/hold"
    assert ready.browser.post(path, because="x").status_code == 303
    assert "Taken out of M-0001." in ready.page("/mail-outs/M-0001/people/2")
    assert "1 person of 1 delegation" in ready.page("/mail-outs/M-0001/send")
    reasons = [row["reason"] for row in ready.typed("log", "people", "--state", "not_sent")]
    assert reasons == ["on_hold", "on_hold"]


def test_a_hold_says_what_it_did_to_letters_that_are_on_their_way_from_both_doors(
    ready: Doors,
) -> None:
    ledger = ready.browser.console.ledger
    assert isinstance(ledger.now, SettableClock)
    journey = Journey(ledger, 1, ledger.now)
    for one in journey.claim(9):
        if one.number != 2:  # the second one is only claimed
            journey.mark(one)

    def typed(who: str) -> str:
        command = ["-C", str(ready.root), "contacts", "hold", who, "--because", "x"]
        return " ".join(CliRunner().invoke(cli, command).output.split())

    assert "M-0001 is just handing their letter over; it cannot be called back" in typed(
        "anna.berg@no.parliament.example"
    )
    assert ready.browser.post("/mail-outs/M-0001/people/3/hold", because="x").status_code == 303
    page = ready.page("/mail-outs/M-0001/people/3")
    assert "Too late for M-0001: that letter is being handed over." in page
    two = ready.typed("log", "people")[1]
    assert "And taken out of M-0001, which is being sent." in typed(two["address"])
    reasons = [row["reason"] for row in ready.typed("log", "people", "--state", "not_sent")]
    assert reasons == ["on_hold"]


def test_whoever_was_written_onto_the_hold_list_by_hand_is_not_counted(ready: Doors) -> None:
    line = "address,name,delegation,because\nanna.berg@no.parliament.example,,,asked\n"
    (ready.root / "contacts" / "_hold.csv").write_text(line, encoding="utf-8")
    page = ready.page("/mail-outs/M-0001/send")
    assert "1 person is on the hold list since the plan" in page
    assert "2 people of" in page and "2 Type the number to send" in page


@pytest.mark.parametrize("door", ["typed", "browser"])
@pytest.mark.parametrize("what", ["pause", "stop"])
def test_pause_and_stop_write_the_same_from_both_doors(
    sent: Doors, sqlite_ledger: Ledger, door: str, what: str
) -> None:
    if door == "typed":
        sent.typed(what, "M-0001")
    else:
        assert sent.browser.post(f"/mail-outs/M-0001/{what}", sure="yes").status_code == 303
    with sqlite_ledger.reading() as connection:
        after = mailouts.get(connection, 1)
        told = next(iter(listing.latest(connection, 1, 1)))
    assert after.state.value in ("paused", "stopped")
    assert after.why == f"{after.state.value} by {told.who}"
    assert after.why in sent.page("/mail-outs/M-0001")
    assert after.why in CliRunner().invoke(cli, ["-C", str(sent.root), "status", "M-0001"]).output


@pytest.mark.parametrize("what", ["pause", "stop"])
def test_what_cannot_be_paused_or_stopped_is_refused_with_the_same_words(
    sent: Doors, what: str
) -> None:
    sent.typed("stop", "M-0001")
    if what == "pause":
        said = refusal(sent, "pause", "M-0001")
        answer = sent.browser.post("/mail-outs/M-0001/pause")
        assert "was stopped for good; there is nothing to pause" in said
        assert answer.status_code == 409
        assert "was stopped for good; there is nothing to pause" in answer.text
    said = refusal(sent, "resume", "M-0001")
    answer = sent.browser.post("/mail-outs/M-0001/resume")
    assert "M-0001 was stopped for good" in said and answer.status_code == 409
    assert "M-0001 was stopped for good" in answer.text


@pytest.mark.parametrize("door", ["typed", "browser"])
@pytest.mark.parametrize("to", ["accepted", "not_sent"])
def test_an_unknown_letter_is_settled_in_the_same_way_from_both_doors(
    sent: Doors, door: str, to: str
) -> None:
    if door == "typed":
        how = f"--{to.replace('_', '-')}"
        sent.typed("resolve", "M-0001-003", how, "--because", "she answered", "--by", "jana")
    else:
        path = "/mail-outs/M-0001/people/3/settle"
        assert sent.browser.post(path, to=to, because="she answered").status_code == 303
    (story,) = sent.typed("log", "show", "M-0001-003")
    last = story["timeline"][-1]
    assert (last["kind"], last["detail"], last["who"]) == (to, "she answered", "jana")
    assert "jana decided: she answered" in sent.page("/mail-outs/M-0001/people/3")


def test_a_letter_is_not_released_to_whoever_is_held_from_either_door(ready: Doors) -> None:
    """The same refusal, where the person was held after the letter became unknown."""
    become_unknown(ready, 1)
    ready.typed("contacts", "hold", "anna.berg@no.parliament.example", "--because", "asked")
    words = "Anna Berg is on the hold list: asked. Nothing was released."
    assert words in refusal(ready, "resolve", "M-0001-001", "--resend", "--because", "x")
    answer = ready.browser.post("/mail-outs/M-0001/people/1/resend", because="x")
    assert answer.status_code == 409 and words in answer.text


@pytest.mark.parametrize("door", ["typed", "browser"])
def test_a_letter_is_released_in_the_same_way_from_both_doors(ready: Doors, door: str) -> None:
    become_unknown(ready, 1)
    if door == "typed":
        (told,) = ready.typed("resolve", "M-0001-001", "--resend", "--because", "x", "--by", "jana")
        assert told["resend"] == "M-0002"
    else:
        answer = ready.browser.post("/mail-outs/M-0001/people/1/resend", because="x")
        assert answer.headers["location"] == "/mail-outs/M-0002/send"
    (story,) = ready.typed("log", "show", "M-0001-001")
    last = story["timeline"][-1]
    assert (last["kind"], last["detail"], last["who"]) == (
        "released",
        "to be sent again in M-0002: x",
        "jana",
    )
    (again,) = ready.typed("log", "people", "M-0002")
    assert (again["name"], again["message_id"]) == (story["name"], story["message_id"])


def test_two_mail_outs_are_compared_in_the_same_way_through_both_doors(
    sent: Doors, planned: Callable[..., int]
) -> None:
    planned(3, appeal="again")
    typed = sent.typed("log", "compare", "M-0001", "M-0002")
    people = {(one["first"], one["second"]): one["people"] for one in typed}
    assert {("refused", "waiting"): 1, ("accepted", "waiting"): 1}.items() <= people.items()
    assert people["skipped", None] == 2, "who is in one of them alone"
    assert sum(people.values()) == sum(len(one["deliveries"]) for one in typed) == 8
    answer = sent.browser.get("/mail-outs/M-0001/compare?with=M-0002").text
    shown = re.findall(r'class="num" data-label="People">(\d+)<', answer)
    assert [int(number) for number in shown] == [one["people"] for one in typed]
    assert "Compare with another" in sent.page("/mail-outs/M-0001")


def test_telephone_and_note_of_the_sheets_are_in_the_files_of_both_doors(sent: Doors) -> None:
    (sent.root / "contacts" / "all.csv").write_text(
        "delegation,name,email,note,Tel. (office)\n"
        "NO,Person 1 Példás,person1@no.parliament.example,prefers mornings,+47 22 00 00 01\n",
        encoding="utf-8",
    )
    path = sent.root / "out.csv"
    sent.typed("log", "export", "M-0001", "--csv", str(path))
    typed = path.read_bytes()
    assert b"+47 22 00 00 01" in typed and b"prefers mornings" in typed
    assert sent.browser.get("/mail-outs/M-0001/outcomes.csv").content == typed


def become_unknown(doors: Doors, number: int) -> None:
    """Let a letter of the plan be handed over, and its line break."""
    ledger = doors.browser.console.ledger
    assert isinstance(ledger.now, SettableClock)
    journey = Journey(ledger, 1, ledger.now)
    for one in journey.claim(9):
        if one.number == number:
            journey.mark(one)
            journey.record(one, BROKE, reason=Reason.BROKE_AFTER_DOT)


# ---------------------------------------------------------------------------------------- hold list


def test_a_hold_says_whom_it_holds_in_both_doors(doors: Doors) -> None:
    (typed,) = doors.typed("contacts", "hold", "nobody@no.parliament.example", "--because", "x")
    assert typed["matches"] == []
    answer = doors.browser.post(
        "/contacts/hold-list", name="Ola Nordmenn", delegation="NO", address="", because="x"
    )
    assert answer.status_code == 303
    page = doors.page("/contacts/hold-list")
    assert "which holds nobody in the sheets. The nearest name there is Ola Nordmann." in page
    assert len(doors.typed("contacts", "holds")) == 2


def test_whoever_is_held_already_is_not_written_twice_from_either_door(doors: Doors) -> None:
    doors.typed("contacts", "hold", "Anna Berg", "--because", "x")
    again = CliRunner().invoke(
        cli, ["-C", str(doors.root), "contacts", "hold", "Anna Berg", "--because", "y"]
    )
    assert again.exit_code == 2 and "on the hold list already" in again.stderr
    answer = doors.browser.post(
        "/contacts/hold-list", name="Anna Berg", delegation="NO", address="", because="y"
    )
    assert answer.status_code == 409 and "on the hold list already" in answer.text
    assert len(doors.typed("contacts", "holds")) == 1


def test_what_people_write_in_the_console_stands_in_the_story_of_the_command_line(
    sent: Doors,
) -> None:
    here = "/mail-outs/M-0001/people/1"
    sent.browser.post(f"{here}/note", text="the office was closed")
    sent.browser.post(f"{here}/done")
    sent.browser.post(f"{here}/done", again="1")
    shown = CliRunner().invoke(cli, ["-C", str(sent.root), "log", "show", "M-0001-001"]).stdout
    said = " ".join(shown.split())
    page = sent.page(here)
    for words in (
        "note by jana: the office was closed",
        "follow-up done by jana",
        "follow-up taken up again by jana",
    ):
        assert words in said and words in page


# ------------------------------------------------------------------------------------------- sheets

NEWER = (
    "Delegation;Function;Name;E-mail\n"
    "NO;representative;Anna Prøve;anna.berg@no.parliament.example\n"
    "NO;substitute;Tor Ny;tor.ny@no.parliament.example\n"
)


def dropped(doors: Doors, name: str, content: bytes) -> str:
    """Drop a sheet on the page of contacts, and return its page."""
    answer = doors.browser.post("/contacts", files={"sheet": (name, content)})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_a_newer_list_makes_the_same_of_a_sheet_through_both_doors(doors: Doors) -> None:
    sheet = doors.root / "contacts" / "all.csv"
    before = sheet.read_bytes()
    list_ = doors.root / "new norway.csv"
    list_.write_text(NEWER, encoding="utf-8")
    (shown,) = doors.typed("contacts", "update", "all.csv", str(list_))
    assert (shown["written"], sheet.read_bytes()) == (False, before)
    assert shown["totals"] == {"left": 1, "joined": 1, "changed": 1, "to_decide": 0}
    here = dropped(doors, "new norway.csv", NEWER.encode())
    page = doors.page(f"{here}?of=all.csv")
    assert "1 left · 1 joined · 1 changed · 0 to decide" in page
    assert "Anna Berg → Anna Prøve" in page
    assert "With it 4 people of all sheets can be written to; now it is 4." in page
    answer = doors.browser.post(f"{here}/newer", of="all.csv")
    assert answer.headers["location"] == "/contacts/all.csv"
    in_browser = sheet.read_bytes()
    assert "1 left, 1 joined, 1 changed" in doors.page("/contacts/all.csv")
    (undone,) = doors.typed("contacts", "undo", "all.csv")
    assert (undone["version"], sheet.read_bytes()) == (1, before)
    (typed,) = doors.typed("contacts", "update", "all.csv", str(list_), "--apply")
    assert (typed["written"], sheet.read_bytes()) == (True, in_browser)
    assert doors.browser.post("/contacts/all.csv/take-back", version="1").status_code == 303
    assert sheet.read_bytes() == before
    page = doors.page("/journal")
    assert "new norway.csv" in page
    assert "newer list taken over contacts/all.csv: 1 left, 1 joined, 1 changed" in page
    assert "sheet taken back contacts/all.csv, version 1" in page


def test_who_looks_like_somebody_is_asked_in_both_doors_and_only_once(doors: Doors) -> None:
    list_ = doors.root / "newer.csv"
    list_.write_text(NEWER.replace("Tor Ny", "Ola Kristian Nordmann"), encoding="utf-8")
    (shown,) = doors.typed("contacts", "update", "all.csv", str(list_), "--apply")
    assert (shown["written"], shown["totals"]["to_decide"]) == (False, 1)
    here = dropped(doors, "newer.csv", list_.read_bytes())
    question = "Is Ola Kristian Nordmann (Norway) the same person as Ola Nordmann (Norway)?"
    assert question in doors.page(f"{here}?of=all.csv")
    refused = doors.browser.post(f"{here}/newer", of="all.csv")
    assert refused.status_code == 409
    said = {"of": "all.csv", "name-0": "Ola Kristian Nordmann", "answer-0": "same"}
    assert doors.browser.post(f"{here}/newer", **said).status_code == 303
    doors.typed("contacts", "undo", "all.csv")
    (again,) = doors.typed("contacts", "update", "all.csv", str(list_))
    assert again["totals"]["to_decide"] == 0


def test_columns_say_the_same_of_themselves_through_both_doors(doors: Doors) -> None:
    (doors.root / "contacts" / "list.csv").write_text(
        "Ülke,Adı,Soyadı,E-posta adresi,Masa\nTürkiye,Şükrü,Örnek,s@tr.parliament.example,3\n",
        encoding="utf-8",
    )
    said = CliRunner().invoke(cli, ["-C", str(doors.root), "contacts", "check", "list.csv"]).output
    page = doors.page("/contacts/list.csv")
    for heading, field in (("Ülke", "delegation"), ("Adı", "given"), ("Soyadı", "surname")):
        assert f'{field} ← "{heading}"' in said
        assert f"{heading} {field}" in page
    assert 'for letters only: "Masa"' in said
    assert "Masa for letters only" in page


def test_a_dropped_sheet_is_checked_in_the_book_as_it_would_be(doors: Doors) -> None:
    """The same people under another name: alone it is fine, among the others nobody gets more."""
    copy = (doors.root / "contacts" / "all.csv").read_bytes()
    (checked,) = doors.typed("contacts", "check")
    now = checked["usable"]
    page = doors.page(dropped(doors, "aaa.csv", copy))
    assert f"With it {now} people of all sheets can be written to; now it is {now}." in page
    assert f"{now} can be written to" in page  # as the first of the two
    assert "this person has the same address in another row" not in page.partition("As it is")[0]
    page = doors.page(dropped(doors, "zz.csv", copy))
    assert ", 0 can be written to" in page
    assert "this person has the same address in another row (contacts/all.csv:2:7)" in page


def test_what_cannot_be_taken_over_is_said_before_in_both_doors(doors: Doors) -> None:
    sheet = doors.root / "contacts" / "norway.csv"
    sheet.write_text("NORWAY\nName,E-mail\nLiv Ny,liv@no.parliament.example\n", encoding="utf-8")
    list_ = doors.root / "newer.csv"
    list_.write_text("Country,Name,E-mail\nSE,Per Ny,p@se.parliament.example\n", encoding="utf-8")
    words = ["-C", str(doors.root), "contacts", "update", "norway.csv", str(list_)]
    said = CliRunner().invoke(cli, words)
    reason = "Per Ny (Sweden) joined, and norway.csv has no place for that delegation"
    assert (said.exit_code, reason in said.output) == (3, True)
    here = dropped(doors, "newer.csv", list_.read_bytes())
    page = doors.page(f"{here}?of=norway.csv")
    assert reason in page
    assert "Update norway.csv with it" not in page


def test_a_sheet_of_headings_alone_is_not_fine(doors: Doors) -> None:
    (doors.root / "contacts" / "empty.csv").write_text("Country,Name,E-mail\n", encoding="utf-8")
    assert "nobody in it" in doors.page("/contacts/empty.csv")
    (checked,) = doors.typed("contacts", "check", "empty.csv")
    assert (checked["people"], checked["usable"]) == (0, 0)


def test_rows_are_searched_and_mended_cell_by_cell_and_the_journal_says_by_whom(
    doors: Doors,
) -> None:
    page = doors.page("/contacts/all.csv/rows?q=sample")
    assert "Peter Sample" in page
    assert "Anna Berg" not in page
    here = "/contacts/all.csv/rows/7"
    text = doors.browser.get(here).text
    seal = re.search(r'name="seal" value="(\w+)"', text)
    assert seal is not None
    cells = dict(re.findall(r'<input name="(7:\d)" value="([^"]*)"', text))
    assert cells["7:7"] == "peter.sample at gb.parliament.example"
    form = {"tab": "", "seal": seal[1], **cells, "7:7": "peter.sample@gb.parliament.example"}
    assert doors.browser.post(here, **form).status_code == 303
    assert "contacts/all.csv 7:7 is corrected" in doors.page(here)
    (row,) = doors.typed("contacts", "show", "Peter Sample")
    assert (row["address"], row["skip"]) == ("peter.sample@gb.parliament.example", None)
    assert doors.browser.post(here, **form).status_code == 409  # the row is another one by now
    assert "cells mended contacts/all.csv 7:7" in doors.page("/journal")
    assert "peter.sample@" not in doors.page("/journal")
    doors.typed("contacts", "undo", "all.csv")
    (row,) = doors.typed("contacts", "show", "Peter Sample")
    assert row["address"] == ""


# ------------------------------------------------------------------------------------------- board


def test_position_is_noted_read_and_taken_away_through_both_doors(doors: Doors) -> None:
    (typed,) = doors.typed(
        *("position", "set", "Anna Berg", "supports", "--source", "call", "--by", "Jana"),
        *("--next", "ring again", "--due", "2027-01-20"),
    )
    assert typed == {"appeal": "vote", "name": "Anna Berg", "delegation": "NO"}
    board = "/letters/vote/board"
    answer = doors.browser.post(
        f"{board}/member",
        who="FR:chloe exemple",
        token="once",
        position="against",
        source="meeting",
        note="not this time",
    )
    assert answer.headers["location"] == f"{board}/members?delegation=FR"
    (counted,) = doors.typed("positions", "vote")
    assert counted["counts"] == {
        **dict.fromkeys(("leans", "undecided", "absent"), 0),
        "supports": 1,
        "against": 1,
        "not_known": 4,
    }
    assert counted["motions"][0]["supports"] == [1, 1, 0]
    page = doors.page(board)
    assert "1 supports" in page and "1 against" in page and "4 not known" in page
    assert "1 of 30 members" in page and "1 of 5 delegations" in page
    assert "Anna Berg Norway ring again 20 Jan 2027 Jana" in page
    (told,) = doors.typed("position", "show", "Chloé Exemple")
    assert (told["position"], told["source"], told["note"]) == (
        "against",
        "meeting",
        "not this time",
    )
    shown = doors.page(f"{board}/member?who=FR:chloe+exemple")
    assert "against · meeting" in shown and "not this time" in shown
    form = doors.browser.get(f"{board}/member?who=GB:peter+sample&source=reply").text
    assert re.findall(r'name="source" value="(\w+)"', form)[:2] == ["reply", "call"]
    assert re.findall(r'name="position" value="(\w*)" checked', form) == [""]  # nothing is guessed
    (listed, _) = doors.typed("positions", "vote", "--delegation", "NO")
    assert (listed["name"], listed["position"]) == ("Anna Berg", "supports")
    assert "Anna Berg supports" in doors.page(f"{board}/members?delegation=NO")
    assert doors.typed("position", "clear", "Anna Berg") == [{"cleared": 1}]
    doors.browser.post(f"{board}/clear", who="FR:chloe exemple")
    assert doors.typed("position", "show", "Chloé Exemple") == []
    assert "6 not known" in doors.page(board)


def test_export_has_positions_only_where_they_are_asked_for(doors: Doors, tmp_path: Path) -> None:
    doors.typed("plan", "vote")
    doors.typed("position", "set", "Anna Berg", "leans", "--source", "call")
    for name, more in (("plain.csv", []), ("told.csv", ["--with-positions"])):
        CliRunner().invoke(
            cli, ["-C", str(doors.root), "log", "export", "--csv", str(tmp_path / name), *more]
        )
    plain, told = ((tmp_path / name).read_text("utf-8-sig") for name in ("plain.csv", "told.csv"))
    assert "Position" not in plain and "leans" not in plain
    assert "leans" not in doors.browser.get("/mail-outs/M-0001/outcomes.csv").text
    assert "leans" not in doors.page("/letters/vote/call-sheet")
    assert "jana positions read vote" not in doors.page("/journal")
    for path in ("/mail-outs/M-0001", "/letters/vote"):
        answer = doors.browser.get(f"{path}/outcomes.csv?with=positions")
        assert answer.content == (tmp_path / "told.csv").read_bytes()
    assert "jana positions read vote" in doors.page("/journal")
    assert "leans towards it" in doors.page("/letters/vote/call-sheet?with=positions")
    lines = told.splitlines()
    assert lines[0].endswith("Position")
    assert [one.endswith(",leans towards it") for one in lines[1:]] == [True] + [False] * 5
    assert "positions read" in doors.page("/journal")


def test_position_that_is_none_is_refused_through_both_doors(doors: Doors) -> None:
    (typed,) = doors.typed("position", "set", "Anna Berg", "suports", "--source", "call")
    answer = doors.browser.post(
        "/letters/vote/board/member", who="NO:anna berg", position="suports", source="call"
    )
    assert (typed["exit"], answer.status_code) == (2, 400)
    assert typed["error"] in html.unescape(answer.text)
    edit(doors.root / "config.toml", "keep_until = 2099-12-31\n", "")
    (typed,) = doors.typed("position", "set", "Anna Berg", "supports", "--source", "call")
    answer = doors.browser.get("/letters/vote/board")
    assert (typed["exit"], answer.status_code) == (3, 409)
    assert typed["error"] in html.unescape(answer.text)


# ------------------------------------------------------------------------------------------ report


def test_report_says_the_same_through_both_doors(doors: Doors) -> None:
    (refused,) = doors.typed("report", "vote")
    answer = doors.browser.get("/letters/vote/report")
    assert refused["error"] in html.unescape(answer.text)
    doors.typed("plan", "vote")
    doors.typed("position", "set", "Anna Berg", "supports", "--source", "call")
    file = doors.root / "report.pdf"
    (typed,) = doors.typed("report", "vote", "--with-positions", "--pdf", str(file))
    assert (sum(typed["counts"].values()), typed["positions"]["supports"]) == (6, 1)
    assert typed["absent"] == [one for one in typed["absent"] if one not in ("NO", "FR", "GB")]
    shown = doors.page("/letters/vote/report?with=positions")
    assert "people to be written to: 3" in shown and "1 supports" in shown
    assert "supports" not in doors.page("/letters/vote/report")
    texts = [
        pypdf.PdfReader(io.BytesIO(data)).pages[0].extract_text().splitlines()[2:]
        for data in (
            file.read_bytes(),
            doors.browser.get("/letters/vote/report.pdf?with=positions").content,
        )
    ]
    assert texts[0] == texts[1]


def test_sheets_go_back_with_the_same_outcome_through_both_doors(doors: Doors) -> None:
    doors.typed("plan", "vote")
    folder = doors.root / "back"
    doors.typed("report", "vote", "--sheets", str(folder))
    answer = doors.browser.get("/letters/vote/report/all.csv")
    assert answer.content == (folder / "all.csv").read_bytes()
    assert answer.text.splitlines()[0].endswith(",Outcome")
    assert doors.browser.get("/letters/vote/report/none.csv").status_code == 404


def test_roll_call_becomes_the_same_column_through_both_doors(doors: Doors, tmp_path: Path) -> None:
    roll = "For\nMs Anna BERG (Norway)\nAgainst\nOla Nordmand (Norway)\nMs Gone AWAY (Norway)\n"
    (tmp_path / "roll.txt").write_text(roll)
    sheet = doors.root / "contacts" / "all.csv"
    before = sheet.read_bytes()
    (typed,) = doors.typed("votes", "import", str(tmp_path / "roll.txt"), "--vote", "2024-01-24")
    assert (typed["written"], typed["unknown"]) == ({"for": 1}, ["Gone AWAY"])
    assert [one["name"] for one in typed["asked"]] == ["Ola Nordmand"]
    written = sheet.read_bytes()
    sheet.write_bytes(before)
    answer = doors.browser.post(
        "/contacts/votes", day="2024-01-24", files={"file": ("roll.txt", roll.encode())}
    )
    assert answer.status_code == 200 and sheet.read_bytes() == written
    page = " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())
    assert "Vote 2024 : 1 voted for" in page and "1 is unsure" in page
    assert all(one["code"] in page for one in typed["problems"])
    text = re.search(r'name="text" hidden>([^<]*)<', answer.text)
    assert text
    answer = doors.browser.post(
        "/contacts/votes",
        column="Vote 2024",
        text=html.unescape(text[1]),
        same="Ola Nordmand",
    )
    assert "nordmann@no.parliament.example,,against" in sheet.read_text(encoding="utf-8")
    (typed,) = doors.typed("votes", "import", str(tmp_path / "roll.txt"), "--vote", "2024-01-24")
    assert (typed["written"], typed["asked"]) == ({}, [])
    doors.typed("position", "set", "Anna Berg", "supports", "--source", "call")
    (counted,) = doors.typed("positions", "vote")
    assert counted["votes"]["Vote 2024"]["for"]["supports"] == 1
    assert counted["votes"]["Vote 2024"]["not_on_the_list"]["not_known"] == 4
    assert "voted for 1 0 0 0 0 0" in doors.page("/letters/vote/board")
    shown = CliRunner().invoke(cli, ["-C", str(doors.root), "positions", "vote"]).output
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "voted for 1 0 0 0 0 0" in lines and "not on the list 0 0 0 0 0 4" in lines
    said = "1 of 30 members, 1 of 5 delegations; with those who lean towards it: 1 member, of 1"
    assert any(line.startswith(said) for line in lines)
    assert doors.page("/journal").count("votes imported") == 3
    (refused,) = doors.typed("votes", "import", str(sheet), "--column", "Outcome")
    answer = doors.browser.post("/contacts/votes", column="Outcome", text="x")
    assert refused["error"] in html.unescape(answer.text)


# ---------------------------------------------------------------------------------------- calendar


def test_calendar_says_the_same_through_both_doors(doors: Doors) -> None:
    toml = doors.root / "templates" / "vote" / "appeal.toml"
    (refused,) = doors.typed("calendar", "vote")
    assert refused["error"] in html.unescape(doors.browser.get("/letters/vote/calendar").text)
    toml.write_text(
        toml.read_text()
        + """[session]
name = { en = "a session", fr = "une session" }
opens = 2027-01-25
vote = 2027-01-27T12:00:00
"""
    )
    doors.typed("plan", "vote")
    lines = doors.typed("calendar", "vote")
    assert all("step" in one for one in lines), lines
    typed = {one["step"]: one for one in lines}
    assert typed["first"]["when"] == "2027-01-11"
    assert typed["vote"]["when"] == "2027-01-27T11:00:00Z"
    assert typed["sheets"]["done"]
    shown = doors.page("/letters/vote/calendar")
    assert "27 Jan 2027, 12:00 CET" in shown and "11 Jan 2027" in shown
    file = doors.root / "vote.ics"
    doors.typed("calendar", "vote", "--ics", str(file))
    taken = doors.browser.get("/letters/vote/calendar.ics").content
    of_both = [
        sorted(
            (str(one["uid"]), one["dtstart"].dt, str(one["summary"]))
            for one in icalendar.Calendar.from_ical(data).walk("VEVENT")
        )
        for data in (file.read_bytes(), taken)
    ]
    assert of_both[0] == of_both[1]
    moments = {uid.partition("@")[0]: at for uid, at, _ in of_both[0]}
    assert moments["vote-vote"] == datetime(2027, 1, 27, 11, 0, tzinfo=UTC)
    assert moments["vote-opens"] == date(2027, 1, 25)
    assert max(map(len, taken.split(b"\r\n"))) <= 75


# -------------------------------------------------------------------------------- begins by itself


def test_start_is_scheduled_changed_and_taken_back_through_either_door(doors: Doors) -> None:
    (new,) = doors.typed("plan", "vote")
    name, number = new["mail_out"], new["to_send"]
    words = ("send", name, "--confirm", str(number), "--at")
    (typed,) = doors.typed(*words, "2031-05-19 9:00 in each capital", "--working-days")
    form = {"day": "2031-05-19", "hour": "09:00", "capitals": "yes", "working": "yes"}
    here = f"/mail-outs/{name}"
    query = "&".join(f"{key}={value}" for key, value in form.items())
    shown = doors.page(f"{here}/send?{query}")
    assert "19 May 2031, 09:00 CEST" in shown
    taken = doors.browser.post(f"{here}/schedule", hour="")
    assert taken.status_code in (200, 303)
    assert "It begins by itself" not in doors.page(f"{here}/send")
    doors.browser.post(f"{here}/schedule", **form, number=str(number))
    assert "It begins by itself: the first letter leaves on 19 May 2031" in doors.page(
        f"{here}/send"
    )
    with doors.browser.console.ledger.reading() as connection:
        after = mailouts.get(connection, 1)
    assert after.schedule == typed["schedule"]
    (status,) = doors.typed("status", name)
    assert status["schedule"] == after.schedule
    assert status["starts_at"] == typed["starts_at"]
    assert "it begins by itself: the first letter leaves on 19 May 2031" in doors.page(here)
    switch = doors.root / ".mailer" / "STOP"
    switch.touch()
    kept = doors.page(f"{here}/send")  # what keeps it from being sent keeps no start
    assert "The kill switch is on" in kept
    assert "Take it back" in kept
    switch.unlink()
    with doors.browser.console.ledger.writing() as connection:
        at = doors.browser.console.ledger.now()
        mailouts.schedule(connection, 1, "x", {"NO": at - timedelta(hours=2)}, at=at, who="jana")
        mailouts.could_not_begin(connection, 1, "could not begin: no", at=at, who="mailer work")
    assert "was to begin by itself on" in doors.page("/")
    (late,) = doors.typed("status", name)
    assert late["why"] == "could not begin: no"
    assert "could not begin: no" in doors.page(f"{here}/send")
    (none,) = doors.typed("send", name, "--at", "none")
    assert none["starts_at"] is None
    late = doors.browser.post(
        f"{here}/schedule", day="2020-01-06", hour="09:00", number=str(number)
    )
    (refused,) = doors.typed(*words, "2020-01-06 9:00")
    assert refused["error"].partition(":")[0] in html.unescape(late.text)
