"""The team: accounts, roles and invitations; everybody's own password and second factor; and the
journal of what was done that concerns no single mail-out.
"""

from __future__ import annotations

from starlette.responses import Response

from mailer.actions.send_log.footprint import footprint
from mailer.actions.send_log.forgetting import forget as forget_everywhere
from mailer.actions.send_log.held import held_on, lines_of
from mailer.actions.team import credentials
from mailer.actions.team import members as team
from mailer.actions.team.members import Invitation
from mailer.actions.team.rights import ROLES
from mailer.base.errors import Refused, UsageError
from mailer.console.access.sessions import BrowserSession, TooOften
from mailer.console.request import Visit
from mailer.ledger.accounts import Account, deeds, find
from mailer.ledger.ledger import shown

JOURNAL = 300


def index(visit: Visit) -> Response:
    return _people(visit)


def _people(visit: Visit, invitation: Invitation | None = None) -> Response:
    with visit.reading() as connection:
        found = team.members(connection, visit.now())
    return visit.page(
        "people.html",
        members=found,
        roles=list(ROLES),
        invitation=invitation,
        link=invitation and f"{visit.console.address}{invitation.path}",
    )


def invite(visit: Visit) -> Response:
    """Make an account, and show the link by which its person gets in: once, on this page."""
    made = team.invite(
        visit.console.ledger,
        visit.field("name"),
        visit.field("role"),
        visit.field("organisation"),
        who=visit.who,
    )
    return _people(visit, made)


def link(visit: Visit) -> Response:
    """Make a new link for an account, and show it once."""
    forget = bool(visit.field("forget"))
    made = team.link(visit.console.ledger, visit.field("name"), who=visit.who, forget_second=forget)
    _sign_out(visit, made.name)
    return _people(visit, made)


def role(visit: Visit) -> Response:
    one = team.change_role(
        visit.console.ledger, visit.field("name"), visit.field("role"), who=visit.who
    )
    new = visit.field("role")
    if one.role == new:
        words = "{name} is {role} already; nothing was changed."
    else:
        words = "{name} is {role} now, and signs in anew."
        _sign_out(visit, one.name)
    return visit.go("/people", visit.say(words, name=one.name, role=visit.say(new)))


def close(visit: Visit) -> Response:
    one = team.close(visit.console.ledger, visit.field("name"), who=visit.who)
    _sign_out(visit, one.name)
    return visit.go("/people", visit.say("{name} can no longer sign in.", name=one.name))


def _sign_out(visit: Visit, name: str, but: BrowserSession | None = None) -> None:
    """End every sign-in of an account, but for one."""
    visit.console.sessions.end_where(
        lambda one: one.account is not None and one.name == name and one is not but
    )


# ------------------------------------------------------------------------------------------ oneself


def own(visit: Visit) -> Response:
    """Show one's own account."""
    return _own(visit)


def _own(visit: Visit, codes: tuple[str, ...] = ()) -> Response:
    with visit.reading() as connection:
        one = find(connection, visit.who) if visit.session.account else None
    uri = ""
    if one is not None and not one.second:
        visit.session.secret = visit.session.secret or credentials.new_secret()
        uri = credentials.for_the_app(visit.session.secret, one.name, visit.workspace.root.name)
    return visit.page(
        "own.html",
        account=one,
        codes=codes,
        left=len(one.recovery.split()) if one else 0,
        secret=visit.session.secret,
        uri=uri,
        picture=credentials.picture(uri) if uri else "",
        asked=visit.workspace.settings.console.second_factor,
        shortest=credentials.SHORTEST,
    )


def _mine(visit: Visit) -> Account:
    """Return one's own account, where the password that goes with the form is its own. Whoever
    finds a console open must not make it theirs.
    """
    sessions = visit.console.sessions
    with visit.reading() as connection:
        one = find(connection, visit.who) if visit.session.account else None
    if one is None:
        raise Refused(visit.say("The one-time address has no password; accounts do."))
    try:
        sessions.count(f"own account of {one.name}")
    except TooOften as wait:
        raise Refused(
            visit.say("Too many attempts. Please wait {n} seconds.", n=wait.seconds)
        ) from None
    old = visit.form.get("old", "")
    if not isinstance(old, str) or not sessions.fits(one, old):
        raise UsageError(visit.say("This is not the password of your account."))
    sessions.got_in(f"own account of {one.name}")
    return one


def password(visit: Visit) -> Response:
    """Change one's own password; every other browser is signed out."""
    one, new = _mine(visit), visit.form.get("password", "")
    if not isinstance(new, str) or new != visit.form.get("again", ""):
        raise UsageError(visit.say("The two passwords are not the same."))
    hashed = visit.console.sessions.hasher.hash
    visit.session.account = team.change_password(visit.console.ledger, one.name, new, hashed)
    _sign_out(visit, one.name, but=visit.session)
    return visit.go("/own", visit.say("Your password is changed."))


def second(visit: Visit) -> Response:
    """Set up a second factor, and show the recovery codes once."""
    one, session = _mine(visit), visit.session
    if one.second or not session.secret:
        raise Refused(visit.say("There is a second factor already."))
    codes, session.account = team.set_second_factor(
        visit.console.ledger, one.name, session.secret, visit.field("code")
    )
    session.secret, session.second = "", True
    visit.console.sessions.keep()
    return _own(visit, tuple(codes))


def journal(visit: Visit) -> Response:
    with visit.reading() as connection:
        found = deeds(connection, JOURNAL)
    return visit.page("journal.html", deeds=found)


def held_page(visit: Visit) -> Response:
    """Ask on whom everything that is held shall be shown."""
    return visit.page("held.html", who="", lines=None)


def held(visit: Visit) -> Response:
    """Show everything that is held on one person, or give it as a file for them."""
    who = _whom(visit)
    found = held_on(visit.workspace, visit.console.ledger, who, by=visit.who)
    lines = list(lines_of(found))
    if not visit.field("file"):
        return visit.page("held.html", who=who, lines=lines)
    headers = {"content-disposition": 'attachment; filename="held.txt"'}
    return Response("\n".join([*lines, ""]), media_type="text/plain", headers=headers)


def _whom(visit: Visit) -> str:
    if who := visit.field("who"):
        return who
    raise UsageError(visit.say("Whom do you mean? Write the address, or the whole name."))


def forget(visit: Visit) -> Response:
    """Name every place that holds one person; forget them once that is confirmed by typing whom."""
    who, problem = _whom(visit), ""
    with visit.reading() as connection:
        found = footprint(visit.workspace, connection, who)
    rows = len(found.deliveries)
    if visit.field("do"):
        if not (because := visit.field("because")):
            problem = visit.say("Nothing was changed: say why.")
        elif visit.field("typed").casefold() != who.casefold():
            problem = visit.say("Nothing was changed: what you typed is not {who}.", who=who)
        elif visit.field("rows") != str(rows):
            problem = visit.say("Nothing was changed: the log has more of them by now.")
        else:
            done = forget_everywhere(
                visit.workspace,
                visit.console.ledger,
                found,
                who=visit.who,
                because=because,
                files=bool(visit.field("others")),
                hold=bool(visit.field("hold")),
            )
            return visit.page("forget.html", done=done)
    return visit.page(
        "forget.html",
        400 if problem else 200,
        done=None,
        problem=problem,
        who=who,
        because=visit.field("because"),
        found=found,
        rows=rows,
        mail_outs=sorted({shown(one.mail_out_id) for one in found.deliveries}),
        texts=sum(map(len, found.mentions.values())),
        sheets={row.file for row in found.rows},
    )
