"""What the letters of an appeal share, as a form; as text where the file must be put right."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.responses import Response

from mailer.actions.writing import about as actions
from mailer.actions.writing import appeals
from mailer.actions.writing.about import AboutOrganisation, AppealAbout
from mailer.actions.writing.changes import ChangedMeanwhile
from mailer.base.errors import MailerError
from mailer.console.request import Visit
from mailer.console.views.writing.editor import appeal_name, around, as_typed, differing

EMPTY_ROWS = 2
"""Rows for further organisations and delegations; saving gives as many again."""


def show(visit: Visit) -> Response:
    """Show what the letters share, ready to be changed."""
    now = actions.stored(visit.workspace, appeal_name(visit))
    return _page(visit, now, now.about, now.stamp)


def typed(visit: Visit) -> Response:
    """Look at what was filled in, or save it."""
    name, seen = appeal_name(visit), visit.field("seen")
    as_text = "source" in visit.form
    source, filled = as_typed(visit, "source"), _filled_in(visit)
    now = actions.stored(visit.workspace, name, source if as_text else None)
    about = None if as_text else filled
    if visit.field("do") != "save":
        return _page(visit, now, about, seen, unsaved=True)
    ledger, who = visit.console.ledger, visit.who
    try:
        if as_text:
            change = actions.save_source(visit.workspace, ledger, name, source, seen=seen, who=who)
        else:
            change = actions.save(visit.workspace, ledger, name, filled, seen=seen, who=who)
    except ChangedMeanwhile as fault:
        return _page(visit, now, about, fault.now.stamp, meanwhile=fault, status=409)
    except MailerError as fault:
        return _page(visit, now, about, seen, refused=fault, status=400)
    said = visit.say.clock(visit.now(), seconds=True)
    notice = (
        visit.say("Saved at {time}.", time=said)
        if change
        else visit.say("Nothing differs from what is saved.")
    )
    return visit.go(f"/letters/{name}/about", notice)


def sign(visit: Visit) -> Response:
    """Record that an organisation signs the text as it is now, in the name of a person."""
    name, organisation = appeal_name(visit), visit.field("organisation")
    signed = appeals.sign(
        visit.workspace,
        appeals.read(visit.workspace, name),
        organisation,
        by=visit.field("by"),
        on=visit.now().date(),
    )
    visit.journal("appeal_signed", f"{name}: {signed.organisation}, {signed.by}")
    said = visit.say("{name} has signed this text.", name=signed.organisation)
    return visit.go(f"/letters/{name}/about", said)


def _page(
    visit: Visit,
    now: actions.StoredAbout,
    about: AppealAbout | None,
    seen: str,
    *,
    unsaved: bool = False,
    meanwhile: ChangedMeanwhile | None = None,
    refused: MailerError | None = None,
    status: int = 200,
) -> Response:
    name = appeal_name(visit)
    theirs = meanwhile.now.content.decode("utf-8", "replace") if meanwhile else ""
    more = around(visit, name)
    try:
        standings = appeals.standings(visit.workspace, appeals.read(visit.workspace, name))
    except MailerError:  # to be seen once the appeal can be read
        standings = None
    return visit.page(
        "about.html",
        status,
        **more,
        now=now,
        about=None if visit.query("as") == "text" else about,
        seen=seen,
        unsaved=unsaved,
        meanwhile=meanwhile,
        refused=refused,
        lines=list(differing(theirs, now.source)) if meanwhile else [],
        roles=[*actions.MEMBERS, *(one for one in about.roles if one not in actions.MEMBERS)]
        if about
        else [],
        delegations=visit.workspace.delegations.members,
        standings=standings,
        empty_rows=EMPTY_ROWS,
        no_organisation=AboutOrganisation({}),
    )


def _filled_in(visit: Visit) -> AppealAbout:
    fields = {name: value for name, value in visit.form.multi_items() if isinstance(value, str)}

    def value(name: str) -> str:
        return fields.get(name, "").strip()

    rows = sorted({int(found[1]) for name in fields if (found := _ROW.fullmatch(name))})
    out = {value(f"out_{row}"): value(f"out_{row}_why") for row in rows if value(f"out_{row}")}
    organisations = (_organisation(fields, row) for row in rows if f"org_{row}" in fields)
    return AppealAbout(
        title=value("title"),
        last_day="T".join(filter(None, (value("last_day"), value("last_hour")))),
        session=_words(fields, "session_"),
        opens=value("opens"),
        vote=value("vote"),
        zone=value("zone"),
        source=value("source_of_day"),
        invented="invented" in fields,
        credentials=value("credentials") or "unknown",
        roles=[one for one in map(str, visit.form.getlist("role")) if one],
        where=value("where"),
        to_heads="to_heads" in fields,
        leave_out=out,
        fallback=re.findall(r"[a-z]{2,3}", value("fallback").lower()),
        organisations=[one for one in organisations if any(one.name.values())],
    )


_ROW = re.compile(r"(?:out|org)_(\d{1,4})")


def _organisation(fields: Mapping[str, str], row: int) -> AboutOrganisation:
    place = fields[f"org_{row}"]
    return AboutOrganisation(
        name=_words(fields, f"org_{row}_name_"),
        within=_words(fields, f"org_{row}_within_"),
        country=fields.get(f"org_{row}_country", "").strip(),
        reply_to=fields.get(f"org_{row}_reply_to", "").strip(),
        place=int(place) if place.isdecimal() else None,
    )


def _words(fields: Mapping[str, str], begins: str) -> dict[str, str]:
    """Return words per language, without those that were left empty."""
    found = {name.removeprefix(begins): value.strip() for name, value in fields.items()
             if name.startswith(begins)}  # fmt: skip
    return {language: value for language, value in found.items() if value}
