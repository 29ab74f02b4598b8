"""What a plan was made from: every cell, every line, every setting that counts. It explains a stale plan.

Kept packed beside the mail-out, so that a coordinator who changed a sheet reads which cell, not just "something".
"""

from __future__ import annotations

import difflib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

Cells = Mapping[str, Mapping[str, Mapping[str, str]]]
"""File → tab (empty in CSV) → cell → what stands there."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between the plan and the workspace of today."""

    file: str
    place: str  # sheet "Members" · D17, line 12, or a setting's name
    before: str
    now: str

    def __str__(self) -> str:
        return f"{self.place}: {self.before or '(empty)'} → {self.now or '(empty)'}"


@dataclass(frozen=True)
class Sources:
    """Cells of the contact sheets, lines of the appeal, settings that decide who gets what from whom."""

    cells: Cells = field(default_factory=dict)
    text: Mapping[str, str] = field(default_factory=dict)  # file → its text
    files: Mapping[str, str] = field(default_factory=dict)  # file → sha256, attachments and pictures too
    settings: Mapping[str, str] = field(default_factory=dict)  # "smtp.host" → value; never a secret

    def pack(self) -> bytes:
        return zlib.compress(json.dumps(asdict(self), ensure_ascii=False, sort_keys=True).encode())

    @staticmethod
    def unpack(packed: bytes) -> Sources:
        return Sources(**json.loads(zlib.decompress(packed)))

    def changes(self, now: Sources) -> list[Change]:
        """List what is different today, file by file."""
        return [*self._settings(now), *self._cells(now), *self._lines(now), *self._other_files(now)]

    def _settings(self, now: Sources) -> Iterator[Change]:
        for key in sorted(self.settings.keys() | now.settings.keys()):
            before, after = self.settings.get(key, ""), now.settings.get(key, "")
            if before != after:
                yield Change("config.toml", key, before, after)

    def _cells(self, now: Sources) -> Iterator[Change]:
        for file in sorted(self.cells.keys() | now.cells.keys()):
            before, after = self.cells.get(file), now.cells.get(file)
            if before is None or after is None:
                yield Change(
                    file, "the whole sheet", "" if before is None else "there", "" if after is None else "there"
                )
                continue
            for tab in [*before, *(tab for tab in after if tab not in before)]:
                old, new = before.get(tab, {}), after.get(tab, {})
                for cell in [*old, *(cell for cell in new if cell not in old)]:
                    if old.get(cell, "") != new.get(cell, ""):
                        where = f'sheet "{tab}" · {cell}' if tab else cell
                        yield Change(file, where, old.get(cell, ""), new.get(cell, ""))

    def _lines(self, now: Sources) -> Iterator[Change]:
        for file in sorted(self.text.keys() | now.text.keys()):
            before, after = self.text.get(file, "").splitlines(), now.text.get(file, "").splitlines()
            blocks = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
            for kind, start, end, new_start, new_end in blocks:
                if kind != "equal":
                    old, new = " ".join(before[start:end]), " ".join(after[new_start:new_end])
                    yield Change(file, f"line {new_start + 1}", _short(old), _short(new))

    def _other_files(self, now: Sources) -> Iterator[Change]:
        shown = self.cells.keys() | now.cells.keys() | self.text.keys() | now.text.keys()
        for file in sorted((self.files.keys() | now.files.keys()) - shown):
            before, after = self.files.get(file, ""), now.files.get(file, "")
            if before != after:
                yield Change(file, "the file", before[:12], after[:12])


def _short(text: str, width: int = 60) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
