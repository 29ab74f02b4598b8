"""Facts about the pages on which letters are written: nothing that was typed is lost, and whatever
was typed gets an answer.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from httpx import Response

from mailer.actions.writing import appeals, changes
from mailer.console.request import Console
from mailer.ledger.ledger import Ledger
from tests.actions.test_writing import BROKEN, PDF
from tests.conftest import SettableClock
from tests.helpers.consoles import (
    HERE,
    LETTERS,
    PASSWORD,
    Browser,
    a_console,
    as_role,
    sign_in,
    signed_in,
    workspace,
)

EN = "/letters/vote/write/en"


@pytest.fixture
def console(tmp_path: Path, sqlite_ledger: Ledger) -> Console:
    return a_console(workspace(tmp_path), sqlite_ledger)


@pytest.fixture
def browser(console: Console) -> Browser:
    return signed_in(console)


def field(answer: Response, name: str) -> str:
    """Return what stands in a field of a page."""
    found = re.search(rf'<input[^>]*name="{name}"[^>]*? value="([^"]*)"', answer.text)
    area = re.search(
        rf'<textarea[^>]*name="{name}"[^>]*>\n(.*?)</textarea>', answer.text, re.DOTALL
    )
    assert found or area, answer.text
    return html.unescape((area or found)[1])


def fields(answer: Response, **others: str) -> dict[str, str]:
    """Return the form of a letter, with other words in it."""
    there = {name: field(answer, name) for name in ("subject", "preview", "text", "seen")}
    return there | others


def file(console: Console, name: str = "en.md") -> str:
    return (console.cache.root / "templates" / "vote" / name).read_text("utf-8")


# ------------------------------------------------------------------------------------------- begin


def test_appeal_is_begun_written_and_saved(console: Console, browser: Browser) -> None:
    answer = browser.post("/letters", title="Political prisoners: January 2027!")
    assert answer.headers["location"] == "/letters/political-prisoners-january-2027/write"
    answer = browser.get(answer.headers["location"])
    here = answer.headers["location"]
    assert here.endswith("/write/en")
    page = browser.get(here)
    assert page.text.count("The appeal is begun") == 1
    answer = browser.post(here, **fields(page, subject="Please free them", do="save"))
    assert answer.status_code == 303
    assert "Saved at" in browser.get(answer.headers["location"]).text
    folder = console.cache.root / "templates" / "political-prisoners-january-2027"
    assert "Subject: Please free them\n" in (folder / "en.md").read_text("utf-8")
    assert 'title = "Political prisoners: January 2027!"' in (folder / "appeal.toml").read_text()
    told = changes.history(console.ledger, folder.name)
    assert [(one.file.rpartition("/")[2], one.lines) for one in told] == [
        ("en.md", "1"),
        ("fr.md", "new"),
        ("en.md", "new"),
        ("appeal.toml", "new"),
    ]


def test_viewer_reads_and_changes_nothing(console: Console) -> None:
    viewer = as_role(console, "viewer")
    page = viewer.get(EN)
    assert page.status_code == 200
    assert 'value="save"' not in page.text
    assert viewer.post(EN, subject="x", text="x", seen="", do="save").status_code == 403
    assert file(console) == LETTERS["en.md"]


# --------------------------------------------------------------------------------- nothing is lost


def test_look_saves_nothing_and_loses_nothing(console: Console, browser: Browser) -> None:
    typed = '\n\n  {{ greeting }}\n\n<b>&amp; "quotes"</textarea> {{ rloe }}\n'
    answer = browser.post(EN, **fields(browser.get(EN), text=typed, do="show"))
    assert field(answer, "text") == typed
    assert "did you mean &#34;role&#34;?" in answer.text
    assert "not saved yet" in answer.text
    assert file(console) == LETTERS["en.md"]


def test_second_tab_chooses_between_two_texts(console: Console, browser: Browser) -> None:
    colleague = as_role(console, "editor")
    mine, theirs = browser.get(EN), colleague.get(EN)
    colleague.post(EN, **fields(theirs, text="{{ greeting }}\n\nTheir words\n", do="save"))
    answer = browser.post(EN, **fields(mine, text="{{ greeting }}\n\nMy words\n", do="save"))
    assert answer.status_code == 409
    assert "editor has changed this letter" in answer.text
    assert "<ins>Their words</ins>" in answer.text
    assert field(answer, "text") == "{{ greeting }}\n\nMy words\n"
    assert "Their words" in file(console)
    assert browser.post(EN, **fields(answer, do="save")).status_code == 303
    assert "My words" in file(console)
    assert "-Their words\n+My words" in changes.history(console.ledger, "vote")[0].difference


def test_what_was_typed_comes_back_after_a_sign_in(console: Console, clock: SettableClock) -> None:
    browser = as_role(console, "editor")
    page = browser.get(EN)
    typed = fields(page, text="{{ greeting }}\n\nAn hour's work: “quotes” & <marks>\n")
    clock.forward(hours=1)
    data = {"_token": "old"} | typed | {"do": "save"}
    look = browser.client.post(
        EN, data=data | {"do": ""}, headers={"origin": HERE, "hx-request": "true"}
    )
    assert look.status_code == 200
    assert "Press Save" in look.text
    answer = browser.client.post(EN, data=data, headers={"origin": HERE})
    assert answer.status_code == 401
    for password, status in (("wrong", 403), (PASSWORD, 200)):
        form = {"name": "editor", "password": password, "next": EN}
        form |= {"_token": field(answer, "_token"), "kept": field(answer, "kept")}
        answer = browser.client.post("/sign-in", data=form, headers={"origin": HERE})
        assert answer.status_code == status
    back = browser.client.post(
        EN,
        data=fields(answer, do="show", _token=field(answer, "_token")),
        headers={"origin": HERE},
    )
    assert back.status_code == 200
    assert fields(back) == typed
    assert file(console) == LETTERS["en.md"]
    assert browser.post(EN, **fields(back, do="save")).status_code == 303
    assert "An hour's work: “quotes” & <marks>" in file(console)


def test_sign_in_in_another_window_brings_it_back_too(console: Console) -> None:
    browser = as_role(console, "editor")
    typed = fields(browser.get(EN), text="{{ greeting }}\n\nKept\n", do="save", _token="old")
    console.sessions.end_where(lambda _: True)
    answer = browser.client.post(EN, data=typed, headers={"origin": HERE})
    form = {"_token": field(answer, "_token"), "kept": field(answer, "kept"), "again": "1"}
    waits = browser.client.post("/sign-in", data=form, headers={"origin": HERE})
    assert "Nobody is signed in here yet" in waits.text
    assert sign_in(browser, "editor", PASSWORD).status_code == 303
    answer = browser.client.post("/sign-in", data=form, headers={"origin": HERE})
    assert field(answer, "text") == "{{ greeting }}\n\nKept\n"
    again = browser.client.post(EN, data=typed, headers={"origin": HERE})  # the old page itself
    assert field(again, "text") == "{{ greeting }}\n\nKept\n"
    assert file(console) == LETTERS["en.md"]


def test_nothing_is_kept_for_another_site(console: Console) -> None:
    browser = as_role(console, "editor")
    console.sessions.end_where(lambda _: True)
    for headers in ({"origin": "https://evil.example"}, {}):
        answer = browser.client.post(EN, data={"text": "planted"}, headers=headers)
        assert answer.status_code == 401
        assert "planted" not in answer.text
    wrong = '{"to": "https://evil.example/", "fields": {}}'
    page = browser.get("/sign-in")
    form = {"_token": field(page, "_token"), "kept": wrong, "name": "editor", "password": PASSWORD}
    answer = browser.client.post("/sign-in", data=form, headers={"origin": HERE})
    assert "evil.example" not in answer.text


# ---------------------------------------------------------------------------------- broken letters


@pytest.mark.parametrize("what", [one for one in BROKEN if "pair" not in one])
def test_whatever_is_typed_gets_an_answer(console: Console, browser: Browser, what: str) -> None:
    page = browser.get(EN)
    for do in ("show", "save"):
        answer = browser.post(EN, **fields(page, text=BROKEN[what], do=do))
        assert answer.status_code in (200, 303, 400), answer.text[:500]
    assert browser.get(EN).status_code == 200
    assert browser.get("/letters/vote/write").status_code == 303
    assert browser.get("/letters").status_code == 200
    assert browser.get("/letters/vote/check").status_code in (200, 400)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"x" * 5_000_000, b"{{" * 9, b""])
def test_file_that_is_no_letter_is_said_and_can_be_replaced(
    console: Console, browser: Browser, content: bytes
) -> None:
    (console.cache.root / "templates" / "vote" / "en.md").write_bytes(content)
    page = browser.get(EN)
    assert page.status_code == 200
    answer = browser.post(
        EN, **fields(page, subject="Vote", text="{{ greeting }} Come.", do="save")
    )
    assert answer.status_code == 303, answer.text
    assert file(console) == "Subject: Vote\n\n{{ greeting }} Come.\n" or "Preview" in file(console)


@pytest.mark.parametrize(
    "address",
    [
        "/letters/vote/write/xx",
        "/letters/nowhere/write",
        "/letters/..%2f..%2fetc/write",
        "/letters/vote/write/..%2Fen",
    ],
)
def test_letter_that_there_is_not_is_said(browser: Browser, address: str) -> None:
    assert browser.get(address).status_code == 404


def test_letter_beside_it_is_shown_with_its_words(browser: Browser) -> None:
    page = browser.get(f"{EN}?beside=fr")
    assert "Merci de voter, comme {{ role }}." in html.unescape(page.text)
    shown = re.search(r'src="([^"]+letter\.html\?shown=[^"]+)"', page.text)
    assert shown
    letter = browser.get(html.unescape(shown[1]))
    assert "Please vote" in letter.text
    assert "sandbox" in letter.headers["content-security-policy"]


# -------------------------------------------------------------------------------------------- about

ABOUT = "/letters/vote/about"


def test_session_audience_and_signatories_are_set(console: Console, browser: Browser) -> None:
    page = browser.get(ABOUT)
    filled = {"seen": field(page, "seen"), "title": "Another vote", "last_day": "2027-01-28"}
    filled |= {"session_en": "the session", "session_fr": "la session", "opens": "2027-01-25"}
    filled |= {"role": ["representative", "chair"], "fallback": "fr", "out_0": "AZ"}
    filled |= {"out_0_why": "it is about them", "org_0": "", "org_0_name_en": "Rights"}
    filled |= {"to_heads": "yes"}
    answer = browser.post(ABOUT, **filled, do="save")
    assert answer.status_code == 303, answer.text
    read = appeals.read(console.cache.workspace(), "vote")
    assert (read.title, read.roles, read.fallback) == (
        "Another vote",
        ("representative", "chair"),
        ("fr",),
    )
    assert read.leave_out == {"AZ": "it is about them"}
    assert read.to_heads
    assert [one.english for one in read.organisations] == ["Rights"]
    page = browser.get(ABOUT)
    assert field(page, "session_fr") == "la session"
    assert 'name="to_heads" value="yes" checked' in page.text
    signed = browser.post("/letters/vote/sign", organisation="Rights", by="Jana Novák")
    assert signed.status_code == 303
    assert "Jana Novák, 2027-01-20" in browser.get(ABOUT).text
    of_before = filled | {"title": "A third vote", "do": "save"}
    assert browser.post(ABOUT, **of_before).status_code == 409


def test_form_comes_back_as_it_was_filled_in(console: Console) -> None:
    browser = as_role(console, "editor")
    filled = {"title": "Kept", "role": ["chair", "substitute"], "last_day": "2027-02-31"}
    filled |= {"org_0": "", "org_0_name_en": "Rights & more", "seen": ""}
    wrong = browser.post(ABOUT, **filled, do="save")
    assert wrong.status_code == 400
    console.sessions.end_where(lambda _: True)
    answer = browser.client.post(
        ABOUT, data=filled | {"do": "save", "_token": "old"}, headers={"origin": HERE}
    )
    form = {"name": "editor", "password": PASSWORD}
    form |= {"_token": field(answer, "_token"), "kept": field(answer, "kept")}
    answer = browser.client.post("/sign-in", data=form, headers={"origin": HERE})
    pairs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.text)
    kept: dict[str, list[str]] = {}
    for name, value in pairs:
        kept.setdefault(name, []).append(html.unescape(value))
    for page in (wrong, browser.client.post(ABOUT, data=kept, headers={"origin": HERE})):
        assert field(page, "title") == "Kept"
        assert field(page, "org_0_name_en") == "Rights & more"
        checked = re.findall(r'name="role" value="(\w+)" checked', page.text)
        assert sorted(checked) == ["chair", "substitute"]


def test_settings_that_cannot_be_read_are_a_text(console: Console, browser: Browser) -> None:
    path = console.cache.root / "templates" / "vote" / "appeal.toml"
    path.write_text('title = "A', "utf-8")
    page = browser.get(ABOUT)
    assert field(page, "source") == 'title = "A'
    assert "L121" in page.text
    text = {"source": 'title = "B"\n', "seen": field(page, "seen")}
    assert browser.post(ABOUT, **text, do="show").status_code == 200
    assert browser.post(ABOUT, **text, do="save").status_code == 303
    assert path.read_text("utf-8") == 'title = "B"\n'
    for broken in ("{{", "\0", "x" * 100_000, "title = 5"):
        answer = browser.post(ABOUT, source=broken, seen="", do="show")
        assert answer.status_code == 200


# -------------------------------------------------------------------------------------------- files

FILES = "/letters/vote/files"


def test_file_is_added_with_what_it_tells_and_taken_out(console: Console, browser: Browser) -> None:
    answer = browser.post(FILES, to="all", files={"file": ("Briefing.pdf", PDF)})
    assert answer.status_code == 303, answer.text
    page = browser.get(FILES)
    assert "Jana" in page.text
    assert "every letter" in page.text
    assert (console.cache.root / "templates/vote/files/Briefing.pdf").read_bytes() == PDF
    cleaned = browser.post(f"{FILES}/strip", file="Briefing.pdf")
    assert cleaned.status_code == 303, cleaned.text
    page = browser.get(FILES)
    assert "Taken out of Briefing.pdf: author: Jana Novák" in page.text
    assert "nothing was found" in page.text
    wrong = browser.post(FILES, to="all", files={"file": ("run.exe", b"MZ")})
    assert wrong.status_code == 400
    seen = field(page, "seen")
    gone = browser.post(f"{FILES}/remove", file="Briefing.pdf", seen=seen)
    assert gone.status_code == 303
    assert "No file goes along." in browser.get(FILES).text
