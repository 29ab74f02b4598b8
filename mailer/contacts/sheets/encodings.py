"""Which letters the bytes of a text file are.

UTF-8 and UTF-16 say what they are. A file in one of the old encodings never does: every one of them
reads as every other, and `Şükrü Işık` becomes `Þükrü Iþýk`. The reading is chosen by proof, first
of all by the addresses: where the letters are right, `sukru.isik@` belongs to the name beside it.
What is not proved is said, with two names in both readings; what can be no words in any of them is
refused.
"""

from __future__ import annotations

import codecs
import io
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache

from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.base.spelling import LATIN, UMLAUTS, fold

PIECE = 1 << 20

MOST_LINES = 1_000
"""Lines with letters beyond ASCII that the reading is chosen by."""

_BETWEEN_WORDS = str.maketrans(dict.fromkeys(',;|\t"<>()', " "))

ENCODINGS = {
    "cp1252": "Windows-1252 (Western Europe)",
    "cp1250": "Windows-1250 (Central Europe)",
    "cp1254": "Windows-1254 (Turkish)",
    "cp1253": "Windows-1253 (Greek)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "cp1257": "Windows-1257 (Baltic)",
    "iso8859_2": "ISO-8859-2 (Central Europe)",
    "iso8859_9": "ISO-8859-9 (Turkish)",
    "iso8859_5": "ISO-8859-5 (Cyrillic)",
    "iso8859_7": "ISO-8859-7 (Greek)",
    "iso8859_13": "ISO-8859-13 (Baltic)",
    "iso8859_15": "ISO-8859-15 (Western Europe)",
    "iso8859_16": "ISO-8859-16 (Romanian)",
    "iso8859_4": "ISO-8859-4 (Baltic)",
    "iso8859_3": "ISO-8859-3 (Maltese)",
    "iso8859_10": "ISO-8859-10 (Nordic)",
    "koi8_u": "KOI8-U (Cyrillic)",
    "mac_roman": "Macintosh (Western Europe)",
    "mac_latin2": "Macintosh (Central Europe)",
    "mac_turkish": "Macintosh (Turkish)",
    "mac_greek": "Macintosh (Greek)",
    "mac_cyrillic": "Macintosh (Cyrillic)",
    "mac_croatian": "Macintosh (Croatian)",
    "mac_romanian": "Macintosh (Romanian)",
    "mac_iceland": "Macintosh (Icelandic)",
    "cp850": "MS-DOS (Western Europe)",
    "cp852": "MS-DOS (Central Europe)",
    "cp857": "MS-DOS (Turkish)",
    "cp737": "MS-DOS (Greek)",
    "cp866": "MS-DOS (Cyrillic)",
    "cp775": "MS-DOS (Baltic)",
    "cp869": "MS-DOS (Greek, 869)",
    "cp1125": "MS-DOS (Ukrainian)",
    "cp855": "MS-DOS (Cyrillic, 855)",
    "cp861": "MS-DOS (Icelandic)",
    "cp860": "MS-DOS (Portuguese)",
    "cp437": "MS-DOS (United States)",
}
"""The readings that are tried, the usual ones first."""

USUAL = (
    "cp1252",
    "cp1250",
    "cp1254",
    "cp1253",
    "cp1251",
    "cp1257",
    "iso8859_2",
    "iso8859_9",
    "mac_roman",
    "cp850",
)
"""Readings that are named as what it could be, too; the others are rare."""

_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщ"
_GREEK = "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ"
_SOUTH = "čćđšž"
_SERBIAN = _CYRILLIC.replace("й", "").replace("щ", "") + "ђјљњћџ" + _SOUTH
_GERMAN = "äöüßéè"
_FRENCH = "éèêëàâçîïôöûùüÿœæñ"
_ITALIAN = "àèéìòùóíç"
_RUSSIAN = _CYRILLIC + "ъыьэюяё"
LETTERS = {
    "AD": "àéèíïóòúüçñ", "AL": "ëç", "AM": "", "AT": _GERMAN, "AZ": "əğıöüçşi̇", "BA": _SERBIAN,
    "BE": _FRENCH + "äáó", "BG": _CYRILLIC + "ъьюя", "CH": _FRENCH + _GERMAN + _ITALIAN,
    "CY": _GREEK + "çğıöşü", "CZ": "áčďéěíňóřšťúůýž", "DE": _GERMAN, "DK": "æøåéöäü",
    "EE": "äöõüšž", "ES": "áéíóúñüçàèòï", "FI": "äöåšž", "FR": _FRENCH,
    "GB": "áéíóúàèìòùâêîôûŵŷëöü",
    "GE": "", "GR": _GREEK, "HR": _SOUTH, "HU": "áéíóöőúüű", "IE": "áéíóú", "IS": "áéíóúýþæöð",
    "IT": _ITALIAN, "LI": _GERMAN, "LT": "ąčęėįšųūž", "LU": _FRENCH + _GERMAN, "LV": "āčēģīķļņšūžŗ",
    "MC": _FRENCH + _ITALIAN, "MD": "ăâîșțşţ" + _RUSSIAN, "ME": _SERBIAN + "śź",
    "MK": _SERBIAN.replace("ђ", "").replace("ћ", "") + "ѓќѕ", "MT": "ċġħżàèìòù",
    "NL": "ëïéèöüóáíàêç",
    "NO": "æøåéèêóòôöäü", "PL": "ąćęłńóśźż", "PT": "áâãàçéêíóôõúü", "RO": "ăâîșțşţéáóöő",
    "RS": _SERBIAN + "áéíóöőúüű", "RU": _RUSSIAN, "SE": "åäöéüáèçø", "SI": _SOUTH,
    "SK": "áäčďéíľĺňóôŕšťúýž", "SM": _ITALIAN, "TR": "çğıöşüâîûi̇",
    "UA": _CYRILLIC + "ьюяєіїґ", "BY": _CYRILLIC + "ыьэюяёіў",
}  # fmt: skip
"""The letters beyond ASCII with which names of a delegation are written: a row says whose it is."""

FLOOR = 0.25
"""Points that a reading needs for each word with letters beyond ASCII. Below, nobody can know what
stands there, and the file is refused with the way out.
"""

STRANGE = 0.1
"""The share of such words that may be none in any language: with more the file is refused, too, and
so it is where most of them have letters that nobody writes in the delegations that the rows name.
"""

PUNCTUATION = frozenset("«»„“”‘’–—…·•№§°ªº \u00a0¿¡€£")

_BLANK_WITHIN = re.compile(r"[^\W\d_]\u00a0[a-z]")
"""A blank that does not break, inside a word."""

_GLUED = re.compile(r"[°§¶€£¤¦¬±¯¨´¸¹²³¼½¾×÷»·…†‡‰™](?=[^\W\d_])|(?<=[^\W\d_])[¤¦¬±¯¨¸¼½¾×÷«¶†‡‰]")
"""Signs that stand at no letter, but where another encoding has one."""


def decode(file: str, content: bytes) -> tuple[str | None, tuple[Problem, ...]]:
    """Return the text and what is to be said about the reading; None if the bytes are no text."""
    encoding, problems = recognise(file, content)
    if encoding is None:
        return None, problems
    text = content.decode(encoding)
    return text.replace("\0", "") if encoding in ("utf-16", "utf-32") else text, problems


def recognise(file: str, content: bytes) -> tuple[str | None, tuple[Problem, ...]]:
    """Return the encoding and what is to be said about it; None if the bytes are no text."""
    for mark, encoding in (
        (b"\xff\xfe\x00\x00", "utf-32"),
        (b"\x00\x00\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if content.startswith(mark):
            return (encoding, ()) if _is(content, encoding) else (None, (problem("C006", file),))
    if b"\0" in content[:65_536]:
        return _without_mark(file, content)
    if _is(content, "utf-8"):
        return "utf-8-sig", ()
    return _mixed(file, content) or _old(file, content)


def opened(content: bytes, encoding: str) -> io.TextIOWrapper:
    """Open bytes as text; line ends stay as they are."""
    return io.TextIOWrapper(io.BytesIO(content), encoding=encoding, newline="")


def _is(content: bytes, encoding: str) -> bool:
    """Tell whether bytes can be read in an encoding, a piece at a time."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for at in range(0, len(content), PIECE):
            decoder.decode(content[at : at + PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _mixed(file: str, content: bytes) -> tuple[None, tuple[Problem, ...]] | None:
    """Refuse UTF-8 with lines of something else, as when two files are joined: no one reading is
    right for all of it.
    """
    wrong: list[int] = []
    right = 0
    for number, line in enumerate(io.BytesIO(content), start=1):
        if not line.isascii():
            try:
                line.decode("utf-8")
                right += 1
            except UnicodeDecodeError:
                wrong.append(number)
                if len(wrong) > right + 100:
                    return None
    if right <= len(wrong):
        return None
    message = (
        f"the letters of this file are of two kinds: UTF-8, but not in {len(wrong)} of"
        f" {right + len(wrong)} lines"
    )
    return None, (
        problem("C006", file, row=wrong[0], message=message, suggestion="type this line anew"),
    )


def encoding_of(content: bytes, text: str) -> str:
    """Return the encoding that gives back `content` for `text` as `decode` read it."""
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", *ENCODINGS):
        try:
            if text.encode(encoding) == content:
                return encoding
        except UnicodeEncodeError:
            continue
    return "utf-8-sig"


def _without_mark(file: str, content: bytes) -> tuple[str | None, tuple[Problem, ...]]:
    """Read UTF-16 that does not say so: every second byte of Latin text is zero."""
    sample = content[:65_536]
    for encoding, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[::2])):
        if zeros.count(0) * 3 > len(zeros):
            if not _is(content, encoding):
                break
            if not any("\0" in line for line in opened(content, encoding)):
                return encoding, (
                    problem(
                        "C007",
                        file,
                        value="UTF-16",
                        message="this file does not say its encoding; it was read as UTF-16",
                    ),
                )
    return None, (problem("C006", file),)


def _old(file: str, content: bytes) -> tuple[str | None, tuple[Problem, ...]]:
    sample = content[:400_000]
    lines = [line for line in re.split(rb"[\r\n]+", sample) if not line.isascii()][:MOST_LINES]
    lines = [line[:2_000] for line in lines]  # patterns take long over longer ones
    named = _finder()
    homes = [_homes(line, named) for line in lines]
    all_homes = frozenset[str]().union(*homes)
    homes = [one or all_homes for one in homes]  # a heading between the rows says it once
    readings: dict[str, tuple[float, list[str]]] = {}
    for encoding in ENCODINGS:
        if not _is(content, encoding):
            continue
        read = [line.decode(encoding) for line in lines]
        readings[encoding] = sum(map(_likely, read, homes)), read
    if not readings or any(byte < 9 or 13 < byte < 32 for byte in set(sample)):
        return None, (problem("C006", file),)
    best = max(readings, key=lambda encoding: readings[encoding][0])
    score, chosen = readings[best]
    rivals = [
        encoding
        for encoding in USUAL
        if encoding in readings
        and readings[encoding][1] != chosen
        and readings[encoding][0] > score * 0.8 - 1
    ]
    fits = [_fits(word) for line in chosen for word in _words(line) if not word.isascii()]
    strange = sum(points < 0 for points in fits)
    at_home = [
        known for line, home in zip(chosen, homes, strict=True) for known in _at_home(line, home)
    ]
    abroad = len(at_home) > 2 and at_home.count(False) * 2 > len(at_home)
    if sum(fits) < FLOOR * len(fits) or strange > STRANGE * len(fits) or abroad:
        shown = " / ".join(_foreign(line)[0] for line in chosen[:3] if _foreign(line))
        hint = "open it in the program it comes from and save it as CSV UTF-8, or as .xlsx"
        message = f"nobody can know which letters these are: read as {ENCODINGS[best]}, {shown}"
        return None, (problem("C006", file, message=message, suggestion=hint),)
    proof = _proof(chosen)
    message = f"the letters were read as {ENCODINGS[best]}: {_quoted(proof.values())}"
    if not rivals:
        return best, (problem("C007", file, value=ENCODINGS[best], message=message),)
    rival = rivals[0]  # the usual ones come first
    others = [_foreign(readings[rival][1][at])[:1] for at in proof]
    message += (
        f"; they could be {ENCODINGS[rival]}: {_quoted(name for names in others for name in names)}"
    )
    return best, (problem("C021", file, value=ENCODINGS[best], message=message),)


def _finder() -> Callable[[str], str]:
    """Return what finds the delegation that a cell names, "" for none."""
    from mailer.base.delegations import Delegations

    known = Delegations.load()
    return lru_cache(lambda cell: found.code if (found := known.find(cell)) else "")


def _homes(line: bytes, named: Callable[[str], str]) -> frozenset[str]:
    """Return the delegations that a line names: in a cell, or in a domain."""
    text = line.decode("ascii", "replace")
    ends = re.findall(r"[@.]([a-z]{2})(?![\w@])", text)
    cells = (cell.strip().strip('"') for cell in re.split(r"[,;\t|]", text[:500]))
    found = {named(cell) for cell in cells if cell and "\ufffd" not in cell}
    return frozenset(found | {_TOP_LEVEL.get(end, end.upper()) for end in ends}) & LETTERS.keys()


_TOP_LEVEL = {"uk": "GB"}


def _likely(line: str, homes: Collection[str]) -> float:
    """Weigh one line in one reading: letters that fit together, those of the delegations that it
    names, and above all names that fit their addresses.
    """
    score = 0.0
    words = _words(line)
    addresses = " ".join(fold(word.partition("@")[0]) for word in words if "@" in word)
    letters = "".join(LETTERS[home] for home in homes)
    score -= 2.0 * len(_BLANK_WITHIN.findall(line))
    for word in words:
        if word.isascii():
            continue
        score += _fits(word)
        if letters:
            score += sum(0.5 if c in letters else -2.5 for c in _beyond_ascii(word))
        plain = fold(word)
        if len(plain) < 3 or not addresses:
            continue
        if plain.isascii():
            near = plain in addresses or fold(word.translate(UMLAUTS)) in addresses
            score += 3.0 if near else -1.0
        elif word.isalpha():  # Cyrillic and Greek, as somebody spelled them in Latin letters
            latin = fold(plain.translate(LATIN))
            score += 2.0 if latin[:3] in addresses else -0.5
    return score


def _beyond_ascii(word: str) -> list[str]:
    return [c for c in word.lower() if not c.isascii() and c.isalpha()]


def _at_home(line: str, homes: Collection[str]) -> list[bool]:
    """Tell of each word with letters beyond ASCII whether one of them is written where the line
    says.
    """
    letters = "".join(LETTERS[home] for home in homes)
    found = [_beyond_ascii(word) for word in _words(line)] if letters else []
    return [any(c in letters for c in beyond) for beyond in found if beyond]


def _words(line: str) -> list[str]:
    """Return the words of a line, an address being one; in one pass over it."""
    return line.translate(_BETWEEN_WORDS).split()


def _fits(word: str) -> float:
    """Weigh one word with letters beyond ASCII: one script, no signs or capitals in the middle,
    nothing invisible.
    """
    score = 0.0
    bare = word.strip("".join(PUNCTUATION) + ".'-/")
    scripts = {unicodedata.name(c, "?").split()[0] for c in bare if c.isalpha()}
    if len(scripts) > 1:
        score -= 3.0
    elif scripts & {"GREEK", "CYRILLIC"}:
        score += 2.0
    score -= 2.0 * len(_GLUED.findall(word))
    capitals = bare.isupper()
    for before, c in zip(" " + bare, bare, strict=False):
        if c.isascii():
            continue
        if unicodedata.category(c) == "Cc":
            score -= 5.0
        elif (
            not c.isalpha()
            or (not capitals and c.isupper() and before.isalpha() and before.islower())
            or c in "ﬁﬂſ"
        ):
            score -= 2.0
        elif c in "þÞðÐýÝ¤ªºµƒ":
            score += 0.2
        else:
            score += 0.5
    return score


def _proof(lines: list[str]) -> dict[int, str]:
    """Return two names with letters beyond ASCII, by the index of their line; headings only where
    there are no names.
    """
    found: dict[int, str] = {}
    for at, line in sorted(enumerate(lines), key=lambda pair: "@" not in pair[1]):
        name = _foreign(line)
        if name and name[0] not in found.values():
            found[at] = name[0]
        if len(found) == 2:
            break
    return found


def _foreign(line: str) -> list[str]:
    """Return the cells of a line that hold letters beyond ASCII, without knowing the separator."""
    cells = (cell.strip() for cell in re.split(r"[,;\t|\"]", line))
    return [cell for cell in cells if cell and not cell.isascii() and "@" not in cell]


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"“{name}”" for name in names)
