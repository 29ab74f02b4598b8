"""The contact sheets: how each is, at its cells, and its marked copy."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from starlette.responses import Response

from mailer.actions.sheets import cells, check, mend
from mailer.base.errors import Problem, UsageError, notes_last
from mailer.console.request import Visit
from mailer.contacts.book import ContactBook

VERSIONS = 10
"""So many earlier versions are offered; all of them are kept."""

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def index(visit: Visit) -> Response:
    _, book, held = visit.console.cache.people()
    each, people = visit.console.cache.health(book)
    everywhere = [problem for problem in book.problems if problem.file not in book.files]
    return visit.page(
        "contacts.html",
        sheets=list(each.values()),
        people=people,
        held=len(held),
        problems=everywhere,
    )


def file_of(visit: Visit, book: ContactBook) -> str:
    """Return the sheet that the address names."""
    name = visit.request.path_params["sheet"]
    for file in book.files:
        if Path(file).name == name:
            return file
    raise UsageError(visit.say("There is no contact sheet {name}.", name=name))


def show(visit: Visit) -> Response:
    """Show the check of one sheet, at its cells."""
    _, book, _ = visit.console.cache.people()
    file = file_of(visit, book)
    return visit.page(
        "sheet.html",
        health=visit.console.cache.health(book)[0][file],
        problems=problems_of(book, file),
        file=file,
        columns=cells.columns_of(book, file),
        versions=mend.kept_versions(visit.workspace, file)[:VERSIONS],
    )


def take_back(visit: Visit) -> Response:
    """Bring an earlier version of a sheet back, byte for byte."""
    number = visit.field("version")
    if not number.isdecimal():
        raise UsageError(visit.say("This version is not kept any more."))
    sheet = visit.request.path_params["sheet"]
    done = mend.undo(visit.workspace, visit.console.ledger, sheet, int(number), who=visit.who)
    if done.version.absent:
        return visit.go(
            "/contacts", visit.say("{name} is no longer there, as before.", name=done.file)
        )
    notice = visit.say("{name} is as it was; what it was until now is kept.", name=done.file)
    return visit.go(f"/contacts/{quote(Path(done.file).name)}", notice)


def problems_of(book: ContactBook, file: str) -> list[Problem]:
    """Return the problems of a sheet; what is only good to know stands last, by kind."""
    return notes_last(problem for problem in book.problems if problem.file == file)


def marked_copy(visit: Visit) -> Response:
    """Write the marked copy of a sheet beside it, and hand it out."""
    _, book, _ = visit.console.cache.people()
    file = file_of(visit, book)
    (made,) = check.marked(visit.workspace, check.SheetsCheck(book, [file], book.problems))
    return handed_out(made)


def handed_out(path: Path) -> Response:
    name = quote(path.name.lstrip("_").replace('"', ""))
    return Response(
        path.read_bytes(),
        media_type=XLSX,
        headers={"content-disposition": f"attachment; filename*=UTF-8''{name}"},
    )
