"""What stands behind each word of a letter: for all who read one language, and for one person."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from mailer.base.delegations import Delegations
from mailer.base.settings.tables import Privacy, Sender
from mailer.contacts.contact import Contact
from mailer.contacts.upper_case import as_name
from mailer.letters.appeal import Appeal
from mailer.letters.appeal_toml import said
from mailer.letters.attachments import there
from mailer.letters.markup import Logo
from mailer.letters.markup.pictures import logo_width
from mailer.letters.placeholders import (
    SAID,
    Empty,
    LocalisedCode,
    Md,
    word_of,
)
from mailer.letters.wording.salutations import LEFTOVERS, Form
from mailer.letters.wording.typography import polished
from mailer.letters.wording.usable_words import NAMES
from mailer.letters.wording.words import (
    delegation_words,
    role_word,
    with_article,
    written_date,
)


def privacy_words(said: Privacy | None) -> dict[str, str]:
    """Return the words of the footer about a person's data; empty ones where nothing is said."""
    if said is None:
        return {name: Empty(f"sender.{name}") for name in ("basis", "authority", "keep_days")}
    return {"basis": said.basis, "authority": said.authority, "keep_days": str(said.keep_days)}


_MARKDOWN = re.compile(r"([!-/:-@\[-`{-~])")  # CommonMark 2.4
_FIELDS = ("name", "given", "surname", "title", "group")


class LetterValues:
    """The values of an appeal's letters; what many people have alike is made once."""

    def __init__(
        self, appeal: Appeal, sender: Sender, delegations: Delegations, columns: Collection[str]
    ) -> None:
        self._appeal, self._delegations = appeal, delegations
        self._columns = frozenset(columns)
        self._no_cells = {column: Empty(column) for column in self._columns}
        self._empty = {field: Empty(field) for field in (*_FIELDS, "closing")}
        self._of_group = lru_cache(512)(self._words_of_group)
        self.countries = frozenset(one.country for one in appeal.organisations)
        self._lists: dict[tuple[str, str], Md] = {}  # (country, language) → who signs
        self._marks: dict[tuple[str, str], tuple[Logo, ...]] = {}  # the same
        self.sender = {
            "organisation": sender.organisation,
            "postal_address": sender.postal_address or Empty("sender.postal_address"),
            "reply_to": sender.answers_to,
            **privacy_words(sender.privacy),
        }
        self._alike = {
            language: self._words_alike(language) for language in {*appeal.letters, "en"}
        }

    def _words_alike(self, language: str) -> dict[str, Any]:
        """Return the words that are the same for everybody who gets a letter in this language."""
        words: dict[str, Any] = {"sender": self.sender}
        if session := self._appeal.session:
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
        if self._appeal.facts:
            words["fact"] = {
                key: polished(fact.value.get(language, ""), language) or Empty(f"fact.{key}")
                for key, fact in self._appeal.facts.items()
            }
        if not self._appeal.personal_links:
            words[SAID] = self._said(words)
        for column in self._columns:
            words.setdefault(word_of(column), Empty(column))
        return words

    def _said(self, words: Mapping[str, Any]) -> str:
        """Return what all people read alike: an address on the web must stand in it."""
        alike = [*words.get("fact", {}).values(), *self.sender.values()]
        return "\n".join(alike).lower()

    def of(self, contact: Contact, language: str, form: Form) -> dict[str, Any]:
        context = self._of_group(contact.delegation, contact.role, language).copy()
        for field in _FIELDS:
            value = getattr(contact, field)
            if field in ("name", "given", "surname"):
                value = as_name(value, contact.delegation)
            context[field] = value if value and value not in LEFTOVERS else self._empty[field]
        context["greeting"] = form.greeting
        context["closing"] = polished(form.closing, language) or self._empty["closing"]
        if self._columns and contact.extra:
            cells = {
                column: cell for column, cell in contact.extra.items() if cell not in LEFTOVERS
            }
            context["extra"] = {
                column: cells.get(column) or empty for column, empty in self._no_cells.items()
            }
            for column, cell in cells.items():
                if (word := word_of(column)) not in NAMES:
                    context[word] = cell
        return context

    def _words_of_group(self, code: str, role: str, language: str) -> dict[str, Any]:
        """Return the words that all of a delegation with this role have alike."""
        context = self._alike[language].copy()
        context["role"] = _role(role, language)
        named = delegation_words(code, language, self._delegations)
        name, of = named or (self._delegations.name(code, language), "")
        shown = polished(with_article(of) if language == "fr" else name, language)
        context["delegation"] = (
            LocalisedCode(polished(name, language), shown, "delegation")
            if name
            else Empty("delegation")
        )
        context["of_delegation"] = polished(of, language) or Empty("of_delegation")
        if self._columns:
            context["extra"] = self._no_cells
        if self._appeal.organisations:
            context["organisations"] = self._signatories(code, language)
        if answers := self._appeal.reply_to(code, language):
            context["sender"] = self.sender | {"reply_to": answers}
        return context

    def _signatories(self, delegation: str, language: str) -> Md:
        first = delegation if delegation in self.countries else ""
        if (first, language) not in self._lists:
            lines = (
                _MARKDOWN.sub(r"\\\1", each.named(language))
                for each in self._appeal.signatories(first)
            )
            self._lists[first, language] = Md("\\\n".join(lines))  # one under the other
        return self._lists[first, language]

    def letterhead(self, delegation: str, language: str) -> str:
        """Name who writes: those who sign, this country's first, else who sends."""
        names = [said(one.name, language) for one in self._appeal.signatories(delegation)]
        return " · ".join(names) or self.sender["organisation"]

    def logos(self, delegation: str, language: str) -> tuple[Logo, ...]:
        first = delegation if delegation in self.countries else ""
        if (first, language) not in self._marks:
            folder = self._appeal.root / "templates" / self._appeal.name
            self._marks[first, language] = tuple(
                Logo(one.logo, said(one.name, language), logo_width(there(folder / one.logo)))
                for one in self._appeal.signatories(first)
                if one.logo
            )
        return self._marks[first, language]


@lru_cache(maxsize=256)
def _role(role: str, language: str) -> str:
    if not role:
        return Empty("role")
    return LocalisedCode(role, role_word(role, language))
