"""What is doubtful in letters, without being wrong: subjects that shout, notes left in the text,
figures against a fact.

Nothing here refuses a plan: warnings and notes, each with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.letters import markup, placeholders
from mailer.letters.appeal import Appeal, Letter
from mailer.letters.attachments import PICTURE, personal, twins
from mailer.letters.checks.metadata import told
from mailer.letters.checks.statements import unsupported
from mailer.letters.checks.twins import dates
from mailer.letters.facts import contradictions
from mailer.letters.markup.pictures import COLUMN, size_of
from mailer.letters.placeholders import Source, body_of, head_of
from mailer.letters.wording.words import has_delegation_words, months

LONG_SUBJECT = 90
LONG_LETTER = 1000
"""Words of two pages."""
FEW_WORDS = 40
"""Beside a picture, less than this is no letter."""


def _of_one(letter: Letter) -> Iterator[Problem]:
    """Yield what makes a letter look like advertising, or hard to read on a phone."""
    subject = placeholders.blanked(letter.subject).strip()
    words = re.findall(r"[^\W\d_]{4,}", subject)
    if sum(map(str.isupper, words)) * 2 > len(words) > 1 or re.search(r"[!?]{2}|!.*!", subject):
        yield problem(
            "L233",
            letter.file,
            row=letter.subject_line,
            value=letter.subject,
            message="this subject shouts: filters and readers take it for advertising",
            suggestion="write it in small letters, with one full stop at most",
        )
    if len(subject) > LONG_SUBJECT:
        yield problem(
            "L234",
            letter.file,
            row=letter.subject_line,
            message=f"this subject has {len(subject)} characters, and phones show about 40",
            suggestion="put first what must be read",
        )
    typed = placeholders.blanked(letter.body)
    length = len(re.sub(r"!\[[^\]]*\]\([^)]*\)", "", typed).split())
    if length < FEW_WORDS and markup.pictures(typed):
        yield problem(
            "L239",
            letter.file,
            row=letter.body_line,
            message=(
                "this letter is hardly more than a picture: filters distrust such letters, and not"
                " everybody can see it"
            ),
            suggestion="say in words what the picture shows",
        )
    if length > LONG_LETTER:
        yield problem(
            "L235",
            letter.file,
            row=letter.body_line,
            message=f"this letter has {length} words: more than two pages",
            suggestion="one page is read; link to the rest",
        )


def warnings(appeal: Appeal) -> Iterator[Problem]:
    """Yield what is doubtful in the letters of an appeal and in the files that go with them."""
    folder = appeal.root / "templates" / appeal.name
    for pattern in appeal.attachments:
        for both in twins(appeal.root, folder, pattern, appeal.letters, appeal.files):
            whose = "people" if personal(pattern) else "languages"
            message, file = (
                f"these files are the same, and belong to different {whose}",
                f"templates/{appeal.name}/files",
            )
            hint = "look whether one was saved in place of the other"
            yield problem("L173", file, value=both, message=message, suggestion=hint)
    yield from told(appeal)
    yield from unwritten(appeal)
    yield from unsupported(appeal)
    yield from _wide(appeal)
    for letter in appeal.letters.values():
        yield from _of_one(letter)
        used = set().union(
            *(placeholders.words_used(source) for source in (*head_of(letter), body_of(letter)))
        )
        if "delegation" in used and not has_delegation_words(letter.language):
            message = "the names of delegations stand in English in this letter"
            yield problem(
                "L212", letter.file, row=letter.body_line, value="delegation", message=message
            )
        if "session.opens" in used and not months(letter.language):
            message = "dates stand as numbers in this letter, 2027-01-25"
            yield problem(
                "L213", letter.file, row=letter.body_line, value="session.opens", message=message
            )
    for source in _sources(appeal):
        yield from _against_facts(appeal, source)


def _wide(appeal: Appeal) -> Iterator[Problem]:
    """Yield pictures wider than the letter (L241): Outlook heeds a written size alone."""
    for source in _sources(appeal):
        for match in _UNSIZED.finditer(source.text):
            wide, _ = size_of(appeal.root / "templates" / appeal.name / match[1])
            if wide > COLUMN:
                message = f"this picture is {wide} pixels wide, and Outlook shows all of them"
                hint = "write a width at once behind it: {width=480}"
                yield source.at("L241", message, match.start(1), match[1], hint)


_UNSIZED = re.compile(rf"!\[[^\]]*\]\(({PICTURE.pattern})\)(?!\{{)", re.IGNORECASE)


def unwritten(appeal: Appeal) -> Iterator[Problem]:
    """Yield what still waits to be written (L238): the first appeal's own instructions, notes like
    TODO.
    """
    for source in _sources(appeal):
        for match in _UNWRITTEN.finditer(placeholders.blanked(source.text)):
            hint = "write it, or take it out: live mode refuses a letter in which this stands"
            yield source.at("L238", "this still waits to be written", match.start(), match[0], hint)
        for match in _OF_OTHERS.finditer(placeholders.blanked(source.text)):
            hint = "write {{ name }}, {{ surname }} …; mailer letters words lists all there are"
            message = "this is a placeholder of another program, and would be printed"
            yield source.at("L238", message, match.start(), match[0], hint)


_OF_OTHERS = re.compile(
    r"\[\[ ?[A-Za-z_ ]{1,30} ?\]\]|%[A-Z_]{3,30}%|<<[A-Za-z_ ]{1,30}>>|(?<!\{)\{[A-Z_]{3,30}\}"
    r"|\*\|[A-Z_]{1,30}\|\*|\[(?:NAME|NOM|VORNAME|NACHNAME|SURNAME|FIRST NAME|LAST NAME)\]"
)
_UNWRITTEN = re.compile(
    r"\bWrite here\b|\bÉcrivez ici\b|\bTODO\b|\bFIXME\b|\bXXX\b|\b[Ll]orem ipsum\b"
)


def _sources(appeal: Appeal) -> Iterator[Source]:
    for letter in appeal.letters.values():
        yield from (*head_of(letter), body_of(letter))
    for piece in appeal.pieces.values():
        yield Source(piece.text, piece.file, 1, piece.language)


def _against_facts(appeal: Appeal, source: Source) -> Iterator[Problem]:
    """Yield what is typed in the words of a fact with other figures, and a day near that of a fact
    (L153).
    """
    typed = placeholders.blanked(source.text)
    worded = [fact for fact in appeal.facts.values() if fact.value.get(source.language)]
    found = [
        (fact, match, f"this contradicts the fact {fact.key}")
        for fact, match in contradictions(worded, source.language, typed)
    ]
    days = {
        day: fact
        for fact in worded
        for day, _ in dates(fact.value[source.language], source.language)
    }
    opens = appeal.session.opens.isoformat() if appeal.session else ""
    for day, match in dates(typed, source.language):
        same_month = (
            fact
            for known, fact in days.items()
            if len(known) == len(day) == 10 and known[:7] == day[:7]
        )
        if day not in days and day != opens and (near := next(same_month, None)):
            found.append(
                (near, match, f"no fact has this day, and {near.key} has one of the same month")
            )
    for fact, match, message in found:
        hint = f"write {{{{ fact.{fact.key} }}}}, which is: {fact.value[source.language]}"
        yield source.at("L153", message, match.start(), typed[slice(*match.span())], hint)
