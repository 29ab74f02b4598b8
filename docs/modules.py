"""Writes `modules.md`, one line for each module, from their first lines: `make docs`."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).with_name("modules.md")
JOURNEY = ["base", "contacts", "letters", "plan", "ledger", "sending", "inbox", "report"]
JOURNEY += ["actions", "console", "cli"]

BEGINNING = """# The modules, in the order of the journey

Each folder imports only from those above it. This page is written by `make docs`.
"""


def page() -> str:
    """Return the page: a section for each folder, a line for each module."""
    lines = [BEGINNING]
    for folder in JOURNEY:
        root = ROOT / "mailer" / folder
        lines += [f"## {folder}", "", _first_sentence(root / "__init__.py"), ""]
        for path in sorted(
            root.rglob("*.py"), key=lambda one: (one.parent != root, one.as_posix())
        ):
            if path.name != "__init__.py" or path.parent != root:
                name = path.relative_to(root).as_posix().removesuffix("__init__.py")
                if "versions/" not in name:
                    lines.append(f"- `{name}` {_first_sentence(path)}")
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def _first_sentence(path: Path) -> str:
    said = " ".join((ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split())
    return re.split(r"(?<=[.!?])\s", said, maxsplit=1)[0]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
