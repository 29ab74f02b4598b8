"""The rows of a sheet: looked at, searched, and mended cell by cell; the journal says by whom."""

from __future__ import annotations

from pathlib import Path

from starlette.responses import Response

from mailer.actions.sheets import cells, check, mend
from mailer.base.errors import printable
from mailer.console.request import Visit, address_of
from mailer.console.views.contacts.sheet import file_of

A_PAGE = 100


def index(visit: Visit) -> Response:
    """List the rows of a sheet, a page at a time."""
    _, book, holds = visit.console.cache.people()
    file = file_of(visit, book)
    wanted, text = visit.query("q"), visit.query("page")
    found = cells.rows_of(book, file, wanted)
    pages = max(1, -(-len(found) // A_PAGE))
    page = min(max(1, int(text) if text.isdecimal() and len(text) < 7 else 1), pages)
    return visit.page(
        "rows.html",
        health=visit.console.cache.health(book)[0][file],
        rows=found[(page - 1) * A_PAGE : page * A_PAGE],
        found=len(found),
        wanted=wanted,
        page=page,
        pages=pages,
        held=holds.match,
    )


def _row(visit: Visit) -> int:
    return int(visit.request.path_params["row"])


def show(visit: Visit) -> Response:
    """Show one row with all its cells."""
    _, book, holds = visit.console.cache.people()
    file, tab = file_of(visit, book), visit.query("tab")
    contact, found = cells.row_of(book, file, tab, _row(visit))
    return visit.page(
        "row.html",
        name=Path(file).name,
        tab=tab,
        contact=contact,
        cells=found,
        seal=cells.seal_of(found),
        held=holds.match(contact),
        problems=[
            p for p in book.problems if (p.file, p.sheet or "", p.row) == (file, tab, contact.row)
        ],
        source=check.source_of(visit.workspace, contact),
    )


def save(visit: Visit) -> Response:
    """Write the cells of a row that were changed."""
    _, book, _ = visit.console.cache.people()
    file, tab, row = file_of(visit, book), visit.field("tab"), _row(visit)
    _, found = cells.row_of(book, file, tab, row)
    wanted = {
        cell.place: visit.field(cell.place)
        for cell in found
        if cell.place in visit.form and visit.field(cell.place) != printable(cell.text).strip()
    }
    changed = mend.set_cells(
        visit.workspace,
        visit.console.ledger,
        book,
        file,
        tab,
        row,
        visit.field("seal"),
        wanted,
        who=visit.who,
    )
    here = address_of(visit.request.url.path, {"tab": tab})
    if not changed:
        return visit.go(here, visit.say("Nothing was changed."))
    where = f"{file}{f' {tab}' if tab else ''} {', '.join(changed)}"
    notice = visit.say("{where} is corrected; a backup is kept.", where=where)
    return visit.go(here, notice)
