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
from itertools import islice

from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.base.spelling import UMLAUTS, fold
from mailer.contacts.sheets import vocabulary
from mailer.contacts.sheets.columns import field_of
from mailer.contacts.sheets.table import CELLS_IN_A_ROW, MAX_COLUMNS, Reading, Row, Table

SEPARATORS = ",;\t|"

PIECE = 1 << 20

ENCODINGS = {
    "cp1252": "Windows-1252 (Western Europe)", "cp1250": "Windows-1250 (Central Europe)",
    "cp1254": "Windows-1254 (Turkish)", "cp1253": "Windows-1253 (Greek)",
    "cp1251": "Windows-1251 (Cyrillic)", "cp1257": "Windows-1257 (Baltic)",
    "iso8859_2": "ISO-8859-2 (Central Europe)", "iso8859_9": "ISO-8859-9 (Turkish)",
    "mac_roman": "Macintosh (Western Europe)", "cp850": "MS-DOS (Western Europe)",
}  # fmt: skip
"""The readings that are tried, the usual ones first."""

AT_HOME = {
    "cp1252": "", "cp1250": "PL CZ SK HU SI HR BA RS ME RO AL",
    "iso8859_2": "PL CZ SK HU SI HR BA RS ME RO AL", "cp1254": "TR AZ", "iso8859_9": "TR AZ",
    "cp1253": "GR CY", "cp1251": "BG UA MK RS RU BY", "cp1257": "LT LV EE", "mac_roman": "",
    "cp850": "",
}  # fmt: skip
"""Whose letters an encoding has; for all other delegations it is cp1252."""

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
    between, _, skipped = separator(_open(content, encoding).read(65_536))
    rows: list[Row] = []
    begins, cells_read = 1 + skipped, 0
    too_long = "one of the cells of this row holds more text than a whole contact sheet"
    lines = islice(_lines(content, encoding), skipped, None)
    reader = csv.reader(lines, delimiter=between, strict=True)
    try:
        for cells in reader:
            if any(cells) and any(map(str.strip, cells)):
                while not cells[-1]:
                    cells.pop()
                rows.append((begins, cells))
                cells_read += len(cells)
                if len(cells) > MAX_COLUMNS:
                    message = "this row has more columns than any contact sheet"
                    return Reading(problems=(problem("C014", file, row=begins, message=message),))
                if len(rows) > max_rows:
                    return Reading(problems=(problem("C015", file, row=begins),))
                if cells_read > max_rows * CELLS_IN_A_ROW:
                    return Reading(
                        problems=(problem("C014", file, value=f"more than {cells_read:,} cells"),)
                    )
            begins = reader.line_num + 1 + skipped
    except _TooLong:
        return Reading(problems=(problem("C014", file, row=begins, message=too_long),))
    except csv.Error as error:
        if "field larger" in str(error):
            return Reading(problems=(problem("C014", file, row=begins, message=too_long),))
        return Reading(problems=(problem("C008", file, row=begins),))
    return Reading((Table(file, None, rows),), problems)


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
    lines = [line for line in re.split(rb"[\r\n]+", sample) if not line.isascii()][:2_000]
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
    rivals = [e for e in readings if readings[e][1] != chosen and readings[e][0] > score * 0.8 - 1]
    proof = _proof(chosen)
    message = f"the letters were read as {ENCODINGS[best]}: {_quoted(proof.values())}"
    if score < 0:
        return best, (problem("C021", file, value=ENCODINGS[best], message=message),)
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
    addresses = " ".join(fold(found) for found in re.findall(r"[\w.+-]+(?=@)", line))
    labels = {
        label.upper()
        for domain in re.findall(r"@([\w.-]+)", line)
        for label in domain.split(".")
        if len(label) == 2
    }
    if labels:
        homes = AT_HOME[encoding].split()
        everywhere = " ".join(AT_HOME.values()).split()
        score += (
            1.0
            if labels & set(homes) or (encoding == "cp1252" and not labels & set(everywhere))
            else 0.0
        )
    for word in re.findall(r"[^\s,;|\t\"@<>()]+", line):
        if word.isascii():
            continue
        score += _fits(word)
        plain = fold(word)
        if len(plain) > 2 and addresses and plain.isascii():
            score += (
                3.0 if plain in addresses or fold(word.translate(UMLAUTS)) in addresses else -1.0
            )
    return score


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


def separator(text: str) -> tuple[str, str, int]:
    """Find what stands between the cells. A first line `sep=;` says it; return the text and lines
    without that line.
    """
    said = re.match(r"sep=(.)\r?\n", text)
    if said:
        return said[1], text[said.end() :], 1
    sample = "".join(text[:65_536].splitlines(keepends=True)[:50])
    headings = vocabulary.table("heading")

    def score(between: str) -> tuple[int, float]:
        """Known headings in one row, then how many cells most rows have."""
        try:
            records = list(
                islice(
                    filter(None, csv.reader(io.StringIO(sample, newline=""), delimiter=between)), 50
                )
            )
        except csv.Error:
            return 0, 0.0
        known = max(
            (sum(field_of(cell, headings) is not None for cell in cells) for cells in records[:20]),
            default=0,
        )
        widths = sorted(len(cells) for cells in records)
        return known if known > 1 else 0, widths[len(widths) // 2] if widths else 0

    return max(SEPARATORS, key=score), text, 0
