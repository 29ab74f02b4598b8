"""Facts about writing letters: nothing that somebody else wrote is lost, whatever is typed is said
at its line, and every change is in the journal with its difference.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter

from mailer.actions.writing import about, changes, enclosures, texts
from mailer.actions.writing.about import AboutOrganisation, AppealAbout
from mailer.actions.writing.changes import ChangedMeanwhile
from mailer.actions.writing.texts import LetterLook, LetterText
from mailer.base.errors import MailerError, UsageError
from mailer.base.settings.workspace import Workspace, load_workspace
from mailer.ledger.ledger import Ledger
from mailer.letters.appeal_files import load_appeal
from mailer.plan.draft import read_contacts
from tests.helpers.consoles import LETTERS, workspace

FILE = "templates/vote/en.md"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return load_workspace(workspace(tmp_path))


def look(place: Workspace, typed: LetterText, language: str = "en") -> LetterLook:
    return texts.look(place, read_contacts(place), "vote", language, typed)


def text(body: str, subject: str = "Please vote", preview: str = "") -> LetterText:
    return LetterText(subject, preview, body)


# ------------------------------------------------------------------------------------------- a file


def test_letter_that_is_taken_apart_is_written_as_it_stood(place: Workspace) -> None:
    letter, stamp, fault = texts.stored(place, "vote", "en")
    assert (letter.subject, letter.preview, fault) == ("Please vote", "A request", "")
    assert letter.source == LETTERS["en.md"]
    assert stamp == changes.stamp(LETTERS["en.md"].encode())


@pytest.mark.parametrize(
    ("content", "subject", "body"),
    [
        (b"Subject: A\r\n\r\nOne\r\nTwo\r\n", "A", "One\nTwo\n"),
        (b"preview: p\nSUBJECT: A\n\nOne\n", "A", "One\n"),
        (b"no head at all\n", "", "no head at all\n"),
        (b"Subject: A\nTo: everybody\n\nOne\n", "A", "To: everybody\n\nOne\n"),
        (b"Subject: caf\xe9\n\nOne\n", "café", "One\n"),
        (b"", "", "\n"),
    ],
)
def test_nothing_of_a_file_is_lost_however_it_is_written(
    content: bytes, subject: str, body: str
) -> None:
    letter = LetterText.of(content)
    assert (letter.subject, letter.text) == (subject, body)


# ------------------------------------------------------------------------------------------ changes


def test_change_is_in_the_journal_with_its_difference(place: Workspace, ledger: Ledger) -> None:
    before, stamp, _ = texts.stored(place, "vote", "en")
    typed = text(before.text.replace("Please vote", "Please come"), preview="A request")
    change = texts.save(place, ledger, "vote", "en", typed, seen=stamp, who="jana")
    assert change is not None
    assert (change.file, change.lines, change.who) == (FILE, "6", "jana")
    assert "-Please vote, as a {{ role }}.\n+Please come, as a {{ role }}." in change.difference
    assert changes.history(ledger, "vote") == [change]
    assert changes.history(ledger, "vot_") == []
    assert (place.root / FILE).read_text("utf-8") == typed.source


def test_saving_the_same_changes_nothing(place: Workspace, ledger: Ledger) -> None:
    before, stamp, _ = texts.stored(place, "vote", "en")
    assert texts.save(place, ledger, "vote", "en", before, seen=stamp, who="jana") is None
    assert changes.history(ledger, "vote") == []


def test_second_tab_overwrites_nothing_and_learns_who_wrote(
    place: Workspace, ledger: Ledger
) -> None:
    _, stamp, _ = texts.stored(place, "vote", "en")
    first = texts.save(
        place, ledger, "vote", "en", text("{{ greeting }} One"), seen=stamp, who="jana"
    )
    with pytest.raises(ChangedMeanwhile) as fault:
        texts.save(place, ledger, "vote", "en", text("{{ greeting }} Two"), seen=stamp, who="ana")
    assert first is not None
    assert (fault.value.now.by, fault.value.now.stamp) == ("jana", first.stamp)
    assert b"One" in fault.value.now.content
    assert b"One" in (place.root / FILE).read_bytes()
    texts.save(place, ledger, "vote", "en", text("{{ greeting }} Two"), seen=first.stamp, who="ana")
    assert [one.who for one in changes.history(ledger, "vote")] == ["ana", "jana"]


def test_change_in_an_editor_is_seen_and_nobody_is_blamed(place: Workspace, ledger: Ledger) -> None:
    _, stamp, _ = texts.stored(place, "vote", "en")
    change = texts.save(place, ledger, "vote", "en", text("One"), seen=stamp, who="jana")
    assert change is not None
    (place.root / FILE).write_text("Subject: A\n\nBy hand\n", "utf-8")
    with pytest.raises(ChangedMeanwhile) as fault:
        texts.save(place, ledger, "vote", "en", text("Two"), seen=change.stamp, who="jana")
    assert (fault.value.now.by, fault.value.now.content) == ("", b"Subject: A\n\nBy hand\n")


def test_language_is_added_in_the_place_of_another_and_taken_away(
    place: Workspace, ledger: Ledger
) -> None:
    change = texts.add(place, ledger, "vote", "de", "fr", who="jana")
    assert change is not None
    assert (change.file, change.lines) == ("templates/vote/de.md", "new")
    german, stamp, _ = texts.stored(place, "vote", "de")
    assert german.subject == "Votez"
    for wrong in ("de", "english", "DE", "../en", "cz", ""):
        with pytest.raises(UsageError):
            texts.add(place, ledger, "vote", wrong, who="jana")
    with pytest.raises(ChangedMeanwhile):
        texts.remove(place, ledger, "vote", "de", seen="0" * 16, who="jana")
    texts.remove(place, ledger, "vote", "de", seen=stamp, who="jana")
    assert texts.languages(place, "vote") == ["en", "fr"]
    assert "-Subject: Votez" in changes.history(ledger, "vote")[0].difference


def test_only_letter_stays(place: Workspace, ledger: Ledger) -> None:
    _, stamp, _ = texts.stored(place, "vote", "fr")
    texts.remove(place, ledger, "vote", "fr", seen=stamp, who="jana")
    _, stamp, _ = texts.stored(place, "vote", "en")
    with pytest.raises(UsageError, match="only letter"):
        texts.remove(place, ledger, "vote", "en", seen=stamp, who="jana")


def test_letter_behind_a_link_is_neither_read_nor_written(place: Workspace, ledger: Ledger) -> None:
    secret = place.root.parent / "secret.md"
    secret.write_text("Subject: s\n\nsecret\n")
    (place.root / "templates" / "vote" / "de.md").symlink_to(secret)
    letter, _, fault = texts.stored(place, "vote", "de")
    assert "secret" not in letter.source
    assert "link" in fault
    with pytest.raises(UsageError, match="link"):
        texts.save(place, ledger, "vote", "de", text("One"), seen="", who="jana")
    assert secret.read_text() == "Subject: s\n\nsecret\n"


# --------------------------------------------------------------------------------------------- look


def test_letter_is_shown_as_the_hardest_person_to_address(place: Workspace) -> None:
    found = look(place, text("{{ greeting }}\n\nPlease, as a {{ role }}.\n"))
    assert (found.problems, found.elsewhere, found.made_up) == ((), (), False)
    assert found.reader is not None
    assert found.letter is not None
    assert found.reader.language in ("en", "")
    assert found.reader in found.readers
    assert found.letter.greeting in found.letter.text


def test_letter_is_shown_as_a_made_up_person_where_there_is_nobody(place: Workspace) -> None:
    (place.root / "contacts" / "all.csv").unlink()
    found = look(place, text("{{ greeting }}\n\nPlease.\n"))
    assert found.made_up
    assert found.letter is not None


@pytest.mark.parametrize("preview", ["", "A request"])
def test_problem_stands_at_its_field_and_line(place: Workspace, preview: str) -> None:
    letter = LetterText("Vote {{ nmae }}", preview, "{{ greeting }}\n\nAs {{ rloe }} you vote.\n")
    found = look(place, letter)
    assert [
        (one.problem.code, one.field, one.line, one.before, one.marked, one.after)
        for one in found.problems
    ] == [
        ("L203", "subject", 1, "Vote {{ ", "nmae", " }}"),
        ("L203", "text", 3, "As {{ ", "rloe", " }} you vote."),
    ]
    assert not found.usable


def test_other_letters_do_not_stop_this_one(place: Workspace) -> None:
    (place.root / "templates" / "vote" / "fr.md").write_text("Subject: V\n\n{{ rloe }}\n", "utf-8")
    found = look(place, text("{{ greeting }}\n\nPlease.\n"))
    assert found.letter is not None
    assert [(one.problem.code, one.marked) for one in found.problems] == [("L141", "greeting")]


def test_name_that_lacks_in_one_language_stops_no_letter(place: Workspace) -> None:
    """Whoever begins a language sees the letter before the names are translated."""
    path = place.root / about.file_of("vote")
    path.write_text('[session]\nname = { en = "January" }\nopens = 2027-01-25\n', "utf-8")
    typed = text("{{ greeting }}\n\n{{ session.name }}.\n")
    for language in ("en", "fr"):
        found = look(place, typed, language)
        assert "L126" in {one.code for one in found.elsewhere}
        assert found.letter is not None
        assert "January." in found.letter.text


BROKEN = {
    "never closed": "{{",
    "a block that is never closed": "{% if role == 'chair' %}",
    "closed before it opens": "}} %} {% endif %}",
    "a name of 500 characters": "{{ " + "n" * 500 + " }}",
    "NUL": "One\0Two",
    "half a pair": "\ud800",
    "only marks": "{{}}{%%}{##}" * 50,
    "deeply nested": "{% if role %}" * 400 + "{% endif %}" * 400,
    "many brackets": "{{ " + "(" * 3000 + " }}",
    "a long number": "{{ " + "9" * 6000 + " }}",
    "5 MB": "x" * 5_000_000,
    "5 MB of marks": "{{" * 2_500_000,
    "brackets of Markdown": "[" * 20_000,
    "quotes of Markdown": ">" * 20_000,
    "directions": "\u202eabc",
    "nothing": "",
    "a script": "<script>alert(1)</script>",
    "a table": "|a|\n|-|\n" + "|b" * 5000,
}


@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize("field", ["subject", "text"])
def test_whatever_is_typed_is_said_and_never_a_mistake_of_ours(
    place: Workspace, sqlite_ledger: Ledger, what: str, field: str
) -> None:
    typed = LetterText(
        BROKEN[what] if field == "subject" else "Please vote",
        "",
        BROKEN[what] if field == "text" else "{{ greeting }}\n",
    )
    found = look(place, typed)
    assert found.problems or found.letter or found.without
    assert all(one.line > 0 and len(one.marked) < 200 for one in found.problems)
    _, stamp, _ = texts.stored(place, "vote", "en")
    with suppress(MailerError):
        texts.save(place, sqlite_ledger, "vote", "en", typed, seen=stamp, who="jana")
    again, _, _ = texts.stored(place, "vote", "en")
    look(place, again)


# ------------------------------------------------------------------------------------------- about

SETTINGS = """\
# ours
title = "A vote"  # for us
last_day = 2027-01-26

[session]
name = { en = "the session", fr = "la session" }
opens = 2027-01-25
source = "a page"

# whom
[audience]
roles = ["representative", "substitute"]
where = "role = representative"
[audience.leave_out]
AZ = "it is about them"

[languages]
default = "en"

# first of all
[[organisation]]
name = { en = "Freedom Now", de = "Jetzt" }
logo = "files/logo.png"
reply_to = "a@b.example"
[[organisation]]
name = { en = "Second" }
"""


def test_what_is_filled_in_anew_changes_nothing(place: Workspace, ledger: Ledger) -> None:
    (place.root / about.file_of("vote")).write_text(SETTINGS, "utf-8")
    now = about.stored(place, "vote")
    assert now.about is not None
    assert now.about.fallback == ("en",)
    assert about.save(place, ledger, "vote", now.about, seen=now.stamp, who="jana") is None


def test_only_what_differs_changes_and_notes_stay(place: Workspace, ledger: Ledger) -> None:
    (place.root / about.file_of("vote")).write_text(SETTINGS, "utf-8")
    now = about.stored(place, "vote")
    assert now.about is not None
    first, second = now.about.organisations
    new = replace(
        now.about,
        title='The "vote"',
        last_day="2027-01-28",
        session={"en": "the session", "fr": "la partie de session"},
        leave_out={},
        fallback=("fr", "en"),
        organisations=(replace(second, country="NO"), replace(first, reply_to="")),
    )
    change = about.save(place, ledger, "vote", new, seen=now.stamp, who="jana")
    assert change is not None
    assert "# for us" in (place.root / about.file_of("vote")).read_text("utf-8")
    again = about.stored(place, "vote").about
    assert again is not None
    places = [one.place for one in again.organisations]
    assert places == [0, 1]
    expected = [replace(one, place=at) for at, one in enumerate(new.organisations)]
    assert replace(again, organisations=(), roles=(), fallback=()) == replace(
        new, organisations=(), roles=(), fallback=()
    )
    assert (list(again.organisations), list(again.fallback)) == (expected, ["fr", "en"])
    text = (place.root / about.file_of("vote")).read_text("utf-8")
    for kept in ("# ours", "# whom", 'logo = "files/logo.png"', 'where = "role = representative"'):
        assert kept in text


@pytest.mark.parametrize("source", [None, "", 'title = "A"\n', SETTINGS])
def test_all_that_can_be_filled_in_is_written_and_read(
    place: Workspace, ledger: Ledger, source: str | None
) -> None:
    path = place.root / about.file_of("vote")
    path.unlink()
    if source is not None:
        path.write_text(source, "utf-8")
    new = AppealAbout(
        title="Ünïcode \\ 'quotes'",
        last_day="2027-02-01T12:00",
        session={"en": "first", "fr": "d’abord"},
        opens="2027-01-25",
        vote="2027-01-27T18:30",
        zone="Europe/Athens",
        source="there",
        invented=True,
        credentials="none",
        roles=("chair",),
        where="language = fr",
        leave_out={"TR": "why", "AZ": "so"},
        fallback=("fr",),
        organisations=(
            AboutOrganisation({"en": "A", "fr": "B"}, {"en": "in", "fr": "dans"}, "FR"),
        ),
    )
    now = about.stored(place, "vote")
    about.save(place, ledger, "vote", new, seen=now.stamp, who="jana")
    found = about.stored(place, "vote").about
    assert found is not None
    assert found == replace(new, organisations=(replace(new.organisations[0], place=0),))
    cleared = AppealAbout(roles=("chair",))
    about.save(place, ledger, "vote", cleared, seen=about.stored(place, "vote").stamp, who="jana")
    assert about.stored(place, "vote").about == replace(cleared, roles=("chair",))


@pytest.mark.parametrize(
    "wrong",
    [
        {"last_day": "2027-02-31"},
        {"roles": ()},
        {"session": {"en": "a session"}},
        {"opens": "2027-01-25"},
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(
    place: Workspace, ledger: Ledger, wrong: dict[str, Any]
) -> None:
    now = about.stored(place, "vote")
    assert now.about is not None
    with pytest.raises(UsageError):
        about.save(place, ledger, "vote", replace(now.about, **wrong), seen=now.stamp, who="jana")
    assert about.stored(place, "vote") == now


def test_settings_that_cannot_be_read_are_put_right_as_text(
    place: Workspace, ledger: Ledger
) -> None:
    (place.root / about.file_of("vote")).write_text('title = "A\nroles = [', "utf-8")
    now = about.stored(place, "vote")
    assert now.about is None
    assert [(one.code, one.row) for one in now.problems] == [("L121", 1)]
    about.save_source(place, ledger, "vote", 'title = "A"\n', seen=now.stamp, who="jana")
    found = about.stored(place, "vote").about
    assert found is not None
    assert found.title == "A"


# ------------------------------------------------------------------------------------------- files

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20 + b"IEND"


def a_pdf() -> bytes:
    """Return a page that says who made it."""
    out = BytesIO()
    with PdfWriter() as writer:
        writer.add_blank_page(200, 200)
        writer.add_metadata({"/Author": "Jana Novák"})
        writer.write(out)
    return out.getvalue()


PDF = a_pdf()


def test_file_goes_along_and_is_taken_out(place: Workspace, ledger: Ledger) -> None:
    def enclose(name: str, content: bytes, to: str, **more: Any) -> str:
        return enclosures.enclose(place, ledger, "vote", name, content, to=to, who="jana", **more)

    assert enclose("C:\\papers\\All.pdf", PDF, "all") == "All.pdf"
    assert enclose("briefing.pdf", PDF, "en") == "briefing.en.pdf"
    assert enclose("briefing.fr.pdf", PDF, "fr") == "briefing.fr.pdf"
    assert enclose("map.png", PNG, "") == "map.png"
    settings = about.stored(place, "vote")
    assert settings.attachments == ("files/All.pdf", "files/briefing.{language}.pdf")
    found = {one.name: one for one in enclosures.files(place, "vote")}
    assert {name: one.goes_to for name, one in found.items()} == {
        "All.pdf": "all",
        "briefing.en.pdf": "en",
        "briefing.fr.pdf": "fr",
        "map.png": "",
    }
    assert any("Jana" in one for one in found["All.pdf"].tells)
    assert load_appeal(place.root, "vote").attachments == settings.attachments
    with pytest.raises(UsageError, match="already"):
        enclose("map.png", PNG + b"IEND", "")
    enclose("map.png", PNG + b"IEND", "", replacing=True)
    with pytest.raises(ChangedMeanwhile):
        seen = found["map.png"].stamp
        enclosures.take_out(place, ledger, "vote", "map.png", seen=seen, who="jana")
    for name in ("All.pdf", "briefing.en.pdf", "briefing.fr.pdf"):
        seen = found[name].stamp
        enclosures.take_out(place, ledger, "vote", name, seen=seen, who="jana")
    assert about.stored(place, "vote").attachments == ()
    assert [one.name for one in enclosures.files(place, "vote")] == ["map.png"]
    told = {(one.file.rpartition("/")[2], one.lines) for one in changes.history(ledger, "vote")}
    assert {("All.pdf", "new"), ("All.pdf", "removed"), ("map.png", "replaced")} <= told


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.exe", b"MZ"),
        ("../../config.toml", b"x"),
        ("..", b"x"),
        (".hidden.pdf", PDF),
        ("empty.pdf", b""),
        ("no.pdf", b"not a PDF"),
        ("half.pdf", b"%PDF-1.7"),
        ("big.txt", b"x" * 8_000_000),
        ("a\u202efdp.txt", b"x"),
        ("n" * 200 + ".txt", b"x"),
        ("", b"x"),
    ],
)
def test_file_that_cannot_be_sent_is_not_kept(
    place: Workspace, sqlite_ledger: Ledger, name: str, content: bytes
) -> None:
    before = sorted(place.root.rglob("*"))
    with pytest.raises(UsageError):
        enclosures.enclose(place, sqlite_ledger, "vote", name, content, to="all", who="jana")
    kept = [path for path in sorted(place.root.rglob("*")) if ".mailer" not in path.parts]
    assert kept == [path for path in before if ".mailer" not in path.parts]
