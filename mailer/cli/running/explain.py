"""`mailer explain CODE`: the long version of a message: what it means, what it looks like, what to
do.
"""

from __future__ import annotations

import re
from pathlib import Path

import click

from mailer.base.errors import UsageError
from mailer.cli.context import Command, Desk

ROW = re.compile(
    r"^\| ([A-Z]\d{3}) \|(?: (?:error|warning|note) \|)? (.*?) \| (.*?) \|$", re.MULTILINE
)


@click.command(cls=Command)
@click.argument("code", required=False)
@click.pass_obj
def explain(desk: Desk, code: str | None) -> None:
    """Explain a code such as C104; without one, list them all."""
    known = _known()
    if code is None:
        for name, about in known.items():
            if desk.json:
                desk.data({"code": name, **about})
            else:
                desk.out.print(f"{name}  {about['meaning']}", soft_wrap=True)
        return
    about = known.get(code.upper(), {})
    if not about:
        raise UsageError(f"There is no code {code}.", hint="mailer explain lists them all")
    if desk.json:
        desk.data({"code": code.upper(), **about})
        return
    severity = f" ({about['severity']})" if about.get("severity") else ""
    desk.out.print(f"{code.upper()}{severity}: {about['meaning']}", style="bold", soft_wrap=True)
    if about.get("example"):
        desk.out.print(f"  for example   {about['example']}", soft_wrap=True)
    desk.out.print(f"  what to do    {about['advice']}", soft_wrap=True)


def _known() -> dict[str, dict[str, str]]:
    """Return code → meaning, advice and, for contact sheets, severity and example, in the order of
    the codes.
    """
    from mailer.base.problems import codes

    package = Path(__file__).parents[2]
    found: dict[str, dict[str, str]] = {}
    for page in (
        package.parent / "docs" / "problems.md",
        package / "problems.md",
    ):  # checkout; installed
        if page.is_file():
            rows = ROW.findall(page.read_text(encoding="utf-8"))
            found |= {
                code: {"meaning": meaning, "advice": advice} for code, meaning, advice in rows
            }
    for code, kind in codes().items():
        found[code] = {
            "severity": kind.severity.value,
            "meaning": kind.message,
            "advice": kind.advice,
            "example": kind.example,
        }
    return dict(sorted(found.items()))
