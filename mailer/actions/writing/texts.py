"""The letters of an appeal while somebody writes them: what stands in each, how it would read, what
is wrong at which line.

A letter is shown in three parts, subject, preview and text, and kept as one file. Whatever is typed
can be looked at; what no letter can hold is not saved.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from mailer.actions.writing import appeals, changes
from mailer.actions.writing.changes import FileChange
from mailer.base.delegations import Delegations
from mailer.base.errors import MailerError, Problem, UsageError
from mailer.base.files import ABSENT
from mailer.base.settings.workspace import Workspace
from mailer.contacts.book import ContactBook
from mailer.contacts.contact import Contact
from mailer.contacts.holds import Holds
from mailer.ledger.ledger import Ledger
from mailer.letters import appeal_files as reading
from mailer.letters.appeal import Appeal
from mailer.letters.appeal_files import MAX_BYTES, load_appeal
from mailer.letters.checks import check_letters, samples, twins
from mailer.letters.render import Rendered, Renderer
from mailer.plan import heads, proof
from mailer.plan.audience import Decision
from mailer.plan.draft import Draft

_LINE = re.compile(r"(subject|preview)[ \t]*:[ \t]*(.*)", re.IGNORECASE)
_LANGUAGE = re.compile(r"[a-z]{2,3}")
EITHER_SIDE = 60
"""Characters of a line that are shown on either side of what is wrong in it."""

People = tuple[Delegations, ContactBook, Holds]


@dataclass(frozen=True, slots=True)
class LetterText:
    """What somebody has typed, or what stands in the file of a letter."""

    subject: str
    preview: str
    text: str

    @property
    def source(self) -> str:
        """The file of the letter, as it would be written."""
        head = [f"Subject: {_one_line(self.subject)}".rstrip()]
        if preview := _one_line(self.preview):
            head.append(f"Preview: {preview}")
        body = self.text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
        return "\n".join([*head, "", body, ""])

    @property
    def raw(self) -> bytes:
        return self.source.encode("utf-8", "surrogatepass")

    @classmethod
    def of(cls, content: bytes) -> LetterText:
        """Take a file apart, however it is written; nothing of it is lost."""
        try:
            source = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            source = content.decode("cp1252", "replace")
        lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        head: dict[str, str] = {}
        while lines and (line := _LINE.fullmatch(lines[0])) and line[1].lower() not in head:
            head[line[1].lower()] = line[2].strip()
            del lines[0]
        return cls(
            head.get("subject", ""), head.get("preview", ""), "\n".join(lines).strip("\n") + "\n"
        )


@dataclass(frozen=True, slots=True)
class PlacedProblem:
    """One problem of a letter where its writer sees it: the field, the line of it, the words."""

    problem: Problem
    field: str  # "subject", "preview", "text"; "" for the letter as a whole
    line: int  # of the field, counted from 1
    before: str  # of the line
    marked: str  # what is wrong; may be empty
    after: str


@dataclass(frozen=True, slots=True)
class LetterLook:
    """How a letter stands that is being written."""

    problems: tuple[PlacedProblem, ...]
    elsewhere: tuple[Problem, ...]  # what keeps it from being read or sent, in other files
    usable: bool  # it can be written out
    reader: Contact | None = None  # whose letter is shown; None where none can be
    made_up: bool = False  # the reader stands in no sheet
    letter: Rendered | None = None
    without: str = ""  # why this reader could not get it
    readers: tuple[Contact, ...] = ()  # the hardest to address


def file_of(name: str, language: str) -> str:
    return f"templates/{name}/{language}.md"


def languages(workspace: Workspace, name: str) -> list[str]:
    """List the letters of an appeal by the names of their files, readable or not."""
    folder = workspace.root / "templates" / name
    appeals.there(workspace, name)
    return sorted(path.stem for path in folder.glob("*.md"))


def stored(workspace: Workspace, name: str, language: str) -> tuple[LetterText, str, str]:
    """Return a letter as it is saved, the stamp of this version, and why it cannot be shown here.

    Raises `UsageError` where there is no such letter.
    """
    now = changes.state(workspace, file_of(name, language))
    if language not in languages(workspace, name) or now.fault == ABSENT:
        raise UsageError(f"The appeal {name} has no letter in {language!r}.")
    fault = now.fault
    if len(now.content) > MAX_BYTES:
        fault = f"it has {len(now.content):,} bytes, and {MAX_BYTES:,} is the most"
    return LetterText.of(b"" if fault else now.content), now.stamp, fault


def save(
    workspace: Workspace,
    ledger: Ledger,
    name: str,
    language: str,
    typed: LetterText,
    *,
    seen: str,
    who: str,
) -> FileChange | None:
    """Save a letter in place of the version that was seen; None where nothing differs.

    Sentences that are still wrong are saved. Raises `ChangedMeanwhile`, and `MailerError` with what
    no file of a letter can hold (L104).
    """
    file = file_of(name, language)
    if language not in languages(workspace, name):
        raise UsageError(f"The appeal {name} has no letter in {language!r}.")
    problems: list[Problem] = []
    if reading.read(typed.raw, file, problems) is None:
        raise MailerError("This cannot be saved as a letter.", problems=problems)
    return changes.replace(workspace, ledger, file, typed.raw, seen=seen, who=who)


def add(
    workspace: Workspace, ledger: Ledger, name: str, language: str, old: str = "", *, who: str
) -> FileChange | None:
    """Begin the letter of another language: as a copy of the letter in `old`, to be translated in
    its place; without one, of the first there is.

    Raises `UsageError` for what is no language, or has its letter already.
    """
    there = languages(workspace, name)
    fault = reading.misnamed(language, file_of(name, language))
    if fault or not _LANGUAGE.fullmatch(language):
        hint = (fault.suggestion if fault else "") or ""
        raise UsageError(f"A letter cannot be in {language!r}.", hint=hint)
    if language in there:
        raise UsageError(f"The appeal {name} already has a letter in {language!r}.")
    if old and old not in there:
        raise UsageError(f"The appeal {name} has no letter in {old!r}.")
    begun = LetterText("", "", "{{ greeting }}\n\n\n\n{{ closing }}\n")
    if old or there:
        begun, _, _ = stored(workspace, name, old or there[0])
    return changes.replace(workspace, ledger, file_of(name, language), begun.raw, seen="", who=who)


def remove(
    workspace: Workspace, ledger: Ledger, name: str, language: str, *, seen: str, who: str
) -> FileChange | None:
    """Take the letter of a language away; its text stays in the journal.

    Raises `ChangedMeanwhile`, and `UsageError` where it is the only one.
    """
    there = languages(workspace, name)
    if language not in there:
        raise UsageError(f"The appeal {name} has no letter in {language!r}.")
    if len(there) == 1:
        raise UsageError("This is the only letter of the appeal.")
    return changes.replace(workspace, ledger, file_of(name, language), None, seen=seen, who=who)


# --------------------------------------------------------------------------------------------- look


def look(
    workspace: Workspace,
    people: People,
    name: str,
    language: str,
    typed: LetterText,
    *,
    reader: str = "",
    choose: bool = False,
) -> LetterLook:
    """Find what is wrong in a letter that is being written, and write it to one person.

    `reader` is the row of whoever reads it (`row_of`), else the hardest to address; `choose` also
    returns the twelve hardest. Nothing is saved. Files that cannot be read are said, not raised,
    and the letter is shown without what stands in them.
    """
    file = file_of(name, language)
    found: list[Problem] = []
    try:
        appeal = load_appeal(workspace.root, name, people[0], {file: typed.raw}, found)
    except MailerError as fault:
        own, elsewhere = _sorted(fault.problems, file, typed)
        return LetterLook(own, elsewhere, usable=False)
    if language not in appeal.letters:
        own, elsewhere = _sorted(found, file, typed)
        return LetterLook(own, elsewhere, usable=False)
    now = Draft(workspace, "live", appeal, *people)
    one = _alone(appeal, language, typed)
    sender = workspace.settings.sender
    renderer = None
    try:
        found += check_letters(one, sender, now.delegations, now.forms, now.columns)
        renderer = Renderer(one, sender, now.delegations, now.forms, now.columns)
        found += twins.check(appeal)
    except MailerError as fault:
        found += [replace(each, file=each.file or file) for each in fault.problems]
    own, elsewhere = _sorted(list(dict.fromkeys(found)), file, typed)
    if renderer is None:
        return LetterLook(own, elsewhere, usable=False)
    return _read(LetterLook(own, elsewhere, usable=True), now, renderer, language, reader, choose)


def _read(
    found: LetterLook, now: Draft, renderer: Renderer, language: str, reader: str, choose: bool
) -> LetterLook:
    decisions = now.decide()
    known = next((one.contact for one in decisions if row_of(one.contact) == reader), None)
    readers: tuple[Contact, ...] = ()
    if choose or known is None:
        readers = _hardest(now, decisions, renderer, language)
    someone = known or next(iter(readers), None)
    person = someone or next(samples(now.appeal, now.columns))
    found = replace(found, reader=person, made_up=someone is None, readers=readers)
    try:
        return replace(found, letter=renderer.render(person, language))
    except MailerError as fault:
        return replace(found, without="; ".join(map(str, fault.problems)) or fault.message)


def row_of(contact: Contact) -> str:
    """Name a row of a sheet: where it stands."""
    return f"{contact.file}:{contact.sheet or ''}:{contact.row}"


def _hardest(
    now: Draft, decisions: Sequence[Decision], renderer: Renderer, language: str
) -> tuple[Contact, ...]:
    """Choose twelve of those who would get this letter; of everybody where nobody would."""
    could = [one for one in heads.letters(decisions) if one.reason is None]
    own = [one.contact for one in could if one.language == language]
    people = [(one, language) for one in own or [one.contact for one in could]]
    try:
        return tuple(one for one, _ in proof.hardest(renderer, now.forms, people, 12))
    except MailerError:  # no letter of this text can be written out
        return ()


def _alone(appeal: Appeal, language: str, typed: LetterText) -> Appeal:
    """Return an appeal of one letter and its pictures: the other letters are looked at where they
    are written, and the attachments on their page.
    """
    files = {
        file: digest
        for file, digest in appeal.files.items()
        if "/files/" not in file or file.rpartition("/")[2] in typed.text
    }
    return replace(
        appeal,
        letters=MappingProxyType({language: appeal.letters[language]}),
        attachments=(),
        files=MappingProxyType(files),
    )


def _sorted(
    problems: Collection[Problem], file: str, typed: LetterText
) -> tuple[tuple[PlacedProblem, ...], tuple[Problem, ...]]:
    lines = typed.source.split("\n")
    return (
        tuple(_placed(one, lines, typed) for one in problems if one.file == file),
        tuple(one for one in problems if one.file != file),
    )


def _placed(one: Problem, lines: Sequence[str], typed: LetterText) -> PlacedProblem:
    """Find the field and the line of a problem, and show what stands around it."""
    row = one.row or 0
    head = 3 if _one_line(typed.preview) else 2  # lines before the text, the empty one among them
    field = "" if not row else "subject" if row == 1 else "preview" if row < head else "text"
    text = typed.text.replace("\r\n", "\n")
    blank = len(text) - len(text.lstrip("\n"))
    line = max(1, row - head) + blank if field == "text" else 1
    words = lines[row - 1] if 0 < row <= len(lines) else ""
    if field in ("subject", "preview"):
        words = words.partition(":")[2].strip()
    at = words.find(one.value) if one.value else -1
    if at < 0:
        return PlacedProblem(one, field, line, _short(words[: 2 * EITHER_SIDE]), "", "")
    end = at + len(one.value)
    start = max(0, at - EITHER_SIDE)
    before = ("…" if start else "") + words[start:at]
    after = words[end : end + EITHER_SIDE] + ("…" if end + EITHER_SIDE < len(words) else "")
    return PlacedProblem(one, field, line, before, _short(words[at:end]), after)


def _short(words: str) -> str:
    return words if len(words) < 2 * EITHER_SIDE else words[: 2 * EITHER_SIDE - 1] + "…"


def _one_line(text: str) -> str:
    return " ".join(text.split())
