"""The files of an appeal: which there are, with which letters each goes along, what it tells
besides what it shows.

A file is put into `files/` of the appeal first, and named in `appeal.toml` behind that; after a
crash between the two it lies there and goes along with nothing.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath

from mailer.actions.writing import about, changes, texts
from mailer.actions.writing.changes import ChangedMeanwhile, FileChange
from mailer.base.errors import UsageError
from mailer.base.files import read_inside
from mailer.base.settings.workspace import Workspace
from mailer.ledger.ledger import Ledger
from mailer.letters.attachments import KINDS as KINDS  # noqa: PLC0414  (the doors ask here)
from mailer.letters.attachments import fault_of, files_of, personal, there
from mailer.letters.checks.metadata import what_it_tells

EVERYBODY = "all"
LONGEST_NAME = 100
_NAME = re.compile(r"\w[\w .()+-]*\.\w+")


@dataclass(frozen=True, slots=True)
class AppealFile:
    """One file in `files/` of an appeal."""

    name: str
    size: int  # bytes
    stamp: str
    goes_to: str  # "all", a language, "some" (chosen by person), "text" (a picture); "" for nobody
    tells: tuple[str, ...]  # "author: Jana Novák", "tracked changes", "place (GPS)"
    fault: str  # why it cannot be sent


def files(workspace: Workspace, name: str) -> list[AppealFile]:
    """List the files of an appeal, and read what they tell. What strangers made is read by this:
    whoever answers others runs it in a process of its own.
    """
    languages = texts.languages(workspace, name)
    folder = workspace.root / "templates" / name
    uses: dict[str, str] = {}
    for language in languages:
        source = texts.stored(workspace, name, language)[0].text
        for found in re.findall(r"\]\(<?files/([^)>\s]+)", source):
            uses[found] = "text"
    for pattern in about.stored(workspace, name).attachments:
        for language in languages if "{language}" in pattern else [""]:
            for path in files_of(folder, pattern, [language]):
                uses[path.name] = "some" if personal(pattern) else language or EVERYBODY
    found = []
    inside = folder / "files"
    for path in sorted(inside.iterdir()) if inside.is_dir() else []:
        if path.name.startswith("."):
            continue
        raw, fault = read_inside(workspace.root, path)
        tells = what_it_tells(path.name, raw) if raw else ()
        fault = fault or _kind_fault(path.name) or fault_of(path.name, raw)
        goes_to = uses.get(path.name, "")
        found.append(AppealFile(path.name, len(raw), changes.stamp(raw), goes_to, tells, fault))
    return found


def enclose(
    workspace: Workspace,
    ledger: Ledger,
    name: str,
    file_name: str,
    content: bytes,
    *,
    to: str,
    replacing: bool = False,
    who: str,
) -> str:
    """Put a file into an appeal, and let it go along: with all letters, those of one language, or
    ("") none, as a picture does that a letter shows. Return its name.

    A file for one language is called so: `briefing.fr.pdf`. Raises `UsageError` for a file that
    cannot be sent, or whose name is taken, unless it is `replacing` that one.
    """
    languages = texts.languages(workspace, name)
    if to and to != EVERYBODY and to not in languages:
        raise UsageError(f"The appeal {name} has no letter in {to!r}.")
    file_name = _named(file_name)
    if to in languages and not PurePosixPath(file_name).stem.endswith(f".{to}"):
        path = PurePosixPath(file_name)
        file_name = f"{path.stem}.{to}{path.suffix}"
    if fault := _kind_fault(file_name) or fault_of(file_name, content):
        raise UsageError(f"{file_name} cannot be attached: {fault}.")
    file = f"templates/{name}/files/{file_name}"
    present = there(workspace.root / file)
    file = present.relative_to(workspace.root).as_posix()
    seen = changes.state(workspace, file).stamp if replacing else ""
    try:
        changes.replace(workspace, ledger, file, content, seen=seen, who=who)
    except ChangedMeanwhile as other:
        message = f"There is already a file called {file_name}."
        raise UsageError(message, hint="replace it, or give yours another name") from other
    if to:
        pattern = f"files/{file_name}"
        if to in languages:
            pattern = f"files/{file_name.removesuffix(PurePosixPath(file_name).suffix)}"
            pattern = f"{pattern.removesuffix(f'.{to}')}.{{language}}{present.suffix}"
        attached = about.stored(workspace, name).attachments
        if pattern not in attached:
            about.attach(workspace, ledger, name, [*attached, pattern], who=who)
    return file_name


def take_out(
    workspace: Workspace, ledger: Ledger, name: str, file_name: str, *, seen: str, who: str
) -> FileChange | None:
    """Take a file out of an appeal, and its name out of `appeal.toml`.

    Raises `ChangedMeanwhile` where it is another one than was seen, `UsageError` where there is
    none.
    """
    inside = workspace.root / "templates" / name / "files"
    if not inside.is_dir() or file_name not in {path.name for path in inside.iterdir()}:
        raise UsageError(f"There is no file called {file_name!r} in the appeal {name}.")
    languages = texts.languages(workspace, name)
    folder = workspace.root / "templates" / name
    change = changes.replace(
        workspace, ledger, f"templates/{name}/files/{file_name}", None, seen=seen, who=who
    )
    attached = about.stored(workspace, name).attachments
    left = [
        pattern
        for pattern in attached
        if pattern != f"files/{file_name}"
        and (personal(pattern) or any(one.exists() for one in files_of(folder, pattern, languages)))
    ]
    if left != list(attached):
        about.attach(workspace, ledger, name, left, who=who)
    return change


def _named(name: str) -> str:
    name = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2]).strip()
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME or ".." in name:
        hint = f"letters, figures, blanks, . ( ) + and -, at most {LONGEST_NAME} of them"
        raise UsageError(f"A file cannot be called {name[:LONGEST_NAME]!r}.", hint=hint)
    return name


def _kind_fault(name: str) -> str:
    if PurePosixPath(name).suffix.lower() not in KINDS:
        return f"files of this kind are not sent; there are {', '.join(KINDS)}"
    return ""
