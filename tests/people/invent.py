"""Invents the people of the demo.

Nobody here exists. The 46 delegations and their seats are those of the Parliamentary Assembly of
the Council of Europe (Statute, article 26; Türkiye has 18 seats since June 2015): 306
representatives and 306 substitutes. The names join common given names to surnames that mean
"example", "trial" or "sketch", or name a place that is on no map. Every address ends in `.example`,
which RFC 2606 keeps free for ever: a letter sent there can reach nobody.

The same seed makes the same people. `sheets.py` writes them into the demo's sheets.

Tests and benchmarks import `people()`, the 612 of the sheets, and `many()`, any number of blameless
ones.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import cycle, islice
from pathlib import Path
from typing import TypeVar

from mailer.base.delegations import Delegations

T = TypeVar("T")

NAMES = Path(__file__).with_name("names.txt").read_text(encoding="utf-8").strip().split("\n\n")

SEED = 46
UPDATED = datetime(2026, 11, 12)
"""The date that the sheets bear, inside and in their properties."""


# ----------------------------------------------------------------------------------- who sits where

DELEGATIONS = {one.code: (one.name_en, one.representatives) for one in Delegations.load().members}
"""Code → (name, seats), by the names that the Assembly prints; there are as many substitutes as
seats.
"""

TWO_CHAMBERS = ["AT", "BE", "CH", "CZ", "ES", "FR", "IT", "NL", "PL", "RO"]
ONE_CHAMBER = {"DE": "deputy", "GB": "commons"}
"""Delegations whose sheet names the chamber although (nearly) all come from the same one."""

GROUPS = ["SOC"] * 4 + ["EPP/CD"] * 4 + ["ECPA"] * 3 + ["ALDE"] * 3 + ["UEL"] + [""] * 2
"""The political groups, as often as they turn up here; empty is a member of no group."""

NOTES = (
    "new since January 2026",
    "reads letters on paper, too",
    "office answers; ask for the assistant",
    'says: "short letters, please"',
    "met in Strasbourg, spring 2026",
)

COMMITTEES = {"Monitoring": 85, "Rules": 37}
"""How many of the people sit in two committees that have to do with credentials."""
VOTES = {"for": 76, "against": 10, "abstained": 4}
"""As many as voted so on 24 January 2024; who voted how is invented."""
COLUMNS = ("Committee", "Vote 2024")
"""Headings that the mailer does not know by itself, in every sheet: letters ask for their cells."""

# People written by hand, by their place in the delegation: 1 is the chair, then the other
# representatives, then the substitutes.
BY_HAND: dict[str, dict[str, str]] = {
    "GB 6": {"title": "Lord", "given": "Aubrey", "surname": "Thistlemere", "gender": "m",
             "chamber": "lords"},
    "GB 11": {"title": "Baroness", "given": "Cordelia", "surname": "Wexmoor-Sample", "gender": "f",
              "chamber": "lords"},
    "GB 15": {"title": "Sir", "given": "Peregrine", "surname": "Quillbrook-Mock", "gender": "m"},
    "GB 24": {"title": "Dame", "given": "Rosamund", "surname": "Fairpattern", "gender": "f"},
    "IE 2": {"given": "Orla", "surname": "O'Sample", "gender": "f"},
    "IT 7": {"given": "Vito", "surname": "D'Esempio", "gender": "m"},
    "IT 25": {"given": "Ginevra", "surname": "Dall’Esempio", "gender": "f"},
    "NO 8": {"given": "Elin", "surname": "Nordvik-Prøve", "gender": "f"},
    "NL 4": {"given": "H.J.", "surname": "van der Proef", "gender": "m"},
    "NL 12": {"given": "Joost", "surname": "Voorbeeld", "gender": "m"},
    "FI 6": {"given": "", "surname": "Näyttö", "gender": "f"},
    "CY 2": {"given": "Χρυσούλα", "surname": "Προχειρίδου", "gender": "f"},
    "GR 3": {"given": "Αγγελική", "surname": "Υποθετίδου", "gender": "f"},
    "GR 10": {"given": "Σπύρος", "surname": "Δειγματάκης", "gender": "m"},
    "GE 3": {"given": "ნინო", "surname": "მაგალითაური", "gender": "f"},
    "GE 8": {"given": "გიორგი", "surname": "ნიმუშიძე", "gender": "m"},
    "BG 4": {"given": "Мария", "surname": "Примеркова", "gender": "f"},
    "BG 9": {"given": "Йордан", "surname": "Пробников", "gender": "m"},
    "RS 3": {"given": "Љубица", "surname": "Огледић", "gender": "f"},
    "RS 11": {"given": "Ђорђе", "surname": "Примерњак", "gender": "m"},
    "UA 5": {"given": "Олена", "surname": "Взірцева", "gender": "f", "language": "en",
             "greeting": "Dear Olena,"},
    "UA 13": {"given": "Дем'ян", "surname": "Ґанчук-Приклад", "gender": "m"},
    "UA 19": {"given": "Юлія", "surname": "Їжаківська", "gender": "f"},
    "IS 3": {"given": "Ásdís", "surname": "Dæmisdóttir", "gender": "f", "language": "en",
             "greeting": "Dear Ásdís,"},
    "LU 2": {"given": "Aloyse", "surname": "Bichelmuster", "gender": "m", "language": "fr",
             "greeting": "Monsieur le Vice-Président,"},
    "MT 4": {"given": "Rożina", "surname": "Mudellina", "gender": "f", "language": "en",
             "title": "Dr", "greeting": "Dear Dr Mudellina,"},
    "SI 3": {"given": "Neža", "surname": "Osnutkar", "gender": "f", "language": "en",
             "greeting": "Dear Neža,"},
    "MK 4": {"given": "Kočo", "surname": "Skicarski", "gender": "m", "language": "en",
             "greeting": "Dear Mr Vice-President,"},
    "TR 9": {"given": "Nesrin", "surname": "Örnekçi", "gender": "f", "language": "en",
             "greeting": "Dear Madam Chair,"},
}  # fmt: skip

NO_ADDRESS = ["FR 9", "FR 30", "DE 14", "IT 22", "ES 11", "PL 20", "RO 8", "UA 17", "TR 29"]
SAME_ADDRESS = {
    "FR 22": "FR 21",
    "DE 33": "DE 32",
    "GB 27": "GB 26",
    "PT 9": "PT 8",
    "SE 10": "SE 9",
}
"""Who stands in the sheet with the address of whom: an office that answers for two."""
IMPOSSIBLE = {"NO 8": "@@", "NL 12": " "}
"""What stands in the address where "@" belongs."""
ON_HOLD = {
    "CH 5": ("asked on 3 March 2026 not to be written to", "2026-03-03", "Ilse"),
    "IE 6": ("wrote back on 9 June 2026: no more letters, please", "2026-06-09", "Tomasz"),
    "GR 11": ("on sick leave; family asked for quiet", "2026-09-21", "Ilse"),
    "FI 4": ("we meet in person, a letter would be odd", "2026-10-30", "Amandine"),
}
"""Why somebody must not be written to, since when, and who of the campaign noted it."""

LEFT_OUT: dict[str, str] = (
    dict.fromkeys(NO_ADDRESS, "no address")
    | dict.fromkeys(SAME_ADDRESS, "same address")
    | dict.fromkeys(IMPOSSIBLE, "impossible address")
    | dict.fromkeys(ON_HOLD, "on hold")
)
"""The twenty whom no letter may reach, whatever the appeal, and why."""


@dataclass(frozen=True, slots=True)
class Person:
    """One invented member of the Assembly, in the words of the English sheets."""

    delegation: str  # two-letter code
    role: str  # chair of delegation, representative, substitute
    given: str
    surname: str
    title: str  # Dr, Lord, Baroness, Sir, Dame or empty
    address: (
        str  # as it stands in the sheet: it may be empty, somebody else's, or no address at all
    )
    language: str  # two-letter code, or empty: no preference known
    gender: str  # f, m or empty: not known
    chamber: str  # deputy, senator, commons, lords or empty
    group: str  # as in GROUPS
    greeting: str  # written by hand, to stand in the letter as it is; nearly always empty
    note: str
    committee: str  # Monitoring, Rules or empty
    vote_2024: str  # for, against, abstained or empty: invented like the people
    # why nobody can or may write to this person (a value of LEFT_OUT), or empty; in no sheet
    left_out: str

    @property
    def name(self) -> str:
        return f"{self.given} {self.surname}".strip()

    @property
    def civility(self) -> str:
        """Mr or Ms where the gender is known, unless a title such as Lord or Dame stands in its
        place.
        """
        return {"f": "Ms", "m": "Mr"}.get(self.gender, "") if self.title in ("", "Dr") else ""


def people(seed: int = SEED) -> list[Person]:
    """Return the 612 people of the sheets: by delegation in the order of its English name, the
    chair first.
    """
    return _with_offices(
        [person for code in DELEGATIONS for person in _delegation(code, seed)], seed
    )


def _with_offices(everyone: list[Person], seed: int) -> list[Person]:
    """Deal seats in two committees and the votes of January 2024 to people who are no substitutes.

    A random source of its own: the people are who they were before they had offices.
    """
    rng = random.Random(f"{seed} offices")
    seated = [
        at for at, one in enumerate(everyone) if one.role != "substitute" and one.delegation != "AZ"
    ]
    committees = dict(
        zip(rng.sample(seated, sum(COMMITTEES.values())), _each(COMMITTEES), strict=True)
    )
    voters = [at for at in seated if everyone[at].note != NOTES[0]]
    votes = dict(zip(rng.sample(voters, sum(VOTES.values())), _each(VOTES), strict=True))
    return [
        replace(one, committee=committees.get(at, ""), vote_2024=votes.get(at, ""))
        for at, one in enumerate(everyone)
    ]


def _each(counted: dict[str, int]) -> list[str]:
    return [word for word, number in counted.items() for _ in range(number)]


def many(count: int, seed: int = SEED) -> Iterator[Person]:
    """Yield `count` people with unique, good addresses, in rounds of 612 that fill every seat once.

    Nobody is left out and nobody chairs. Names repeat in a large crowd; a number keeps the
    addresses apart.
    """
    strangers = {code: _strangers(code, seed) for code in DELEGATIONS}
    seats = [
        (code, role)
        for code, (_, number) in DELEGATIONS.items()
        for role in ["representative"] * number + ["substitute"] * number
    ]
    crowd = (
        replace(next(strangers[code]), role=role) for code, role in islice(cycle(seats), count)
    )
    return _with_addresses(crowd)


def _delegation(code: str, seed: int) -> list[Person]:
    """Fill the seats of one delegation: no two full names alike, then the hand-written people and
    mishaps.
    """
    _, number = DELEGATIONS[code]
    roles = ["chair of delegation"] + ["representative"] * (number - 1) + ["substitute"] * number
    by_name: dict[str, Person] = {}
    for person in _strangers(code, seed):
        by_name.setdefault(person.name, person)
        if len(by_name) == len(roles):
            break
    places = [f"{code} {place}" for place in range(1, len(roles) + 1)]
    seated = {
        place: replace(
            person, role=role, left_out=LEFT_OUT.get(place, ""), **BY_HAND.get(place, {})
        )
        for place, role, person in zip(places, roles, by_name.values(), strict=True)
    }
    seated = dict(zip(places, _with_addresses(seated.values()), strict=True))
    spoiled = dict.fromkeys(NO_ADDRESS, "")
    spoiled |= {
        place: seated[other].address for place, other in SAME_ADDRESS.items() if place in seated
    }
    spoiled |= {
        place: seated[place].address.replace("@", at)
        for place, at in IMPOSSIBLE.items()
        if place in seated
    }
    return [
        replace(person, address=spoiled.get(place, person.address))
        for place, person in seated.items()
    ]


def _strangers(code: str, seed: int) -> Iterator[Person]:
    """Yield people of one delegation without end, as substitutes without an address.

    Each delegation has a random source of its own: new names for one leave the others as they were.
    """
    rng = random.Random(f"{seed} {code}")
    pools = [_Pool(rng, text) for text in NAMES if text.startswith(code)]
    weights = [pool.size for pool in pools]
    sexes = _deck(rng, ["f", "m"] * DELEGATIONS[code][1])
    while True:
        sex = next(sexes)
        pool = rng.choices(pools, weights)[0]
        yield Person(
            delegation=code,
            role="substitute",
            given=next(pool.given[sex]),
            surname=next(pool.surnames)[sex],
            title="Dr" if rng.random() < (0.2 if code in ("AT", "DE") else 0.04) else "",
            address="",
            language=pool.language if rng.random() < pool.share else "",
            gender=sex if rng.random() < 0.9 else "",
            chamber=(
                rng.choice(["deputy", "deputy", "senator"])
                if code in TWO_CHAMBERS
                else ONE_CHAMBER.get(code, "")
            ),
            group=rng.choice(GROUPS),
            greeting="",
            note=rng.choice(NOTES) if rng.random() < 0.06 else "",
            committee="",
            vote_2024="",
            left_out="",
        )


class _Pool:
    """One paragraph of NAMES, shuffled like packs of cards: a name comes back when all others have
    been dealt.
    """

    def __init__(self, rng: random.Random, text: str) -> None:
        head, women, men, surnames = text.split("\n", maxsplit=3)
        _, self.language, share = head.split()
        self.share = int(share) / 100
        forms = [form.split("/") for form in re.split(r",\s+", surnames)]
        self.size = len(forms)
        self.given = {"f": _deck(rng, women.split()), "m": _deck(rng, men.split())}
        self.surnames = _deck(rng, [{"m": form[0], "f": form[-1]} for form in forms])


def _deck(rng: random.Random, cards: list[T]) -> Iterator[T]:
    while True:
        yield from rng.sample(cards, len(cards))


# ---------------------------------------------------------------------------------------- addresses


def _letters(script: str, latin: str) -> dict[str, str]:
    """Pair the letters of `script` with the words of `latin`; "-" is a letter that is
    not written.
    """
    return {a: b.strip("-") for a, b in zip(script, latin.split(), strict=True)}


LETTERS = (
    _letters("ßþðæœøłđħıə", "ss th d ae oe o l d h i e")
    | _letters("αβγδεζηθικλμνξοπρσςτυφχψω", "a v g d e z i th i k l m n x o p r s s t u f ch ps o")
    | _letters(
        "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
        "a b g d e v z t i k l m n o p zh r s t u p k gh q sh ch ts dz ts ch kh j h",
    )
    | _letters(
        "абвгдежзийклмнопрстуфхцчшщъьюя",
        "a b v g d e zh z i y k l m n o p r s t u f h ts ch sh sht a y yu ya",
    )
)
"""Letters that lose more than an accent on their way to plain ASCII. Cyrillic as Bulgaria writes
it.
"""

LETTERS_OF = {
    "UA": _letters("гґєиіїйхщь", "h g ye y i yi i kh shch -"),
    "RS": _letters("жцчшђјљњћџ", "z c c s dj j lj nj c dz"),
} | dict.fromkeys(("DE", "AT", "LI"), _letters("äöü", "ae oe ue"))
"""Letters that one delegation writes otherwise."""


def plain(text: str, code: str) -> str:
    """Write `text` in the letters that an old mail server can bear: a to z and the hyphen.

    >>> plain("Nordvik-Prøve", "NO"), plain("Їжаківська", "UA"), plain("van 't Model", "NL")
    ('nordvik-prove', 'yizhakivska', 'vantmodel')
    """
    letters = LETTERS | LETTERS_OF.get(code, {})
    bare = (c if c in letters else unicodedata.normalize("NFD", c)[0] for c in text.lower())
    return re.sub(r"[^a-z-]", "", "".join(letters.get(c, c) for c in bare))


def _with_addresses(crowd: Iterable[Person]) -> Iterator[Person]:
    """Give each person `given.surname@xx.parliament.example`, with a number for the second of that
    name.
    """
    seen: Counter[str] = Counter()
    for person in crowd:
        code = person.delegation
        local = f"{plain(person.given, code)}.{plain(person.surname, code)}".strip(".")
        domain = f"{code.lower()}.parliament.example"
        seen[f"{local}@{domain}"] += 1
        number = seen[f"{local}@{domain}"]
        yield replace(person, address=f"{local}{number if number > 1 else ''}@{domain}")
