"""Facts about attachments: what may go with a letter, who gets which, and how it stands on the
wire.
"""

from __future__ import annotations

import email
import email.policy
import os
import unicodedata
from email.message import EmailMessage
from pathlib import Path
from typing import Literal

import pytest

from mailer.base.errors import MailerError, Problem, Severity
from mailer.letters.appeal_files import load_appeal
from mailer.letters.checks import check_letters
from mailer.letters.message.read_back import read_back
from mailer.letters.render import Renderer
from mailer.letters.render.theirs import Owners
from mailer.report.readable import text_of
from tests.helpers.letters import DELEGATIONS, FORMS, SENDER, folder, letter, person, renderer
from tests.letters.test_mime import finished

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 20 + b"\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100) + b"IEND"
ANNA = "anna.berg@no.parliament.example"


def workspace(root: Path, *patterns: str, **files: bytes) -> Path:
    listed = ", ".join(f'"{pattern}"' for pattern in patterns)
    folder(root, en=letter("Attached."), fr=letter("Ci-joint."), toml=f"attachments = [{listed}]\n")
    place = root / "templates" / "appeal" / "files"
    place.mkdir(exist_ok=True)
    for name, content in files.items():
        (place / name).write_bytes(content)
    return root


def letters(root: Path) -> Renderer:
    return renderer(load_appeal(root, "appeal"))


def refused(root: Path) -> Problem:
    with pytest.raises(MailerError) as caught:
        load_appeal(root, "appeal")
    return caught.value.problems[0]


def parts(raw: bytes) -> tuple[EmailMessage, list[EmailMessage]]:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message, list(message.iter_attachments())


def test_file_in_the_language_of_the_letter_goes_with_it(tmp_path: Path) -> None:
    made = letters(
        workspace(
            tmp_path,
            "files/report.{language}.pdf",
            **{"report.en.pdf": PDF, "report.fr.pdf": PDF + b"fr"},
        )
    )
    rendered = made.render(person(), "fr")
    raw = finished(rendered)
    message, attached = parts(raw)
    assert message.get_content_type() == "multipart/mixed"
    assert [(one.get_filename(), one.get_content_type()) for one in attached] == [
        ("report.fr.pdf", "application/pdf")
    ]
    assert attached[0].get_payload(decode=True) == PDF + b"fr"
    assert text_of(message).rstrip() == rendered.text.rstrip()
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 76
    read_back(raw, recipient=ANNA, everyone={ANNA}, greeting=rendered.greeting)


def test_file_of_a_delegation_goes_to_that_delegation_only(tmp_path: Path) -> None:
    made = letters(
        workspace(
            tmp_path, "files/{delegation}.pdf", **{"NO.pdf": PDF + b"NO", "FR.pdf": PDF + b"FR"}
        )
    )
    assert [one.name for one in made.render(person(), "en").attachments] == ["NO.pdf"]
    assert [one.name for one in made.render(person(delegation="FR"), "en").attachments] == [
        "FR.pdf"
    ]
    with pytest.raises(MailerError, match="it is not there") as caught:
        made.render(person(delegation="UA"), "en")
    (problem,) = caught.value.problems
    assert problem.file == "templates/appeal/files/UA.pdf"
    assert "put it there" in str(problem.suggestion)


def test_file_that_a_cell_names_goes_to_that_person_only(tmp_path: Path) -> None:
    names = ["17-04.en.pdf", "9.en.pdf", "9.fr.pdf", "17-04.fr.pdf"]
    root = workspace(
        tmp_path, "files/{case_no}.{language}.pdf", **{name: PDF + name.encode() for name in names}
    )
    made = renderer(load_appeal(root, "appeal"), ["Case no"])
    assert [
        one.name for one in made.render(person(extra={"Case no": "17-04"}), "en").attachments
    ] == ["17-04.en.pdf"]
    assert [one.name for one in made.render(person(extra={"Case no": "9"}), "fr").attachments] == [
        "9.fr.pdf"
    ]


@pytest.mark.parametrize(
    "cell", ["", " ", "../../config", "a/b", "a\\b", "a..b", ".hidden", "a\0b", "{language}"]
)
def test_cell_that_can_name_no_file_is_told_with_its_place(tmp_path: Path, cell: str) -> None:
    made = renderer(
        load_appeal(workspace(tmp_path, "files/{committee}.pdf", **{"a.pdf": PDF}), "appeal"),
        ["Committee"],
    )
    with pytest.raises(MailerError, match="this cell names the file") as caught:
        made.render(person(extra={"Committee": cell}), "en")
    (problem,) = caught.value.problems
    assert (problem.code, problem.file, problem.cell) == ("L301", "contacts/nordic.csv", "7:12")


def test_file_that_a_cell_names_and_that_is_not_there_is_refused(tmp_path: Path) -> None:
    made = renderer(
        load_appeal(workspace(tmp_path, "files/{committee}.pdf", **{"a.pdf": PDF}), "appeal"),
        ["Committee"],
    )
    with pytest.raises(MailerError, match=r"files/b\.pdf cannot be attached: it is not there"):
        made.render(person(extra={"Committee": "b"}), "en")


def test_word_of_a_pattern_that_no_sheet_has_is_refused(tmp_path: Path) -> None:
    appeal = load_appeal(workspace(tmp_path, "files/{comittee}.pdf"), "appeal")
    with pytest.raises(MailerError) as caught:
        renderer(appeal, ["Committee"])
    (problem,) = caught.value.problems
    assert (problem.code, problem.suggestion) == ("L170", 'did you mean "{committee}"?')


def test_same_file_for_different_people_is_a_warning(tmp_path: Path) -> None:
    names = {"NO.en.pdf": PDF, "FR.en.pdf": PDF, "NO.fr.pdf": PDF, "FR.fr.pdf": PDF + b"fr"}
    appeal = load_appeal(
        workspace(tmp_path, "files/{delegation}.{language}.pdf", **names), "appeal"
    )
    found = [one for one in check_letters(appeal, SENDER, DELEGATIONS, FORMS) if one.code == "L173"]
    assert [(one.severity, one.value) for one in found] == [
        (Severity.WARNING, "FR.en.pdf and NO.en.pdf")
    ]


def test_same_file_for_different_languages_is_a_warning(tmp_path: Path) -> None:
    names = {"report.en.pdf": PDF, "report.fr.pdf": PDF}
    appeal = load_appeal(workspace(tmp_path, "files/report.{language}.pdf", **names), "appeal")
    (found,) = [
        one for one in check_letters(appeal, SENDER, DELEGATIONS, FORMS) if one.code == "L173"
    ]
    assert "different languages" in found.message
    assert found.value == "report.en.pdf and report.fr.pdf"


def test_made_up_people_of_a_check_need_no_files_of_their_own(tmp_path: Path) -> None:
    appeal = load_appeal(workspace(tmp_path, "files/{delegation}.pdf", **{"UA.pdf": PDF}), "appeal")
    found = check_letters(appeal, SENDER, DELEGATIONS, FORMS)
    assert {one.code for one in found} == {"L174"}  # this is no PDF that can be read


def test_file_is_encoded_once_for_all(tmp_path: Path) -> None:
    made = letters(workspace(tmp_path, "files/a.pdf", **{"a.pdf": PDF}))
    first, second = (
        made.render(person(surname=name), "en").attachments[0] for name in ("Berg", "Dahl")
    )
    assert first.part is second.part


def test_file_that_changes_after_the_appeal_was_read_is_refused(tmp_path: Path) -> None:
    made = letters(workspace(tmp_path, "files/a.pdf", **{"a.pdf": PDF}))
    workspace(tmp_path, "files/a.pdf", **{"a.pdf": PDF + b"other"})
    with pytest.raises(MailerError, match="has changed since the appeal was read"):
        made.render(person(), "en")


def test_files_are_part_of_what_a_plan_freezes_and_organisations_sign(tmp_path: Path) -> None:
    before = load_appeal(workspace(tmp_path, "files/a.pdf", **{"a.pdf": PDF}), "appeal")
    after = load_appeal(workspace(tmp_path, "files/a.pdf", **{"a.pdf": PDF + b"x"}), "appeal")
    assert (
        before.files["templates/appeal/files/a.pdf"] != after.files["templates/appeal/files/a.pdf"]
    )
    assert before.text_hash != after.text_hash


@pytest.mark.parametrize(
    "name",
    ["Résolution – Чорногорія.pdf", "a b (c).pdf", "x" * 90 + ".pdf", 'quo"te.pdf', "100 %.pdf"],
)
def test_any_name_comes_back(tmp_path: Path, name: str) -> None:
    pattern = f"files/{name}".replace('"', '\\"')
    raw = finished(letters(workspace(tmp_path, pattern, **{name: PDF})).render(person(), "en"))
    attached = parts(raw)[1][0]
    assert attached.get_filename() == name
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    plain = attached["Content-Type"].params["name"]
    assert plain.isascii() and plain.endswith(".pdf")


def test_plain_name_can_be_read(tmp_path: Path) -> None:
    name = "Übersicht Größe – øæł.pdf"
    root = workspace(tmp_path, f"files/{name}", **{name: PDF})
    raw = finished(letters(root).render(person(), "en"))
    assert b'name="Ubersicht Grosse - oael.pdf"' in raw


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("pattern", ["files/Größe.pdf", "files/Grö{committee}.pdf"])
def test_file_is_found_whichever_way_its_letters_are_written(
    tmp_path: Path, form: Literal["NFC", "NFD"], pattern: str
) -> None:
    root = workspace(tmp_path, pattern, **{unicodedata.normalize(form, "Größe.pdf"): PDF})
    appeal = load_appeal(root, "appeal")
    rendered = renderer(appeal, ["Committee"]).render(person(extra={"Committee": "ße"}), "en")
    assert [one.name for one in rendered.attachments] == ["Größe.pdf"]


@pytest.mark.parametrize(("raw", "charset"), [("é".encode(), "utf-8"), (b"caf\xe9;1", None)])
def test_no_encoding_is_claimed_that_a_file_does_not_have(
    tmp_path: Path, raw: bytes, charset: str | None
) -> None:
    root = workspace(tmp_path, "files/list.csv", **{"list.csv": raw})
    attached = parts(finished(letters(root).render(person(), "en")))[1][0]
    assert attached.get_content_type() == "text/csv"
    assert attached["Content-Type"].params.get("charset") == charset


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("../../config.pdf", "in the folder files/"),
        ("/etc/passwd.pdf", "in the folder files/"),
        ("files/../../x.pdf", "in the folder files/"),
        ("report.pdf", "in the folder files/"),
        ("files", "in the folder files/"),
        ("files/run.exe", "files of this kind are not sent"),
        ("files/report.pdf.js", "files of this kind are not sent"),
        ("files/macros.docm", "files of this kind are not sent"),
        ("files/archive.zip", "files of this kind are not sent"),
    ],
)
def test_pattern_that_cannot_be_is_refused_with_its_line(
    tmp_path: Path, pattern: str, said: str
) -> None:
    problem = refused(workspace(tmp_path, pattern))
    assert (problem.code, problem.row) == ("L170", 1)
    assert said in problem.message


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.pdf", None, "it is not there"),
        ("a.pdf", PDF[:-20], "its end is missing"),
        ("a.png", PNG[:-20], "its end is missing"),
        ("a.pdf", b"", "it is empty"),
        ("a.pdf", b"MZ\x90\x00", "it is called .pdf and is not such a file"),
        ("a.png", PDF, "it is called .png and is not such a file"),
        ("a.docx", b"PK..word/vbaProject.bin..", "it holds macros"),
        ("a.txt", b"x" * 8_000_000, "it has 8,000,000 bytes"),
        ("a\u200bfdp.txt", b"x", "invisible character"),
    ],
)
def test_file_that_must_not_go_is_refused(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    problem = refused(
        workspace(tmp_path, f"files/{name}", **({name: content} if content is not None else {}))
    )
    assert problem.code == "L171"
    assert said in problem.message


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="needs links")
def test_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    root = workspace(tmp_path, "files/a.pdf")
    (tmp_path / "secret.pdf").write_bytes(PDF)
    (root / "templates" / "appeal" / "files" / "a.pdf").symlink_to(tmp_path / "secret.pdf")
    assert "it is a link" in refused(root).message


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="needs links")
def test_link_to_another_folder_is_refused(tmp_path: Path) -> None:
    root = workspace(tmp_path, "files/more/a.pdf")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "a.pdf").write_bytes(PDF)
    (root / "templates" / "appeal" / "files" / "more").symlink_to(tmp_path / "secrets")
    assert "its folder is a link" in refused(root).message


@pytest.mark.skipif(os.name == "nt", reason="needs pipes")
def test_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    root = workspace(tmp_path, "files/a.pdf")
    os.mkfifo(root / "templates" / "appeal" / "files" / "a.pdf")
    assert "it is no file" in refused(root).message


def test_attachments_that_are_too_big_together_are_refused(tmp_path: Path) -> None:
    big = b"x" * 5_000_000
    made = letters(
        workspace(tmp_path, "files/a.txt", "files/b.txt", **{"a.txt": big, "b.txt": big})
    )
    with pytest.raises(MailerError) as caught:
        made.render(person(), "en")
    assert caught.value.code == "L172"


# ----------------------------------------------------------------------------------------- pictures


def with_picture(root: Path, body: str, **more: bytes) -> Path:
    workspace(root, **{"chart.png": PNG, **more})
    return folder(root, en=letter(body), fr=letter(body), toml="")


def test_picture_travels_within_the_message(tmp_path: Path) -> None:
    made = letters(with_picture(tmp_path, "See ![votes over time](files/chart.png) *here*."))
    rendered = made.render(person(), "en")
    assert "See [votes over time] here." in rendered.text
    raw = finished(rendered)
    message, _ = parts(raw)
    text, related = message.iter_parts()
    html, picture = related.iter_parts()
    assert [part.get_content_type() for part in (message, text, related, html, picture)] == [
        "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
    ]  # fmt: skip
    assert f'src="cid:{picture["Content-ID"][1:-1]}" alt="votes over time"' in html.get_content()
    assert picture.get_payload(decode=True) == PNG
    assert picture.get_content_disposition() == "inline"
    read_back(raw, recipient=ANNA, everyone={ANNA}, greeting=rendered.greeting)


def test_picture_that_stands_twice_travels_once(tmp_path: Path) -> None:
    body = "![a](files/chart.png) ![b](files/chart.png)"
    assert len(letters(with_picture(tmp_path, body)).render(person(), "en").pictures) == 1


def test_picture_is_part_of_what_a_plan_freezes(tmp_path: Path) -> None:
    assert (
        "templates/appeal/files/chart.png"
        in load_appeal(with_picture(tmp_path, "![a](files/chart.png)"), "appeal").files
    )


def test_letter_that_is_hardly_more_than_a_picture_is_a_warning(tmp_path: Path) -> None:
    picture = "![votes over time](files/chart.png)"
    for body, codes in ((picture, {"L239"}), (f"{picture}\n\n{'Some words. ' * 20}", set())):
        appeal = load_appeal(with_picture(tmp_path, body), "appeal")
        assert {one.code for one in check_letters(appeal, SENDER, DELEGATIONS, FORMS)} == codes


def test_picture_without_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MailerError) as caught:
        letters(with_picture(tmp_path, "![](files/chart.png)"))
    assert caught.value.problems[0].code == "L223"


def test_pictures_and_attachments_that_are_too_big_together_are_refused(tmp_path: Path) -> None:
    root = with_picture(
        tmp_path,
        "![chart](files/chart.png)",
        **{"chart.png": PNG[:-4] + bytes(4_000_000) + b"IEND"},
    )
    folder(root, toml='attachments = ["files/a.txt"]\n')
    (root / "templates" / "appeal" / "files" / "a.txt").write_bytes(b"x" * 4_000_000)
    made = letters(root)
    with pytest.raises(MailerError) as caught:
        made.render(person(), "en")
    assert caught.value.code == "L172"


def test_pictures_and_attachments_go_together(tmp_path: Path) -> None:
    root = with_picture(tmp_path, "![a](files/chart.png)", **{"a.pdf": PDF})
    made = letters(folder(root, toml='attachments = ["files/a.pdf"]\n'))
    rendered = made.render(person(), "en")
    raw = finished(rendered)
    message, attached = parts(raw)
    assert message.get_content_type() == "multipart/mixed"
    assert [one.get_filename() for one in attached] == ["a.pdf"]
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 76
    read_back(raw, recipient=ANNA, everyone={ANNA}, greeting=rendered.greeting)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("17", "Dossier for Anna Berg, Oslo", ""),
        ("17", "Dossier for BERG Anna", ""),
        ("berg-17", "no name", ""),
        ("17", "no name", "does not name this person"),
        ("17", "Anna Berg and Ola Nordmann", "somebody else"),
        ("17", "For Ola Nordmann", "somebody else"),
        ("17", "Nordmann, Ola", "somebody else"),
        ("17", "The Nordmann family of the Bergen region", "does not name"),
    ],
)
def test_file_for_one_person_is_proven_to_be_theirs(
    tmp_path: Path, name: str, text: str, why: str
) -> None:
    people = [
        person(extra={"Dossier": name}, cells={"Dossier": "7:12"}),
        person(given="Ola", surname="Nordmann", extra={"Dossier": "18"}),
    ]
    folder(tmp_path, en=letter("x"), toml='attachments = ["files/{dossier}.txt"]\n')
    path = tmp_path / f"templates/appeal/files/{name}.txt"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    appeal = load_appeal(tmp_path, "appeal")
    made = Renderer(appeal, SENDER, DELEGATIONS, FORMS, ["Dossier"], Owners(appeal, people))
    if why:
        with pytest.raises(MailerError, match=why) as caught:
            made.render(people[0], "en")
        assert (caught.value.code, caught.value.problems[0].cell) == ("L307", "7:12")
    else:
        assert made.render(people[0], "en").attachments


@pytest.mark.parametrize(
    ("heading", "cells", "toml"),
    [
        ("Committee", ("a", "b"), ""),  # several people of one committee, though one is asked
        ("Dossier", ("a", "a"), ""),
        ("Case", ("a", "b"), '[waived]\n"files/{case}.txt" = "cases, not people"\n'),
    ],
)
def test_file_of_many_needs_no_name(
    tmp_path: Path, heading: str, cells: tuple[str, str], toml: str
) -> None:
    people = [
        person(extra={heading: cells[0]}),
        person(given="Ola", surname="Nordmann", extra={heading: cells[1]}),
    ]
    more = f'attachments = ["files/{{{heading.lower()}}}.txt"]\n{toml}'
    folder(tmp_path, en=letter("x"), toml=more)
    path = tmp_path / "templates/appeal/files/a.txt"
    path.parent.mkdir()
    path.write_text("a briefing", encoding="utf-8")
    appeal = load_appeal(tmp_path, "appeal")
    made = Renderer(appeal, SENDER, DELEGATIONS, FORMS, [heading], Owners(appeal, people))
    assert made.render(people[0], "en").attachments
