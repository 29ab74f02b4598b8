"""Spellings: when two ways of writing a word are the same word, and how a number stands before one.

Case, accents, blanks and punctuation are ignored, and letters that are no letter plus accent (ø, ł,
ı, æ) are written in plain ones. Two words are the same or they are not; only `nearest` is about
words that may be meant, and nothing is ever done by it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Protocol, TypeVar

from mailer.base.address import key_of

PLAIN = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}
)
"""Letters that keep their stroke when accents are taken off. ß is ss by case folding already."""

LATIN = str.maketrans({
    **dict(zip("абвгґдезиіјклмнопрстуфыэєљњћђў", "abvhgdezyijklmnoprstufieelncdu", strict=True)),
    "ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ю": "iu", "я": "ia",
    "ь": "", "ъ": "", "џ": "dz",
    **dict(zip("αβγδεζηικλμνξοπρστυφω", "avgdeziiklmnxoprstyfo", strict=True)), "θ": "th",
    "χ": "ch", "ψ": "ps", "ς": "s",
    **dict(zip("აბგდევზთიკლმნოპრსტუფქყჯჰ", "abgdevztiklmnoprstupkqjh", strict=True)),
    "ჟ": "zh", "ღ": "gh", "შ": "sh", "ჩ": "ch", "ც": "ts", "ძ": "dz", "წ": "ts", "ჭ": "ch",
    "ხ": "kh",
    **dict(zip("աբգդեզէըթիլկհմյնոպջռսվտրւփքօֆ", "abgdezeytilkhmynopjrsvtrupkof", strict=True)),
    "ժ": "zh", "խ": "kh", "ծ": "ts", "ձ": "dz", "ղ": "gh", "ճ": "ch", "շ": "sh", "չ": "ch",
    "ց": "ts",
})  # fmt: skip
"""Letters of other alphabets in Latin ones, near enough to ask: Ганна Зразок and Hanna Zrazok."""

INVISIBLE = "".join(
    chr(c)
    for c in (
        0x00AD,
        0x061C,
        0x180E,
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        0xFEFF,
    )
)
"""Characters without width: soft hyphen, zero-width blanks and joiners, marks of the writing
direction.
"""

_PLAIN_EDGES = " \t\r\n\f\v\x00"
_EDGES = (
    _PLAIN_EDGES
    + "\x85\u00a0\u1680\u2028\u2029\u202f\u205f\u3000"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + INVISIBLE
)


def trim(text: str) -> str:
    """Take blanks of every kind, line ends and invisible characters off both ends."""
    return text.strip(_PLAIN_EDGES) if text.isascii() else text.strip(_EDGES)


_SILENT = "'’ʼ`´."
_WORD = re.compile(r"[^\W_]+")
_STROKED = tuple((chr(letter), plain) for letter, plain in PLAIN.items())
_MARKS = re.compile(f"[\u0300-\u036f{INVISIBLE}]")


def tokens_once(text: str) -> tuple[str, ...]:
    """Return what `tokens` does, of a text that hardly comes twice: to remember it takes longer."""
    bare = text.casefold()
    if not bare.isascii():
        for stroked, plain in _STROKED:  # `translate` looks at each letter
            bare = bare.replace(stroked, plain)
        bare = unicodedata.normalize("NFKD", bare)
        if not bare.isascii():
            bare = _MARKS.sub("", bare)
        if not bare.isascii():  # marks of other scripts
            bare = "".join(c for c in bare if not unicodedata.combining(c))
    words = bare.split()
    if "".join(words).isalnum() and "ʼ" not in bare:  # nearly all names, not letter by letter
        return tuple(words)
    for sign in _SILENT:
        bare = bare.replace(sign, "")
    return tuple(_WORD.findall(bare))


@lru_cache(maxsize=16_384)
def tokens(text: str) -> tuple[str, ...]:
    """Return the words of `text` without case and accents: `Nordvik-PRØVE, D'Ella` → `nordvik`,
    `prove`, `della`.
    """
    return tokens_once(text)


def fold(text: str) -> str:
    """Return one word for all spellings: `The U.K.` and `the uk` → `theuk`."""
    return "".join(tokens(text))


UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ø": "oe", "Ø": "Oe",
     "å": "aa", "Å": "Aa"}
)  # fmt: skip
"""How names are written where there are no such letters, in addresses for instance."""
_TWO_FOR_ONE = re.compile("(?<=[aou])e|(?<=a)a")

SPELLINGS = (
    ("sch", "s"), ("sh", "s"), ("ae", "a"), ("oe", "o"), ("ue", "u"), ("aa", "a"), ("ou", "u"),
    ("ph", "f"), ("kh", "h"), ("ck", "k"), ("ks", "x"), ("c", "k"), ("q", "k"), ("w", "v"),
    ("y", "i"), ("j", "i"), ("z", "s"),
)  # fmt: skip
"""Ways to write one sound: Müller, Mueller and Muller; Rousopoulos and Roussopoulos."""

_DOUBLED = re.compile(r"(.)\1+")


@lru_cache(maxsize=16_384)
def loosely(name: str) -> str:
    """Return a name in the order of the alphabet, with one spelling for each sound."""
    return sounds(" ".join(tokens(name)))


def sounds(words: str) -> str:
    """Return what `loosely` does, of `tokens` with a blank between."""
    if not words.isascii():
        words = words.translate(LATIN)
    for written, sound in SPELLINGS:
        words = words.replace(written, sound)
    return " ".join(sorted(_DOUBLED.sub(r"\1", words).split()))


def spellings(wanted: str) -> list[set[str]]:
    """Return the words of a search, each with the spellings under which it is found in `tokens`.

    Whoever looks for `Müller` finds Mueller, and who looks for `mueller` finds Müller.
    """
    whole = unicodedata.normalize("NFC", wanted)
    return [
        {plain, longer, _TWO_FOR_ONE.sub("", plain)}
        for plain, longer in zip(tokens(whole), tokens(whole.translate(UMLAUTS)), strict=True)
    ]


def finds(wanted: str, text: str) -> bool:
    """Whether every word of a search stands in a text, in any order; nothing is nowhere."""
    words, there = spellings(wanted), " ".join(tokens(text))
    return bool(words) and all(any(one in there for one in word) for word in words)


def finds_in(wanted: str, lines: Sequence[str]) -> list[int]:
    """Return which of many lines, each of `tokens` with blanks between, hold every word of a
    search, as `finds` says of one text.
    """
    words = spellings(wanted)
    found: Iterable[int] = range(len(lines)) if words else ()
    for alike in words:
        found = [at for at in found if any(one in lines[at] for one in alike)]
    return list(found)


class Called(Protocol):
    """Somebody with a name and an address: of a sheet, or of the send log."""

    @property
    def name(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def address_key(self) -> str: ...


Person = TypeVar("Person", bound=Called)


def called(people: Sequence[Person], who: str) -> list[Person]:
    """Find people by address or whole name, or else by parts of these."""
    return exactly(people, who) or [
        one for one in people if finds(who, f"{one.name} {one.address}")
    ]


def exactly(people: Iterable[Person], who: str) -> list[Person]:
    """Find people by address or whole name, its parts in any order."""
    words, key = sorted(tokens(who)), key_of(who) if "@" in who else ""
    return [
        one
        for one in people
        if (key and one.address_key == key) or (words and sorted(tokens(one.name)) == words)
    ]


def nearest(word: str, known: Iterable[str], *, parts: bool = False) -> str | None:
    """Return which of `known` was perhaps meant, for "did you mean"; never used by itself.

    At most one letter is wrong, missing, too much, or in its neighbour's place; two in a long word.
    With `parts` one word of several is enough: `Bergg` for `Anna Berg`. What is shorter than three
    letters is like too many words.
    """
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    meant = fold(word[:100])
    if len(meant) < 3:
        return None
    spelt: dict[str, str] = {}
    for one in known:
        for spelling in (one, *(tokens(one) if parts else ())):
            spelt.setdefault(fold(spelling), one)
    most = 2 if len(meant) > 6 else 1
    best = process.extractOne(meant, list(spelt), scorer=OSA.distance, score_cutoff=most)
    return spelt[best[0]] if best else None


def many(number: int, one: str, more: str = "") -> str:
    """Write a number and what it counts: `many(2, "row")` is `2 rows`."""
    return f"{number} {one if number == 1 else more or one + 's'}"
