"""An appeal and a person → the finished words of one letter: subject, preview, plain text, HTML.

A pure function of letter, contact and settings: nothing is remembered from one person to the next
but what is the same for both. Every mistake of a letter is found before anybody's letter is made
(`letters.checks`); what only one person's row lacks is told with its cell.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import Any

import jinja2

from mailer.base.delegations import Delegations
from mailer.base.errors import MailerError, Problem
from mailer.base.problems import problem
from mailer.base.settings.tables import Sender
from mailer.base.spelling import nearest
from mailer.contacts.contact import Contact
from mailer.letters import formal, markup, placeholders
from mailer.letters.appeal import Appeal, Letter
from mailer.letters.appeal_toml import said
from mailer.letters.attachments import Attachment, Attachments, UnusableCell, own_words, there
from mailer.letters.formal import FormalLetter
from mailer.letters.markup import MAX_PART, Frames, Logo, Parts, compared, escaped, own_links, page
from mailer.letters.markup.pictures import logo_width
from mailer.letters.placeholders import (
    SAID,
    SLOT,
    VALUES,
    Empty,
    Known,
    LocalisedCode,
    Md,
    Source,
    Unprintable,
    body_of,
    head_of,
    slot,
    word_of,
)
from mailer.letters.wording.capitals import as_name
from mailer.letters.wording.salutations import LEFTOVERS, Form, Forms
from mailer.letters.wording.typography import polished
from mailer.letters.wording.words import (
    delegation_words,
    has_delegation_words,
    role_word,
    written_date,
)

MAX_SUBJECT = 150
_MARKDOWN = re.compile(r"([!-/:-@\[-`{-~])")  # CommonMark 2.4
_NOTHING = Md("")
_FIELDS = ("name", "given", "surname", "title", "group")


@dataclass(frozen=True, slots=True)
class Rendered:
    """One person's letter in words. `html` is a complete document; lines end with "\\n"."""

    subject: str
    preview: str
    text: str
    html: str
    greeting: str
    language: str
    reply_to: str = ""  # where this delegation's answers go; "" for where all go
    attachments: tuple[Attachment, ...] = ()
    pictures: tuple[Attachment, ...] = ()
    formal: FormalLetter | None = None  # the bodies above are what it says


@dataclass(frozen=True, slots=True)
class _CompiledText:
    """A text that can be filled in."""

    source: Source
    template: jinja2.Template


@dataclass(frozen=True, slots=True)
class _CompiledLetter:
    """A letter with all that belongs to it, compiled."""

    letter: Letter
    subject: _CompiledText
    preview: _CompiledText
    body: _CompiledText
    footer: _CompiledText
    signature: _CompiledText | None
    paragraphs: Mapping[str, _CompiledText]  # by delegation


def unusable(appeal: Appeal, problems: Sequence[Problem]) -> MailerError:
    """Return the error that refuses an appeal for what is wrong in its letters."""
    many = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
    return MailerError(
        f"the letters of {appeal.name} have {many}", code=problems[0].code, problems=problems
    )


class Renderer:
    """All letters of an appeal, ready to be filled in."""

    def __init__(
        self,
        appeal: Appeal,
        sender: Sender,
        delegations: Delegations,
        forms: Forms,
        columns: Collection[str] = (),
    ) -> None:
        """`columns` are the headings of the sheets' other columns, whose cells letters may use.

        Raises `MailerError` with all problems of the letters (L2…).
        """
        self.appeal = appeal
        self._forms = forms
        self._delegations = delegations
        self._columns = frozenset(columns)
        self._countries = frozenset(one.country for one in appeal.organisations)
        folder = appeal.root / "templates" / appeal.name
        self._attachments = Attachments(appeal.root, folder, appeal.attachments, appeal.files)
        self._lists: dict[tuple[str, str], Md] = {}  # (country, language) → who signs
        self._marks: dict[tuple[str, str], tuple[Logo, ...]] = {}  # the same
        self._sender = {
            "organisation": sender.organisation,
            "postal_address": sender.postal_address or Empty("sender.postal_address"),
            "reply_to": sender.answers_to,
        }
        if problems := self.problems():
            raise unusable(appeal, problems)
        self._sheets = {
            language: self._compile(letter) for language, letter in appeal.letters.items()
        }
        self._shared = {language: self._words(language) for language in {*appeal.letters, "en"}}

    def problems(self) -> list[Problem]:
        """Return what is wrong in the letters themselves, in all branches, for whomever they are
        filled in.
        """
        found: list[Problem] = []
        for letter in self.appeal.letters.values():
            found += self._problems_of(letter)
        if self.appeal.layout:
            found += page.check(self.appeal.layout, "templates/_shared/layout.html")
        found += self._patterns()
        found += self._untrue_footers()
        return list(dict.fromkeys(found))  # what letters share is wrong once

    def _untrue_footers(self) -> Iterator[Problem]:
        """Yield where the package's footer would say that nothing tracks, and links do (L229)."""
        for language in self.appeal.letters if self.appeal.personal_links else ():
            footer = _footer(self.appeal, language)
            if footer.file not in self.appeal.files:
                file = f"templates/{self.appeal.name}/appeal.toml"
                yield problem("L229", file, value=footer.file)

    def _patterns(self) -> Iterator[Problem]:
        """Yield what attachments name that no sheet has."""
        columns = {word_of(heading) for heading in self._columns}
        for pattern in self.appeal.attachments:
            for word in own_words(pattern):
                if word not in columns:
                    close = nearest(word, ["language", "delegation", *columns])
                    hint = (
                        f'did you mean "{{{close}}}"?'
                        if close
                        else "there are {language} and {delegation}"
                    )
                    message = f"no sheet has a column for {{{word}}}"
                    file = f"templates/{self.appeal.name}/appeal.toml"
                    yield problem("L170", file, value=pattern, message=message, suggestion=hint)

    def _problems_of(self, letter: Letter) -> list[Problem]:
        head, body = head_of(letter), body_of(letter)
        shared = [
            _footer(self.appeal, letter.language),
            *_others(self.appeal, letter.language).values(),
        ]
        found: list[Problem] = []
        unreadable = set()  # what is no Jinja2 can be read neither as Markdown nor for its words
        for source in (*head, body, *shared):
            wrong = placeholders.check(source, self._known(source.language))
            found += wrong
            if any(one.code in ("L201", "L202") for one in wrong):
                unreadable.add(source)
                continue
            found += compared.check(source, self._delegations)
            if source not in head:
                found += (marks := markup.check(source))
                if not marks and not self.appeal.personal_links:
                    found += own_links.check(source, self._linked(letter.language))
        found += _subject_problems(letter)
        if unreadable:
            return found
        used = placeholders.words_used(body)
        if self.appeal.on_paper and not formal.words(letter.language):
            found.append(problem("L243", letter.file, value=letter.language))
        if "greeting" not in used:
            found.append(
                body.problem(
                    "L210", "this letter greets nobody", 1, hint="begin with {{ greeting }}"
                )
            )
        for name, source in _others(self.appeal, letter.language).items():
            if name != "signature" and "for_delegation" not in used:
                hint = f"put {{{{ for_delegation }}}} into {letter.file}, on a line of its own"
                found.append(
                    source.problem("L211", "this paragraph would stand in no letter", 1, hint=hint)
                )
        for source in (*head, body, *shared):
            for key, fact in self.appeal.facts.items():
                if f"fact.{key}" in placeholders.words_used(source) and not fact.value.get(
                    source.language
                ):
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

    def _linked(self, language: str) -> set[str]:
        """Return the words that put links into a letter: what stands behind them is no text of
        its own.
        """
        facts = self.appeal.facts.items()
        found = {f"fact.{key}" for key, fact in facts if "://" in fact.value.get(language, "")}
        signature = self.appeal.pieces.get(f"signature.{language}")
        if signature and "://" in signature.text:
            found.add("signature")
        return found

    def render(self, contact: Contact, language: str) -> Rendered:
        """Write the letter to one person. Raises `MailerError` with the cell or the
        line at fault.
        """
        sheet = self._sheets[language]
        form = self._forms.greet(contact, language)
        footer_language = sheet.footer.source.language
        values: list[str] = []
        mine = self._context(contact, language, form, values)
        theirs = (
            mine
            if footer_language == language
            else self._context(contact, footer_language, form, values)
        )
        if sheet.signature:
            mine["signature"] = Md(self._filled(sheet.signature, mine, contact))
        paragraph = sheet.paragraphs.get(contact.delegation)
        mine["for_delegation"] = (
            Md(self._filled(paragraph, mine, contact)) if paragraph else _NOTHING
        )
        subject, preview, body = (
            self._filled(one, mine, contact) for one in (sheet.subject, sheet.preview, sheet.body)
        )
        footer = self._filled(sheet.footer, theirs, contact)
        parts = Parts(
            language,
            subject,
            preview,
            body,
            footer,
            footer_language,
            self._letterhead(contact.delegation, language),
            self._logos(contact.delegation, language),
            self.appeal.layout,
            f"templates/{self.appeal.name}" if self.appeal.on_paper else "",
        )
        try:
            frames = markup.frames(parts)
            html = frames.html.fill(values, escaped)
            text = frames.text.fill(values)
            paper = self._on_paper(contact, parts, frames, mine, values)
        except Unprintable as error:
            raise self._cannot(contact, sheet.body.source, error) from None
        subject, preview = (
            SLOT.sub(lambda slot: values[int(slot[1])], line) for line in (subject, preview)
        )
        self._limits(contact, sheet.letter, subject, text, html)
        if form.greeting not in text:  # a question left it out, or a filter changed it
            problem = sheet.body.source.problem(
                "L210", f"the letter to {contact.name} does not greet them", 1
            )
            raise MailerError(problem.message, code="L210", problems=[problem])
        answers = self.appeal.reply_to(contact.delegation, language)
        files = self._files(contact, language) if self.appeal.attachments else ()
        pictures = self._attachments.pictures(frames.pictures, files) if frames.pictures else ()
        return Rendered(
            subject, preview, text, html, form.greeting, language, answers, files, pictures, paper
        )

    def _on_paper(
        self,
        contact: Contact,
        parts: Parts,
        frames: Frames,
        mine: Mapping[str, Any],
        values: list[str],
    ) -> FormalLetter | None:
        """Return what the formal letter says, and the short mail that it goes with."""
        if not (frames.on_paper and self.appeal.on_paper):
            return None
        said = [mine["greeting"], formal.words(parts.language)["covering"], mine["closing"]]
        by = mine.get("signature") or self._sender["organisation"]
        body = []
        for one in (*said, by):
            body.append(one if isinstance(one, Md) else slot(len(values)))
            values.append(one)
        mail = markup.frames(replace(parts, body="\n\n".join(body), on_paper="", logos=()))
        head = formal.head(
            parts.language,
            letterhead=parts.letterhead,
            logos=[(f"/{parts.on_paper}/{logo.file}", logo.name) for logo in parts.logos],
            place=self.appeal.on_paper.place,
            day=self.appeal.on_paper.day,
            name=f"{contact.title} {contact.name}".strip(),
            of_delegation=mine["of_delegation"] or mine["delegation"],
            subject=SLOT.sub(lambda slot: values[int(slot[1])], parts.subject),
            sender=self._sender["organisation"],
        )
        data = formal.whole(head, frames.on_paper.fill(values, formal.as_json))
        return FormalLetter(data, mail.text.fill(values), mail.html.fill(values, escaped))

    def _files(self, contact: Contact, language: str) -> tuple[Attachment, ...]:
        headings = {word_of(heading): heading for heading in contact.extra}
        cells = {word: contact.extra[heading] for word, heading in headings.items()}
        try:
            return self._attachments.of(
                cells | {"language": language, "delegation": contact.delegation}
            )
        except UnusableCell as error:
            file = f"templates/{self.appeal.name}/appeal.toml"
            missing = Unprintable(error.message, headings.get(error.word, error.word), error.value)
            problem = self._cannot(contact, Source("", file, 1, language), missing).problems[0]
            hint = (
                f"write there what stands in place of {{{error.word}}} in the names of the files;"
                f" see attachments in {file}"
            )
            problem = replace(problem, suggestion=hint)
            raise MailerError(
                f"{contact.name}: {error.message}", hint=hint, code="L301", problems=[problem]
            ) from None

    def _filled(self, piece: _CompiledText, context: dict[str, Any], contact: Contact) -> str:
        try:
            return piece.template.render(context)
        except (Unprintable, jinja2.TemplateError) as error:
            raise self._cannot(contact, piece.source, error) from None

    def _compile(self, letter: Letter) -> _CompiledLetter:
        subject, preview = map(_compiled, head_of(letter))
        others = {
            name: _compiled(source)
            for name, source in _others(self.appeal, letter.language).items()
        }
        signature = others.pop("signature", None)
        footer = _compiled(_footer(self.appeal, letter.language))
        return _CompiledLetter(
            letter, subject, preview, _compiled(body_of(letter)), footer, signature, others
        )

    def _known(self, language: str) -> Known:
        """Say which words a letter of this appeal can use, and of the others why not."""
        absent = {}
        if self.appeal.session is None:
            absent["session"] = "appeal.toml has no [session]"
        if not self.appeal.organisations:
            absent["organisations"] = "appeal.toml has no [[organisation]]"
        if not self.appeal.facts:
            absent["fact"] = "there is no facts.toml"
        if f"signature.{language}" not in self.appeal.pieces:
            absent["signature"] = f"there is no templates/_shared/signature.{language}.md"
        if not has_delegation_words(language):
            absent["of_delegation"] = (
                'this form is not known in this language; write "(… {{ delegation }})"'
            )
        return Known(self._columns, self.appeal.facts.keys(), absent)

    def _words(self, language: str) -> dict[str, Any]:
        """Return the words that are the same for everybody who gets a letter in this language."""
        words: dict[str, Any] = {"sender": self._sender}
        if session := self.appeal.session:
            name = (
                session.name.get(language)
                or session.name.get("en")
                or next(iter(session.name.values()))
            )
            words["session"] = {
                "name": polished(name, language),
                "opens": written_date(session.opens, language),
                "credentials": LocalisedCode(session.credentials, "", "session.credentials"),
            }
        if self.appeal.facts:
            words["fact"] = {
                key: polished(fact.value.get(language, ""), language) or Empty(f"fact.{key}")
                for key, fact in self.appeal.facts.items()
            }
        if not self.appeal.personal_links:
            words[SAID] = self._said(words)
        for column in self._columns:
            words.setdefault(word_of(column), Empty(column))
        return words

    def _said(self, words: Mapping[str, Any]) -> str:
        """Return what all people read alike: an address on the web must stand in it."""
        alike = [*words.get("fact", {}).values(), *self._sender.values()]
        return "\n".join(alike).lower()

    def _context(
        self, contact: Contact, language: str, form: Form, values: list[str]
    ) -> dict[str, Any]:
        context = self._shared[language].copy()
        for field in _FIELDS:
            value = getattr(contact, field)
            if field in ("name", "given", "surname"):
                value = as_name(value, contact.delegation)
            context[field] = value if value and value not in LEFTOVERS else Empty(field)
        code = contact.delegation
        context["greeting"] = form.greeting
        context["closing"] = polished(form.closing, language) or Empty("closing")
        context["role"] = _role(contact.role, language)
        named = delegation_words(code, language, self._delegations)
        name, of = named or (self._delegations.name(code, language), "")
        context["delegation"] = polished(name, language) or Empty("delegation")
        context["of_delegation"] = polished(of, language) or Empty("of_delegation")
        if self._columns:
            cells = {
                column: cell for column, cell in contact.extra.items() if cell not in LEFTOVERS
            }
            context["extra"] = {
                column: cells.get(column) or Empty(column) for column in self._columns
            }
            for column, cell in cells.items():
                if (word := word_of(column)) not in placeholders.NAMES:
                    context[word] = cell
        if self.appeal.organisations:
            context["organisations"] = self._signatories(code, language)
        if answers := self.appeal.reply_to(code, language):
            context["sender"] = self._sender | {"reply_to": answers}
        context[VALUES] = values
        return context

    def _signatories(self, delegation: str, language: str) -> Md:
        first = delegation if delegation in self._countries else ""
        if (first, language) not in self._lists:
            lines = (
                _MARKDOWN.sub(r"\\\1", each.named(language))
                for each in self.appeal.signatories(first)
            )
            self._lists[first, language] = Md("\\\n".join(lines))  # one under the other
        return self._lists[first, language]

    def _letterhead(self, delegation: str, language: str) -> str:
        """Name who writes: those who sign, this country's first, else who sends."""
        names = [said(one.name, language) for one in self.appeal.signatories(delegation)]
        return " · ".join(names) or self._sender["organisation"]

    def _logos(self, delegation: str, language: str) -> tuple[Logo, ...]:
        first = delegation if delegation in self._countries else ""
        if (first, language) not in self._marks:
            folder = self.appeal.root / "templates" / self.appeal.name
            self._marks[first, language] = tuple(
                Logo(one.logo, said(one.name, language), logo_width(there(folder / one.logo)))
                for one in self.appeal.signatories(first)
                if one.logo
            )
        return self._marks[first, language]

    def _cannot(self, contact: Contact, source: Source, error: Exception) -> MailerError:
        """Word what one person's row lacks: the cell first, and the line of the letter that needs
        it.
        """
        at = placeholders.place_of(error, source)
        word = error.word if isinstance(error, Unprintable) else ""
        field = {"of_delegation": "delegation"}.get(word, word)
        needs = f"{at.place} puts in {{{{ {word} }}}}" if word else f"see {at.place}"
        if word == "closing":
            hint = f"{needs}, and the table of forms of address has none for this person"
        elif isinstance(error, Unprintable) and word and not error.value:
            hint = f"{needs}: fill in the cell, or write {{% if {word} %}} … {{% endif %}} there"
        else:
            hint = needs
        code = "L301" if _of_the_row(error) else "L303"
        fault = problem(
            code,
            contact.file,
            sheet=contact.sheet,
            cell=contact.cells.get(field) or contact.cells.get("name"),
            row=contact.row,
            column=word or None,
            value=(error.value if isinstance(error, Unprintable) else "") or contact.name,
            message=at.message,
            suggestion=hint,
        )
        return MailerError(f"{contact.name}: {at.message}", hint=hint, code=code, problems=[fault])

    def _limits(self, contact: Contact, letter: Letter, subject: str, text: str, html: str) -> None:
        message, row = "", letter.subject_line
        if not subject.strip():
            message = "the subject is empty"
        elif len(subject) > MAX_SUBJECT:
            message = f"the subject has {len(subject)} characters, and {MAX_SUBJECT} is the most"
        elif max(len(text), len(html)) > MAX_PART:
            message, row = f"the letter has more than {MAX_PART:,} characters", letter.body_line
        if message:
            code = "L305" if subject.strip() and len(letter.subject) <= MAX_SUBJECT else "L231"
            hint = f"as filled in for {contact.name[:60]}"
            where = problem(
                code, letter.file, row=row, value=subject[:60], message=message, suggestion=hint
            )
            if code == "L305":  # what a cell holds has made it so long
                hint = f"shorten the cell that {where.place} puts in"
                cell = contact.cells.get("name")
                where = replace(
                    where, file=contact.file, sheet=contact.sheet, cell=cell, row=contact.row
                )
            raise MailerError(
                f"{contact.name[:60]}: {message}",
                code=code,
                problems=[replace(where, suggestion=hint)],
            )


def _of_the_row(error: Exception) -> bool:
    """Tell whether it is a cell of the person that a letter cannot be written with, and no word of
    the letter itself.
    """
    if not isinstance(error, Unprintable) or (error.word == "role" and error.value):
        return False
    return error.word.partition(".")[0] not in ("sender", "session", "fact")


@lru_cache(maxsize=256)
def _role(role: str, language: str) -> str:
    if not role:
        return Empty("role")
    return LocalisedCode(role, role_word(role, language))


@lru_cache(maxsize=64)
def _package_footer(language: str) -> Source:
    folder = resources.files("mailer.letters.wording").joinpath("footers")
    found = language if folder.joinpath(f"footer.{language}.md").is_file() else "en"
    text = folder.joinpath(f"footer.{found}.md").read_text(encoding="utf-8")
    return Source(text, f"footer.{found}.md of the package", 1, found)


def _footer(appeal: Appeal, language: str) -> Source:
    """Return the workspace's own footer in this language, else the package's, else the
    English one.
    """
    own = appeal.pieces.get(f"footer.{language}")
    if own is None:
        package = _package_footer(language)
        if package.language == language or (own := appeal.pieces.get("footer.en")) is None:
            return package
    return Source(own.text, own.file, 1, own.language)


def _others(appeal: Appeal, language: str) -> dict[str, Source]:
    """Return the signature, and the paragraphs by delegation, that letters in this
    language put in.
    """
    return {
        name.removeprefix("for/").removesuffix(f".{language}"): Source(
            piece.text.strip("\n"), piece.file, 1, language
        )
        for name, piece in appeal.pieces.items()
        if piece.language == language and not name.startswith("footer.")
    }


def _compiled(source: Source) -> _CompiledText:
    return _CompiledText(source, placeholders.compiled(source))


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
