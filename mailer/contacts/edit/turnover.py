"""Two books of contacts compared, in words: who left, who joined, who changed what.

People are matched across spellings in five steps, the surest first: name and delegation; address,
where the names have a word in common; name in another spelling; name and address in another
delegation. What is only alike (92 % or more) is never decided here but put as a question.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

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


# -------------------------------------------------------------------------------------------- words


def _lines(delegation: DelegationTurnover, delegations: Delegations) -> list[tuple[str, str]]:
    """Return what happened, as (kind, words), in the order of weight."""

    def said(name: str, value: str) -> str:
        if not value:
            return "(none)"
        return delegations.name(value, "en") if name == "delegation" else value

    def who(contact: Contact) -> str:
        return f"{contact.name}{f' ({contact.role})' if contact.role else ''}"

    lines = [("left", who(c)) for c in delegation.left]
    lines += [
        ("joined", f"{who(c)}{'' if c.address else '   no address yet'}") for c in delegation.joined
    ]
    for changed in delegation.changed:
        for name, (before, after) in changed.fields.items():
            lines.append((name, f"{changed.new.name}   {said(name, before)} → {said(name, after)}"))
    lines += [
        ("same?", f"“{old.name}” / “{new.name}” looks like one person ({alike} %)")
        for old, new, alike in delegation.same
    ]
    return lines


def as_text(turnover: Sequence[DelegationTurnover], delegations: Delegations) -> str:
    """Say it for people, a delegation at a time; the sums are the last line."""
    out: list[str] = []
    for delegation in turnover:
        if delegation.quiet:
            continue
        name = delegations.name(delegation.code, "en") or "(no delegation)"
        if delegation.alarm:
            out.append(
                f"! {name}: {len(delegation.left)} of {delegation.before} left – an election, or"
                " rows that got lost?"
            )
        for number, (kind, words) in enumerate(_lines(delegation, delegations)):
            out.append(f"{name if not number else '':24}{kind:12}{words}")
    quiet = sum(delegation.quiet for delegation in turnover)
    sums = totals(turnover)
    out.append(
        f"{quiet} {'delegation' if quiet == 1 else 'delegations'} unchanged.    "
        + " · ".join(f"{n} {word}" for word, n in sums.items())
    )
    return "\n".join(out)


def totals(turnover: Iterable[DelegationTurnover]) -> dict[str, int]:
    """Count people: left, joined, changed, and those to decide."""
    found = list(turnover)
    return {
        "left": sum(len(d.left) for d in found),
        "joined": sum(len(d.joined) for d in found),
        "changed": sum(len(d.changed) for d in found),
        "to decide": sum(len(d.same) for d in found),
    }


def as_json(turnover: Iterable[DelegationTurnover]) -> dict[str, object]:
    """Return plain values for `--json`."""

    def person(contact: Contact) -> dict[str, object]:
        return {
            "name": contact.name, "delegation": contact.delegation, "role": contact.role,
            "address": contact.address, "file": contact.file, "sheet": contact.sheet,
            "row": contact.row,
        }  # fmt: skip

    found = list(turnover)
    return {
        "totals": {word.replace(" ", "_"): number for word, number in totals(found).items()},
        "delegations": {
            d.code: {
                "before": d.before,
                "after": d.after,
                "alarm": d.alarm,
                "left": [person(c) for c in d.left],
                "joined": [person(c) for c in d.joined],
                "changed": [
                    {
                        **person(c.new),
                        "changes": {k: {"before": b, "after": a} for k, (b, a) in c.fields.items()},
                    }
                    for c in d.changed
                ],
                "same": [
                    {"old": person(o), "new": person(n), "alike": alike} for o, n, alike in d.same
                ],
            }
            for d in found
            if not d.quiet
        },
    }


def as_html(turnover: Sequence[DelegationTurnover], delegations: Delegations) -> str:
    """Return one page, readable without colour, script or network."""
    rows: list[str] = []
    for delegation in turnover:
        if delegation.quiet:
            continue
        name = escape(delegations.name(delegation.code, "en") or "(no delegation)")
        note = (
            f" <strong>{len(delegation.left)} of {delegation.before} left</strong>"
            if delegation.alarm
            else ""
        )
        lines = _lines(delegation, delegations)
        for number, (kind, words) in enumerate(lines):
            head = (
                f'<th scope="rowgroup" rowspan="{len(lines)}">{name}{note}</th>'
                if not number
                else ""
            )
            rows.append(f"<tr>{head}<td>{escape(kind)}</td><td>{escape(words)}</td></tr>")
    sums = escape(" · ".join(f"{number} {word}" for word, number in totals(turnover).items()))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Turnover of the'
        " contact sheets</title>\n"
        "<style>body{font:16px/1.4"
        " sans-serif;margin:2rem;max-width:70rem}table{border-collapse:collapse}"
        "th,td{border:1px solid #888;padding:.3rem"
        " .6rem;text-align:left;vertical-align:top}</style></head>\n"
        f"<body><h1>Turnover of the contact sheets</h1><p>{sums}</p>\n"
        "<table><thead><tr><th>Delegation</th><th>What</th><th>Who</th></tr></thead>\n"
        f"<tbody>{''.join(rows)}</tbody></table></body></html>\n"
    )
