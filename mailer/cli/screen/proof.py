"""The proof sheet on the screen: what every person of a mail-out reads first, and what its
sentences rest on.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mailer.base import clock
from mailer.base.spelling import many
from mailer.cli.context import Context
from mailer.cli.screen.tables import show_rows, show_text

if TYPE_CHECKING:
    from mailer.plan.proof import Proof


def show_proof(context: Context, sheet: Proof) -> int:
    """Print the sheet; return 1 while a form waits to be accepted."""
    if context.json:
        for group in sheet.groups:
            context.data(
                {
                    "language": group.language,
                    "form": group.pattern,
                    "closing": group.closing,
                    "people": len(group.people),
                    "greetings": [one.greeting for one in group.people],
                    "verified": group.form.verified,
                    "neutral": group.form.neutral,
                    "accepted": group.accepted,
                    "source": group.form.source,
                }
            )
        for before, after in sheet.in_capitals.items():
            context.data({"in_capitals": before, "written": after})
        for claim in sheet.claims:
            facts = [
                {"key": fact.key, "source": fact.source, "date": fact.date} for fact in claim.facts
            ]
            context.data(
                {"claim": claim.words, "line": claim.line, "ours": claim.ours, "facts": facts}
            )
        return 1 if sheet.waiting else 0
    for group in sheet.groups:
        style = "yellow" if group.waits else "bold"
        heading = (
            f"{group.language}  {group.pattern or 'as the sheet has it'}  "
            f" {many(len(group.people), 'person', 'people')}"
        )
        context.out.print(f"{heading}   {group.note}".rstrip(), style=style, soft_wrap=True)
        greetings = Counter(one.greeting for one in group.people)
        if set(greetings) != {group.pattern}:
            show_text(context, "  ".join(_times(*pair) for pair in greetings.items()), indent=4)
        if (
            group.waits
        ):  # whoever accepts a form answers for its end, too, and wants to know how weak it is
            show_text(context, f"closes: {group.people[0].closing or '(nothing)'}", indent=4)
            show_text(context, f"source: {group.form.source}", indent=4)
        context.out.print()
    lines = Counter(
        (group.language, one.subject, one.first_line)
        for group in sheet.groups
        for one in group.people
    )
    show_rows(
        context,
        [
            ([language, str(number), subject], [line], "")
            for (language, subject, line), number in reversed(lines.most_common())
        ],
        right=(1,),
        head=("", "people", "subject"),
        note="first line",
    )
    _show_capitals(context, sheet)
    _show_claims(context, sheet)
    waiting = sheet.waiting
    if waiting:
        whom = many(sum(len(group.people) for group in waiting), "person", "people")
        what = (
            f"1 form of address for {whom} is"
            if len(waiting) == 1
            else f"{len(waiting)} forms of address for {whom} are"
        )
        context.say(f"\n{what} unverified: live mode would refuse to send it.")
    return 1 if waiting else 0


def _show_capitals(context: Context, sheet: Proof) -> None:
    """Print which names the sheets have in capitals, and how the letters write them."""
    names = sheet.in_capitals
    if names:
        context.out.print("\nNames in capitals, as the letters write them", style="bold")
        show_text(context, " · ".join(f"{a} → {b}" for a, b in names.items()), indent=2)
        context.say("  into the sheets: mailer contacts fix --only C159")


def _show_claims(context: Context, sheet: Proof) -> None:
    """Print each sentence of the letter with its facts, their sources and how old these are."""
    today = clock.now().date()
    for number, claim in enumerate(sheet.claims):
        if not number:
            context.out.print(
                f"\nWhat the letter says ({claim.file}), and what it rests on",
                style="bold",
                soft_wrap=True,
            )
        show_text(context, f"{claim.line}: {claim.words}", indent=2)
        for fact in claim.facts:
            show_text(
                context,
                f"{fact.key}, {fact.date}, {clock.age(fact.date, today)} old: {fact.source}",
                indent=6,
            )
        if not claim.facts:
            show_text(
                context,
                "ours: an ask or an opinion" if claim.ours else "rests on no fact",
                indent=6,
            )


def _times(greeting: str, number: int) -> str:
    return greeting if number == 1 else f"{greeting}\N{NO-BREAK SPACE}×{number}"
