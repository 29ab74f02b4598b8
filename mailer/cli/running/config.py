"""`mailer config show`: every setting in force, written as it would stand in config.toml."""

from __future__ import annotations

import json

import click

from mailer.cli.context import Command, CommandGroup, Context


@click.group(cls=CommandGroup)
def config() -> None:
    """The settings in force: show."""


@config.command(cls=Command)
@click.option(
    "--where",
    is_flag=True,
    help="Say which file and line, or which variable, each value came from.",
)
@click.pass_obj
def show(context: Context, where: bool) -> None:
    """Show every setting with its value, the defaults as well."""
    workspace = context.workspace
    settings = workspace.settings_with_origin()
    if context.json:
        found = {
            setting.key: {"value": setting.value, "where": setting.origin} for setting in settings
        }
        context.data({"workspace": workspace.root, "settings": found})
        return
    lines, heading = [], ""
    for setting in settings:
        table, _, key = setting.key.partition(".")
        if table != heading:
            lines.append(("", ""))
            lines.append((f"[{table}]", ""))
            heading = table
        text = (
            f"{key} = {_toml(setting.value)}"
            if setting.value is not None
            else f"# {key} is not set"
        )
        lines.append((text, f"# {setting.origin}"))
    width = max(len(text) for text, _ in lines)
    context.say(f"The settings of {workspace.root}:")
    for text, origin in lines:
        context.out.print(
            f"{text:<{width}}  {origin}" if where and origin else text, soft_wrap=True
        )


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f" {json.dumps(key)} = {_toml(inner)}" for key, inner in value.items())
            + " }"
        )
    return json.dumps(
        value, ensure_ascii=False
    )  # texts, numbers, booleans and lists look the same in both
