"""What can only be seen on the letters of the people who get them: rows that lack something, and
many like letters.

`letters.checks` looks at the letters themselves. Here everybody's letter is written, and
nothing is kept.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mailer.base.address import domain_of
from mailer.base.delegations import Delegation, Delegations
from mailer.base.errors import MailerError, Problem
from mailer.base.problems import problem
from mailer.letters.appeal import Appeal
from mailer.letters.render import Rendered, Renderer
from mailer.letters.wording.salutations import Forms
from mailer.plan import heads
from mailer.plan.audience import Decision

if TYPE_CHECKING:
    from mailer.plan.plan import Planned

MANY = 20
"""So many nearly identical letters to one domain are noted: from about there on filters begin to
count.
"""
NEARLY = 0.8
"""Two letters are nearly identical when lines with so much of the text are the same in both."""


def written(
    renderer: Renderer, decisions: Iterable[Decision]
) -> tuple[list[tuple[Decision, Rendered]], list[Problem]]:
    """Write the letter of everybody who gets one. Returns the letters, and what is wrong with the
    others' rows.
    """
    letters: list[tuple[Decision, Rendered]] = []
    problems: dict[Problem, None] = {}
    for one in heads.letters(decisions):
        if one.reason is None:
            try:
                letters.append((one, renderer.render(one.contact, one.language)))
            except MailerError as fault:
                problems |= dict.fromkeys(fault.problems)
    return letters, list(problems)


def fallen_back(appeal: Appeal, decisions: Iterable[Decision]) -> list[Problem]:
    """Return a note (L129) for each letter that people get because there is none in their own
    language.
    """
    wanted: dict[str, Counter[str]] = defaultdict(Counter)
    for one in heads.letters(decisions):
        if one.reason is None and one.fell_back:
            wanted[one.language][one.contact.language] += 1
    found = []
    for language, own in sorted(wanted.items()):
        unknown, people = own.pop("", 0), own.total()
        if not people:
            continue
        message = (
            f"{'one person gets' if people == 1 else f'{people} people get'} this letter: there is"
            " none in their own language"
        )
        message += f" ({unknown} more have no language in the sheet)" if unknown else ""
        lacking = ", ".join(f"{one} {number}" for one, number in own.most_common())
        hint = (
            f"write {own.most_common(1)[0][0]}.md, or leave it so: appeal.toml says that they get"
            " this one"
        )
        found.append(
            problem(
                "L129",
                appeal.letters[language].file,
                value=lacking,
                message=message,
                suggestion=hint,
            )
        )
    return found


def other_greetings(decisions: Iterable[Decision]) -> list[Problem]:
    """Return a warning (L130) for each greeting of the sheets that would open a letter in another
    language.
    """
    return [
        problem(
            "L130",
            one.contact.file,
            sheet=one.contact.sheet,
            cell=one.contact.cells.get("greeting"),
            row=one.contact.row,
            value=one.contact.greeting,
            message=f"this greeting opens a letter in {one.language}, and the person's language is"
            f" {one.contact.language}",
            suggestion=f"write it in {one.language}, or leave the cell empty: the table of forms of"
            " address has one",
        )
        for one in heads.letters(decisions)
        if one.reason is None and one.fell_back and one.contact.greeting and one.contact.language
    ]


def not_mentioned(appeal: Appeal, delegations: Delegations) -> list[Delegation]:
    """Return the delegations that have no seat in fact, and that an appeal neither leaves out nor
    mentions.
    """
    texts = [one.body for one in appeal.letters.values()]
    typed = "\n".join(texts + [one.text for one in appeal.pieces.values()])
    return [
        one
        for one in delegations
        if one.credentials
        and one.code not in appeal.leave_out
        and not any(name in typed for name in (one.name_en, one.name_fr, *one.aliases))
    ]


def not_sitting(
    appeal: Appeal, delegations: Delegations, decisions: Iterable[Decision | Planned]
) -> list[Problem]:
    """Return a note (L133) for each delegation that is written to, of whose credentials something
    is known that the appeal does not mention.
    """
    written_to = Counter(one.contact.delegation for one in decisions if one.reason is None)
    return [
        problem(
            "L133",
            f"templates/{appeal.name}/appeal.toml",
            value=f"{one.name_en}, {written_to[one.code]}",
            message=f"this delegation would be written to: {one.credentials_note}",
        )
        for one in not_mentioned(appeal, delegations)
        if written_to[one.code]
    ]


def dropped_titles(forms: Forms, decisions: Iterable[Decision | Planned]) -> list[Problem]:
    """Return a warning (L306) for each title of the sheets that the greeting should say and does
    not, with the greeting as it will be.
    """
    found = []
    for one in heads.letters(decisions):
        contact = one.contact
        if one.reason is None and contact.title and not contact.greeting:
            try:
                form = forms.greet(contact, one.language)
            except MailerError:
                continue  # told with the letter
            if form.dropped:
                found.append(
                    problem(
                        "L306",
                        contact.file,
                        sheet=contact.sheet,
                        cell=contact.cells.get("title") or contact.cells.get("name"),
                        row=contact.row,
                        value=form.dropped,
                        message=f"this title is not in the greeting: {form.greeting}",
                    )
                )
    return found


def alike(letters: Iterable[tuple[Decision, Rendered]], file: str) -> list[Problem]:
    """Return a note (L236) where domains get many nearly identical letters; `file` is where the
    appeal stands.
    """
    domains: dict[str, list[str]] = defaultdict(list)
    for one, letter in letters:
        for reader in (one.to, *one.copies):
            domains[domain_of(reader.address)].append(letter.text)
    found = {domain: _most_alike(texts) for domain, texts in domains.items() if len(texts) > MANY}
    many = sorted(
        ((number, domain) for domain, number in found.items() if number > MANY), reverse=True
    )
    if not many:
        return []
    where = ", ".join(f"{domain} {number}" for number, domain in many[:5]) + (
        " …" if len(many) > 5 else ""
    )
    message = "many nearly identical letters go to one domain, whose filter may count them"
    hint = "a lower per_minute helps, and a paragraph for this delegation: for/XX.en.md"
    return [problem("L236", file, value=where, message=message, suggestion=hint)]


def _most_alike(texts: Sequence[str]) -> int:
    """Return how many of these are nearly the same as one of them, for the one of which that is
    most.
    """
    groups: list[
        tuple[dict[str, None], int, int]
    ] = []  # lines of the first, its length, how many are like it
    for text in texts:
        lines = dict.fromkeys(text.splitlines())
        for at, (first, length, number) in enumerate(groups):
            if sum(len(line) for line in lines if line in first) >= NEARLY * max(length, len(text)):
                groups[at] = (first, length, number + 1)
                break
        else:
            groups.append((lines, len(text), 1))
    return max(number for _, _, number in groups)
