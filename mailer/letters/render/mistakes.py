"""What is wrong in the letters of an appeal themselves, for whomever they are filled in."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from mailer.base.delegations import Delegations
from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.base.spelling import nearest
from mailer.letters import formal, markup, placeholders
from mailer.letters.appeal import Appeal, Letter
from mailer.letters.attachments import own_words
from mailer.letters.markup import compared, own_links, page
from mailer.letters.placeholders import (
    Known,
    body_of,
    head_of,
    word_of,
)
from mailer.letters.render.shared_texts import footer_of, put_in
from mailer.letters.wording.words import (
    has_delegation_words,
)


def mistakes(
    appeal: Appeal, delegations: Delegations, columns: Collection[str] = ()
) -> list[Problem]:
    """Return what is wrong in the letters themselves, in all branches."""
    found: list[Problem] = []
    for letter in appeal.letters.values():
        found += _of_letter(appeal, letter, delegations, columns)
    if appeal.layout:
        found += page.check(appeal.layout, "templates/_shared/layout.html")
    found += _patterns(appeal, columns)
    found += _untrue_footers(appeal)
    return list(dict.fromkeys(found))  # what letters share is wrong once


def _untrue_footers(appeal: Appeal) -> Iterator[Problem]:
    """Yield where the package's footer would say that nothing tracks, and links do (L229)."""
    for language in appeal.letters if appeal.personal_links else ():
        footer = footer_of(appeal, language)
        if footer.file not in appeal.files:
            file = f"templates/{appeal.name}/appeal.toml"
            yield problem("L229", file, value=footer.file)


def _patterns(appeal: Appeal, columns: Collection[str]) -> Iterator[Problem]:
    """Yield what attachments name that no sheet has."""
    words = {word_of(heading) for heading in columns}
    for pattern in appeal.attachments:
        for word in own_words(pattern):
            if word not in words:
                close = nearest(word, ["language", "delegation", *words])
                hint = (
                    f'did you mean "{{{close}}}"?'
                    if close
                    else "there are {language} and {delegation}"
                )
                message = f"no sheet has a column for {{{word}}}"
                file = f"templates/{appeal.name}/appeal.toml"
                yield problem("L170", file, value=pattern, message=message, suggestion=hint)


def _of_letter(
    appeal: Appeal, letter: Letter, delegations: Delegations, columns: Collection[str]
) -> list[Problem]:
    head, body = head_of(letter), body_of(letter)
    shared = [
        footer_of(appeal, letter.language),
        *put_in(appeal, letter.language).values(),
    ]
    found: list[Problem] = []
    unreadable = set()  # what is no Jinja2 can be read neither as Markdown nor for its words
    for source in (*head, body, *shared):
        wrong = placeholders.check(source, _known(appeal, columns, source.language))
        found += wrong
        if any(one.code in ("L201", "L202") for one in wrong):
            unreadable.add(source)
            continue
        found += compared.check(source, delegations)
        if source not in head:
            found += (marks := markup.check(source))
            if not marks and not appeal.personal_links:
                found += own_links.check(source, _linked(appeal, letter.language))
    found += _subject_problems(letter)
    if unreadable:
        return found
    used = placeholders.words_used(body)
    if appeal.on_paper and not formal.words(letter.language):
        found.append(problem("L243", letter.file, value=letter.language))
    if "greeting" not in used:
        found.append(
            body.problem("L210", "this letter greets nobody", 1, hint="begin with {{ greeting }}")
        )
    for name, source in put_in(appeal, letter.language).items():
        if name != "signature" and "for_delegation" not in used:
            hint = f"put {{{{ for_delegation }}}} into {letter.file}, on a line of its own"
            found.append(
                source.problem("L211", "this paragraph would stand in no letter", 1, hint=hint)
            )
    for source in (*head, body, *shared):
        used = placeholders.words_used(source)
        for key, fact in appeal.facts.items():
            if f"fact.{key}" in used and not fact.value.get(source.language):
                hint = f"add {source.language} to its value in facts.toml"
                line = source.text.count("\n", 0, max(0, source.text.find(f"fact.{key}"))) + 1
                found.append(
                    source.problem(
                        "L152",
                        "this fact is not worded in this language",
                        line,
                        find=key,
                        hint=hint,
                    )
                )
    return found


def _linked(appeal: Appeal, language: str) -> set[str]:
    """Return the words that put links into a letter: what stands behind them is no text of
    its own.
    """
    facts = appeal.facts.items()
    found = {f"fact.{key}" for key, fact in facts if "://" in fact.value.get(language, "")}
    signature = appeal.pieces.get(f"signature.{language}")
    if signature and "://" in signature.text:
        found.add("signature")
    return found


def _known(appeal: Appeal, columns: Collection[str], language: str) -> Known:
    """Say which words a letter of this appeal can use, and of the others why not."""
    absent = {}
    if appeal.session is None:
        absent["session"] = "appeal.toml has no [session]"
    if not appeal.organisations:
        absent["organisations"] = "appeal.toml has no [[organisation]]"
    if not appeal.facts:
        absent["fact"] = "there is no facts.toml"
    if f"signature.{language}" not in appeal.pieces:
        absent["signature"] = f"there is no templates/_shared/signature.{language}.md"
    if not has_delegation_words(language):
        absent["of_delegation"] = (
            'this form is not known in this language; write "(… {{ delegation }})"'
        )
    return Known(frozenset(columns), appeal.facts.keys(), absent)


def _subject_problems(letter: Letter) -> Iterator[Problem]:
    rest = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", letter.subject)
    for draft in ("TEST", "lorem", "XXX", "TODO"):
        if re.search(rf"\b{draft}\b", rest, re.IGNORECASE if draft == "lorem" else 0):
            yield problem(
                "L232",
                letter.file,
                row=letter.subject_line,
                value=draft,
                message="the subject looks like a draft",
                suggestion="write the subject as readers shall see it",
            )
