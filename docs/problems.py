"""Writes `problems.md`, the list of all problems, from the mailer's own table: `make docs`.

A test says when the page is not what this writes.
"""

from __future__ import annotations

from pathlib import Path

from mailer.base.problems import codes

PAGE = Path(__file__).with_name("problems.md")

BEGINNING = """# Problems, by their codes

Every message about a sheet, a letter or a setting carries a code. The first letter says where to
look: **C** contact sheets, **L** letters and appeals, **K** settings (`config.toml`), **S** safety.
`mailer explain CODE` shows the same words, with an example. This page is written by `make docs`.

An *error* cannot be used, a *warning* wants a look, a *note* is good to know. What an error
concerns: a *row* (that person is left out), a *file* (no plan is made while a sheet cannot be
read), an *appeal* (its letters are not planned), the *workspace* (nothing can be done in it), or
*send* (nothing is handed over, or nothing more; what was accepted before stays on record).
"""

SECTIONS = {
    "C": "Contact sheets and the hold list",
    "L": "Letters and appeals",
    "K": "Settings",
    "S": "Safety and sending",
}


def page() -> str:
    lines = [BEGINNING]
    for letter, title in SECTIONS.items():
        lines += [f"## {title}\n", "| code | severity | concerns | meaning | what to do |"]
        lines.append("|---|---|---|---|---|")
        lines += [
            f"| {code} | {kind.severity} | {kind.scope} | {_said(kind.message)} |"
            f" {_said(kind.advice)} |"
            for code, kind in codes().items()
            if code.startswith(letter)
        ]
        lines.append("")
    return "\n".join(lines)


def _said(text: str) -> str:
    """Write a sentence with its capital and its end, safe in a cell of a table."""
    sentence = text[0].upper() + text[1:] + ("" if text.endswith((".", "?", "`")) else ".")
    return sentence.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
