"""From a workspace to a plan, in the order of the journey: sheets, hold list, appeal, audience,
letters.

Everything is read anew each time; nothing is written. Files that cannot be used stop here with all
their problems.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from mailer.base import clock
from mailer.base.delegations import Delegations
from mailer.base.errors import MailerError, Problem, Severity, UsageError
from mailer.base.problems import Scope, concerns, problem
from mailer.base.settings.workspace import Workspace
from mailer.base.states import Reason
from mailer.contacts.contact import Contact
from mailer.contacts.holds import Holds, load_holds, trusted
from mailer.contacts.sheets.reader import fingerprints
from mailer.letters.appeal import Appeal
from mailer.letters.appeal_files import load_appeal
from mailer.letters.wording.salutations import OWN, Forms
from mailer.plan import follow_up, heads, where
from mailer.plan.audience import EVERYONE, NOTHING_YET, Audience, Before, Decision, Selection
from mailer.plan.sources import Sources
from mailer.plan.where import Past

# a sending goes by its plan: it reads the workspace, and needs nothing of what letters are made
# with
if TYPE_CHECKING:
    from mailer.contacts.book import ContactBook
    from mailer.letters.render import Renderer
    from mailer.plan.plan import Plan, Planned, Sending
    from mailer.plan.proof import Proof

Mode = Literal["test", "live", "demo"]


def read_contacts(workspace: Workspace) -> tuple[Delegations, ContactBook, Holds]:
    """Read sheets and hold list of a workspace; the problems are in them, none is raised."""
    from mailer.contacts.book import load_contacts  # who sends what is planned reads no sheet

    settings = workspace.settings.contacts
    delegations = workspace.delegations
    book = load_contacts(
        workspace.root, settings.folder, settings.columns, delegations, max_rows=settings.max_rows
    )
    return delegations, book, load_holds(workspace.hold_list, delegations)


@dataclass(frozen=True)
class Draft:
    """An appeal and the people of a workspace, read and usable; the next step is `plan`."""

    workspace: Workspace
    mode: Mode
    appeal: Appeal
    delegations: Delegations
    book: ContactBook
    holds: Holds

    @cached_property
    def renderer(self) -> Renderer:
        from mailer.letters.checks import ready
        from mailer.letters.render.theirs import Owners

        return ready(
            self.appeal,
            sender=self.workspace.settings.sender,
            forms=self.forms,
            delegations=self.delegations,
            columns=self.columns,
            owners=Owners(self.appeal, self.book.contacts),
        )

    @cached_property
    def forms(self) -> Forms:
        return Forms.load(self.workspace.root / OWN)

    @property
    def columns(self) -> frozenset[str]:
        """The headings of the sheets that have no meaning of their own; letters may use their
        cells.
        """
        return frozenset(
            heading for columns in self.book.columns.values() for heading in columns.extra.values()
        )

    @property
    def sending(self) -> Sending:
        return sending_of(self.workspace, self.mode)

    @property
    def sources(self) -> Sources:
        return Sources(
            cells=self.book.cells,
            text=self.appeal.text,
            files={**self.book.files, **self.appeal.files},
            settings=frozen_settings(self.workspace, self.mode),
        )

    def decide(
        self,
        selection: Selection = EVERYONE,
        before: Before = NOTHING_YET,
    ) -> list[Decision]:
        """Decide for every row of every sheet who gets a letter, and who does not and why.

        `before` is what the send log knows. Raises `NotUnderstood` for a condition that cannot be
        read.
        """
        settings = self.workspace.settings
        known = {name for several in before.past.values() for one in several for name in one[1:]}
        conditions = [
            where.read(text, self.book.contacts, self.delegations, known)
            for text in (self.appeal.where, selection.where)
            if text
        ]
        if any(one.of_positions for one in conditions):
            told = {
                key: [Past(position, "", self.appeal.name)]
                for key, position in before.stands().items()
            }
            past = {
                key: [*before.past.get(key, ()), *told.get(key, ())]
                for key in {*before.past, *told}
            }
            before = replace(before, past=past)
        audience = Audience(
            appeal=self.appeal,
            holds=self.holds,
            allow=settings.safety.allow if self.mode == "test" else None,
            conditions=conditions,
            selection=selection,
            before=before,
            most=settings.limits.letters_per_person,
            languages=settings.contacts.languages,
        )
        return audience.decide(self.book.contacts)

    def plan(
        self,
        selection: Selection = EVERYONE,
        before: Before = NOTHING_YET,
    ) -> Plan:
        """Freeze who gets what. Raises MailerError with every problem of the letters."""
        if lacking := list(follow_up.lacking(self.appeal, selection.follows)):
            raise MailerError(
                "This appeal cannot be planned as it stands. Nothing was planned.",
                problems=lacking,
            )
        decisions = self.decide(selection, before)
        if not decisions:
            raise UsageError(
                "There is nobody in the contact sheets yet. Nothing was planned.",
                hint=(
                    f"fill in the sheets in {self.workspace.settings.contacts.folder}/, then:"
                    " mailer check"
                ),
            )
        if self.appeal.to_heads and (asked := list(self.heads_lacking(decisions))):
            raise MailerError(
                "The letters go to the heads of the delegations, and not each can be written to."
                " Nothing was planned.",
                problems=asked,
            )
        if missing := without_letter(self.appeal, decisions):
            raise MailerError(
                "Some people have no letter that they could get. Nothing was planned.",
                problems=missing,
            )
        from mailer.plan.plan import make_plan

        return make_plan(
            self.appeal,
            decisions,
            self.renderer,
            self.sending,
            self.sources,
            follows=before.first.follows if before.first else "",
        )

    def heads_lacking(self, decisions: Sequence[Decision]) -> Iterator[Problem]:
        """Yield a question for each delegation without a head to whom its letter can go."""
        return heads.lacking(
            f"templates/{self.appeal.name}/appeal.toml", decisions, self.delegations
        )

    def message(self, contact: Contact, language: str, copies: Sequence[Contact] = ()) -> bytes:
        """Return the whole message as it would go out now, `copies` in Cc; unsigned, and under no
        ID of its own.

        Raises `MailerError` with the cell or the line at fault.
        """
        from mailer.letters.message import pieces
        from mailer.letters.message.finish import finished
        from mailer.plan.plan import write

        preview = f"<preview@{self.sending.domain}>"
        _, own, shared = write(
            contact, language, self.renderer, self.sending, preview, copies=copies
        )
        return pieces.joined(*finished(own, shared, clock.now()))

    def proof(self, people: Sequence[Decision | Planned] | None = None) -> Proof:
        """Write the letters of these people, else of everybody who would get one now, and sort
        what they read first.
        """
        from mailer.plan.proof import proof
        from mailer.plan.signoff import accepted

        chosen = self.decide() if people is None else people
        read = [one for one in chosen if one.reason in heads.GET_IT]
        who = [(one.contact, one.language) for one in heads.letters(read)]
        return proof(self.renderer, self.forms, who, accepted(self.workspace.root))

    def obstacles(self) -> list[Problem]:
        """Return what keeps this appeal from real people: who has not signed this text, forms
        nobody answers for, sentences that wait to be written, files that tell who made them, an
        invented date, settings that nobody has filled in.
        """
        from mailer.base.settings.unfilled import unfilled
        from mailer.letters.checks import metadata
        from mailer.letters.checks.style import unwritten
        from mailer.plan.signoff import signatures, unsigned

        found = [replace(one, severity=Severity.ERROR) for one in unfilled(self.workspace)]
        found += [
            *unsigned(self.appeal, signatures(self.workspace.root, self.appeal)),
            *self.proof().problems(),
        ]
        found += [replace(one, severity=Severity.ERROR) for one in unwritten(self.appeal)]
        found += [
            replace(one, severity=Severity.ERROR)
            for one in metadata.told(self.appeal)
            if one.severity is not Severity.NOTE and one.value != metadata.NOT_READ
        ]  # what is not known keeps nobody from sending; it is a warning all the same
        session = self.appeal.session
        if session is not None and session.invented:
            message = "the session's date is invented"
            hint = (
                "put in the date that was published, and where; then take out the line `invented ="
                " true`"
            )
            file = f"templates/{self.appeal.name}/appeal.toml"
            found.append(
                problem("S205", file, value=str(session.opens), message=message, suggestion=hint)
            )
        return found


def draft(
    workspace: Workspace,
    appeal_name: str,
    *,
    mode: Mode | None = None,
    people: tuple[Delegations, ContactBook, Holds] | None = None,
) -> Draft:
    """Read everything that a plan of this appeal needs. `people`: what `read_contacts` has read.

    Raises MailerError when a sheet or the hold list cannot be used as a whole: nobody may be left
    out unseen.
    """
    delegations, book, holds = people or read_contacts(workspace)
    appeal = load_appeal(workspace.root, appeal_name, delegations)
    if broken := set(book.broken):
        raise MailerError(
            "A contact sheet cannot be read, so nobody can say who would be left out. Nothing was"
            " planned.",
            problems=[
                problem
                for problem in book.problems
                if problem.file in broken and concerns(problem.code, Scope.FILE)
            ],
            hint="Put the sheet right, or move it out of the contacts folder.",
        )
    return Draft(
        workspace, mode or workspace.settings.safety.mode, appeal, delegations, book, trusted(holds)
    )


def without_letter(appeal: Appeal, decisions: Iterable[Decision]) -> list[Problem]:
    """Return one problem for each language in which people want their letter and there is none to
    fall back on.
    """
    wanted = Counter(one.contact.language for one in decisions if one.reason is Reason.NO_LETTER)
    there = ", ".join(f'"{language}"' for language in sorted(appeal.letters))
    problems = []
    for language, people in sorted(wanted.items(), key=lambda item: (-item[1], item[0])):
        who = "one person has" if people == 1 else f"{people} people have"
        write = f"write templates/{appeal.name}/{language}.md, or say" if language else "say"
        problems.append(
            problem(
                "L128",
                f"templates/{appeal.name}/appeal.toml",
                value=language or "(no language is given)",
                message=(
                    f"{who} no letter: there is none in their language, and none for everybody else"
                ),
                suggestion=(
                    f"{write} which letter they get: under [languages], fallback = [{there}]"
                ),
            )
        )
    return problems


def sending_of(workspace: Workspace, mode: Mode) -> Sending:
    """Return from whom and through what letters go."""
    from mailer.plan.plan import Sending

    sender = workspace.settings.sender
    return Sending(sender.address, sender.from_, sender.answers_to, server_name(workspace), mode)


def server_name(workspace: Workspace) -> str:
    """Return what a plan freezes of the server: host, port, security, user."""
    smtp = workspace.settings.smtp
    return " ".join(filter(None, (f"{smtp.host}:{smtp.port}", smtp.security, smtp.user)))


def frozen_settings(workspace: Workspace, mode: Mode) -> dict[str, str]:
    """Return the settings that decide who gets what from whom, by name; never a secret."""
    settings = workspace.settings
    columns = settings.contacts.columns
    signed = {}
    said = settings.sender.privacy
    if said is not None:  # plans of before have no such line
        signed = {"sender.privacy": f"{said.basis}, {said.keep_days} days, {said.authority}"}
    if settings.sender.dkim is not None and mode != "demo":  # the demo's own folder has no secrets
        from mailer.letters.message.dkim import signer_of

        signer = signer_of(workspace)
        signed["sender.dkim"] = signer.name if signer else ""
    return {
        **signed,
        "sender.from": settings.sender.from_,
        "sender.reply_to": settings.sender.answers_to,
        "sender.organisation": settings.sender.organisation,
        "sender.postal_address": settings.sender.postal_address,
        "smtp": server_name(workspace),
        "safety.mode": mode,
        "safety.allow": ", ".join(sorted(settings.safety.allow)),
        "contacts.columns": "; ".join(
            f"{field}={', '.join(names)}" for field, names in sorted(columns.items())
        ),
        "contacts.languages": ", ".join(
            f"{code}={to}" for code, to in sorted(settings.contacts.languages.items())
        ),
    }


def as_planned(packed: bytes, workspace: Workspace, appeal_name: str) -> bool:
    """Tell whether every file and setting is what a plan was made from. No sheet is read for that,
    only its bytes.
    """
    settings = workspace.settings.contacts
    sheets = fingerprints(workspace.root, settings.folder, max_rows=settings.max_rows)
    files = {
        **sheets,
        **load_appeal(workspace.root, appeal_name, workspace.delegations).files,
    }
    return Sources.agree(packed, files, frozen_settings(workspace, workspace.settings.safety.mode))


def changes_since(packed: bytes, now: Draft) -> list[Problem]:
    """List what has changed since a plan was made; `packed` are the plan's sources."""
    return Sources.unpack(packed).changes(now.sources)
