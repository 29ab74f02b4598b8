"""CSV and TSV (RFC 4180): which separator, and on which line each record begins."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from mailer.base.problems import problem
from mailer.contacts.sheets import vocabulary
from mailer.contacts.sheets.columns import field_of
from mailer.contacts.sheets.encodings import opened, recognise
from mailer.contacts.sheets.table import CELLS_IN_A_ROW, MAX_COLUMNS, Reading, Row, Table

if TYPE_CHECKING:
    from _csv import Reader

SEPARATORS = ",;\t|"

_FUNCTION = r"[A-Za-z.]{2,20}\("
_BARE_FORMULA = re.compile(rb"(?:^|[,;\t|\r\n])=" + _FUNCTION.encode())

_EQUALS = re.compile(r'="([^"]*)"')


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
    layout = layout_of(opened(content, encoding).read(65_536))
    reading = Reading()
    for way in layout.ways(content, encoding):
        found = _records(file, content, encoding, way, max_rows)
        reading = reading if reading.problems and found.problems else found
        if not found.problems or found.problems[0].code != "C008":
            break
    if reading.problems:
        return reading
    return Reading(reading.tables, problems)


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


def _lines(content: bytes, encoding: str) -> Iterator[str]:
    with opened(content, encoding) as file:
        while line := file.readline(MOST_IN_A_LINE):
            if len(line) == MOST_IN_A_LINE and line[-1] not in "\r\n":
                raise _TooLong
            yield line.replace("\0", "") if "\0" in line else line


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file writes its cells."""

    separator: str
    skipped: int = 0  # lines above the first record: `sep=;`
    blank: bool = False  # a blank stands between the separator and a quotation mark
    backslash: bool = False  # a quotation mark inside a cell is \\"
    behind: bool = False  # a blank stands between a quotation mark and the separator
    strict: bool = True  # nothing stands behind a quotation mark that closes a cell
    formulas: bool = False  # formulas stand there as they were typed, quotation marks and all

    def ways(self, content: bytes, encoding: str) -> Iterator[Layout]:
        """Yield this layout, and what it may be where quotation marks do not come out even."""
        if _BARE_FORMULA.search(content):
            yield replace(self, formulas=True)
        yield self
        if '\\"'.encode(encoding.removesuffix("-sig")).removeprefix(b"\xff\xfe") in content:
            yield replace(self, backslash=True)  # as MySQL and old PHP do
        if self.behind:
            yield replace(self, strict=False)

    def reader(self, lines: Iterable[str]) -> Reader:
        """Return the records of some lines."""
        return csv.reader(
            map(self._as_one_cell, lines) if self.formulas else lines,
            delimiter=self.separator,
            skipinitialspace=self.blank,
            doublequote=not self.backslash,
            escapechar="\\" if self.backslash else None,
            strict=self.strict,
        )

    def _as_one_cell(self, line: str) -> str:
        """Put quotation marks around each formula of a line: `=HYPERLINK("mailto:…";"…")`."""
        if "=" not in line or "(" not in line:
            return line
        begins = re.compile(rf"(?:^|(?<={re.escape(self.separator)}))={_FUNCTION}")
        found, at = "", 0
        while formula := begins.search(line, at):
            end, depth, text = formula.end(), 1, False
            while end < len(line) and depth:
                text ^= line[end] == '"'
                depth += 0 if text else (line[end] == "(") - (line[end] == ")")
                end += 1
            if depth:
                break
            quoted = line[formula.start() : end].replace('"', '""')
            found += f'{line[at : formula.start()]}"{quoted}"'
            at = end
        return found + line[at:]


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
    behind = re.search(rf'[^{re.escape(best)}\s]" +{re.escape(best)}', sample) is not None
    return Layout(best, blank=blank(best), behind=behind)
