"""`mailer explain CODE`: the long version of a message: what it means, what it looks like, what to
do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailer.base.errors import UsageError
from mailer.cli.context import Command, Context

if TYPE_CHECKING:
    from mailer.base.problems import ProblemKind


@click.command(cls=Command)
@click.argument("code", required=False)
@click.pass_obj
def explain(context: Context, code: str | None) -> None:
    """Explain a code such as C104; without one, list them all."""
    from mailer.base.problems import codes

    if code is None:
        for name, kind in codes().items():
            if context.json:
                context.data(_data(name, kind))
            else:
                context.out.print(f"{name}  {kind.message}", soft_wrap=True)
        return
    name = code.upper()
    if name not in codes():
        raise UsageError(f"There is no code {code}.", hint="mailer explain lists them all")
    kind = codes()[name]
    if context.json:
        context.data(_data(name, kind))
        return
    context.out.print(f"{name} ({kind.severity}): {kind.message}", style="bold", soft_wrap=True)
    context.out.print(f"  for example   {kind.example}", soft_wrap=True)
    context.out.print(f"  what to do    {kind.advice}", soft_wrap=True)


def _data(code: str, kind: ProblemKind) -> dict[str, str]:
    return {
        "code": code,
        "severity": kind.severity.value,
        "scope": kind.scope.value,
        "meaning": kind.message,
        "advice": kind.advice,
        "example": kind.example,
    }
