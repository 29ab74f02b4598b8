"""Two books of contacts compared, in words: who left, who joined, who changed what.

People are matched across spellings in five steps, the surest first: name and delegation; address,
where the names have a word in common; name in another spelling; name and address in another
delegation. What is only alike (92 % or more) is never decided here but put as a question.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from mailer.base.delegations import Delegations
from mailer.base.errors import UsageError
from mailer.base.spelling import tokens
from mailer.contacts.contact import Contact
from mailer.contacts.rows.name_cells import unbroken
from mailer.contacts.rows.together import ALIKE, likeness, loosely

ALARM = 0.2
"""More than a fifth of a delegation gone at once is an election, or a sheet that lost its rows."""

FIELDS = ("name", "delegation", "role", "group", "address")


@dataclass(frozen=True, slots=True)
class Changed:
    """One person who stays, and what is new: field → (before, after)."""

    old: Contact
    new: Contact
    fields: dict[str, tuple[str, str]]


@dataclass(slots=True)
class DelegationTurnover:
    """What happened in one delegation. A person who changed delegation stands in the new one."""

    code: str
    left: list[Contact] = field(default_factory=list)
    joined: list[Contact] = field(default_factory=list)
    changed: list[Changed] = field(default_factory=list)
    same: list[tuple[Contact, Contact, int]] = field(
        default_factory=list
    )  # perhaps one person; percent
    before: int = 0
    after: int = 0

    @property
    def alarm(self) -> bool:
        return len(self.left) > ALARM * self.before and self.after < self.before * (1 - ALARM)

    @property
    def quiet(self) -> bool:
        return not (self.left or self.joined or self.changed or self.same)


def compare(
    old: Iterable[Contact],
    new: Iterable[Contact],
    delegations: Delegations,
    same: Collection[str] = (),
) -> list[DelegationTurnover]:
    """Compare two books; one entry a delegation, in the order of the English name.

    `same` are names of the new book that a person has said to be the ones they look like; one that
    looks like nobody raises `UsageError`.
    """
    leaving = _people(old)
    coming = _people(new)
    pairs: list[tuple[Contact, Contact]] = []
    found = {code: DelegationTurnover(code) for code in delegations.group([*leaving, *coming])}
    for code, count in Counter(c.delegation for c in leaving).items():
        found[code].before = count
    for code, count in Counter(c.delegation for c in coming).items():
        found[code].after = count

    def match(
        key: Callable[[Contact], str],
        sure: Callable[[Contact, Contact], bool] = lambda _old, _new: True,
    ) -> None:
        waiting: dict[str, list[Contact]] = defaultdict(list)
        for contact in leaving:
            if key(contact):
                waiting[key(contact)].append(contact)
        for contact in list(coming):
            mates = waiting.get(key(contact), []) if key(contact) else []
            if len(mates) == 1 and sure(mates[0], contact):
                pairs.append((mates[0], contact))
                leaving.remove(mates[0])
                coming.remove(contact)
                mates.clear()

    match(lambda c: c.person_key)
    match(lambda c: c.address_key and f"{c.delegation} {c.address_key}", _share_a_word)
    match(lambda c: f"{c.delegation} {loosely(unbroken(c.name) or c.name)}" if c.name else "")
    match(lambda c: c.address_key and f"{c.address_key} {' '.join(sorted(tokens(c.name)))}")
    match(
        lambda c: " ".join(sorted(tokens(c.name)))
    )  # moved, with a new address: one of that name left, one came
    used: set[str] = set()
    for contact in list(coming):
        for other in [c for c in leaving if c.delegation == contact.delegation]:
            alike = likeness(other.name, contact.name)
            if alike >= ALIKE:
                if contact.name in same:
                    used.add(contact.name)
                    pairs.append((other, contact))
                else:
                    found[contact.delegation].same.append((other, contact, alike))
                leaving.remove(other)
                coming.remove(contact)
                break
    if unknown := set(same) - used:
        raise UsageError(
            f"nobody who joined looks like somebody who left and is called {min(unknown)}",
            hint="mailer contacts diff, without --same, lists who looks like whom",
        )
    for before, after in pairs:
        news = {
            f: (getattr(before, f), getattr(after, f)) for f in FIELDS if _differs(before, after, f)
        }
        if news:
            found[after.delegation].changed.append(Changed(before, after, news))
    for contact in leaving:
        found[contact.delegation].left.append(contact)
    for contact in coming:
        found[contact.delegation].joined.append(contact)
    return list(found.values())


def _people(contacts: Iterable[Contact]) -> list[Contact]:
    """Return one row for each person; a row without a name is nobody."""
    return list(
        {
            contact.person_key: contact for contact in reversed(list(contacts)) if contact.name
        }.values()
    )[::-1]


def _share_a_word(old: Contact, new: Contact) -> bool:
    return not set(tokens(old.name)).isdisjoint(tokens(new.name))


def _differs(old: Contact, new: Contact, name: str) -> bool:
    if name == "address":
        return old.address_key != new.address_key
    if name == "name":  # another spelling of one name is no news
        return sorted(tokens(old.name)) != sorted(tokens(new.name)) and loosely(
            unbroken(old.name) or old.name
        ) != loosely(unbroken(new.name) or new.name)
    return bool(getattr(old, name) != getattr(new, name))
