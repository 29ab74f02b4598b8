"""How a turnover looks: as text, as a page, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from mailer.actions.sheets.check import totals

if TYPE_CHECKING:
    from mailer.actions.sheets.update import SheetUpdate
    from mailer.base.delegations import Delegations
    from mailer.contacts.contact import Contact
    from mailer.contacts.edit.newer import NewValue
    from mailer.contacts.edit.turnover import DelegationTurnover

FIELDS = ("name", "delegation", "role", "group", "address")
"""What the turnover itself says."""


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
        (
            "same?",
            f"“{old.name}” / “{new.name}” looks like one person ({alike} %)"
            if alike
            else f"“{old.name}” / “{new.name}” have one address: {new.address}",
        )
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


def beside(done: SheetUpdate, delegations: Delegations) -> Iterator[str]:
    """Say what an update leaves as it is, and whom the hold list follows."""
    for one in done.decided.taken:
        if one.field not in FIELDS:
            yield (
                f"{'also':24}{one.field:12}{one.person.name}   {one.here or '(none)'} → {one.there}"
            )
    for one in done.decided.kept:
        words = f"{one.person.name}   {one.here or '(none)'} stays; the list has {one.there}"
        yield f"{'kept':24}{one.field:12}{words}"
    for one in done.decided.without_column:
        words = f"{one.person.name}   is {one.there} in the list; the sheet has no column for it"
        yield f"{'not written':24}{one.field:12}{words}"
    for hold, person in done.held:
        yield f"{'still held':36}{person.name}   {hold}"
    for person, words in done.wishes:
        yield f"{'put on the hold list':36}{person.name}   {words}"
    for contact in done.elsewhere:
        yield f"{'in another sheet already':36}{contact.name}"
    for contact in done.twice:
        words = f"row {contact.row} of the list: {contact.name}   {contact.address}"
        yield f"{'not put in, stands there twice':36}{words}"
    for contact in done.nameless:
        yield f"{'not put in, no name':36}row {contact.row} of the list: {contact.address}"
    if done.untouched:
        names = ", ".join(delegations.name(code, "en") for code in done.untouched)
        yield f"the list has nobody of {names}: they stay as they are"


def update_as_json(done: SheetUpdate, backup: Path | None) -> dict[str, object]:
    """Return plain values for `--json`."""

    def values(found: Iterable[NewValue]) -> list[dict[str, str]]:
        return [
            {"name": one.person.name, "field": one.field, "here": one.here, "there": one.there}
            for one in found
        ]

    return {
        "sheet": done.file,
        "written": backup is not None,
        "backup": backup,
        **as_json(done.turns),
        "taken": values(done.decided.taken),
        "kept": values(done.decided.kept),
        "without_column": values(done.decided.without_column),
        "held": [person.name for _, person in done.held],
        "wishes": [person.name for person, _ in done.wishes],
        "elsewhere": [contact.name for contact in done.elsewhere],
        "twice": [contact.row for contact in done.twice],
        "nameless": [contact.row for contact in done.nameless],
        "untouched": list(done.untouched),
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
