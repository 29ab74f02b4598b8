"""One address cell: the form for the wire, or what is wrong with it and what it was perhaps meant
to be.

Nothing is repaired here: a repair is a proposal, which `fix` shows and applies. Only blanks and
invisible characters at both ends are taken off, as nobody can see them. The local part keeps its
case; the domain goes by IDNA 2008 and UTS #46 (RFC 5890, RFC 5321 section 4.1.2).
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple

from mailer.base.address import LONGEST_ADDRESS, NoAddress, wire_form
from mailer.base.spelling import INVISIBLE, fold, trim

NOTHING = frozenset(map(fold, (
    "", "none", "no", "null", "nil", "n/a", "na", "not available", "unknown", "not public",
    "non public", "no email", "no address", "tbc", "tbd", "missing", "k.A.", "keine",
    "keine Angabe", "unbekannt", "inconnu", "inconnue", "aucun", "aucune", "néant",
    "non communiqué", "non publique", "nessuno", "nessuna", "non disponibile", "desconocido",
    "brak", "yok", "немає", "нет", "kein", "ohne", "keine E-Mail", "keine Adresse",
    "pas de courriel", "pas d'adresse", "aucune adresse", "à compléter", "inexistant",
    "inexistante", "no e-mail address", "not found", "not known", "pending", "to follow", "folgt",
)))  # fmt: skip
"""What people write where there is no address: the French Senate prints `Non public`."""

ADDRESS = r"[^\s<>()\[\]:;,@/|\"']+@[^\s<>()\[\]:;,@/|\"']+\.[^\s<>()\[\]:;,@/|\"']+"
_ADDRESS = re.compile(ADDRESS)
_FORGED = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]|=\?[^?]*\?[bBqQ]\?|%0[aAdD]")
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_WIDE = re.compile("[\uff01-\uff5e\ufe6b]")
_LOCAL = r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
_PLAIN = re.compile(rf"{_LOCAL}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_MAILTO = re.compile(r"^mailto\s*:\s*", re.IGNORECASE)
_SPELLED = re.compile(
    r"\s*[\[({]\s*(?:at|arobase|chiocciola|ät)\s*[\])}]\s*|\s+at\s+(?=\S+\.\S+$)|\s*[\[(]\s*@\s*[\])]\s*",
    re.IGNORECASE,
)
_SPELLED_DOT = re.compile(r"\s*[\[({]\s*(?:dot|punkt|point|punto)\s*[\])}]\s*", re.IGNORECASE)
_STRAY = "<>.,;:!\"'`|/\\()[]*•·…–—“”„«»‘’¹²³"
_BLANKS = re.compile("[\u00a0\u2000-\u200a\u202f\u3000]")
_LABEL = re.compile(r"[^\s@:]{1,30}(?: [^\s@:]{1,30})?:")

LOOK_ALIKE = str.maketrans("аеорсухіјѕһԁԛԝкмтнворνια", "aeopcyxijshdqwkmthbopvia")
"""Cyrillic and Greek letters that look like Latin ones (the common part of UTS #39)."""

PURE_LOOK_ALIKE = frozenset("аеорсухіјѕһԁԛԝ")
"""A word of these alone is no Cyrillic word: it was written to be taken for a Latin one."""


LONGEST = 1_000
"""Characters of a cell that are looked at; patterns take long over longer ones."""

BIG = (
    "gmail.com",
    "googlemail.com",
    "hotmail.com",
    "outlook.com",
    "yahoo.com",
    "icloud.com",
    "protonmail.com",
)
"""Providers whose names are so well known that a name one letter away is a slip of the pen."""


class ParsedAddress(NamedTuple):
    """What one cell holds: an address for the wire, or a code and perhaps a repair; notes beside
    either.
    """

    address: str = ""
    code: str = ""  # what is wrong, empty if nothing is
    repair: str = ""  # the address that was perhaps meant
    safe: bool = False  # nothing is lost or chosen by the repair
    detail: str = ""
    notes: tuple[str, ...] = ()


@cache
def _domains() -> tuple[frozenset[str], frozenset[str]]:
    data = tomllib.loads(
        resources.files("mailer.contacts.rows")
        .joinpath("mail_domains.toml")
        .read_text(encoding="utf-8")
    )
    return frozenset(data["free"]), frozenset(data["role"])


@lru_cache(maxsize=4096)
def free_slip(domain: str) -> str:
    """Return the big provider that a domain was perhaps meant to be: `gmial.com`, `gmail.con`;
    empty if none is near.
    """
    from rapidfuzz.distance import OSA

    if domain in _domains()[0]:
        return ""
    return next((big for big in BIG if OSA.distance(domain, big) == 1), "")


def is_of_an_office(address: str) -> bool:
    """Tell whether a mailbox is an office's, whoever sits there: info@, office@."""
    return address.partition("@")[0].casefold() in _domains()[1]


def is_free(domain: str) -> bool:
    return domain in _domains()[0]


def read_address(written: str) -> ParsedAddress:
    """Read one cell. At most one code: the one that must be put right first."""
    text = trim(written)
    if not text.isascii():
        text = _BLANKS.sub(" ", text)
    if len(text) > LONGEST:
        return ParsedAddress(code="C101", detail=f"it has {len(text):,} characters")
    if _PLAIN.fullmatch(text) and not _disguised(text.rpartition("@")[2]):  # nearly all of them
        try:
            address = _plainly(text)
        except NoAddress as error:
            return ParsedAddress(code="C101", detail=_sentence(str(error)))
        return ParsedAddress(address, notes=_notes(address))
    if fold(text) in NOTHING:
        return ParsedAddress(code="C100")
    several = list(dict.fromkeys(found.strip(_STRAY) for found in _ADDRESS.findall(text)))
    if _FORGED.search(text):
        lines = text.splitlines()
        if len(several) > 1 and all(
            line.strip(_STRAY + " ") in several for line in lines if line.strip()
        ):
            return ParsedAddress(code="C108", detail=" or ".join(several))
        return ParsedAddress(code="C107")
    if text.startswith(("=", "@SUM", "+HYPERLINK")):
        named = {
            one.casefold().removeprefix("mailto:") for one in re.findall(r'"([^"]*@[^"]*)"', text)
        }
        return ParsedAddress(code="C116", repair=_valid(named.pop()) if len(named) == 1 else "")
    if _INVISIBLE.search(text) or _WIDE.search(text):
        plain = "".join(
            unicodedata.normalize("NFKC", c) if _WIDE.match(c) else c
            for c in _INVISIBLE.sub("", text)
        )
        return ParsedAddress(code="C106", repair=_valid(plain))
    if _MAILTO.match(text):
        return ParsedAddress(
            code="C109", repair=_valid(_MAILTO.sub("", text).partition("?")[0]), safe=True
        )
    if len(several) > 1:
        if len({found.casefold() for found in several}) > 1:
            return ParsedAddress(code="C108", detail=" or ".join(several))
        return ParsedAddress(code="C110", repair=_valid(several[0]), safe=True)
    bare = text.strip(_STRAY + " ")
    if bare != text and (repair := _valid(bare)):
        return ParsedAddress(code="C111", repair=repair, safe=True)
    if several and several[0] != bare:
        enclosed = re.search(r"<[^<>]*@[^<>]*>|[(\[][^()\[\]]*[)\]]", text) is not None
        around = text.replace(several[0], " ").strip()
        labelled = _LABEL.fullmatch(around) is not None  # "E-mail: anna@no.example"
        if enclosed or labelled or " " in around:
            return ParsedAddress(code="C110", repair=_valid(several[0]), safe=enclosed or labelled)
    spelled = _SPELLED_DOT.sub(".", _SPELLED.sub("@", text))
    if spelled != text and _valid(spelled):
        return ParsedAddress(code="C114", repair=_valid(spelled), safe=True)
    local, at, domain = text.rpartition("@")
    if at and _disguised(domain):
        return ParsedAddress(code="C105", detail=domain.casefold().translate(LOOK_ALIKE))
    if at and not local.isascii() and _valid(f"a@{domain}"):
        mixed = _scripts(local) > {"LATIN"}
        return ParsedAddress(
            code="C105" if mixed and local.casefold().translate(LOOK_ALIKE).isascii() else "C115"
        )
    try:
        address = _validate(text)
    except NoAddress as error:
        return ParsedAddress(code="C101", repair=_perhaps(text), detail=_sentence(str(error)))
    if address.startswith("*"):
        return ParsedAddress(code="C111", repair=_valid(address.lstrip("*")), safe=True)
    return ParsedAddress(address, notes=_notes(address))


def _perhaps(text: str) -> str:
    """Return what a cell with a blank beside a sign, or a comma for a dot, was perhaps
    meant to be.
    """
    local, at, domain = re.sub(r"\s*([@.])\s*", r"\1", text).partition("@")
    return (
        _valid(f"{local}{at}{domain.replace(',', '.')}")
        if at and not re.search(r"\s|@", local + domain)
        else ""
    )


def _notes(address: str) -> tuple[str, ...]:
    free, role = _domains()
    local, _, domain = address.rpartition("@")
    if domain not in free and local.casefold() not in role:
        return ()
    return ("C112",) * (local.casefold() in role) + ("C113",) * (domain in free)


def _valid(text: str) -> str:
    try:
        return _validate(trim(text))
    except NoAddress:
        return ""


def _validate(text: str) -> str:
    """Return the form for the wire."""
    local, at, _ = text.rpartition("@")
    if len(local) > 64 or (at and re.fullmatch(_LOCAL, local)):
        return _plainly(text)
    return wire_form(text)


def _plainly(text: str) -> str:
    """Return the form for the wire, where all that is not plain is the domain: it is checked once
    for all who share it.
    """
    local, _, domain = text.rpartition("@")
    if len(local) > 64:
        raise NoAddress("There are more than 64 characters before the @-sign.")
    address = f"{local}@{_domain(domain)}"
    if len(address) > LONGEST_ADDRESS:
        raise NoAddress("The address is longer than 254 characters.")
    return address


@lru_cache(maxsize=16_384)
def _domain(domain: str) -> str:
    return wire_form(f"a@{domain}").rpartition("@")[2]


def _scripts(text: str) -> set[str]:
    return {unicodedata.name(c, "?").split()[0] for c in text if c.isalpha()}


@lru_cache(maxsize=16_384)
def _disguised(domain: str) -> bool:
    """Tell whether a label mixes scripts, or is written in another script so that it looks like
    Latin letters.
    """
    for label in domain.casefold().split("."):
        if label.startswith("xn--"):
            try:
                label = label[4:].encode("ascii").decode("punycode")  # noqa: PLW2901
            except UnicodeError:
                continue
        if label.isascii():
            continue
        scripts = _scripts(label)
        if len(scripts) > 1 or PURE_LOOK_ALIKE.issuperset(c for c in label if c.isalpha()):
            return True
    return False


def _sentence(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")
