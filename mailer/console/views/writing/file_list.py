"""The files that go along with letters: what they tell besides what they show, a new one, one less.

They are read by a command of its own: whatever a file holds, the console goes on.
"""

from __future__ import annotations

import json

from starlette.responses import Response

from mailer.actions.writing import enclosures
from mailer.base.errors import UsageError
from mailer.console import child
from mailer.console.request import Visit
from mailer.console.views.writing.editor import appeal_name, around


def show(visit: Visit) -> Response:
    """List the files of an appeal."""
    name = appeal_name(visit)
    more = around(visit, name)  # says where there is no such appeal
    _, said = child.run(visit.workspace.root, "--json", "letters", "files", name, who=visit.who)
    told = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return visit.page(
        "files.html",
        **more,
        files=[one for one in told if "stamp" in one],
        fault=" ".join(f"{one['error']} {one['hint']}" for one in told if "error" in one)
        or ("" if told or not said else said),
        kinds=",".join(enclosures.KINDS),
    )


def add(visit: Visit) -> Response:
    """Take a file into the appeal."""
    name, upload = appeal_name(visit), visit.file("file")
    done = enclosures.enclose(
        visit.workspace,
        visit.console.ledger,
        name,
        upload.filename or "",
        upload.file.read(),
        to=visit.field("to"),
        replacing=bool(visit.field("replacing")),
        who=visit.who,
    )
    return visit.go(f"/letters/{name}/files", visit.say("{name} is in the appeal.", name=done))


def remove(visit: Visit) -> Response:
    """Take a file out of the appeal, if it is still the one that was seen."""
    name, file = appeal_name(visit), visit.field("file")
    seen = visit.field("seen")
    if not seen:
        raise UsageError(visit.say("Choose a file first."))
    enclosures.take_out(visit.workspace, visit.console.ledger, name, file, seen=seen, who=visit.who)
    return visit.go(
        f"/letters/{name}/files", visit.say("{name} is no longer in the appeal.", name=file)
    )


def strip(visit: Visit) -> Response:
    """Take out of a file what it tells besides what it shows: `mailer letters strip`."""
    name, file = appeal_name(visit), visit.field("file")
    if not file or file.startswith("-"):
        raise UsageError(visit.say("Choose a file first."))
    words = ("--json", "letters", "strip", name, f"files/{file}")
    _, said = child.run(visit.workspace.root, *words, who=visit.who)
    told = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    done = next((one for one in told if "removed" in one), None)
    if done is None or not done["removed"]:
        why = next((one.get("why") or one.get("error", "") for one in told), said)
        raise UsageError(visit.say("Nothing was taken out of {name}.", name=file), hint=why)
    return visit.go(
        f"/letters/{name}/files",
        visit.say("Taken out of {name}: {what}. What it was is kept in {backup}.", name=file,
                  what="; ".join(done["removed"]), backup=done["backup"]),
    )  # fmt: skip
