"""The invented people of the benchmarks, as contacts, and a plan of an appeal to them."""

from __future__ import annotations

from pathlib import Path

from mailer.base.delegations import Delegations
from mailer.base.settings.tables import Limits, Sender
from mailer.contacts.contact import Contact
from mailer.contacts.holds import Holds
from mailer.ledger import mailouts
from mailer.ledger.ledger import Ledger
from mailer.letters.appeal_files import load_appeal
from mailer.letters.message import pieces
from mailer.letters.render import Renderer
from mailer.letters.wording.salutations import Forms
from mailer.plan.audience import Audience
from mailer.plan.plan import Plan, Sending, make_plan
from mailer.plan.sources import Sources
from mailer.sending.queue import SendingOptions
from tests.people.invent import COLUMNS, Person, many

ROOT = Path(__file__).parents[1]
LONG = (ROOT, "azerbaijan-credentials")
SHORT = (ROOT / "bench", "short")
"""The demo's appeal, whose letters have 11 KB; and one of 6 KB, as the reference that the goals
come from was measured with.
"""

Appeal = tuple[Path, str]

SENDER = Sender.model_validate(
    {
        "from": "Jana Novák <jana@rights.example>",
        "organisation": "Example Coalition",
        "postal_address": "1 Example Street",
    }
)


def contacts(number: int) -> list[Contact]:
    """Return so many people of all delegations but the one that the appeal leaves out."""
    people = (person for person in many(2 * number) if person.delegation != "AZ")
    return [
        _contact(row, person) for row, person in zip(range(2, number + 2), people, strict=False)
    ]


def _contact(row: int, person: Person) -> Contact:
    fields = (
        "delegation",
        "role",
        "given",
        "surname",
        "title",
        "gender",
        "address",
        "language",
        "chamber",
        "group",
    )
    values = {field: getattr(person, field) for field in fields}
    values["role"] = values["role"].partition(" ")[0]  # "chair of delegation"
    return Contact(
        "contacts/invented.csv", None, row, name=f"{values['given']} {values['surname']}", **values
    )


def plan_for(people: list[Contact], which: Appeal = SHORT) -> Plan:
    """Decide, render, build, read back and hash a letter for each of them, as `mailer
    plan` does.
    """
    appeal = load_appeal(*which)
    renderer = Renderer(appeal, SENDER, Delegations.load(), Forms.load(), COLUMNS)
    decisions = Audience(appeal, Holds()).decide(people)
    sending = Sending(SENDER.address, SENDER.from_, SENDER.answers_to, "127.0.0.1:25 none", "demo")
    return make_plan(appeal, decisions, renderer, sending, Sources())


def planned(log: Path, number: int, which: Appeal = SHORT) -> float:
    """Write a mail-out to so many people into a new send log; a benchmark begins with a copy of it.

    Returns the mean size of a letter.
    """
    plan = plan_for(contacts(number), which)
    with Ledger(f"sqlite:///{log}") as ledger, ledger.writing() as connection:
        mailouts.create(connection, plan, at=ledger.now(), who="bench")
    sizes = [pieces.size(one.data, one.shared) for one in plan.to_send if one.data]
    assert len(sizes) == number, "everyone gets a letter"
    return sum(sizes) / number


def unlimited(connections: int) -> SendingOptions:
    """Send as fast as it goes, over more connections than a workspace may set."""
    limits = Limits(per_minute=0, per_connection=1_000_000)
    return SendingOptions(limits.model_copy(update={"connections": connections}))
