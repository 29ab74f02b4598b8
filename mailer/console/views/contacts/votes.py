"""A roll call, uploaded or pasted: the column of a past vote in the sheets, and what is unsure."""

from __future__ import annotations

from datetime import date

from starlette.datastructures import UploadFile
from starlette.responses import Response

from mailer.actions.campaign import votes
from mailer.base.errors import UsageError
from mailer.console.request import Visit


def index(visit: Visit) -> Response:
    return visit.page("votes.html", found=None, problems=(), text="", backups={})


def take_in(visit: Visit) -> Response:
    """Write the votes into the sheets, and show what a person has to look at."""
    file = visit.form.get("file")
    if isinstance(file, UploadFile) and file.filename:
        name, content = file.filename, file.file.read()
    else:
        name, content = visit.say("pasted text"), visit.field("text").encode()
        if not content:
            raise UsageError(visit.say("Choose a file first."))
    try:
        day = date.fromisoformat(visit.field("day")) if visit.field("day") else None
    except ValueError:
        raise UsageError(visit.say("This is no day: {day}.", day=visit.field("day"))) from None
    found = votes.read(
        visit.workspace,
        name,
        content,
        votes.heading_of(day, visit.field("column")),
        same=[str(one) for one in visit.form.getlist("same")],
        other=[str(one) for one in visit.form.getlist("other")],
    )
    ledger, day_of_import = visit.console.ledger, visit.now().date()
    backups = votes.write(visit.workspace, ledger, found, who=visit.who, day=day_of_import)
    return visit.page(
        "votes.html",
        found=found,
        problems=votes.problems(found),
        text=votes.as_text(found),
        backups=backups,
    )
