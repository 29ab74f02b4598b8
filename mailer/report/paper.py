"""A report as one page: the same parts as HTML that needs nothing else, and as a tagged PDF.

Words go in as data and are never read as markup, so that no title or name can become any.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from pathlib import Path

from mailer.letters import formal

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1c2330}h1{font-size:1.6rem;margin:0}h2{font-size:1.05rem;margin:1.6rem 0 .4rem}"
    "table{border-collapse:collapse;margin:.4rem 0}th,td{padding:.15rem .6rem;border-bottom:1px "
    "solid #dedbd3;text-align:right;font-variant-numeric:tabular-nums}th:first-child,"
    "td:first-child{text-align:left}td:first-child{font-weight:600}@media print{body{margin:0}}"
)


@dataclass(frozen=True, slots=True)
class ReportPart:
    """A heading with what stands below it: sentences, and a table whose first row heads it."""

    heading: str
    lines: Sequence[str] = ()
    table: Sequence[Sequence[str]] = ()


@dataclass(frozen=True, slots=True)
class ReportPage:
    """A whole report in one language."""

    language: str
    title: str
    below: str  # the title: of whom, and as of when
    sender: str
    parts: Sequence[ReportPart]


def as_html(page: ReportPage) -> bytes:
    """Return a file that shows the report in any browser; it fetches nothing."""
    body = "".join(map(_part, page.parts))
    return (
        f'<!doctype html><html lang="{page.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(page.title)}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{escape(page.title)}</h1><p>{escape(page.below)}</p>{body}</main></body></html>\n"
    ).encode()


def _part(part: ReportPart) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in part.lines)
    said = f"<h2>{escape(part.heading)}</h2>" + (f"<ul>{lines}</ul>" if lines else "")
    if not part.table:
        return said
    head, *rows = part.table
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    below = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"{said}<table><thead><tr>{top}</tr></thead><tbody>{below}</tbody></table>"


def as_pdf(page: ReportPage, root: Path) -> bytes:
    """Return the report on a page for printing; `root` is the workspace."""
    data = {
        "language": page.language,
        "title": page.title,
        "below": page.below,
        "sender": page.sender,
        "parts": [
            {"heading": part.heading, "lines": list(part.lines), "table": list(part.table)}
            for part in page.parts
        ],
    }
    source = resources.files("mailer.report").joinpath("report.typ").read_bytes()
    return formal.pdf([json.dumps(data, ensure_ascii=False)], root, source)
