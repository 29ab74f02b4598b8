"""The contact sheets: how they are, a new one dropped, the check at its cells, marked copies,
turnover, the hold list.

A dropped sheet lies in `.mailer/dropped/` until somebody takes it over or throws it away; only then
does anything change in `contacts/`, in one step and after a backup.
"""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import Response

from mailer.actions import people
from mailer.base.errors import MailerError, Problem, Severity, UsageError
from mailer.console.request import Visit
from mailer.console.views.delivery import held
from mailer.contacts import load_contacts
from mailer.contacts.book import ContactBook, sheets
from mailer.contacts.edit import marked_copy as marked
from mailer.contacts.edit import take_home, turnover, write

KINDS = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".ods")
DAY = 86_400  # seconds that a dropped sheet is kept
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class SheetHealth:
    """One sheet in the list."""

    name: str
    people: int
    usable: int
    errors: int
    warnings: int
    delegations: tuple[str, ...]


def _health(book: ContactBook, file: str) -> SheetHealth:
    people = [contact for contact in book.contacts if contact.file == file]
    kinds = Counter(problem.severity for problem in book.problems if problem.file == file)
    return SheetHealth(
        Path(file).name,
        len(people),
        sum(contact.skip is None for contact in people),
        kinds[Severity.ERROR],
        kinds[Severity.WARNING],
        tuple(dict.fromkeys(contact.delegation for contact in people if contact.delegation)),
    )


def index(visit: Visit) -> Response:
    _, book, held = visit.console.cache.people()
    everywhere = [problem for problem in book.problems if problem.file not in book.files]
    return visit.page(
        "contacts.html",
        sheets=[_health(book, file) for file in book.files],
        people=len(book.contacts),
        held=len(held),
        problems=everywhere,
    )


def _file(visit: Visit, book: ContactBook) -> str:
    """Return the sheet that the address names."""
    name = visit.request.path_params["sheet"]
    for file in book.files:
        if Path(file).name == name:
            return file
    raise UsageError(visit.say("There is no contact sheet {name}.", name=name))


def sheet(visit: Visit) -> Response:
    """Show the check of one sheet, at its cells."""
    _, book, _ = visit.console.cache.people()
    file = _file(visit, book)
    return visit.page("sheet.html", health=_health(book, file), problems=_of(book, file), file=file)


def _of(book: ContactBook, file: str) -> list[Problem]:
    return [problem for problem in book.problems if problem.file == file]


def marked_copy(visit: Visit) -> Response:
    """Write the marked copy of a sheet beside it, and hand it out."""
    _, book, _ = visit.console.cache.people()
    file = _file(visit, book)
    return _handed_out(marked.mark(visit.workspace.root, file, book))


def _handed_out(path: Path) -> Response:
    name = path.name.lstrip("_").replace('"', "")
    return Response(
        path.read_bytes(),
        media_type=XLSX,
        headers={"content-disposition": f"attachment; filename*=UTF-8''{_quoted(name)}"},
    )


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name)


# ---------------------------------------------------------------------------------- a dropped sheet


def _drops(visit: Visit) -> Path:
    return visit.workspace.make_state_dir() / "dropped"


def drop(visit: Visit) -> Response:
    """Keep a dropped sheet aside, and show its check."""
    upload = visit.file("sheet")
    name = re.sub(r"[^\w .()-]", "_", Path((upload.filename or "").replace("\\", "/")).name).lstrip(
        "._~ $"
    )
    if Path(name).suffix.lower() not in KINDS:
        raise UsageError(
            visit.say("{name} is no contact sheet.", name=name or "?"),
            hint=visit.say("XLSX, ODS or CSV; nothing was kept."),
        )
    content = upload.file.read()
    drops = _drops(visit)
    drops.mkdir(mode=0o700, exist_ok=True)
    for old in drops.iterdir():
        if time.time() - old.stat().st_mtime > DAY:
            shutil.rmtree(old, ignore_errors=True)
    key = secrets.token_hex(8)
    folder = drops / key / "contacts"
    folder.mkdir(mode=0o700, parents=True)
    (folder / name).write_bytes(content)
    visit.journal("sheet_dropped", name)
    return visit.go(f"/contacts/dropped/{key}")


def _dropped(visit: Visit) -> Path:
    """Return the folder of a dropped sheet, which looks like a workspace with one sheet in it."""
    key: str = visit.request.path_params["drop"]
    folder = _drops(visit) / key
    if not _ID.fullmatch(key) or not folder.is_dir():
        raise UsageError(visit.say("This sheet is no longer kept; drop it again."))
    return folder


def _read(visit: Visit, folder: Path) -> tuple[ContactBook, str]:
    delegations, _, _ = visit.console.cache.people()
    contacts = visit.workspace.settings.contacts
    book = load_contacts(
        folder, "contacts", contacts.columns, delegations, max_rows=contacts.max_rows
    )
    (path,) = sheets(folder / "contacts")
    return book, f"contacts/{path.name}"


def dropped(visit: Visit) -> Response:
    """Show the check of a dropped sheet, and how it differs from the one of the same name."""
    folder = _dropped(visit)
    delegations, present, _ = visit.console.cache.people()
    (path,) = sheets(folder / "contacts")
    if (corrected := _corrected(visit, path)) is not None:
        return visit.page(
            "corrected.html",
            drop=folder.name,
            name=path.name,
            file=corrected.file,
            changes=corrected.changes,
        )
    book, file = _read(visit, folder)
    before = [contact for contact in present.contacts if Path(contact.file).name == path.name]
    turns = turnover.compare(before, book.contacts, delegations) if before else []
    return visit.page(
        "dropped.html",
        drop=folder.name,
        health=_health(book, file),
        problems=_of(book, file),
        broken=file in book.broken,
        exists=bool(before),
        turns=[turn for turn in turns if not turn.quiet],
        totals=turnover.totals(turns),
    )


def _corrected(visit: Visit, path: Path) -> take_home.WayHome | None:
    """Return what a marked copy that comes home would change; None where it is none."""
    try:
        return take_home.compare(visit.workspace.root, path)
    except MailerError as fault:
        if "no marked copy" in fault.message or "cannot be read" in fault.message:
            return None
        raise


def dropped_marked(visit: Visit) -> Response:
    folder = _dropped(visit)
    book, file = _read(visit, folder)
    made = marked.mark(folder, file, book)
    answer = _handed_out(made)
    made.unlink()  # the folder holds one sheet
    return answer


def take_over(visit: Visit) -> Response:
    """Put a dropped sheet in its place, in one step and after a backup; or take a corrected copy
    back.
    """
    folder = _dropped(visit)
    (path,) = sheets(folder / "contacts")
    workspace = visit.workspace
    backups = workspace.state_dir / "backups"
    if _corrected(visit, path) is not None:
        file, changes, _ = take_home.accept(workspace.root, path)
        visit.journal("marked_copy_taken_back", f"{file}, {len(changes)} cells")
        notice = visit.say(
            "{n} cells of {file} are corrected; a backup is kept.", n=len(changes), file=file
        )
    else:
        book, file = _read(visit, folder)
        if file in book.broken:
            raise MailerError(
                visit.say("This sheet cannot be used as it is."), problems=_of(book, file)
            )
        target = workspace.contacts_dir / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            write.keep(target, backups)
        write.put(target, path.read_bytes())
        visit.journal("sheet_taken_over", f"{path.name}, {len(book.contacts)} rows")
        notice = visit.say(
            "{name} is in its place; {n} rows.", name=path.name, n=len(book.contacts)
        )
    shutil.rmtree(folder)
    return visit.go(f"/contacts/{Path(file).name}", notice)


def throw_away(visit: Visit) -> Response:
    folder = _dropped(visit)
    shutil.rmtree(folder)
    return visit.go(
        "/contacts", visit.say("The dropped sheet is thrown away; nothing has changed.")
    )


# ---------------------------------------------------------------------------------------- hold list


def hold_list(visit: Visit) -> Response:
    _, _, there = visit.console.cache.people()
    return visit.page("holds.html", held=list(there), problems=there.problems)


def hold(visit: Visit) -> Response:
    """Put somebody on the hold list who need not be in any sheet: an address, or a name and a
    delegation.
    """
    found = visit.workspace.delegations.find(visit.field("delegation"))
    code = found.code if found else ""
    said = held(visit, visit.field("address"), visit.field("name"), code, code)
    return visit.go("/contacts/hold-list", said)


def release(visit: Visit) -> Response:
    """Take one entry off the hold list: the one that stands in this line, and still
    says the same.
    """
    _, _, there = visit.console.cache.people()
    line, seal = visit.field("line"), visit.field("who")
    entry = next(
        (one for one in there if str(one.row) == line and f"{one.name}|{one.address}" == seal), None
    )
    if entry is None:
        raise UsageError(visit.say("The hold list has changed; look at it again."))
    people.release(visit.workspace, entry)
    visit.journal("released", entry.delegation)
    return visit.go(
        "/contacts/hold-list",
        visit.say("{name} is no longer held.", name=entry.name or entry.address),
    )
