"""CSV and TSV (RFC 4180): which letters, which separator, and on which line each record begins.

UTF-8 and UTF-16 say what they are. A file in one of the old encodings never does: every one of them
reads as every other, and `Şükrü Işık` becomes `Þükrü Iþýk`. The reading is chosen by proof, first
of all by the addresses: where the letters are right, `sukru.isik@` belongs to the name beside it.
What is not proved is said, with two names in both readings.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.base.spelling import LATIN, UMLAUTS, fold
from mailer.contacts.sheets import vocabulary
from mailer.contacts.sheets.columns import field_of
from mailer.contacts.sheets.table import CELLS_IN_A_ROW, MAX_COLUMNS, Reading, Row, Table

if TYPE_CHECKING:
    from _csv import Reader

SEPARATORS = ",;\t|"

PIECE = 1 << 20

_EQUALS = re.compile(r'="([^"]*)"')

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
    "koi8_u": "KOI8-U (Cyrillic)",
    "mac_roman": "Macintosh (Western Europe)",
    "mac_latin2": "Macintosh (Central Europe)",
    "mac_turkish": "Macintosh (Turkish)",
    "mac_greek": "Macintosh (Greek)",
    "mac_cyrillic": "Macintosh (Cyrillic)",
    "cp850": "MS-DOS (Western Europe)",
    "cp852": "MS-DOS (Central Europe)",
    "cp857": "MS-DOS (Turkish)",
    "cp737": "MS-DOS (Greek)",
    "cp866": "MS-DOS (Cyrillic)",
    "cp775": "MS-DOS (Baltic)",
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
    "mac_latin2": _CENTRAL,
    "cp852": _CENTRAL,
    "cp1254": _TURKISH,
    "iso8859_9": _TURKISH,
    "mac_turkish": _TURKISH,
    "cp857": _TURKISH,
    "cp1253": "GR CY",
    "mac_greek": "GR CY",
    "cp737": "GR CY",
    "cp1251": _CYRILLIC,
    "iso8859_5": _CYRILLIC,
    "koi8_u": _CYRILLIC,
    "mac_cyrillic": _CYRILLIC,
    "cp866": _CYRILLIC,
    "cp1257": _BALTIC,
    "cp775": _BALTIC,
}
"""Whose letters an encoding has; all other delegations write in cp1252 and its sisters."""

WESTERN = ("cp1252", "mac_roman", "cp850")

FLOOR = 0.25
"""Points that a reading needs for each word with letters beyond ASCII. Below, nobody can know what
stands there, and the file is refused with the way out.
"""

PUNCTUATION = frozenset("«»„“”‘’–—…·•№§°ªº \u00a0¿¡€£")


MOST_IN_A_LINE = 1_000_000


class _TooLong(Exception):
    pass


def read(file: str, content: bytes, max_rows: int) -> Reading:
    """Read one file of text. It is never in memory as a whole text, which can be four times its
    size.
    """
    encoding, problems = recognise(file, content)
    if encoding is None:
        return Reading(problems=problems)
    layout = layout_of(_open(content, encoding).read(65_536))
    reading = _records(file, content, encoding, layout, max_rows)
    if (
        reading.problems
        and reading.problems[0].code == "C008"
        and _says_backslash(content, encoding)
    ):
        again = _records(file, content, encoding, replace(layout, backslash=True), max_rows)
        reading = reading if again.problems else again
    if reading.problems:
        return reading
    return Reading(reading.tables, problems)


def _says_backslash(content: bytes, encoding: str) -> bool:
    """Tell whether quotation marks are escaped by a backslash, as MySQL and old PHP do."""
    return '\\"'.encode(encoding.removesuffix("-sig")).removeprefix(b"\xff\xfe") in content


def _records(file: str, content: bytes, encoding: str, layout: Layout, max_rows: int) -> Reading:
    rows: list[Row] = []
    begins, cells_read, width = 1 + layout.skipped, 0, 0
    too_long = "one of the cells of this row holds more text than a whole contact sheet"
    reader = layout.reader(islice(_lines(content, encoding), layout.skipped, None))
    try:
        for cells in reader:
            if any(cells) and any(map(str.strip, cells)):
                while not cells[-1]:
                    cells.pop()
                if any(cell[:2] == '="' for cell in cells):  # how Excel keeps a leading zero
                    cells = [_shown(cell) for cell in cells]  # noqa: PLW2901
                rows.append((begins, cells))
                cells_read += len(cells)
                width = max(width, len(cells))
                if len(cells) > MAX_COLUMNS:
                    message = "this row has more columns than any contact sheet"
                    return Reading(problems=(problem("C014", file, row=begins, message=message),))
                if len(rows) > max_rows:
                    return Reading(problems=(problem("C015", file, row=begins),))
                if cells_read > max_rows * CELLS_IN_A_ROW:
                    return Reading(
                        problems=(problem("C014", file, value=f"more than {cells_read:,} cells"),)
                    )
                if reader.line_num + layout.skipped > begins and (
                    last := _swallowed(cells, begins, layout.separator, width)
                ):
                    message = (
                        "a quotation mark is opened here and closed in another row: the rows up to"
                        f" line {last} would be the text of one cell"
                    )
                    return Reading(problems=(problem("C008", file, row=begins, message=message),))
            begins = reader.line_num + 1 + layout.skipped
    except _TooLong:
        return Reading(problems=(problem("C014", file, row=begins, message=too_long),))
    except csv.Error as error:
        if "field larger" in str(error):
            return Reading(problems=(problem("C014", file, row=begins, message=too_long),))
        return Reading(problems=(problem("C008", file, row=begins),))
    return Reading((Table(file, None, rows),))


def _shown(cell: str) -> str:
    """Return what a spreadsheet program shows for `="0049"`."""
    found = _EQUALS.fullmatch(cell)
    return found[1] if found else cell


def _swallowed(cells: list[str], begins: int, separator: str, width: int) -> int:
    """Return the last line of a cell that holds whole rows: lines with an address and as many
    separators as the rows have; 0 if there is none.
    """
    for cell in cells:
        if "\n" in cell or "\r" in cell:
            lines = cell.splitlines()
            whole = [
                at
                for at, line in enumerate(lines)
                if at and "@" in line and width > 2 and line.count(separator) >= width - 1
            ]
            if whole:
                return begins + len(lines) - 1
    return 0


def _open(content: bytes, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding=encoding, newline="")


def _lines(content: bytes, encoding: str) -> Iterator[str]:
    with _open(content, encoding) as file:
        while line := file.readline(MOST_IN_A_LINE):
            if len(line) == MOST_IN_A_LINE and line[-1] not in "\r\n":
                raise _TooLong
            yield line.replace("\0", "") if "\0" in line else line


# ------------------------------------------------------------------------------------------ letters


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
            if not any("\0" in line for line in _open(content, encoding)):
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
    if sum(fits) < FLOOR * len(fits):
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
    capitals = bare.isupper()
    for before, c in zip(" " + bare, bare, strict=False):
        if c.isascii():
            continue
        if unicodedata.category(c) == "Cc":
            score -= 5.0
        elif not c.isalpha() or (
            not capitals and c.isupper() and before.isalpha() and before.islower()
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


# --------------------------------------------------------------------------------------- separators


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file writes its cells."""

    separator: str
    skipped: int = 0  # lines above the first record: `sep=;`
    blank: bool = False  # a blank stands between the separator and a quotation mark
    backslash: bool = False  # a quotation mark inside a cell is \\"

    def reader(self, lines: Iterable[str]) -> Reader:
        """Return the records of some lines."""
        return csv.reader(
            lines,
            delimiter=self.separator,
            skipinitialspace=self.blank,
            doublequote=not self.backslash,
            escapechar="\\" if self.backslash else None,
            strict=True,
        )


def layout_of(text: str) -> Layout:
    """Find what stands between the cells, by the beginning of a file."""
    said = re.match(r"sep=(.)\r?\n", text)
    if said:
        return Layout(said[1], 1)
    sample = "".join(text[:65_536].splitlines(keepends=True)[:50])
    headings = vocabulary.table("heading")

    def blank(between: str) -> bool:
        return re.search(rf'{re.escape(between)} +"', sample) is not None

    def score(between: str) -> tuple[int, float]:
        """Known headings in one row, then how many cells most rows have."""
        try:
            lines = csv.reader(
                io.StringIO(sample, newline=""), delimiter=between, skipinitialspace=blank(between)
            )
            records = list(islice(filter(None, lines), 50))
        except csv.Error:
            return 0, 0.0
        known = max(
            (sum(field_of(cell, headings) is not None for cell in cells) for cells in records[:20]),
            default=0,
        )
        widths = sorted(len(cells) for cells in records)
        return known if known > 1 else 0, widths[len(widths) // 2] if widths else 0

    best = max(SEPARATORS, key=score)
    return Layout(best, blank=blank(best))
