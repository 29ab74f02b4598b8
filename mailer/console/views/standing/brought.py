"""What an appeal has brought: the page for the coalition, the same as a file, and the sheets with
an outcome in each row; and its calendar, before.
"""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response

from mailer.actions.campaign import brought as action
from mailer.actions.campaign import calendar, outcome_column
from mailer.console.request import Visit
from mailer.ledger.reading.scope import OfAppeal
from mailer.report import paper
from mailer.report.paper import ReportPage

KINDS = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}


def _page(visit: Visit) -> ReportPage:
    """Put the report into the reader's language; with positions where they ask, and may."""
    wanted = visit.query("with") == "positions"
    if wanted and not visit.reader:
        raise HTTPException(403, visit.say("Your role does not include where members stand."))
    appeal, members = visit.console.cache.members(visit.request.path_params["appeal"])
    found = action.brought(
        visit.workspace,
        visit.console.ledger,
        appeal,
        members,
        reader=visit.reader if wanted else "",
        counts=visit.console.counts(OfAppeal(appeal.name)),
        kept=visit.console.boards[appeal.name],
    )
    return action.page(found, visit.workspace, visit.say)


def show(visit: Visit) -> Response:
    page = _page(visit)
    _, book, _ = visit.console.cache.people()
    return visit.page(
        "report.html",
        appeal=visit.request.path_params["appeal"],
        page=page,
        sheets=[Path(file).name for file in book.files if file not in book.broken],
        query={"with": visit.query("with")},
    )


def as_file(visit: Visit) -> Response:
    """Return the report as HTML for any browser, or as a PDF."""
    kind: str = visit.request.path_params["kind"]
    if kind not in KINDS:
        raise HTTPException(404)
    page = _page(visit)
    data = paper.as_html(page) if kind == "html" else paper.as_pdf(page, visit.workspace.root)
    name = f"{visit.request.path_params['appeal']}-report.{kind}"
    return _download(data, KINDS[kind], name)


def dates(visit: Visit) -> Response:
    """Show what to do by when before the session, and what is done."""
    name = visit.request.path_params["appeal"]
    found = calendar.calendar(visit.workspace, visit.console.ledger, name)
    return visit.page("calendar.html", found=found, now=visit.now())


def dates_as_file(visit: Visit) -> Response:
    """Return the same for any calendar program."""
    name = visit.request.path_params["appeal"]
    found = calendar.calendar(visit.workspace, visit.console.ledger, name)
    domain = visit.workspace.settings.sender.address.rpartition("@")[2]
    data = calendar.as_ics(found, visit.say, domain=domain, now=visit.now())
    return _download(data, "text/calendar; charset=utf-8", f"{name}.ics")


def sheet(visit: Visit) -> Response:
    """Return a contact sheet with an outcome in each row."""
    name: str = visit.request.path_params["sheet"]
    _, book, _ = visit.console.cache.people()
    file = next((one for one in book.files if Path(one).name == name), name)
    made = outcome_column.sheets_with_outcome(
        visit.workspace,
        visit.console.ledger,
        book,
        visit.request.path_params["appeal"],
        file,
        visit.say,
    )
    if name not in made:
        raise HTTPException(404)
    visit.journal("exported", f"{name}, with outcomes")
    return _download(made[name], "application/octet-stream", name)


def _download(data: bytes, kind: str, name: str) -> Response:
    plain = name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    return Response(
        data, media_type=kind, headers={"content-disposition": f'attachment; filename="{plain}"'}
    )
