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
from collections.abc import Iterable

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

_CENTRAL = "PL CZ SK HU SI HR BA RS ME RO AL"
_CYRILLIC = "BG UA MK RS RU BY"
_TURKISH = "TR AZ"
_BALTIC = "LT LV EE"
AT_HOME = {
    "cp1250": _CENTRAL,
    "iso8859_2": _CENTRAL,
    "iso8859_16": _CENTRAL,
    "mac_croatian": _CENTRAL,
    "mac_romanian": "RO MD",
    "mac_latin2": _CENTRAL,
    "cp852": _CENTRAL,
    "cp1254": _TURKISH,
    "iso8859_9": _TURKISH,
    "mac_turkish": _TURKISH,
    "cp857": _TURKISH,
    "cp1253": "GR CY",
    "mac_greek": "GR CY",
    "iso8859_7": "GR CY",
    "cp869": "GR CY",
    "cp737": "GR CY",
    "cp1251": _CYRILLIC,
    "iso8859_5": _CYRILLIC,
    "koi8_u": _CYRILLIC,
    "mac_cyrillic": _CYRILLIC,
    "cp866": _CYRILLIC,
    "cp1125": "UA",
    "cp855": _CYRILLIC,
    "cp1257": _BALTIC,
    "cp775": _BALTIC,
    "iso8859_13": _BALTIC,
    "iso8859_4": _BALTIC,
    "mac_iceland": "IS",
    "cp861": "IS",
}
"""Whose letters an encoding has; all other delegations write in cp1252 and its sisters."""

WESTERN = ("cp1252", "mac_roman", "cp850")

FLOOR = 0.25
"""Points that a reading needs for each word with letters beyond ASCII. Below, nobody can know what
stands there, and the file is refused with the way out.
"""

STRANGE = 0.1
"""The share of such words that may be none in any language: with more the file is refused, too."""

PUNCTUATION = frozenset("«»„“”‘’–—…·•№§°ªº \u00a0¿¡€£")

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
    readings: dict[str, tuple[float, list[str]]] = {}
    for encoding in ENCODINGS:
        if not _is(content, encoding):
            continue
        read = [line.decode(encoding) for line in lines]
        readings[encoding] = sum(_likely(encoding, line) for line in read), read
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
    if sum(fits) < FLOOR * len(fits) or strange > STRANGE * len(fits):
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


def _likely(encoding: str, line: str) -> float:
    """Weigh one line in one reading: letters that fit together, and above all names that fit their
    addresses.
    """
    score = 0.0
    words = _words(line)
    spelled = [word.partition("@") for word in words if "@" in word]
    addresses = " ".join(fold(local) for local, _, _ in spelled)
    labels = {
        label.upper() for _, _, domain in spelled for label in domain.split(".") if len(label) == 2
    }
    if labels:
        homes = set(AT_HOME.get(encoding, "").split())
        everywhere = set(" ".join(AT_HOME.values()).split())
        western = encoding in WESTERN and not labels & everywhere
        score += 1.0 if labels & homes or western else 0.0
    for word in words:
        if word.isascii():
            continue
        score += _fits(word)
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
