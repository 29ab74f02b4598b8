"""`mailer completion`: what a shell needs to complete commands and options by the Tab key."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from mailer.cli.context import Command, Context

VARIABLE = "_MAILER_COMPLETE"
"""The shell sets it when it asks for words."""

WHERE = {
    "bash": "mailer completion bash > ~/.local/share/bash-completion/completions/mailer",
    "zsh": "mailer completion zsh > ~/.zfunc/_mailer",
    "fish": "mailer completion fish > ~/.config/fish/completions/mailer.fish",
}


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(list(WHERE)))
@click.pass_context
def completion(click_context: click.Context, shell: str) -> None:
    """Print what completes commands and options in a shell: bash, zsh or fish.

    \b
    mailer completion bash > ~/.local/share/bash-completion/completions/mailer
    mailer completion zsh > ~/.zfunc/_mailer
    mailer completion fish > ~/.config/fish/completions/mailer.fish
    """
    context: Context = click_context.obj
    made = get_completion_class(shell)
    assert made is not None
    source = made(click_context.find_root().command, {}, "mailer", VARIABLE)
    text = source.source_template % source.source_vars()
    if context.json:
        context.data({"shell": shell, "text": text})
    else:
        click.echo(text)
