"""An appeal and a person → the finished words of one letter: subject, preview, plain text, HTML.

A pure function of letter, contact and settings: nothing is remembered from one person to the next
but what is the same for both. Every mistake of a letter is found before anybody's letter is made
(`letters.checks`); what only one person's row lacks is told with its cell.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jinja2

from mailer.base.delegations import Delegations
from mailer.base.errors import MailerError, Problem
from mailer.base.problems import problem
from mailer.base.settings.tables import Sender
from mailer.contacts.contact import Contact
from mailer.letters import formal, markup, placeholders
from mailer.letters.appeal import Appeal, Letter
from mailer.letters.attachments import Attachment, Attachments, UnusableCell
from mailer.letters.formal import FormalLetter
from mailer.letters.markup import MAX_PART, Parts, escaped
from mailer.letters.markup.frame import Frame
from mailer.letters.placeholders import (
    SLOT,
    VALUES,
    Md,
    Printed,
    Source,
    Unprintable,
    body_of,
    head_of,
    slot,
    word_of,
)
from mailer.letters.render.mistakes import mistakes
from mailer.letters.render.shared_texts import footer_of, put_in
from mailer.letters.render.theirs import Owners
from mailer.letters.render.values import LetterValues
from mailer.letters.render.variants import (
    ANSWERS,
    NAMES_OF_DELEGATION,
    DelegationsOwn,
    Uses,
    Variant,
    asked,
    marked,
    uses_of,
)
from mailer.letters.wording.salutations import Forms

MAX_SUBJECT = 150
_NOTHING = Md("")


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
    cells: tuple[str, ...] = ()  # what was put in, in the order in which it stands in the text
    wording: tuple[str, ...] = ()  # its sentences, "…" where something was put in


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
    uses: Uses


def unusable(appeal: Appeal, problems: Sequence[Problem]) -> MailerError:
    """Return the error that refuses an appeal for what is wrong in its letters."""
    many = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
    return MailerError(
        f"the letters of {appeal.name} have {many}", code=problems[0].code, problems=problems
    )


_SENTENCE = re.compile(r"(?<=[.!?:])\s+|\n+")


def _sentences(parts: Parts) -> tuple[str, ...]:
    """Return what a letter says, sentence by sentence, without what is one person's."""
    said = "\n".join((parts.language, parts.subject, parts.preview, parts.body, parts.footer))
    return tuple(dict.fromkeys(filter(str.strip, _SENTENCE.split(SLOT.sub("…", said)))))


MAX_VARIANTS = 512
"""Letters that are kept ready: where a question asks for a name, everybody has a variant of their
own.
"""


class Renderer:
    """All letters of an appeal, ready to be filled in."""

    def __init__(
        self,
        appeal: Appeal,
        sender: Sender,
        delegations: Delegations,
        forms: Forms,
        columns: Collection[str] = (),
        owners: Owners | None = None,
    ) -> None:
        """`columns` are the headings of the sheets' other columns, whose cells letters may use;
        `owners` prove whose a file is that is meant for one person.

        Raises `MailerError` with all problems of the letters (L2…).
        """
        self.appeal = appeal
        self._forms = forms
        self._owners = owners
        folder = appeal.root / "templates" / appeal.name
        self._attachments = Attachments(appeal.root, folder, appeal.attachments, appeal.files)
        if problems := mistakes(appeal, delegations, columns):
            raise unusable(appeal, problems)
        self._sheets = {
            language: self._compile(letter) for language, letter in appeal.letters.items()
        }
        self._values = LetterValues(appeal, sender, delegations, columns)
        self._variants: dict[tuple[Any, ...], Variant] = {}
        self._of_delegations: dict[tuple[str, tuple[Any, ...]], DelegationsOwn] = {}

    def render(
        self,
        contact: Contact,
        language: str,
        answers: str = "",
        people: Sequence[Contact] = (),
    ) -> Rendered:
        """Write the letter to one person; `answers` is the subject that a follow-up letter puts
        behind its "Re:", and `people` are all whom it greets, where they share a mailbox. Raises
        `MailerError` with the cell or the line at fault.
        """
        sheet = self._sheets[language]
        form = self._forms.greet_all(people or (contact,), language)
        footer_language = sheet.footer.source.language
        mine = self._values.of(contact, language, form)
        theirs = (
            mine if footer_language == language else self._values.of(contact, footer_language, form)
        )
        if answers:
            mine[ANSWERS] = answers
        try:
            try:
                own = self._variant(sheet, mine, theirs, contact)
                values = own.values_of(mine, theirs)
            except (MailerError, Unprintable):  # told with the line that prints the first of them
                own = self._written(sheet, mine, theirs, contact).of_delegation(mine, theirs)
                values = own.values_of(mine, theirs)
            variant = own.variant
            subject, preview = variant.subject.fill(values), variant.preview.fill(values)
            if sum(map(len, values)) > MAX_PART:  # before it is put together, twice
                subject = subject.removesuffix(answers)
                self._limits(contact, sheet.letter, subject, "".join(values), "")
            html = own.html.fill(values)
            text = own.text.fill(values)
            paper = self._on_paper(contact, variant, mine, values)
        except Unprintable as error:
            raise self._cannot(contact, sheet.body.source, error) from None
        self._limits(contact, sheet.letter, subject.removesuffix(answers), text, html)
        if form.greeting not in text:  # a question left it out, or a filter changed it
            problem = sheet.body.source.problem(
                "L210", f"the letter to {contact.name} does not greet them", 1
            )
            raise MailerError(problem.message, code="L210", problems=[problem])
        reply_to = self.appeal.reply_to(contact.delegation, language)
        files = self._files(contact, language) if self.appeal.attachments else ()
        frames = variant.frames
        pictures = self._attachments.pictures(frames.pictures, files) if frames.pictures else ()
        cells = tuple([values[number] for _, number, kind in frames.text.slots if kind == "x"])
        return Rendered(
            subject,
            preview,
            text,
            html,
            form.greeting,
            language,
            reply_to,
            files,
            pictures,
            paper,
            cells,
            variant.wording,
        )

    def _variant(
        self,
        sheet: _CompiledLetter,
        mine: Mapping[str, Any],
        theirs: Mapping[str, Any],
        contact: Contact,
    ) -> DelegationsOwn:
        """Return the letter as all have it of whom its questions ask the same: it is written once
        for them, and the names of their delegation are put in once for it.
        """
        key = (
            sheet.letter.language,
            contact.delegation if self._differs(contact.delegation, sheet) else "",
            ANSWERS in mine,
            *asked(sheet.uses, mine),
            *(() if theirs is mine else asked(sheet.uses, theirs)),
        )
        found = self._of_delegations.get((contact.delegation, key))
        if found is None:
            if len(self._of_delegations) >= MAX_VARIANTS:
                self._of_delegations.clear()
                self._variants.clear()
            variant = self._variants.get(key)
            if variant is None:
                ours = marked(sheet.uses, mine)
                footers = ours if theirs is mine else marked(sheet.uses, theirs)
                variant = self._variants[key] = self._written(sheet, ours, footers, contact)
            found = variant.of_delegation(mine, theirs)
            self._of_delegations[contact.delegation, key] = found
        return found

    def _differs(self, delegation: str, sheet: _CompiledLetter) -> bool:
        """Tell whether a delegation has more of its own in the letter than its name."""
        return (
            delegation in self._values.countries
            or delegation in sheet.paragraphs
            or not NAMES_OF_DELEGATION.isdisjoint(sheet.uses.asked)
        )

    def _written(
        self,
        sheet: _CompiledLetter,
        mine: Mapping[str, Any],
        theirs: Mapping[str, Any],
        contact: Contact,
    ) -> Variant:
        """Fill the pieces of a letter in and make its bodies of them. What is a `Printed` among the
        values is missing.
        """
        values: list[str | Printed] = []
        mine, language = {**mine, VALUES: values}, sheet.letter.language
        footers = mine if theirs is mine else {**theirs, VALUES: values}
        if sheet.signature:
            mine["signature"] = Md(self._filled(sheet.signature, mine, contact))
        paragraph = sheet.paragraphs.get(contact.delegation)
        mine["for_delegation"] = (
            Md(self._filled(paragraph, mine, contact)) if paragraph else _NOTHING
        )
        subject, preview, body = (
            self._filled(one, mine, contact) for one in (sheet.subject, sheet.preview, sheet.body)
        )
        if ANSWERS in mine:
            subject = f"{subject} {slot(len(values))}"
            values.append(mine[ANSWERS])
        in_footer = len(values)
        footer = self._filled(sheet.footer, footers, contact)
        parts = Parts(
            language,
            subject,
            preview,
            body,
            footer,
            sheet.footer.source.language,
            self._values.letterhead(contact.delegation, language),
            self._values.logos(contact.delegation, language),
            self.appeal.layout,
            f"templates/{self.appeal.name}" if self.appeal.on_paper else "",
        )
        frames = markup.frames(parts)
        html, text = frames.html.with_values(values, escaped), frames.text.with_values(values)
        return Variant(
            parts,
            frames,
            Frame.of(subject),
            Frame.of(preview),
            html,
            text,
            tuple(values),
            in_footer,
            mine.get("signature"),
            _sentences(parts),
        )

    def _on_paper(
        self,
        contact: Contact,
        variant: Variant,
        mine: Mapping[str, Any],
        values: Sequence[str],
    ) -> FormalLetter | None:
        """Return what the formal letter says, and the short mail that it goes with."""
        if not (variant.frames.on_paper and self.appeal.on_paper):
            return None
        parts, values = variant.parts, list(values)
        said = [mine["greeting"], formal.words(parts.language)["covering"], mine["closing"]]
        by = variant.signature or self._values.sender["organisation"]
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
            sender=self._values.sender["organisation"],
        )
        data = formal.whole(head, variant.frames.on_paper.fill(values, formal.as_json))
        return FormalLetter(data, mail.text.fill(values), mail.html.fill(values, escaped))

    def _files(self, contact: Contact, language: str) -> tuple[Attachment, ...]:
        headings = {word_of(heading): heading for heading in contact.extra}
        cells = {word: contact.extra[heading] for word, heading in headings.items()}
        cells |= {"language": language, "delegation": contact.delegation}
        try:
            found = self._attachments.of(cells)
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

        if self._owners is not None:
            self._owners.prove(contact, self.appeal, found, cells)
        return found

    def _filled(self, piece: _CompiledText, context: dict[str, Any], contact: Contact) -> str:
        try:
            return piece.template.render(context)
        except (Unprintable, jinja2.TemplateError) as error:
            raise self._cannot(contact, piece.source, error) from None

    def _compile(self, letter: Letter) -> _CompiledLetter:
        subject, preview = map(_compiled, head_of(letter))
        others = {
            name: _compiled(source) for name, source in put_in(self.appeal, letter.language).items()
        }
        footer, body = (
            _compiled(footer_of(self.appeal, letter.language)),
            _compiled(body_of(letter)),
        )
        every = (subject, preview, body, footer, *others.values())
        used = uses_of(one.source for one in every)
        signature = others.pop("signature", None)
        return _CompiledLetter(letter, subject, preview, body, footer, signature, others, used)

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


def _compiled(source: Source) -> _CompiledText:
    return _CompiledText(source, placeholders.compiled(source))
