"""Facts about appeals: what a folder must hold, and what is said about one that does not."""

from __future__ import annotations

from datetime import date, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from mailer.base.errors import MailerError, Problem
from mailer.letters.appeal import Appeal
from mailer.letters.appeal_files import load_appeal
from tests.helpers.letters import ROOT, folder

EN = "Subject: Hello\n\n{{ greeting }}\n"


def problems(root: Path, name: str = "appeal", **files: str | bytes) -> list[Problem]:
    with pytest.raises(MailerError) as caught:
        load_appeal(folder(root, **files), name)
    return list(caught.value.problems)


def toml_problem(root: Path, toml: str) -> str:
    (only,) = problems(root, en=EN, toml=toml)
    return f"{only.code} {only}"


def test_one_letter_is_an_appeal(tmp_path: Path) -> None:
    appeal = load_appeal(folder(tmp_path, en=EN), "appeal")
    assert appeal.title == appeal.name == "appeal"
    assert appeal.letters["en"].subject == "Hello"
    assert appeal.session is None
    assert appeal.roles == ("representative", "substitute", "chair")
    assert appeal.language_for(["it"]) == ("en", True)


def test_the_appeal_of_the_repository_is_read_whole() -> None:
    appeal = load_appeal(ROOT, "azerbaijan-credentials")
    assert set(appeal.letters) == {"en", "fr", "de", "it"}
    assert appeal.session is not None
    assert appeal.session.opens == date(2027, 1, 25)
    assert appeal.session.invented
    assert appeal.leave_out == {"AZ": "the appeal concerns this delegation"}
    assert len(appeal.organisations) == 10
    observatory = [each.named("en") for each in appeal.organisations if each.within]
    assert [name.partition(",")[0] for name in observatory] == [
        "International Federation for Human Rights (FIDH)",
        "World Organisation Against Torture (OMCT)",
    ]


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    text = "Subject: One\nPreview: Two\n\nfirst line of the body\n"
    read = load_appeal(folder(tmp_path, en=text), "appeal").letters["en"]
    assert (read.subject_line, read.preview_line, read.body_line) == (1, 2, 4)
    assert text.split("\n")[read.body_line - 1] == "first line of the body"


def test_appeal_carries_text_and_fingerprint_of_its_files(tmp_path: Path) -> None:
    appeal = load_appeal(folder(tmp_path, en=EN, toml='title = "T"\n'), "appeal")
    assert appeal.text == {
        "templates/appeal/en.md": EN,
        "templates/appeal/appeal.toml": 'title = "T"\n',
    }
    assert appeal.files["templates/appeal/en.md"] == sha256(EN.encode()).hexdigest()


def test_byte_order_mark_and_windows_line_ends_are_no_trouble(tmp_path: Path) -> None:
    raw = b"\xef\xbb\xbf" + EN.replace("\n", "\r\n").encode()
    assert load_appeal(folder(tmp_path, en=raw), "appeal").letters["en"].body == "{{ greeting }}\n"


LANGUAGES = '[languages]\nfallback = ["de"]\ndefault = "en"\n'


@pytest.mark.parametrize(
    ("preferences", "chosen"),
    [
        (["fr"], ("fr", False)),
        (["it", "fr"], ("fr", False)),
        (["fr-CH"], ("fr", False)),
        (["FR"], ("fr", False)),
        (["it"], ("de", True)),
        ([], ("de", True)),
    ],
)
def test_language_is_the_persons_then_the_fallback(
    tmp_path: Path, preferences: list[str], chosen: tuple[str, bool]
) -> None:
    appeal = load_appeal(folder(tmp_path, en=EN, fr=EN, de=EN, toml=LANGUAGES), "appeal")
    assert appeal.language_for(preferences) == chosen


def test_without_a_declared_fallback_nobody_gets_another_language(tmp_path: Path) -> None:
    appeal = load_appeal(folder(tmp_path, en=EN, fr=EN), "appeal")
    assert appeal.language_for(["it"]) is None


def test_unknown_appeal_is_answered_with_those_there_are(tmp_path: Path) -> None:
    folder(tmp_path, "prisoners-2027", en=EN)
    folder(tmp_path, "_shared", en=EN)
    with pytest.raises(MailerError) as caught:
        load_appeal(tmp_path, "prisoner-2027")
    assert str(caught.value) == 'There is no appeal called "prisoner-2027".'
    assert caught.value.hint == 'did you mean "prisoners-2027"? there are: prisoners-2027'


@pytest.mark.parametrize("name", ["../secrets", "/etc", "", "."])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    folder(tmp_path, en=EN)
    with pytest.raises(MailerError, match="no appeal called"):
        load_appeal(tmp_path, name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "L106 templates/appeal/en.md:1: this letter has no subject"),
        ("Dear all,\n\nhello\n", "L105 templates/appeal/en.md:1: a letter begins with its subject"),
        ("Subjetc: Hello\n\nx\n", 'L105 templates/appeal/en.md:1: a letter begins with its '
                                  'subject and an empty line: \'Subjetc: Hello\' (did you mean '
                                  '"Subject:"?)'),
        ("Subject: Hello\nPrevieu: x\n\nx\n", 'L105 templates/appeal/en.md:2: only Subject: and '
         'Preview: may stand before the text: \'Previeu: x\' (did you mean "Preview:"?)'),
        ("Subject: Hello\nCc: all@x.example\n\nx\n", "L105 templates/appeal/en.md:2: only "
         "Subject: and Preview: may stand before the text: 'Cc: all@x.example'"),
        ("Subject: a\nSubject: b\n\nx\n",
         "L105 templates/appeal/en.md:2: Subject: stands here twice"),
        ("Subject: Hello\ntext at once\n", "L105 templates/appeal/en.md:2: a letter begins with "
         "its subject"),
        ("Preview: x\n\nx\n", "L106 templates/appeal/en.md:1: this letter has no subject"),
        ("Subject:\n\nx\n", "L106 templates/appeal/en.md:1: this letter has no subject"),
        ("Subject: Hello\n\n \n", "L107 templates/appeal/en.md:2: this letter has no text"),
        ("Subject: Hello\n\nzero\u202ewidth\n", "L104 templates/appeal/en.md:3: an invisible "
         "control character (U+202E)"),
        ("Subject: Hello\n\nbell \x07\n", "L104 templates/appeal/en.md:3: an invisible control "
         "character (U+0007)"),
        ("Subject: Hello\n\n" + "x" * 50_001,
         "L104 templates/appeal/en.md: this file has 50,017 bytes"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_letter_is_said_with_its_line(
    tmp_path: Path, text: str, said: str
) -> None:
    (only,) = problems(tmp_path, en=text)
    assert f"{only.code} {only}".startswith(said)


def test_letter_that_is_not_utf_8_names_the_place(tmp_path: Path) -> None:
    (only,) = problems(tmp_path, fr="Subject: Hello\n\nD\xe9put\xe9e\n".encode("latin-1"))
    assert (only.code, only.row, only.column) == ("L104", 3, "2")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ua", "call it uk.md"),
        ("cz", "call it cs.md"),
        ("english", "call it en.md, fr.md"),
        ("README", "call it en.md"),
    ],
)
def test_name_of_a_letter_is_its_language(tmp_path: Path, name: str, hint: str) -> None:
    (only,) = problems(tmp_path, en=EN, **{name: EN})
    assert only.code == "L103"
    assert str(only.suggestion).startswith(hint)


def test_folder_without_a_letter_says_what_to_write(tmp_path: Path) -> None:
    (only,) = problems(tmp_path, toml="")
    assert only.code == "L102"


SESSION = '[session]\nname = { en = "s" }\nopens = 2027-01-25\n'


@pytest.mark.parametrize(
    ("toml", "until"),
    [
        ("", None),
        ("last_day = 2027-01-27\n", "2027-01-27T23:00:00+00:00"),  # midnight in Strasbourg
        ("last_day = 2027-01-27T12:30:00\n", "2027-01-27T11:30:00+00:00"),
        (SESSION + "vote = 2027-01-25T18:00:00\n", "2027-01-25T17:00:00+00:00"),
        (SESSION + 'vote = 2027-01-25T18:00:00\nzone = "Europe/Athens"\n',
         "2027-01-25T16:00:00+00:00"),
        ("last_day = 2027-01-24\n" + SESSION + "vote = 2027-01-25T18:00:00\n",
         "2027-01-24T23:00:00+00:00"),
        (SESSION + "vote = 2027-01-25T18:00:00Z\n", "2027-01-25T18:00:00+00:00"),
    ],
)  # fmt: skip
def test_sending_ends_with_the_last_day_or_the_vote_by_the_clock_of_the_place(
    tmp_path: Path, toml: str, until: str | None
) -> None:
    (folder(tmp_path, en=EN) / "templates/appeal/appeal.toml").write_text(toml)
    found = load_appeal(tmp_path, "appeal").until
    assert found == (until and datetime.fromisoformat(until))


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('title = "x\n', "L121 templates/appeal/appeal.toml:1:"),
        ('titel = "x"\n', 'L122 templates/appeal/appeal.toml:1: titel: this is not a setting (did '
                          'you mean "title"?)'),
        ('[session]\nname = { en = "s" }\nopens = 2027-01-25\nsorce = "x"\n',
         'L122 templates/appeal/appeal.toml:4: session.sorce: this is not a setting (did you mean '
         '"source"?)'),
        ('[session]\nopens = 2027-01-25\n', "L123 templates/appeal/appeal.toml:1: session.name: "
         "is missing"),
        ('[session]\nname = { en = "s" }\nopens = "soon"\n',
         "L123 templates/appeal/appeal.toml:3: session.opens: must be a date"),
        ('[audience]\nroles = ["representative", "president"]\n',
         "L123 templates/appeal/appeal.toml:2: audience.roles: must be"),
        ("[audience]\nroles = []\n", "L123 templates/appeal/appeal.toml:2: audience.roles: must "
                                     "not be empty"),
        ('[audience.leave_out]\nAR = "x"\n', "L124 templates/appeal/appeal.toml:2: there is no "
         "such delegation: 'AR'"),
        ('[audience.leave_out]\nAzerbaijan = "x"\n', 'L124 templates/appeal/appeal.toml:2: there '
         'is no such delegation: \'Azerbaijan\' (did you mean "AZ" (Azerbaijan)?)'),
        ('[languages]\nfallback = ["fr"]\n', "L125 templates/appeal/appeal.toml:2: people fall "
         "back on a letter that does not exist: 'fr.md' (there are: en.md)"),
        ('[session]\nname = { fr = "s" }\nopens = 2027-01-25\n',
         "L126 templates/appeal/appeal.toml:2: the session has no name in this language: 'en'"),
        ('[[organisation]]\nname = { en = "A" }\n\n[[organisation]]\nname = { en = "B" }\nwithin '
         '= { fr = "x" }\n', "L126 templates/appeal/appeal.toml:6: B: within has no words in this "
                             "language: 'en'"),
        ('[[organisation]]\nname = "A"\n',
         "L123 templates/appeal/appeal.toml:2: organisation.name:"),
        ('[[organisation]]\nname = { en = "A" }\ncountry = "Norway"\n',
         'L124 templates/appeal/appeal.toml:3: there is no such delegation: \'Norway\' (did you '
         'mean "NO" (Norway)?)'),
        ('[[organisation]]\nname = { en = "A" }\nreply_to = "Jana <j@a.example>"\n',
         "L123 templates/appeal/appeal.toml:3: organisation.reply_to: this address cannot work"),
        (SESSION + "vote = 2027-01-27\n",
         "L123 templates/appeal/appeal.toml:4: session.vote: must be a day and an hour"),
        (SESSION + "vote = 2027-01-24T18:00:00\n",
         "L123 templates/appeal/appeal.toml:4: the vote is before the session opens"),
        (SESSION + 'zone = "Strasbourg"\n',
         "L123 templates/appeal/appeal.toml:4: session.zone: there is no such time zone"),
        ("last_day = 5\n", "L123 templates/appeal/appeal.toml:1: last_day: must be a date"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_appeal_toml_is_said_with_its_line(
    tmp_path: Path, toml: str, said: str
) -> None:
    assert toml_problem(tmp_path, toml).startswith(said)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, en="no subject", fr="Subject:\n\nx\n", toml='titel = "x"\n')
    assert [problem.code for problem in found] == ["L105", "L106", "L122"]


def test_an_appeal_cannot_be_changed(tmp_path: Path) -> None:
    appeal: Appeal = load_appeal(folder(tmp_path, en=EN), "appeal")
    with pytest.raises(TypeError):
        appeal.letters["fr"] = appeal.letters["en"]  # type: ignore[index]


@pytest.mark.parametrize(
    "name", ["appeal/en.md", "appeal/for/NO.en.md", "_shared/footer.en.md", "appeal/appeal.toml"]
)
def test_file_behind_a_link_is_in_no_letter(tmp_path: Path, name: str) -> None:
    """Whoever can write into a shared folder must not be able to send what we alone can read."""
    (tmp_path / "secret").write_text("Subject: x\n\n{{ greeting }} secret\n")
    folder(tmp_path, en="Subject: x\n\n{{ greeting }} {{ for_delegation }}\n")
    path = tmp_path / "templates" / name
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(MailerError) as caught:
        load_appeal(tmp_path, "appeal")
    only = caught.value.problems[0]
    assert (only.code, only.file) == ("L104", f"templates/{name}")
    assert "link" in only.message


def test_appeal_in_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    folder(tmp_path / "elsewhere", en="Subject: x\n\n{{ greeting }}\n")
    (tmp_path / "own" / "templates").mkdir(parents=True)
    (tmp_path / "own/templates/appeal").symlink_to(tmp_path / "elsewhere/templates/appeal")
    with pytest.raises(MailerError, match="problem"):
        load_appeal(tmp_path / "own", "appeal")
