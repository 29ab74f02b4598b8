"""`mailer plan` and `mailer retry`: freeze who gets what; nobody is written to."""

from __future__ import annotations

import getpass
from collections import Counter
from collections.abc import Sequence

import click

from mailer.actions.mail_outs import audiences, planning
from mailer.actions.mail_outs.planning import NewMailOut
from mailer.base.spelling import many
from mailer.base.states import REASONS, Reason
from mailer.cli.context import Command, Context
from mailer.cli.screen.problems import show_problems
from mailer.cli.screen.tables import Row, say_text, show_rows, show_steps, show_text
from mailer.plan.plan import Plan

LANGUAGES = {"en": "English", "fr": "French", "de": "German", "it": "Italian", "es": "Spanish",
             "tr": "Turkish", "uk": "Ukrainian", "pl": "Polish"}  # fmt: skip


@click.command(cls=Command)
@click.argument("appeal")
@click.option("--only", metavar="DE,FR", help="Only these delegations, by code or name.")
@click.option(
    "--role",
    metavar="ROLE",
    multiple=True,
    help="Only this role, like substitute; may be given twice.",
)
@click.option(
    "--where",
    default="",
    metavar="CONDITION",
    help='Only those of whom it holds, like "committee = Monitoring and not replied".',
)
@click.option(
    "--audience", default="", metavar="NAME", help="Only a saved audience: mailer audience list."
)
@click.option(
    "--follows",
    default="",
    metavar="M-0001",
    help="A follow-up to this mail-out, or appeal: only to those who had its letter and did not"
    " answer, in the same thread.",
)
@click.option("--name", "called", default="", help="A name of its own, like 'Nordic countries'.")
@click.option("--note", default="", metavar="TEXT", help="A note beside it.")
@click.option(
    "--replace",
    "instead",
    is_flag=True,
    help="Give up the plans of this appeal that were never begun, for this one.",
)
@click.pass_obj
def plan(
    context: Context,
    appeal: str,
    only: str | None,
    role: Sequence[str],
    where: str,
    audience: str,
    follows: str,
    called: str,
    note: str,
    instead: bool,
) -> None:
    """Freeze who gets which letter of an appeal, and who gets none and why.

    \b
    mailer plan first-appeal --role substitute
    mailer plan first-appeal --where "committee in (Monitoring, Rules) and not replied"
    mailer plan follow-up-1 --follows M-0001
    """
    now = context.draft(appeal)
    if audience:
        where = audiences.condition(context.workspace, audience, where)
    selection = planning.selected(now.delegations, _names(only), role, where, follows)
    with context.ledger() as ledger:
        who = getpass.getuser()
        new = planning.plan(
            ledger, now, selection, who=who, reader=who, instead=instead, called=called, note=note
        )

    _show(context, new)


@click.command(cls=Command)
@click.argument("mail_out")
@click.option("--refused", is_flag=True, help="Also those whose server refused this very address.")
@click.option("--returned", is_flag=True, help="Also those whose letter to it came back for good.")
@click.option("--only", metavar="DE,FR", help="Only these delegations, by code or name.")
@click.pass_obj
def retry(context: Context, mail_out: str, refused: bool, returned: bool, only: str | None) -> None:
    """Plan the rest of a mail-out anew, with the sheets as they are now; nobody who was reached is
    in it.
    """
    with context.ledger() as ledger:
        new = planning.retry(
            ledger,
            mail_out,
            context.draft,
            only=_names(only),
            refused=refused,
            returned=returned,
            who=getpass.getuser(),
        )
    _show(context, new)


def _names(only: str | None) -> list[str]:
    return [part.strip() for part in (only or "").split(",") if part.strip()]


def _show(context: Context, new: NewMailOut) -> None:
    name, frozen, settings = new.name, new.plan, context.workspace.settings
    people, letters, left_out = len(frozen.deliveries), len(frozen.to_send), len(frozen.left_out)
    by_reason = Counter(one.reason for one in frozen.left_out if one.reason)
    if context.json:
        context.data(
            {
                "mail_out": name,
                "appeal": frozen.appeal,
                "to_send": letters,
                "letters": frozen.letters,
                "left_out": left_out,
                "reasons": by_reason,
                "delegations": frozen.by_delegation(),
                "hash": frozen.hash,
                "follows": frozen.follows,
                "problems": new.doubts,
            }
        )
        return
    show_text(context, f'{name} · "{new.called or frozen.title}" · planned, nothing has been sent')
    if new.replaced:
        given_up = ", ".join(new.replaced)
        context.say(f"In place of {given_up}, which was given up: nothing had been sent of it.")
    context.out.print()
    show_text(context, f"{people} people, all accounted for", indent=2)
    rows: list[Row] = [(["├", str(letters), "get a letter"], [_languages(frozen)], "")]
    rows.append((["└", str(left_out), "are left out"], [], ""))
    for reason, number in by_reason.most_common():
        rows.append((["", str(number), f"  {REASONS[reason]}"], [_where(frozen, reason)], ""))
    show_rows(context, rows, right=(1,))
    facts: list[Row] = [
        (["from"], [f"{settings.sender.from_}, answers to {settings.sender.answers_to}"], "")
    ]
    if frozen.to_heads:
        copies = f"{many(frozen.letters, 'letter', 'letters')}, one to the head of each delegation"
        facts.insert(0, (["letters"], [f"{copies}, members in Cc; an envelope a person"], ""))
    if frozen.follows:
        facts.insert(0, (["follows"], [f"{frozen.follows}: each letter in its own thread"], ""))
    if letters and settings.limits.per_minute:
        minutes = letters / settings.limits.per_minute
        time = f"about {minutes:.0f} minutes" if minutes >= 1.5 else "a minute or two"
        speed = (
            f"{settings.limits.per_minute} a minute, {settings.limits.connections} connections:"
            f" {time}"
        )
        facts.append((["limits"], [speed], ""))
    if frozen.mode == "test":
        facts.append((["mode"], ["test: only addresses on the allow-list are written to"], ""))
    context.out.print()
    show_rows(context, facts)
    context.out.print()
    show_problems(context.out, new.doubts, context.workspace.root, everything=context.verbose > 0)
    context.say()
    if not letters and by_reason[Reason.TEST_MODE]:
        say_text(
            context,
            "Nobody would get a letter. Put your own address into safety.allow in config.toml and"
            " plan again.",
        )
    elif not letters:
        say_text(context, "Nobody would get a letter.")
    steps = [("send them", f"mailer send {name}")] if letters else []
    if new.in_the_way:
        names = ", ".join(new.in_the_way)
        say_text(
            context,
            f"Some are left out for {names}, of which nothing was ever sent. This plan can stand in"
            " its place: stop the new one, and plan with --replace.",
        )
        steps.append(("give up", f"mailer stop {name}"))
        steps.append(("replace", f"mailer plan {frozen.appeal} --replace"))
    reading = ("read one", f"mailer preview {f'{name} --as NAME' if letters else frozen.appeal}")
    show_steps(
        context, [reading, *steps, ("who is left out", f"mailer log people {name} --state skipped")]
    )


def _languages(frozen: Plan) -> str:
    """Say how many get which letter: `English 486 (12 have none in their own language) · French
    94`.
    """
    letters = Counter(one.language for one in frozen.to_send)
    fell_back = Counter(one.language for one in frozen.to_send if one.fell_back)
    return " · ".join(
        f"{LANGUAGES.get(language, language)} {number}"
        + (
            f" ({fell_back[language]} have none in their own language)"
            if fell_back[language]
            else ""
        )
        for language, number in letters.most_common()
    )


def _where(frozen: Plan, reason: Reason) -> str:
    """Say which delegations those who are left out for a reason belong to, and in which mail-out
    they were met.
    """
    them = [one for one in frozen.left_out if one.reason is reason]
    codes = Counter(one.contact.delegation or "?" for one in them)
    where = " · ".join(f"{code} {number}" for code, number in codes.most_common(8))
    where += " …" if len(codes) > 8 else ""
    if reason in (Reason.ALREADY, Reason.REFUSED_BEFORE, Reason.RETURNED_BEFORE):
        before = sorted({one.detail.partition(",")[0] for one in them})
        return f"in {', '.join(before)}: {where}"
    return where
