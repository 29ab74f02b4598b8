"""A dropped sheet: its check, how it differs from the present one, and taking it over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import Response

from mailer.actions.sheets import bring_in, cells, check, mend, update
from mailer.base.errors import MailerError, Refused
from mailer.console.request import Visit
from mailer.console.views.contacts.sheet import handed_out, problems_of

if TYPE_CHECKING:
    from mailer.contacts.book import ContactBook
    from mailer.contacts.edit.take_home import WayHome


def drop(visit: Visit) -> Response:
    """Keep a dropped sheet aside, and show its check."""
    upload = visit.file("sheet")
    key = bring_in.drop(visit.workspace, upload.filename or "", upload.file.read())
    visit.journal("sheet_dropped", bring_in.dropped(visit.workspace, key).name)
    return visit.go(f"/contacts/dropped/{key}")


def _path(visit: Visit) -> Path:
    return bring_in.dropped(visit.workspace, visit.request.path_params["drop"])


def show(visit: Visit) -> Response:
    """Show the check of a dropped sheet, and how it differs from the one of the same name."""
    path = _path(visit)
    key = visit.request.path_params["drop"]
    if (corrected := _corrected(visit, path)) is not None:
        return visit.page(
            "corrected.html",
            drop=key,
            name=path.name,
            file=corrected.file,
            changes=corrected.changes,
        )
    book, file = bring_in.book_of_dropped(visit.workspace, path)
    _, present, _ = visit.console.cache.people()
    names = [Path(one).name for one in present.files]
    of = visit.query("of") or (path.name if path.name in names else "")
    done = None
    if of in names and file not in book.broken:
        done = update.update(visit.workspace, of, path)
    newer, refused = None, ""
    if done and not done.matching.asked:
        try:
            newer = _usable(update.book_then(done))
        except Refused as fault:
            refused = fault.message
    return visit.page(
        "dropped.html",
        drop=key,
        health=check.health(book, file),
        problems=problems_of(book, file),
        broken=file in book.broken,
        columns=cells.columns_of(book, file),
        exists=path.name in names,
        names=names,
        of=of,
        done=done,
        turns=[turn for turn in done.turns if not turn.quiet] if done else [],
        totals=check.totals(done.turns) if done else {},
        usable_now=_usable(present),
        usable_then=_usable(book),
        usable_newer=newer,
        refused=refused,
    )


def _usable(book: ContactBook) -> int:
    return sum(contact.skip is None for contact in book.contacts)


def take_over_newer(visit: Visit) -> Response:
    """Take a dropped list over into the sheet that it is a newer version of."""
    path = _path(visit)
    of = visit.field("of")
    said: dict[str, list[str]] = {"same": [], "other": []}
    for at in range(1000):
        name, answer = visit.field(f"name-{at}"), visit.field(f"answer-{at}")
        if not name:
            break
        if answer in said:
            said[answer].append(name)
    done = update.update(visit.workspace, of, path, same=said["same"], other=said["other"])
    update.take_over(done, visit.console.ledger, who=visit.who, day=visit.now().date())
    bring_in.throw_away(path)
    totals = check.totals(done.turns)
    notice = visit.say(
        "{name} is up to date: {left} left, {joined} joined, {changed} changed.",
        name=of,
        left=totals["left"],
        joined=totals["joined"],
        changed=totals["changed"],
    )
    return visit.go(f"/contacts/{quote(of)}", notice)


def _corrected(visit: Visit, path: Path) -> WayHome | None:
    """Return what a marked copy that comes home would change; None where it is none."""
    try:
        return mend.compare_copy(visit.workspace, path)
    except MailerError as fault:
        if "no marked copy" in fault.message or "cannot be read" in fault.message:
            return None
        raise


def marked_copy(visit: Visit) -> Response:
    made = bring_in.marked(visit.workspace, _path(visit))
    answer = handed_out(made)
    made.unlink()  # the folder holds one sheet
    return answer


def take_over(visit: Visit) -> Response:
    """Put a dropped sheet in its place, in one step and after a backup; or take a corrected copy
    back.
    """
    path, ledger = _path(visit), visit.console.ledger
    if _corrected(visit, path) is not None:
        file, changes, _ = mend.accept(visit.workspace, ledger, path, who=visit.who)
        bring_in.throw_away(path)
        words = "{n} cells of {file} are corrected; a backup is kept."
        notice = visit.say(words, n=len(changes), file=file)
        return visit.go(f"/contacts/{quote(Path(file).name)}", notice)
    day = visit.now().date()
    rows = bring_in.take_over(visit.workspace, ledger, path, who=visit.who, day=day)
    notice = visit.say("{name} is in its place; {n} rows.", name=path.name, n=rows)
    return visit.go(f"/contacts/{quote(path.name)}", notice)


def throw_away(visit: Visit) -> Response:
    bring_in.throw_away(_path(visit))
    return visit.go(
        "/contacts", visit.say("The dropped sheet is thrown away; nothing has changed.")
    )
