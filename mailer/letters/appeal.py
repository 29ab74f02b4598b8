"""An appeal: one folder under `templates/`, with one letter per language and, if wanted, an
`appeal.toml`.

A letter `xx.md` begins like an e-mail (`Subject:`, `Preview:`, an empty line) and goes on as
Markdown with placeholders. Whatever is wrong in the files is collected, and raised at once. An
`Appeal` is frozen and carries the fingerprint and the text of each file it was read from: a plan
that was made from it can say later which line changed.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote

from mailer.base.delegations import Delegations
from mailer.base.errors import MailerError, Problem, UsageError
from mailer.base.files import ABSENT, read_inside
from mailer.base.problems import problem
from mailer.base.spelling import nearest
from mailer.letters.appeal_toml import AppealSettings, read_settings, said
from mailer.letters.attachments import files_of
from mailer.letters.attachments import read as read_attachment
from mailer.letters.facts import Fact, read_facts

MAX_BYTES = 50_000
"""The largest letter. A page is about 4,000; Gmail cuts a letter off at 102 kB of HTML. The most
hostile Markdown of this size takes some seconds, and of ten times the size a hundred times as long.
"""

_LANGUAGE = re.compile(r"[a-z]{2,3}")
_HEADING = re.compile(r"([A-Za-z][\w-]*)[ \t]*:[ \t]*(.*)")
_PICTURE = re.compile(
    r"!\[[^\]]*\]\(<?(files/(?:(?!\.\.)[^<>{}\n])+?\.(?:png|jpe?g))>?\)", re.IGNORECASE
)
_CODES_OF_COUNTRIES = {
    "ua": "uk",
    "cz": "cs",
    "dk": "da",
    "gr": "el",
    "gb": "en",
    "at": "de",
    "ge": "ka",
    "ee": "et",
}
"""Country codes that people take for languages, and that are no language of the 46 delegations."""


@dataclass(frozen=True, slots=True)
class Letter:
    """An appeal in one language, as it stands in its file."""

    language: str  # ISO 639, "fr"
    file: str  # "templates/azerbaijan-credentials/fr.md"
    subject: str  # one line, with placeholders
    preview: str  # one line; may be empty
    body: str  # Markdown with placeholders
    subject_line: int  # 1-based, in the file
    preview_line: int
    body_line: int


@dataclass(frozen=True, slots=True)
class AssemblySession:
    """The session that the letters are about."""

    name: Mapping[str, str]  # per language
    opens: date
    source: str
    invented: bool  # live mode refuses it
    credentials: str = "unknown"  # "presented" or "none", by the delegation that it is about


@dataclass(frozen=True, slots=True)
class OnPaper:
    """What a formal letter says beside its words."""

    place: str  # "Strasbourg"; may be empty
    day: date | None


@dataclass(frozen=True, slots=True)
class Organisation:
    """Who signs."""

    name: Mapping[str, str]  # per language
    within: Mapping[str, str]  # per language: what stands behind the name, after a comma
    country: str  # two-letter code: it stands first in letters to this delegation; "" for none
    logo: str  # "files/logo.png"; "" for none
    reply_to: str  # answers from this delegation go there; "" for where all go
    languages: tuple[str, ...]  # in which it answers; empty for all

    @property
    def english(self) -> str:
        """The name under which it signs."""
        return said(self.name, "en")

    def named(self, language: str) -> str:
        """Write name and qualifier in `language`, else in English, else as the file has
        it first.
        """
        return ", ".join(
            text for text in (said(self.name, language), said(self.within, language)) if text
        )


@dataclass(frozen=True, slots=True)
class Piece:
    """A text that letters put in: a paragraph for one delegation, a signature, a footer."""

    language: str
    file: str
    text: str  # Markdown with placeholders


@dataclass(frozen=True)
class Appeal:
    """One folder under `templates/`, read and found in order."""

    root: Path = field(repr=False)  # the workspace
    name: str  # of the folder
    title: str
    letters: Mapping[str, Letter]  # by language
    session: AssemblySession | None
    last_day: date | None  # nothing is sent after it
    roles: tuple[str, ...]  # whom the letters are for
    leave_out: Mapping[str, str]  # delegation → reason
    where: str  # a condition for all plans of it; "" for none
    fallback: tuple[str, ...]  # for people whose language has no letter, first choice first
    organisations: tuple[Organisation, ...]
    facts: Mapping[str, Fact]
    pieces: Mapping[str, Piece]  # "for/NO.en", "signature.en", "footer.en"
    attachments: tuple[str, ...]  # "files/briefing.{language}.pdf"
    on_paper: OnPaper | None  # each letter goes as a PDF with a covering mail
    layout: str  # the workspace's own page, HTML; "" for that of the package
    personal_links: str  # why links may differ by person; "" where they may not
    waived: Mapping[str, str]  # a fact that only some letters have → why that is right
    files: Mapping[str, str] = field(repr=False)  # path in the workspace → SHA-256
    text: Mapping[str, str] = field(repr=False)  # path in the workspace → source

    @cached_property
    def text_hash(self) -> str:
        """The fingerprint of all that readers can read in this appeal, whatever else stands in its
        files.
        """
        letters = {
            language: [one.subject, one.preview, one.body] for language, one in self.letters.items()
        }
        who = [[dict(one.name), dict(one.within)] for one in self.organisations]
        files = [digest for file, digest in sorted(self.files.items()) if "/files/" in file]
        session = self.session and [
            dict(self.session.name),
            self.session.opens.isoformat(),
            self.session.credentials,
        ]
        others = [
            {name: one.text for name, one in self.pieces.items()},
            {key: dict(fact.value) for key, fact in self.facts.items()},
        ]
        text = json.dumps(
            [letters, who, session, others, files], ensure_ascii=False, sort_keys=True
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def signatories(self, delegation: str) -> tuple[Organisation, ...]:
        """Return who signs, the organisations of this delegation's country first."""
        return tuple(
            sorted(self.organisations, key=lambda one: not one.country or one.country != delegation)
        )

    def reply_to(self, delegation: str, language: str) -> str:
        """Return where answers from this delegation go, "" for where all go."""
        for one in self.organisations:
            if (
                one.country == delegation
                and one.reply_to
                and (not one.languages or language in one.languages)
            ):
                return one.reply_to
        return ""

    def language_for(self, preferences: Sequence[str]) -> tuple[str, bool] | None:
        """Choose a letter: the first preference that has one, else the fallback, and say whether it
        fell back.

        Returns None where neither has a letter: nobody gets a language that was not declared.
        """
        for fell, languages in ((False, preferences), (True, self.fallback)):
            for language in languages:
                for tag in (language.lower(), language.lower().partition("-")[0]):
                    if tag in self.letters:
                        return tag, fell
        return None


def names(root: Path) -> list[str]:
    """List the appeals of a workspace."""
    folder = root / "templates"
    if not folder.is_dir():
        return []
    return sorted(
        path.name for path in folder.iterdir() if path.is_dir() and path.name[0] not in "_."
    )


def load_appeal(
    root: Path,
    name: str,
    delegations: Delegations | None = None,
    typed: Mapping[str, bytes] | None = None,
) -> Appeal:
    """Read `templates/NAME` of the workspace `root`; files of the workspace in `typed` as they are
    there, and not as they were saved. Raises `MailerError` with all problems (L1…).
    """
    folder = root / "templates" / name
    known = names(root)
    if name not in known:
        raise no_such_appeal(name, known)
    problems: list[Problem] = []
    files = _Files(root, problems, typed or {})
    letters: dict[str, Letter] = {}
    new = {path for path in map(root.joinpath, files.typed) if path.suffix == ".md"}
    for path in sorted({*folder.glob("*.md"), *new}):
        file = path.relative_to(root).as_posix()
        if wrong := misnamed(path.stem, file):
            problems.append(wrong)
        elif (source := files.read(path)) is not None and (
            letter := _letter(path.stem, file, source, problems)
        ):
            letters[path.stem] = letter
    if not letters and not problems:
        hint = "write one letter, for example en.md; the first line is: Subject: …"
        problems.append(
            problem(
                "L102", f"templates/{name}", message="this appeal has no letter", suggestion=hint
            )
        )
    known_delegations = delegations or Delegations.of_workspace(root)
    pieces = _pieces(files, root / "templates" / "_shared", folder / "for", known_delegations)
    facts: dict[str, Fact] = {}
    for place in (root / "templates" / "_shared" / "facts.toml", folder / "facts.toml"):
        if (source := files.read(place)) is not None:
            facts |= read_facts(source, place.relative_to(root).as_posix(), problems)
    layout = files.read(root / "templates" / "_shared" / "layout.html") or ""
    files.read(
        root / "templates" / "_shared" / "salutations.csv"
    )  # `forms` reads it; a plan is made from it as well
    file = f"templates/{name}/appeal.toml"
    settings = read_settings(
        files.read(folder / "appeal.toml") or "", file, letters, known_delegations, problems
    )
    if settings is not None and not problems:
        files.attach(folder, settings.attachments, letters)
        texts = [
            *(letter.body for letter in letters.values()),
            *(piece.text for piece in pieces.values()),
        ]
        shown = [unquote(src) for text in texts for src in _PICTURE.findall(text)]
        shown += [one.logo for one in settings.organisation if one.logo]
        files.attach(folder, dict.fromkeys(shown), ())
    if problems or settings is None:
        number = len(problems)
        raise MailerError(
            f"the appeal {name} has {number} problem{'s' if number > 1 else ''}",
            hint="put them right, then try again",
            code=problems[0].code,
            problems=problems,
        )
    return _appeal(name, settings, letters, facts, pieces, layout, files)


class _Files:
    """The files that an appeal is read from, with their text and fingerprint."""

    def __init__(self, root: Path, problems: list[Problem], typed: Mapping[str, bytes]) -> None:
        self.root = root
        self.problems = problems
        self.typed = typed
        self.text: dict[str, str] = {}
        self.hashes: dict[str, str] = {}

    def read(self, path: Path) -> str | None:
        """Read a file and keep it; None if there is none, or it cannot be read."""
        file = path.relative_to(self.root).as_posix()
        typed = self.typed.get(file)
        raw, fault = (typed, "") if typed is not None else read_inside(self.root, path)
        if fault == ABSENT:
            return None
        if fault:
            message = f"this file cannot be read: {fault}"
            hint = "put the file itself there" if "link" in fault else "look at its permissions"
            self.problems.append(problem("L104", file, message=message, suggestion=hint))
            return None
        source = read(raw, file, self.problems)
        if source is not None:
            self.text[file], self.hashes[file] = source, hashlib.sha256(raw).hexdigest()
        return source

    def attach(self, folder: Path, patterns: Iterable[str], languages: Iterable[str]) -> None:
        """Check the attachments that letters may carry, and keep their fingerprints."""
        for pattern in patterns:
            for path in files_of(folder, pattern, languages):
                try:
                    one = read_attachment(self.root, path)
                except MailerError as fault:
                    self.problems += fault.problems
                else:
                    self.hashes[one.file] = one.digest


def _pieces(files: _Files, shared: Path, own: Path, delegations: Delegations) -> dict[str, Piece]:
    """Read `_shared/footer.xx.md`, `_shared/signature.xx.md` and `for/XX.yy.md`."""
    found = {}
    for path in sorted([*shared.glob("*.md"), *own.glob("*.md")]):
        what, _, language = path.stem.partition(".")
        folder = "_shared" if path.parent == shared else f"{own.parent.name}/for"
        file = f"templates/{folder}/{path.name}"
        right = (
            what in ("footer", "signature")
            if path.parent == shared
            else delegations.get(what) is not None
        )
        if not right or not _LANGUAGE.fullmatch(language):
            hint = (
                "footer.en.md or signature.en.md"
                if path.parent == shared
                else "NO.en.md: delegation and language"
            )
            message = "this file is not called as it must be"
            files.problems.append(
                problem(
                    "L103", file, value=path.name, message=message, suggestion=f"call it {hint}"
                )
            )
        elif (source := files.read(path)) is not None:
            name = path.stem if path.parent == shared else f"for/{path.stem}"
            found[name] = Piece(language, file, source)
    return found


def read(raw: bytes, file: str, problems: list[Problem]) -> str | None:
    """Return the text of a file, lines ended by "\\n", or None and a problem (L104) in the list."""
    row: int | None = None
    column: int | None = None
    message, hint, text = "", "", None
    try:
        text = unicodedata.normalize(
            "NFC", raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        )
    except UnicodeDecodeError as error:
        message, hint = "this file is not in UTF-8", 'in the editor: "Save as", encoding UTF-8'
        row, column = (
            raw.count(b"\n", 0, error.start) + 1,
            error.start - raw.rfind(b"\n", 0, error.start),
        )
    else:
        if len(raw) > MAX_BYTES:
            message = f"this file has {len(raw):,} bytes, and {MAX_BYTES:,} is the most"
            hint = "a letter is a page or two"
        elif bad := UNSEEN.search(text):
            message, hint = (
                f"an invisible control character (U+{ord(bad[0]):04X}) stands here",
                "delete it",
            )
            row, column = (
                text.count("\n", 0, bad.start()) + 1,
                bad.start() - text.rfind("\n", 0, bad.start()),
            )
    if not message:
        return text
    place = None if column is None else str(column)
    problems.append(problem("L104", file, row=row, column=place, message=message, suggestion=hint))
    return None


UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters, line separators, and marks that turn the writing direction round."""


def no_such_appeal(name: str, known: list[str]) -> UsageError:
    """Return the error for the name of no appeal, with the nearest one."""
    close = nearest(name, known)
    there_are = (
        f"there are: {', '.join(known)}"
        if known
        else "there is none yet: make a folder in templates/"
    )
    hint = f'did you mean "{close}"? {there_are}' if close else there_are
    return UsageError(f'There is no appeal called "{name}".', hint=hint, code="L101")


def misnamed(stem: str, file: str) -> Problem | None:
    """Return what is wrong with the name of a letter (L103), None if it is a language."""
    if _LANGUAGE.fullmatch(stem) and stem not in _CODES_OF_COUNTRIES:
        return None
    language = _CODES_OF_COUNTRIES.get(stem.lower())
    hint = (
        f"call it {language}.md"
        if language
        else "call it en.md, fr.md, de.md …, or move it out of the folder"
    )
    return problem(
        "L103", file, value=stem, message="the name of a letter is its language", suggestion=hint
    )


def _letter(language: str, file: str, source: str, problems: list[Problem]) -> Letter | None:
    before = len(problems)
    found: dict[str, tuple[str, int]] = {}

    def wrong(code: str, message: str, row: int, suggestion: str, value: str = "") -> None:
        problems.append(
            problem(code, file, row=row, value=value, message=message, suggestion=suggestion)
        )

    lines = source.split("\n")
    end = next((number for number, line in enumerate(lines) if not line.strip()), len(lines))
    for number, line in enumerate(lines[:end], 1):
        heading = _HEADING.fullmatch(line)
        key = heading[1].lower() if heading else ""
        if heading is None or (key not in ("subject", "preview") and not found):
            close = nearest(key, ["subject", "preview"]) if heading else None
            hint = (
                f'did you mean "{close.capitalize()}:"?'
                if close
                else "begin with: Subject: … and then an empty line"
            )
            wrong(
                "L105",
                "a letter begins with its subject and an empty line",
                number,
                hint,
                line[:60],
            )
            return None
        if key not in ("subject", "preview"):
            close = nearest(key, ["subject", "preview"])
            hint = (
                f'did you mean "{close.capitalize()}:"?'
                if close
                else "an empty line must stand before the text"
            )
            wrong(
                "L105",
                "only Subject: and Preview: may stand before the text",
                number,
                hint,
                line[:60],
            )
        elif key in found:
            wrong(
                "L105",
                f"{key.capitalize()}: stands here twice",
                number,
                "keep one of them",
                heading[2],
            )
        else:
            found[key] = (heading[2].strip(), number)
    subject, subject_line = found.get("subject", ("", 1))
    preview, preview_line = found.get("preview", ("", 1))
    body = "\n".join(lines[end + 1 :])
    if not subject and len(problems) == before:
        wrong("L106", "this letter has no subject", subject_line, "write it behind Subject:")
    if not body.strip() and len(problems) == before:
        wrong("L107", "this letter has no text", end + 1, "write it below the empty line")
    if len(problems) > before:
        return None
    return Letter(language, file, subject, preview, body, subject_line, preview_line, end + 2)


def _appeal(
    name: str,
    settings: AppealSettings,
    letters: Mapping[str, Letter],
    facts: Mapping[str, Fact],
    pieces: Mapping[str, Piece],
    layout: str,
    files: _Files,
) -> Appeal:
    languages = settings.languages
    fallback = [*languages.fallback, *([languages.default] if languages.default else [])]
    if (
        not fallback and len(letters) == 1
    ):  # one letter and nothing said: it is for everybody, and that is counted
        fallback = list(letters)
    session = settings.session
    return Appeal(
        root=files.root,
        name=name,
        title=settings.title or name,
        letters=MappingProxyType(dict(letters)),
        session=None
        if session is None
        else AssemblySession(
            MappingProxyType(session.name),
            session.opens,
            session.source,
            session.invented,
            session.credentials,
        ),
        last_day=settings.last_day,
        roles=tuple(dict.fromkeys(settings.audience.roles)),
        leave_out=MappingProxyType(settings.audience.leave_out),
        where=settings.audience.where.strip(),
        fallback=tuple(dict.fromkeys(fallback)),
        organisations=tuple(
            Organisation(
                MappingProxyType(each.name),
                MappingProxyType(each.within),
                each.country,
                each.logo,
                each.reply_to,
                each.languages,
            )
            for each in settings.organisation
        ),
        facts=MappingProxyType(dict(facts)),
        pieces=MappingProxyType(dict(pieces)),
        attachments=settings.attachments,
        on_paper=OnPaper(settings.letter.place, settings.letter.date)
        if settings.letter.pdf
        else None,
        layout=layout,
        personal_links=settings.personal_links.strip(),
        waived=MappingProxyType(settings.waived),
        files=MappingProxyType(files.hashes),
        text=MappingProxyType(files.text),
    )
