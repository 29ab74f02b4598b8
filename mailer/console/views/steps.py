"""A mail-out in steps: Letter, People, Check, Rehearse, Send. Everything is decided by the
functions of the command line.

The letter is shown as a real person would get it, the hardest first; making a plan freezes who gets
what, and sends nothing. The sending itself is `mailer send`, started as a process of its own once
the number has been typed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.responses import Response

from mailer.actions import mail_outs
from mailer.actions import preview as actions
from mailer.actions.check import check as look_through
from mailer.actions.mail_outs import SendingCheck, audiences, planning
from mailer.actions.mail_outs import schedule as timing
from mailer.actions.mail_outs.schedule import Scheduled
from mailer.actions.preview import Preview
from mailer.actions.team.rights import Right
from mailer.actions.writing import appeals
from mailer.base.errors import MailerError, Refused, UsageError
from mailer.base.spelling import called
from mailer.base.states import OPEN, MailOutState, Reason, State
from mailer.console import child
from mailer.console.request import Visit
from mailer.console.views import live
from mailer.console.views.delivery import framed
from mailer.contacts.contact import Contact
from mailer.ledger import mailouts
from mailer.ledger.mailouts import MailOut
from mailer.plan.audience import Decision, Selection
from mailer.plan.draft import Draft
from mailer.report.readable import page_of

STEPS = (
    ("/write", "Write"),
    ("", "Letter"),
    ("/people", "People"),
    ("/check", "Check"),
    ("/rehearse", "Rehearse"),
    ("/send", "Send"),
)
WORDS_A_MINUTE = 220
_SAMPLE = re.compile(r"sample-[\w@.-]+\.eml", re.ASCII)
SUBJECT = 60
"""Characters of a subject that most mail programs show; a telephone shows about 40."""


def index(visit: Visit) -> Response:
    found = [
        (name, None, one.message) if isinstance(one, MailerError) else (name, one, "")
        for name, one in appeals.every(visit.workspace)
    ]
    with visit.reading() as connection:
        everything = mailouts.all_of_them(connection)
    last = {one.appeal: one for one in everything}
    return visit.page("letters.html", appeals=found, last=last)


def _draft(visit: Visit) -> Draft:
    there = appeals.names(visit.workspace.root)
    name = visit.known(visit.request.path_params["appeal"], there)
    return visit.console.cache.draft(name)


# ------------------------------------------------------------------------------------------- letter


def letter(visit: Visit) -> Response:
    """Show the letter as one person would get it."""
    now = appeals.for_real(_draft(visit))
    decisions = now.decide()
    hard = [one.contact for one in actions.hardest(now, decisions, 12)]
    reading = _reading(visit, now, decisions, hard)
    order = [one.contact for one in decisions if one.reason is None]
    contact = reading.decision.contact if reading else None
    here = order.index(contact) if contact in order else -1
    return visit.page(
        "letter_step.html",
        appeal=now.appeal,
        reading=reading,
        hard=hard,
        before=order[here - 1] if here > 0 else None,
        after=order[here + 1] if 0 <= here < len(order) - 1 else None,
        summary=appeals.coverage(now.appeal).counts,
        standings=appeals.standings(visit.workspace, now.appeal),
        limit=SUBJECT,
        words_a_minute=WORDS_A_MINUTE,
        who=_who,
        q=visit.query("q"),
        found=called([one.contact for one in decisions], visit.query("q"))[:20],
        steps=STEPS,
        step="",
    )


def _who(contact: Contact) -> str:
    """Name a row for the address bar: where it stands."""
    return f"{contact.file}:{contact.sheet or ''}:{contact.row}"


def _reading(
    visit: Visit, now: Draft, decisions: list[Decision], hard: list[Contact]
) -> Preview | None:
    """Return the letter of the person in the address bar; without one, of the hardest."""
    wanted = visit.query("as") or (_who(hard[0]) if hard else "")
    found = next((one for one in decisions if _who(one.contact) == wanted), None)
    if found is None and visit.query("as"):
        raise UsageError(visit.say("There is nobody in {row} any more.", row=wanted))
    if found is None and decisions:
        found = actions.whose(now, decisions, None)
    return actions.preview(now, found, visit.query("lang")) if found else None


def preview(visit: Visit) -> Response:
    """Return the HTML of a letter that is not sent yet, for its sandboxed frame."""
    now = appeals.for_real(_draft(visit))
    reading = _reading(visit, now, now.decide(), [])
    return framed(page_of(reading.letter) if reading else "")


def printed(visit: Visit) -> Response:
    """Return the formal letters of all who would get one, in one PDF to print."""
    now = appeals.for_real(_draft(visit))
    people = actions.reachable(now.decide())
    made = actions.on_paper(now, (actions.preview(now, one) for one in people))
    name = f"{now.appeal.name}.pdf"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(made, media_type="application/pdf", headers=headers)


# -------------------------------------------------------------------------- people, check, rehearse


def _chosen(visit: Visit, now: Draft, source: str) -> Selection:
    """Read which delegations and roles are asked for: of the address bar, or of a form."""
    values = visit.request.query_params if source == "query" else visit.form
    names, roles = (
        [str(one) for one in values.getlist(name) if one] for name in ("delegation", "role")
    )
    where, follows = (str(values.get(name, "")) for name in ("where", "follows"))
    return planning.selected(now.delegations, names, roles, where, follows)


def people(visit: Visit) -> Response:
    """Show who would get a letter and who would not, by delegation and by reason."""
    now = _draft(visit)
    selection = _chosen(visit, now, "query")
    wrong = None
    try:
        decisions = planning.decide(visit.console.ledger, now, selection, reader=visit.reader)
    except UsageError as fault:
        wrong, decisions = fault, []
    getting = [one for one in decisions if one.reason is None]
    out: dict[str, list[Decision]] = {}
    for one in decisions:
        if one.reason is not None and one.reason is not Reason.NOT_CHOSEN:
            out.setdefault(one.reason.value, []).append(one)
    codes = Counter(one.contact.delegation for one in decisions)
    reached = Counter(one.contact.delegation for one in getting)
    with visit.reading() as connection:
        followable = planning.followable(connection, now.appeal.name)
    return visit.page(
        "people_step.html",
        appeal=now.appeal,
        followable=followable,
        saved=audiences.every(visit.workspace),
        absent=visit.absent(codes),
        getting=len(getting),
        everyone=len(decisions),
        languages=Counter(one.language for one in getting).most_common(),
        fell_back=sum(one.fell_back for one in getting),
        not_chosen=sum(one.reason is Reason.NOT_CHOSEN for one in decisions),
        out=sorted(out.items(), key=lambda item: -len(item[1])),
        if_live=0
        if wrong
        else sum(
            one.reason is None
            for one in planning.decide(
                visit.console.ledger, appeals.for_real(now), selection, reader=visit.reader
            )
        ),
        wrong=wrong,
        words=planning.words(now),
        table=[(code, reached[code], number) for code, number in sorted(codes.items())],
        roles=sorted({one.contact.role for one in decisions if one.contact.role}),
        selection=selection,
        steps=STEPS,
        step="/people",
    )


def audience(visit: Visit) -> Response:
    """Keep the condition under a name, or take a saved audience away."""
    name, where = visit.field("name"), visit.field("where")
    here = f"/letters/{_draft(visit).appeal.name}/people"
    if visit.field("drop"):
        audiences.drop(visit.workspace, name)
        visit.journal("audience_dropped", name)
        return visit.go(here, visit.say("The audience {name} is taken away.", name=name))
    found = audiences.save(visit.workspace, visit.console.ledger, name, where)
    visit.journal("audience_saved", f"{found.name}: {found.where}")
    words = "The audience {name} is saved."
    back = f"{here}?{urlencode({'where': found.where})}"
    return visit.go(back, visit.say(words, name=found.name))


def check(visit: Visit) -> Response:
    """Show everything that could go wrong, before it does."""
    found = look_through(
        visit.workspace, [visit.request.path_params["appeal"]], people=visit.console.cache.people()
    )
    return visit.page(
        "check_step.html", found=found, one=found.appeals[0], steps=STEPS, step="/check"
    )


def rehearse(visit: Visit) -> Response:
    """Show the proof sheet: what hundreds of people will read first."""
    now = _draft(visit)
    sheet = appeals.proof(now)
    folder = visit.workspace.samples_dir(now.appeal.name)
    return visit.page(
        "rehearse_step.html",
        appeal=now.appeal,
        sheet=sheet,
        allow=[one for one in visit.workspace.settings.safety.allow if not one.startswith("@")],
        kept=sorted(
            (path.name for path in folder.glob("sample-*.eml")), key=lambda name: (len(name), name)
        ),
        steps=STEPS,
        step="/rehearse",
    )


def samples(visit: Visit) -> Response:
    """Send the most different letters to oneself, or to a folder of this computer: `mailer
    rehearse`.
    """
    name, to = _draft(visit).appeal.name, visit.field("to")
    words = ["--json", "rehearse", name, *(["--to", to] if to else [])]
    _, said = child.run(visit.workspace.root, *words, who=visit.who)
    told = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    sent = [one for one in told if "sample" in one]
    done = sum(one["state"] == State.ACCEPTED for one in sent)
    visit.journal("rehearsed", f"{name}{f', to {to}' if to else ''}: {done} of {len(sent)}")
    if not sent or done < len(sent):
        wrong = [
            f"{one['name']}: {one['code'] or ''} {one['text']}" if "sample" in one
            else f"{one['error']} {one['hint']}"
            for one in told if one.get("state") != State.ACCEPTED
        ]  # fmt: skip
        raise Refused(
            visit.say("The rehearsal did not go through."), hint=" · ".join(wrong) or said
        )
    sentence = (
        visit.say("{n} samples were accepted for {who}.", n=done, who=to)
        if to
        else visit.say("{n} samples lie in a folder of this computer.", n=done)
    )
    return visit.go(f"/letters/{name}/rehearse", sentence)


def sample(visit: Visit) -> Response:
    """Hand out one sample of a rehearsal on this computer."""
    name = visit.query("name")
    path = visit.workspace.samples_dir(_draft(visit).appeal.name) / name
    if not _SAMPLE.fullmatch(name) or not path.is_file():
        raise UsageError(visit.say("There is no such sample."))
    return Response(
        path.read_bytes(),
        media_type="message/rfc822",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


def accept(visit: Visit) -> Response:
    """Let a named person answer for an unverified form of address."""
    now = _draft(visit)
    wanted = (visit.field("language"), visit.field("greeting"), visit.field("closing"))
    appeals.accept(now, by=visit.who, on=visit.now().date(), form=wanted)
    visit.journal("form_accepted", " · ".join(wanted))
    return visit.go(
        f"/letters/{now.appeal.name}/rehearse",
        visit.say("You answer for {greeting}", greeting=wanted[1]),
    )


# ------------------------------------------------------------------------------------ plan and send


def plan_page(visit: Visit) -> Response:
    now = _draft(visit)
    selection = _chosen(visit, now, "query")
    with visit.reading() as connection:
        earlier = [one for one in mailouts.all_of_them(connection) if one.appeal == now.appeal.name]
    decisions = planning.decide(visit.console.ledger, now, selection, reader=visit.reader)
    getting = sum(one.reason is None for one in decisions)
    return visit.page(
        "plan_step.html",
        appeal=now.appeal,
        getting=getting,
        letters=planning.letters(decisions),
        left=len(decisions) - getting,
        reasons=Counter(one.reason.value for one in decisions if one.reason).most_common(),
        languages=Counter(one.language for one in decisions if one.reason is None).most_common(),
        minutes=_minutes(visit, getting),
        obstacles=now.obstacles() if now.mode == "live" else [],
        lacking=planning.lacks(now, decisions, selection),
        doubts=planning.doubts(now, decisions),
        mail_outs=list(reversed(earlier)),
        selection=selection,
        steps=STEPS,
        step="/send",
    )


def _minutes(visit: Visit, letters: int) -> float:
    limit = visit.workspace.settings.limits.per_minute
    return letters / limit if limit else 0.0


def plan(visit: Visit) -> Response:
    """Freeze who gets what. Nobody is written to by this."""
    now = _draft(visit)
    chosen = _chosen(visit, now, "form")
    instead = bool(visit.field("replace"))
    new = planning.plan(
        visit.console.ledger,
        now,
        chosen,
        who=visit.who,
        reader=visit.reader,
        instead=instead,
        called=visit.field("name"),
        note=visit.field("note"),
    )
    return visit.go(f"/mail-outs/{new.name}/send")


def retry(visit: Visit) -> Response:
    """Plan the rest of a mail-out anew, with the sheets as they are now; whoever was reached is not
    in it.
    """
    new = planning.retry(
        visit.console.ledger,
        visit.request.path_params["mail_out"],
        visit.console.cache.draft,
        refused=bool(visit.field("refused")),
        returned=bool(visit.field("returned")),
        who=visit.who,
    )
    return visit.go(f"/mail-outs/{new.name}/send")


def send_page(visit: Visit) -> Response:
    """Show what would be sent, and ask for the number."""
    with visit.reading() as connection:
        mail_out = visit.mail_out(connection)
        counted = visit.console.counts(mail_out.id).now(connection)
    later = {name: visit.query(name) for name in ("day", "hour", "capitals", "working")}
    passed = mailouts.has_passed(mail_out, visit.now())
    # what it says of a start that stands; whoever changes it, or sends it now, is asked as of now
    check = _may_send(visit, as_scheduled=not (later["hour"] or passed))
    if not (check.standing.fresh or mail_out.only_drafts):
        return visit.go(f"/mail-outs/{mail_out.name}")
    return visit.page(
        "send_step.html",
        mail_out=mail_out,
        check=check,
        total=check.left,
        left=check.standing.counts[State.SKIPPED],
        reasons=[
            (reason, sum(of.values())) for reason, of in counted.reasons(State.SKIPPED).items()
        ],
        delegations=sum(any(row[state] for state in OPEN) for row in counted.delegations.values()),
        minutes=_minutes(visit, check.left),
        later=later,
        passed=passed,
        asked=_asked_for(visit, mail_out, later) if later["hour"] else None,
        starts=timing.starts(visit.workspace, visit.console.ledger, mail_out.id),
    )


def _asked_for(visit: Visit, mail_out: MailOut, later: Mapping[str, str]) -> Scheduled:
    text = f"{later['day']} {later['hour']}{' in each capital' if later['capitals'] else ''}"
    ledger, working = visit.console.ledger, bool(later["working"])
    return timing.asked_for(visit.workspace, ledger, mail_out, text, working_days=working)


def schedule(visit: Visit) -> Response:
    """Let a mail-out begin by itself, where the number that was typed is that of the plan; or take
    that back.
    """
    ledger = visit.console.ledger
    if not visit.field("hour"):
        after = timing.take_back(ledger, visit.mail_out_id, who=visit.who)
        return visit.go(
            f"/mail-outs/{after.name}/send",
            visit.say("{name} does not begin by itself.", name=after.name),
        )
    check = _may_send(visit)
    _confirmed(visit, check)
    later = {name: visit.field(name) for name in ("day", "hour", "capitals", "working")}
    asked = _asked_for(visit, check.standing.mail_out, later)
    after = timing.begin_by_itself(ledger, check, asked, who=visit.who)
    assert after.starts_at is not None
    at = visit.say.moment(after.starts_at)
    said = visit.say(
        "{name} begins by itself: the first letter leaves on {at}.", name=after.name, at=at
    )
    return visit.go(f"/mail-outs/{after.name}/send", said)


def _may_send(visit: Visit, *, as_scheduled: bool = False) -> SendingCheck:
    read = visit.console.cache.draft
    ledger = visit.console.ledger
    return mail_outs.may_send(
        visit.workspace,
        ledger,
        visit.mail_out_id,
        lambda _, appeal: read(appeal),
        administrator=visit.who if visit.may(Right.RULE) else "",
        as_scheduled=as_scheduled,
    )


def approve(visit: Visit) -> Response:
    """Say yes to a plan, as somebody else than its maker, with an account of one's own."""
    if visit.session.account is None:
        words = "The one-time address does not say who somebody is: sign in with an account."
        raise Refused(visit.say(words), code="S208")
    done = mail_outs.approve(
        visit.workspace, visit.console.ledger, visit.mail_out_id, who=visit.who
    )
    name = done.mail_out.name
    said = visit.say("{name} is approved by {who}.", name=name, who=visit.who)
    if done.mail_out.state is MailOutState.PLANNED:
        more = "{given} of {asked} approvals; it waits for the others."
        said = f"{said} {visit.say(more, given=done.given, asked=done.asked)}"
    return visit.go(f"/mail-outs/{name}/send", said)


def send(visit: Visit) -> Response:
    """Start the sending, where the number that was typed is that of the plan."""
    check = _may_send(visit)
    if check.unapproved:
        raise check.unapproved
    mail_out = check.standing.mail_out
    mail_outs.not_before_its_start(visit.console.ledger, mail_out)
    typed = _confirmed(visit, check)
    return live.begin(visit, mail_out, "send", mail_out.name, "--confirm", typed)


def _confirmed(visit: Visit, check: SendingCheck) -> str:
    """Return the number that was typed; refused where it is not that of the plan."""
    mail_out, typed = check.standing.mail_out, visit.field("number")
    if not (typed.isdecimal() and check.is_confirmed_by(int(typed))):
        raise UsageError(
            visit.say("{name} writes to {n} people. The number that was typed is another one; "
                      "nothing was sent.", name=mail_out.name, n=check.left)
        )  # fmt: skip
    return typed
