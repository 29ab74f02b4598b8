"""What a plan was made from: every cell, every line, every setting that counts. It explains a stale
plan.

Kept packed beside the mail-out, so that a coordinator who changed a sheet reads which cell, not
just "something".
"""

from __future__ import annotations

import difflib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mailer.base.errors import Problem
from mailer.base.problems import problem

Cells = Mapping[str, Mapping[str, Mapping[str, str]]]
"""File → tab (empty in CSV) → cell → what stands there."""

SETTINGS = "config.toml"


@dataclass(frozen=True)
class Sources:
    """Cells of the contact sheets, lines of the appeal, settings that decide who gets what from
    whom.
    """

    cells: Cells = field(default_factory=dict)
    text: Mapping[str, str] = field(default_factory=dict)  # file → its text
    files: Mapping[str, str] = field(
        default_factory=dict
    )  # file → sha256, attachments and pictures too
    settings: Mapping[str, str] = field(default_factory=dict)  # "smtp.host" → value; never a secret

    def pack(self) -> bytes:
        """Return two streams of zlib, one behind the other: whether anything has changed, and then
        what it was.
        """
        whether = {"files": dict(self.files), "settings": dict(self.settings)}
        what = {
            "cells": {file: dict(tabs) for file, tabs in self.cells.items()},
            "text": dict(self.text),
        }
        parts = (
            json.dumps(part, ensure_ascii=False) for part in (whether, what)
        )  # the order of the sheets is kept
        return b"".join(zlib.compress(part.encode()) for part in parts)

    @staticmethod
    def unpack(packed: bytes) -> Sources:
        parts: dict[str, Any] = {}
        while packed:
            part, packed = _first(packed)
            parts |= part
        return Sources(**parts)

    @staticmethod
    def agree(packed: bytes, files: Mapping[str, str], settings: Mapping[str, str]) -> bool:
        """Tell whether these are a plan's files, by fingerprint, and its settings; its cells are
        not looked at.
        """
        part, _ = _first(packed)
        return bool(part["files"] == files and part["settings"] == settings)

    def changes(self, now: Sources) -> list[Problem]:
        """List what is different today, settings first, then file by file, as problems of code
        S201.
        """
        return [*self._settings(now), *self._cells(now), *self._lines(now), *self._other_files(now)]

    def _settings(self, now: Sources) -> Iterator[Problem]:
        for key in sorted(self.settings.keys() | now.settings.keys()):
            before, after = self.settings.get(key, ""), now.settings.get(key, "")
            if before != after:
                yield _changed(SETTINGS, f"{key}: {before or '(empty)'}", after)

    def _cells(self, now: Sources) -> Iterator[Problem]:
        for file in sorted(self.cells.keys() | now.cells.keys()):
            before, after = self.cells.get(file), now.cells.get(file)
            if before is None or after is None:
                yield _changed(
                    file,
                    "(no sheet)" if before is None else "the sheet",
                    "" if after is None else "the sheet",
                )
                continue
            for tab in [*before, *(tab for tab in after if tab not in before)]:
                old, new = before.get(tab, {}), after.get(tab, {})
                for cell in [*old, *(cell for cell in new if cell not in old)]:
                    if old.get(cell, "") != new.get(cell, ""):
                        yield _changed(
                            file, old.get(cell, ""), new.get(cell, ""), sheet=tab or None, cell=cell
                        )

    def _lines(self, now: Sources) -> Iterator[Problem]:
        for file in sorted(self.text.keys() | now.text.keys()):
            before, after = (
                self.text.get(file, "").splitlines(),
                now.text.get(file, "").splitlines(),
            )
            blocks = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
            for kind, start, end, new_start, new_end in blocks:
                if kind != "equal":
                    old, new = " ".join(before[start:end]), " ".join(after[new_start:new_end])
                    yield _changed(file, _short(old), _short(new), row=new_start + 1)

    def _other_files(self, now: Sources) -> Iterator[Problem]:
        shown = self.cells.keys() | now.cells.keys() | self.text.keys() | now.text.keys()
        for file in sorted((self.files.keys() | now.files.keys()) - shown):
            before, after = self.files.get(file, ""), now.files.get(file, "")
            if before != after:
                yield _changed(
                    file,
                    "the file as it was" if before else "(no file)",
                    "another file" if after else "",
                )


def _first(packed: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the first part, and the packed ones behind it."""
    stream = zlib.decompressobj()
    return json.loads(stream.decompress(packed)), stream.unused_data


def _changed(
    file: str,
    before: str,
    after: str,
    *,
    sheet: str | None = None,
    cell: str | None = None,
    row: int | None = None,
) -> Problem:
    message = f"changed since the plan: {before or '(empty)'} → {after or '(empty)'}"
    return problem("S201", file, sheet=sheet, cell=cell, row=row, message=message)


def _short(text: str, width: int = 60) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
