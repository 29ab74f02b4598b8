"""Two books of contacts compared, in words: who left, who joined, who changed what.

People are matched across spellings, the surest first: name, delegation and address; name and
delegation; address, where the names have a word in common; name in another spelling; name and
address in another delegation. What is only alike (92 % or more), the same name in another
delegation, and another name at somebody's own address, is never decided here but put as a question,
once (`namesakes.py`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mailer.base.delegations import Delegations
from mailer.base.errors import UsageError
from mailer.base.spelling import loosely, tokens
from mailer.contacts.contact import Contact
from mailer.contacts.edit.namesakes import Answers
from mailer.contacts.rows.addresses import is_of_an_office
from mailer.contacts.rows.name_cells import unbroken
from mailer.contacts.rows.together import ALIKE, likeness

ALARM = 0.2
"""More than a fifth of a delegation gone at once is an election, or a sheet that lost its rows."""

SAME_ADDRESS = 0
"""In place of the per cent, where two names have but the address in common: a new name, or a new
person at a mailbox.
"""

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


@dataclass(slots=True)
class Matching:
    """Who of one book is who of another."""

    pairs: list[tuple[Contact, Contact]] = field(default_factory=list)
    left: list[Contact] = field(default_factory=list)
    joined: list[Contact] = field(default_factory=list)
    asked: list[tuple[Contact, Contact, int]] = field(
        default_factory=list
    )  # perhaps one person; percent


def compare(
    old: Iterable[Contact],
    new: Iterable[Contact],
    delegations: Delegations,
    answers: Answers | None = None,
) -> list[DelegationTurnover]:
    """Compare two books; one entry a delegation, in the order of the English name."""
    before, after = people_of(old), people_of(new)
    return turnover(matching(before, after, answers), before, after, delegations)


def turnover(
    found: Matching, old: Sequence[Contact], new: Sequence[Contact], delegations: Delegations
) -> list[DelegationTurnover]:
    """Say by delegation what a matching means; `old` and `new` are everybody."""
    turns = {code: DelegationTurnover(code) for code in delegations.group([*old, *new])}
    for contact in old:
        turns[contact.delegation].before += 1
    for contact in new:
        turns[contact.delegation].after += 1
    for before, after in found.pairs:
        news = {
            f: (getattr(before, f), getattr(after, f)) for f in FIELDS if differs(before, after, f)
        }
        if news:
            turns[after.delegation].changed.append(Changed(before, after, news))
    for contact in found.left:
        turns[contact.delegation].left.append(contact)
    for contact in found.joined:
        turns[contact.delegation].joined.append(contact)
    for question in found.asked:
        turns[question[1].delegation].same.append(question)
    return list(turns.values())


def matching(
    old: Iterable[Contact],
    new: Iterable[Contact],
    answers: Answers | None = None,
    *,
    strict: bool = True,
) -> Matching:
    """Find out who of the old book is who of the new one.

    `answers` are what a person has said; one about a name that looks like nobody raises
    `UsageError`, unless `strict` is False: an answer may be known already.
    """
    answers = answers or Answers()
    leaving, coming = list(old), list(new)
    found = Matching()

    def match(
        key: Callable[[Contact], str],
        sure: Callable[[Contact, Contact], bool] = lambda _old, _new: True,
    ) -> None:
        waiting: dict[str, list[Contact]] = defaultdict(list)
        coming_by = Counter(map(key, coming))
        for contact in leaving:
            if key(contact):
                waiting[key(contact)].append(contact)
        for contact in list(coming):
            mates = waiting.get(key(contact), []) if key(contact) else []
            if len(mates) == 1 == coming_by[key(contact)] and sure(mates[0], contact):
                found.pairs.append((mates[0], contact))
                leaving.remove(mates[0])
                coming.remove(contact)
                mates.clear()

    match(lambda c: c.address_key and f"{c.person_key} {c.address_key}")
    match(lambda c: c.person_key)
    match(lambda c: c.address_key and f"{c.delegation} {c.address_key}", _share_a_word)
    match(lambda c: f"{c.delegation} {loosely(unbroken(c.name) or c.name)}" if c.name else "")
    match(lambda c: c.address_key and f"{c.address_key} {' '.join(sorted(tokens(c.name)))}")
    gone = {id(contact): contact for contact in leaving}
    near = _near(leaving)
    likely = [(contact, list(near(contact))) for contact in coming]
    taken: dict[int, Contact] = {}
    for contact, mates in likely:  # what was said first: somebody may look like two who joined
        for other, _ in mates:
            if not answers.about(other, contact):
                continue
            if twin := taken.get(id(other)):
                if twin.person_key == contact.person_key:
                    continue  # one name cannot be answered twice: the first one counts
                message = f"{twin.name} and {contact.name} cannot both be {other.name}"
                raise UsageError(message, hint="--same for the one, --other for the other")
            found.pairs.append((other, contact))
            taken[id(other)] = contact
            gone.pop(id(other), None)
            break
    paired = {id(new) for _, new in found.pairs}
    asked: set[tuple[int, str]] = set()
    joined: list[Contact] = []
    for contact, mates in likely:
        if id(contact) in paired:
            continue
        for other, alike in mates:
            question = id(other), contact.person_key
            if (
                id(other) not in taken
                and question not in asked
                and answers.about(other, contact) is None
            ):
                found.asked.append((other, contact, alike))
                asked.add(question)
                gone.pop(id(other), None)
                break
        else:
            joined.append(contact)
    if strict:
        answers.all_used()
    found.left, found.joined = list(gone.values()), joined
    return found


def _near(leaving: Iterable[Contact]) -> Callable[[Contact], Iterator[tuple[Contact, int]]]:
    """Return what yields those who may be the same person: nearly the same name, or the same one in
    another delegation, where namesakes sit, too.
    """
    of_delegation: dict[str, list[Contact]] = defaultdict(list)
    of_name: dict[tuple[str, ...], list[Contact]] = defaultdict(list)
    of_address: dict[str, list[Contact]] = defaultdict(list)
    for contact in leaving:
        of_address[contact.address_key].append(contact)
        of_delegation[contact.delegation].append(contact)
        of_name[tuple(sorted(tokens(contact.name)))].append(contact)

    def near(contact: Contact) -> Iterator[tuple[Contact, int]]:
        for other in of_delegation[contact.delegation]:
            if (alike := likeness(other.name, contact.name)) >= ALIKE:
                yield other, alike
        for other in of_name[tuple(sorted(tokens(contact.name)))]:
            if other.delegation != contact.delegation:
                yield other, 100
        at = of_address[contact.address_key] if contact.address_key else []
        if len(at) == 1 and not is_of_an_office(contact.address):
            yield at[0], SAME_ADDRESS

    return near


def people_of(contacts: Iterable[Contact], namesakes: Collection[str] = ()) -> list[Contact]:
    """Return one row for each person; a row without a name is nobody, and one that is told to stand
    there twice is no second person, but where `namesakes` (keys of people) are known to be several.
    """
    found: dict[tuple[str, str], Contact] = {}
    for contact in contacts:
        if contact.name and (not is_twice(contact) or contact.person_key in namesakes):
            found.setdefault((contact.person_key, contact.address_key), contact)
    return list(found.values())


def is_twice(contact: Contact) -> bool:
    """Tell whether a row is left out as that of a person who stands there already."""
    return contact.problem is not None and contact.problem.code == "C141"


def _share_a_word(old: Contact, new: Contact) -> bool:
    return not set(tokens(old.name)).isdisjoint(tokens(new.name))


def differs(old: Contact, new: Contact, name: str) -> bool:
    if name == "address":
        return old.address_key != new.address_key
    if name == "name":  # another spelling of one name is no news
        return sorted(tokens(old.name)) != sorted(tokens(new.name)) and loosely(
            unbroken(old.name) or old.name
        ) != loosely(unbroken(new.name) or new.name)
    return bool(getattr(old, name) != getattr(new, name))
