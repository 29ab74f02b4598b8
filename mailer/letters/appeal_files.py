"""Reading an appeal: its letters, `appeal.toml`, facts, and what stands in `_shared` and `for`.

A letter `xx.md` begins like an e-mail (`Subject:`, `Preview:`, an empty line) and goes on as
Markdown with placeholders. Whatever is wrong in the files is collected, and raised at once.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote

from mailer.base.delegations import Delegations
from mailer.base.errors import MailerError, Problem, UsageError
from mailer.base.files import ABSENT, read_inside
from mailer.base.problems import problem
from mailer.base.spelling import nearest
from mailer.letters.appeal import Appeal, AssemblySession, Letter, OnPaper, Organisation, Piece
from mailer.letters.appeal_toml import AppealSettings, read_settings
from mailer.letters.attachments import PICTURE, files_of, pattern_fault
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
    faults: list[Problem] | None = None,
) -> Appeal:
    """Read `templates/NAME` of the workspace `root`; files of the workspace in `typed` as they are
    there, and not as they were saved. Raises `MailerError` with all problems (L1…), unless there is
    a list of `faults` for them: the appeal is then what can be read of it, for further checks.
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
    if settings is not None:
        right = [one for one in settings.attachments if not pattern_fault(one)]
        files.attach(folder, right, letters)
        texts = [
            *(letter.body for letter in letters.values()),
            *(piece.text for piece in pieces.values()),
        ]
        shown = [unquote(src) for text in texts for src in _PICTURE.findall(text)]
        shown += [one.logo for one in settings.organisation if PICTURE.fullmatch(one.logo)]
        files.attach(folder, dict.fromkeys(shown), ())
    if faults is not None:
        faults += problems
    elif problems:
        number = len(problems)
        raise MailerError(
            f"the appeal {name} has {number} problem{'s' if number > 1 else ''}",
            hint="put them right, then try again",
            code=problems[0].code,
            problems=problems,
        )
    return _appeal(name, settings or AppealSettings(), letters, facts, pieces, layout, files)


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
            session.vote,
            session.zone,
        ),
        last_day=settings.last_day,
        roles=tuple(dict.fromkeys(settings.audience.roles)),
        leave_out=MappingProxyType(settings.audience.leave_out),
        where=settings.audience.where.strip(),
        follows=settings.audience.follows.strip(),
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
        to_heads=settings.letter.mode == "head",
        layout=layout,
        personal_links=settings.personal_links.strip(),
        waived=MappingProxyType(settings.waived),
        files=MappingProxyType(files.hashes),
        text=MappingProxyType(files.text),
    )
