"""CSV and TSV (RFC 4180): which letters, which separator, and on which line each record begins.

UTF-8 and UTF-16 say what they are. A file in one of the old encodings never does: every one of them reads as every
other, and `Şükrü Işık` becomes `Þükrü Iþýk`. The reading is chosen by proof, first of all by the addresses: where the
letters are right, `sukru.isik@` belongs to the name beside it. What is not proved is said, with two names in both
readings.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice

from mailer.contacts import words
from mailer.contacts.codes import problem
from mailer.contacts.columns import field_of
from mailer.contacts.table import MAX_COLUMNS, Reading, Row, Table
from mailer.errors import Problem
from mailer.spelling import fold

SEPARATORS = ",;\t|"

ENCODINGS = {
    "cp1252": "Windows-1252 (Western Europe)", "cp1250": "Windows-1250 (Central Europe)", "cp1254": "Windows-1254 (Turkish)",
    "cp1253": "Windows-1253 (Greek)", "cp1251": "Windows-1251 (Cyrillic)", "cp1257": "Windows-1257 (Baltic)",
    "iso8859_2": "ISO-8859-2 (Central Europe)", "iso8859_9": "ISO-8859-9 (Turkish)", "mac_roman": "Macintosh (Western Europe)",
    "cp850": "MS-DOS (Western Europe)",
}  # fmt: skip
"""The readings that are tried, the usual ones first."""

AT_HOME = {
    "cp1252": "", "cp1250": "PL CZ SK HU SI HR BA RS ME RO AL", "iso8859_2": "PL CZ SK HU SI HR BA RS ME RO AL",
    "cp1254": "TR AZ", "iso8859_9": "TR AZ", "cp1253": "GR CY", "cp1251": "BG UA MK RS RU BY", "cp1257": "LT LV EE",
    "mac_roman": "", "cp850": "",
}  # fmt: skip
"""Whose letters an encoding has; for all other delegations it is cp1252."""

UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ø": "oe", "å": "aa"})
"""How names are often written in addresses."""

PUNCTUATION = frozenset("«»„“”‘’–—…·•№§°ªº \u00a0¿¡€£")


def read(file: str, content: bytes, max_rows: int) -> Reading:
    """Read one file of text."""
    text, problems = decode(file, content)
    if text is None:
        return Reading(problems=problems)
    between, text, skipped = separator(text)
    rows: list[Row] = []
    try:
        for row in _records(text, between, skipped):
            rows.append(row)
            if len(rows) > max_rows:
                return Reading(problems=(problem("C015", file, row=row[0]),))
    except csv.Error as error:
        if "field larger" in str(error):
            message = "one of the cells below this row holds more text than a whole contact sheet"
            return Reading(problems=(problem("C014", file, row=rows[-1][0] if rows else 1, message=message),))
        return Reading(problems=(problem("C008", file, row=_open_quote(text, between) + skipped),))
    wide = next((row for row in rows if len(row[1]) > MAX_COLUMNS), None)
    if wide:
        return Reading(
            problems=(problem("C014", file, row=wide[0], message="this row has more columns than any contact sheet"),)
        )
    return Reading((Table(file, None, rows),), problems)


# ------------------------------------------------------------------------------------------------------- letters


def decode(file: str, content: bytes) -> tuple[str | None, tuple[Problem, ...]]:
    """Return the text and what is to be said about the reading; None if the bytes are no text."""
    for mark, encoding in (
        (b"\xff\xfe\x00\x00", "utf-32"),
        (b"\x00\x00\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if content.startswith(mark):
            try:
                return content.decode(encoding).replace("\0", ""), ()
            except UnicodeDecodeError:
                return None, (problem("C006", file),)
    if b"\0" in content[:65_536]:
        return _without_mark(file, content)
    try:
        return content.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        return _mixed(file, content) or _old(file, content)


def _mixed(file: str, content: bytes) -> tuple[None, tuple[Problem, ...]] | None:
    """Refuse UTF-8 with lines of something else, as when two files are joined: no one reading is right for all of it."""
    lines = content.split(b"\n")
    wrong, right = [], 0
    for number, line in enumerate(lines, start=1):
        if not line.isascii():
            try:
                line.decode("utf-8")
                right += 1
            except UnicodeDecodeError:
                wrong.append(number)
    if right <= len(wrong):
        return None
    message = f"the letters of this file are of two kinds: UTF-8, but not in {len(wrong)} of {right + len(wrong)} lines"
    return None, (problem("C006", file, row=wrong[0], message=message, suggestion="type this line anew"),)


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
            try:
                text = content.decode(encoding)
            except UnicodeDecodeError:
                break
            if "\0" not in text:
                return text, (
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
    lines = [line for line in re.split(rb"[\r\n]+", sample) if not line.isascii()][:2_000]
    lines = [line[:2_000] for line in lines]  # patterns take long over longer ones
    readings: dict[str, tuple[float, list[str]]] = {}
    for encoding in ENCODINGS:
        try:
            content.decode(encoding)
            read = [line.decode(encoding) for line in lines]
        except UnicodeDecodeError:
            continue
        readings[encoding] = sum(_likely(encoding, line) for line in read), read
    if not readings or any(byte < 9 or 13 < byte < 32 for byte in set(sample)):
        return None, (problem("C006", file),)
    best = max(readings, key=lambda encoding: readings[encoding][0])
    score, chosen = readings[best]
    text = content.decode(best)
    rivals = [e for e in readings if readings[e][1] != chosen and readings[e][0] > score * 0.8 - 1]
    proof = _proof(chosen)
    message = f"the letters were read as {ENCODINGS[best]}: {_quoted(proof.values())}"
    if score < 0:
        return text, (problem("C021", file, value=ENCODINGS[best], message=message),)
    if not rivals:
        return text, (problem("C007", file, value=ENCODINGS[best], message=message),)
    rival = rivals[0]  # the usual ones come first
    others = [_foreign(readings[rival][1][at])[:1] for at in proof]
    message += f"; they could be {ENCODINGS[rival]}: {_quoted(name for names in others for name in names)}"
    return text, (problem("C021", file, value=ENCODINGS[best], message=message),)


def _likely(encoding: str, line: str) -> float:
    """Weigh one line in one reading: letters that fit together, and above all names that fit their addresses."""
    score = 0.0
    addresses = " ".join(fold(found) for found in re.findall(r"[\w.+-]+(?=@)", line))
    labels = {
        label.upper() for domain in re.findall(r"@([\w.-]+)", line) for label in domain.split(".") if len(label) == 2
    }
    if labels:
        homes = AT_HOME[encoding].split()
        everywhere = " ".join(AT_HOME.values()).split()
        score += 1.0 if labels & set(homes) or (encoding == "cp1252" and not labels & set(everywhere)) else 0.0
    for word in re.findall(r"[^\s,;|\t\"@<>()]+", line):
        if word.isascii():
            continue
        score += _fits(word)
        plain = fold(word)
        if len(plain) > 2 and addresses and plain.isascii():
            score += 3.0 if plain in addresses or fold(word.translate(UMLAUTS)) in addresses else -1.0
    return score


def _fits(word: str) -> float:
    """Weigh one word with letters beyond ASCII: one script, no signs or capitals in the middle, nothing invisible."""
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
        elif not c.isalpha() or (not capitals and c.isupper() and before.isalpha() and before.islower()):
            score -= 2.0
        elif c in "þÞðÐýÝ¤ªºµƒ":
            score += 0.2
        else:
            score += 0.5
    return score


def _proof(lines: list[str]) -> dict[int, str]:
    """Return two names with letters beyond ASCII, by the index of their line; headings only where there are no names."""
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


# ----------------------------------------------------------------------------------------------------- separators


def separator(text: str) -> tuple[str, str, int]:
    """Find what stands between the cells. A first line `sep=;` says it; return the text and lines without that line."""
    said = re.match(r"sep=(.)\r?\n", text)
    if said:
        return said[1], text[said.end() :], 1
    sample = "".join(text[:65_536].splitlines(keepends=True)[:50])
    headings = words.table("heading")

    def score(between: str) -> tuple[int, float]:
        """Known headings in one row, then how many cells most rows have."""
        try:
            records = [cells for _, cells in islice(_records(sample, between, 0, strict=False), 50)]
        except csv.Error:
            return 0, 0.0
        known = max((sum(field_of(cell, headings) is not None for cell in cells) for cells in records[:20]), default=0)
        widths = sorted(len(cells) for cells in records)
        return known if known > 1 else 0, widths[len(widths) // 2] if widths else 0

    return max(SEPARATORS, key=score), text, 0


def _records(text: str, separator: str, skipped: int, *, strict: bool = True) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=strict)
    begins = 1
    for cells in reader:
        if any(map(str.strip, cells)):
            yield begins + skipped, cells
        begins = reader.line_num + 1


def _open_quote(text: str, separator: str) -> int:
    """Return the line on which the record with the open quotation mark begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    begins = 1
    try:
        for _ in reader:
            begins = reader.line_num + 1
    except csv.Error:
        pass
    return begins
