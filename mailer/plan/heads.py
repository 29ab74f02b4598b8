"""One letter to the head of each delegation, with its members in Cc: `[letter] mode = "head"`.

It is one message, and goes out in an envelope a person: each has a row, a marker and an outcome of
their own, and all get the same bytes. In Cc stands who gets it, and nobody else. A delegation whose
head cannot be written to is asked about (L136); where the head is left out by choice, or by what
went before, so are the members.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from mailer.base.delegations import Delegations
from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.base.spelling import many
from mailer.base.states import REASONS, Reason
from mailer.contacts.contact import Contact
from mailer.plan.follow_up import FirstLetter

if TYPE_CHECKING:
    from mailer.plan.audience import Decision
    from mailer.plan.plan import Planned

One = TypeVar("One", bound="Decision | Planned")

GET_IT = (None, Reason.SHARED)
"""Who is a reader of their delegation's letter; of several at one mailbox all are named in it."""

ASKED_ABOUT = frozenset({
    Reason.NO_ADDRESS, Reason.BAD_ADDRESS, Reason.SAME_ADDRESS, Reason.ROW, Reason.ON_HOLD,
    Reason.REFUSED_BEFORE, Reason.RETURNED_BEFORE,
})  # fmt: skip
"""Why a head gets no letter, where a person has to say what becomes of the delegation."""


@dataclass(frozen=True, slots=True, eq=False)
class HeadLetter:
    """The letter of one delegation."""

    head: Contact
    copies: tuple[Contact, ...]  # who else gets it, in the order of the sheets
    first: FirstLetter | None = None  # which it follows


def heads_of(people: Iterable[Contact]) -> dict[str, Contact]:
    """Return the head of each delegation that has one in the sheets, and one only."""
    return {code: found[0] for code, found in _heads(people).items() if len(found) == 1}


def _heads(people: Iterable[Contact]) -> dict[str, list[Contact]]:
    found: dict[str, dict[str, Contact]] = defaultdict(dict)
    for one in people:
        if one.role == "chair" and one.delegation:
            found[one.delegation].setdefault(one.person_key or one.address_key, one)
    return {code: list(persons.values()) for code, persons in found.items()}


def addressed(decisions: Sequence[Decision], heads: Mapping[str, Contact]) -> list[Decision]:
    """Give everybody who gets a letter that of their delegation; whose head gets none is left out
    with the reason. Who has had it before, the head too, keeps it: what follows is addressed to
    them all the same, and goes to the others.
    """
    readers: dict[str, list[Decision]] = defaultdict(list)
    of_heads: dict[str, Decision] = {}
    for one in decisions:
        code = one.contact.delegation
        if one.reason in GET_IT:
            readers[code].append(one)
        if (head := heads.get(code)) and _stands_where(one.contact, head):
            of_heads[code] = one
    letters: dict[str, HeadLetter] = {}
    why: dict[str, str] = {}
    for code, those in readers.items():
        if (first := of_heads.get(code)) is None:
            why[code] = "the sheets name none, or several"
        elif first.reason is None or first.reason in (Reason.SHARED, Reason.ALREADY):
            copies = tuple(one.contact for one in those if one is not first)
            letters[code] = HeadLetter(first.contact, copies, _followed(first, those))
        else:
            why[code] = f"{first.contact.name}: {REASONS[first.reason]}"
    return [
        one
        if one.reason not in GET_IT
        else replace(one, head_letter=letters[code])
        if (code := one.contact.delegation) in letters
        else replace(one, reason=Reason.NO_HEAD, detail=why[code], others=(), head_letter=None)
        for one in decisions
    ]


def _stands_where(one: Contact, other: Contact) -> bool:
    return (one.file, one.sheet, one.row) == (other.file, other.sheet, other.row)


def _followed(head: Decision, readers: Sequence[Decision]) -> FirstLetter | None:
    """Return what a delegation's letter follows: the letters that its readers had, the head's
    last.
    """
    firsts = [one.first for one in (*readers, head) if one.first is not None]
    if not firsts:
        return None
    last = firsts[-1]
    before = dict.fromkeys(id_ for one in firsts for id_ in one.thread if id_ not in last.thread)
    return replace(last, thread=(*before, *last.thread))


def letters(people: Iterable[One]) -> Iterator[One]:
    """Yield a row for each letter that is written: of a delegation's that of its head."""
    seen: set[str] = set()
    for one in people:
        if one.head_letter is None:
            yield one
        elif one.head_letter.head.delegation not in seen:
            seen.add(one.head_letter.head.delegation)
            yield replace(one, contact=one.head_letter.head, reason=None)


def lacking(
    file: str, decisions: Sequence[Decision], delegations: Delegations
) -> Iterator[Problem]:
    """Yield a question (L136) for each delegation that would be written to, and has no head to whom
    its letter can go. `file` is the appeal's.
    """
    waiting = Counter(one.contact.delegation for one in decisions if one.reason is Reason.NO_HEAD)
    found = _heads(one.contact for one in decisions)
    for code, number in sorted(waiting.items()):
        heads = [
            one
            for one in decisions
            if any(_stands_where(one.contact, each) for each in found.get(code, ()))
        ]
        name = row.name_en if (row := delegations.get(code)) else code
        out = f'{code} = "…"'
        leave = f"or leave the delegation out, in {file}, under [audience]: leave_out = {{ {out} }}"
        if not heads:
            yield problem(
                "L136", file, value=code,
                message=f"nobody is the head of the delegation of {name} in the sheets, to whom its"
                f" letter could go; {many(number, 'member waits', 'members wait')} for it",
                suggestion=f"write chair into the column for the role of its head, {leave}",
            )  # fmt: skip
            continue
        contact = heads[0].contact
        if len(heads) > 1:
            names = " and ".join(one.contact.name for one in heads)
            message = f"the delegation of {name} has several heads in the sheets: {names}"
            hint = "let one of them be the head, and give the others their own role"
        elif (why := heads[0].reason) and why in ASKED_ABOUT:
            message = (
                f"the head of the delegation of {name} gets no letter, and so nobody of it:"
                f" {REASONS[why]}"
            )
            hint = f"put the row right, or give the role to who stands in for them, {leave}"
        else:
            continue
        yield problem(
            "L136", contact.file, sheet=contact.sheet, row=contact.row,
            cell=contact.cells.get("role") or contact.cells.get("name"),
            value=contact.name, message=message, suggestion=hint,
        )  # fmt: skip


def other_languages(decisions: Iterable[One], letters: Collection[str]) -> Iterator[Problem]:
    """Yield a note (L137) for each delegation some of whom read another language than their head,
    in which there is a letter, too.
    """
    found: dict[str, Counter[str]] = defaultdict(Counter)
    written: dict[str, str] = {}
    for one in decisions:
        own = one.contact.language
        if one.head_letter is not None and own != one.language and own in letters:
            found[one.contact.delegation][own] += 1
            written[one.contact.delegation] = one.language
    for code, languages in sorted(found.items()):
        people = ", ".join(f"{language} {number}" for language, number in languages.most_common())
        yield problem(
            "L137", value=code,
            message=f"the letter of this delegation is in the language of its head"
            f" ({written[code]}), and some of it read another: {people}",
        )  # fmt: skip
