"""`mailer plan` and `mailer retry`: freeze who gets what; nobody is written to."""

from __future__ import annotations

import getpass
from collections import Counter
from collections.abc import Sequence

import click

from mailer.audience import Selection
from mailer.cli.desk import Command, Desk
from mailer.drafting import Draft, draft
from mailer.errors import UsageError
from mailer.ledger import mailouts, queries
from mailer.ledger.ledger import Ledger, number_of, shown
from mailer.plan import Plan
from mailer.states import REASONS, MailOutState, Reason

ROLES = {"representative": "representative", "substitute": "substitute", "chair": "chair of delegation"}
LANGUAGES = {"en": "English", "fr": "French", "de": "German", "it": "Italian", "es": "Spanish", "tr": "Turkish",
             "uk": "Ukrainian", "pl": "Polish"}  # fmt: skip


@click.command(cls=Command)
@click.argument("appeal")
@click.option("--only", metavar="DE,FR", help="Only these delegations, by code or name.")
@click.option("--role", type=click.Choice(list(ROLES)), multiple=True, help="Only this role; may be given twice.")
@click.pass_obj
def plan(desk: Desk, appeal: str, only: str | None, role: Sequence[str]) -> None:
    """Freeze who gets which letter of an appeal, and who gets none and why."""
    now = draft(desk.workspace, appeal)
    selection = Selection(delegations=_codes(now, only), roles=frozenset(role))
    with desk.ledger() as ledger:
        _plan(desk, ledger, now, selection)


@click.command(cls=Command)
@click.argument("mail_out")
@click.option("--refused", is_flag=True, help="Also those whose server refused this very address.")
@click.option("--only", metavar="DE,FR", help="Only these delegations, by code or name.")
@click.pass_obj
def retry(desk: Desk, mail_out: str, refused: bool, only: str | None) -> None:
    """Plan the rest of a mail-out anew, with the sheets as they are now; nobody who was reached is in it."""
    with desk.ledger() as ledger:
        with ledger.reading() as connection:
            before = mailouts.get(connection, number_of(mail_out))
            everyone = queries.people(connection, before.id)
        if before.state not in (MailOutState.STOPPED, MailOutState.FINISHED):
            raise UsageError(
                f"{before.name} is {before.state}; what is not sent yet may still go out.",
                hint=f"mailer resume {before.name}, or mailer stop {before.name}",
            )
        now = draft(desk.workspace, before.appeal)
        keys = {key for one in everyone for key in (one.address_key, one.person) if key}
        selection = Selection(delegations=_codes(now, only), people=frozenset(keys), again_refused=refused)
        _plan(desk, ledger, now, selection, retry_of=before.id)


def _codes(now: Draft, only: str | None) -> frozenset[str]:
    codes = set()
    for word in filter(None, (part.strip() for part in (only or "").split(","))):
        found = now.delegations.find(word)
        if found is None:
            close = now.delegations.suggest(word)
            hint = f'did you mean "{close}"?' if close else "mailer help plan"
            raise UsageError(f"There is no delegation {word!r}.", hint=hint)
        codes.add(found.code)
    return frozenset(codes)


def _plan(desk: Desk, ledger: Ledger, now: Draft, selection: Selection, retry_of: int | None = None) -> None:
    with ledger.reading() as connection:
        history = mailouts.history(connection, now.appeal.name)
    frozen = now.plan(selection, history)
    with ledger.writing() as connection:
        mail_out_id = mailouts.create(connection, frozen, at=ledger.now(), who=getpass.getuser(), retry_of=retry_of)
    name = shown(mail_out_id)
    if desk.json:
        desk.data(
            {
                "mail_out": name,
                "appeal": frozen.appeal,
                "to_send": len(frozen.to_send),
                "left_out": len(frozen.left_out),
                "delegations": frozen.by_delegation(),
                "hash": frozen.hash,
            }
        )
        return
    _show(desk, name, frozen, now)


def _show(desk: Desk, name: str, frozen: Plan, now: Draft) -> None:
    out = desk.out.print
    people, letters, left_out = len(frozen.deliveries), len(frozen.to_send), len(frozen.left_out)
    out(f'{name} · "{frozen.title}" · planned, nothing has been sent\n', style="bold")
    out(f"  {people} people, all accounted for")
    languages = Counter(one.language for one in frozen.to_send)
    fell_back = Counter(one.language for one in frozen.to_send if one.fell_back)
    parts = [
        f"{LANGUAGES.get(language, language)} {number}"
        + (f" ({fell_back[language]} because there is no letter in their own)" if fell_back[language] else "")
        for language, number in languages.most_common()
    ]
    out(f"  ├ {letters:>4} get a letter    {' · '.join(parts)}")
    out(f"  └ {left_out:>4} are left out")
    reasons = Counter(one.reason for one in frozen.left_out if one.reason)
    for reason, number in reasons.most_common():
        codes = Counter(one.contact.delegation or "?" for one in frozen.left_out if one.reason is reason)
        where = " ".join(f"{code} {n}" for code, n in codes.most_common(8)) + (" …" if len(codes) > 8 else "")
        out(f"       {number:>4} {REASONS[reason]:<32} {where}")
    out(f"\n  from      {now.workspace.settings.sender.from_}, answers to {now.workspace.settings.sender.answers_to}")
    limits = now.workspace.settings.limits
    if limits.per_minute and letters:
        minutes = letters / limits.per_minute
        time = f"about {minutes:.0f} minutes" if minutes >= 1.5 else "about a minute or less"
        out(f"  limits    {limits.per_minute} a minute, {limits.connections} connections: {time}")
    if reasons[Reason.TEST_MODE]:
        desk.say(
            "\nThis is test mode: only addresses on the allow-list are written to ([safety] in config.toml).", "yellow"
        )
    desk.say(f"\nread one    mailer preview {now.appeal.name} --as NAME")
    if letters:
        desk.say(f"send them   mailer send {name}")
    else:
        desk.say("Nobody would get a letter.")
