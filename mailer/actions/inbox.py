"""What users do with what comes back, without a word for a screen."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

from mailer.base.errors import UsageError
from mailer.inbox.kinds import Judged
from mailer.inbox.mail.parts import take_apart
from mailer.inbox.sorting.judge import examine
from mailer.inbox.thread import SentLetters, Threading
from mailer.ledger.reading.sent import SentLetter

COLUMNS = ("delivery", "message_id", "envid", "address", "name", "delegation", "subject", "date")
"""What a table of sent letters needs to have; more columns are welcome."""


@dataclass(frozen=True)
class Sorted:
    """One message of a folder, sorted and threaded."""

    file: str
    judgement: Judged
    threading: Threading
    faults: tuple[str, ...]  # what of it could not be read


def try_folder(folder: Path, sent: SentLetters) -> Iterator[Sorted]:
    """Sort and thread every message of a folder, and touch nothing.

    Messages are the files that end in .eml; where there is none, every file.
    """
    files = sorted(one for one in folder.iterdir() if one.is_file() and one.name[:1] != ".")
    for path in [one for one in files if one.suffix.casefold() == ".eml"] or files:
        with path.open("rb") as file:
            mail = take_apart(file)
        judgement, threading, _ = examine(mail, sent)
        yield Sorted(path.name, judgement, threading, tuple(mail.faults))


def sent_table(path: Path) -> SentLetters:
    """Read a table of sent letters from a CSV file. Raises UsageError with the line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise UsageError(
                    f"{path.name} lacks the column {missing[0]!r}.",
                    hint=f"its first line needs {', '.join(COLUMNS)}",
                )
            return SentLetters([_letter(path, line, row) for line, row in enumerate(rows, 2)])
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path.name} is no table in UTF-8: {error}") from None


def _letter(path: Path, line: int, row: dict[str, str]) -> SentLetter:
    values = {name: (row[name] or "").strip() for name in COLUMNS}
    text = values.pop("date")
    try:
        date = parsedate_to_datetime(text) if text else None
    except ValueError:
        raise UsageError(
            f"{path.name}, line {line}: {text!r} is no date.",
            hint="write it as in a mail: Mon, 11 Jan 2027 08:31:00 +0000",
        ) from None
    return SentLetter(**values, date=date)
