"""Facts about the documentation: what can be typed, set or shown is explained, and what is
explained exists.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic_core import PydanticUndefined

from mailer.base.errors import MailerError
from mailer.base.problems import codes
from mailer.base.settings.tables import Settings
from mailer.base.settings.toml_lines import keys_of
from mailer.base.settings.workspace import load_workspace
from mailer.cli import cli
from mailer.cli.context import Everywhere, everywhere

ROOT = Path(__file__).parents[1]
DOCS = {
    path.name: path.read_text(encoding="utf-8")
    for path in [*ROOT.glob("docs/*.md"), ROOT / "README.md"]
}


def sections(text: str, level: str) -> dict[str, str]:
    """Return heading → what stands below it, up to the next heading of this level or a
    higher one.
    """
    found = re.split(rf"^(#{{1,{len(level)}}}) (.*)\n", text, flags=re.MULTILINE)[1:]
    return {
        heading: body
        for marks, heading, body in zip(found[::3], found[1::3], found[2::3], strict=True)
        if marks == level
    }


def leaves(
    command: click.Command = cli, path: str = "mailer"
) -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something: `("mailer config show", …)`."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from leaves(inner, f"{path} {name}")


COMMANDS = dict(leaves())


# ----------------------------------------------------------------------------------------- commands


@pytest.mark.parametrize("path", COMMANDS)
def test_command_is_documented_with_its_options(path: str) -> None:
    found = [
        body
        for heading, body in sections(DOCS["commands.md"], "###").items()
        if f"{heading} ".startswith(f"{path} ")
    ]
    assert len(found) == 1, f"docs/commands.md needs one heading: ### {path}"
    own = [
        param
        for param in COMMANDS[path].params
        if isinstance(param, click.Option) and not isinstance(param, Everywhere)
    ]
    missing = [flag for param in own for flag in param.opts if f"`{flag}" not in found[0]]
    assert not missing, f"docs/commands.md, {path}: say what {missing} do"


def test_no_command_is_documented_that_is_not_there() -> None:
    headings = sections(DOCS["commands.md"], "###")
    ghosts = [
        heading
        for heading in headings
        if not any(f"{heading} ".startswith(f"{path} ") for path in COMMANDS)
    ]
    assert not ghosts


@pytest.mark.parametrize("path", COMMANDS)
def test_command_has_a_sentence_of_help_and_so_has_each_option(path: str) -> None:
    command = COMMANDS[path]
    assert (command.help or "").split("\n\n")[0].rstrip().endswith(".")
    assert [
        param.name for param in command.params if isinstance(param, click.Option) and not param.help
    ] == []


def test_flags_of_every_command_are_documented() -> None:
    text = sections(DOCS["commands.md"], "##")["Everywhere"]
    assert [flag for param in everywhere() for flag in param.opts if f"`{flag}`" not in text] == []


def test_every_exit_code_is_documented_once() -> None:
    def kinds(kind: type[MailerError]) -> Iterator[int]:
        yield kind.exit_code
        for inner in kind.__subclasses__():
            yield from kinds(inner)

    rows = re.findall(
        r"^\| (\d+) \|", sections(DOCS["commands.md"], "##")["Exit codes"], re.MULTILINE
    )
    assert sorted(map(int, rows)) == sorted({0, 130, *kinds(MailerError)})


@pytest.mark.parametrize("name", sorted(DOCS))
def test_commands_that_are_shown_exist(name: str) -> None:
    """In blocks and in `code`: `mailer plan first-appeal`, `make demo`."""
    text = DOCS[name]
    code = re.findall(r"^```.*?\n(.*?)^```", text, re.MULTILINE | re.DOTALL) + re.findall(
        r"`([^`\n]+)`", text
    )
    typed = [line.removeprefix("$ ").strip() for block in code for line in block.splitlines()]
    targets = re.findall(
        r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    ghosts = []
    for line in typed:
        words = [word for word in re.sub(r"-C \S+ ", "", line).split() if not word.startswith("-")]
        if line.startswith("make ") and words[1] not in targets:
            ghosts.append(line)
        if line.startswith("mailer ") and len(words) > 1 and words[1].islower():
            known = {path.split()[1] for path in COMMANDS} | {
                path.partition(" ")[2] for path in COMMANDS
            }
            group = cli.get_command(click.Context(cli), words[1])
            if words[1] not in known or (
                isinstance(group, click.Group)
                and words[2:3] != ["…"]
                and " ".join(words[1:3]) not in known
            ):
                ghosts.append(line)
    assert not ghosts


# ----------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize("table", keys_of(Settings))
def test_every_setting_is_documented_with_its_default(table: str) -> None:
    text = sections(DOCS["configuration.md"], "##")[f"[{table}]"]
    written = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", text, re.MULTILINE))
    assert list(written) == keys_of(Settings, (table,))
    model = Settings.model_fields[table].annotation
    assert model is not None
    for field in model.model_fields.values():
        name = field.alias or next(
            name for name, other in model.model_fields.items() if other is field
        )
        default = field.get_default(call_default_factory=True)
        if default is PydanticUndefined:
            assert written[name] == "needed"
        elif default is None:
            assert written[name] == "not set"
        else:
            assert written[name] == f"`{json.dumps(default)}`"


def test_example_of_the_settings_loads(tmp_path: Path) -> None:
    (example,) = re.findall(
        r"^```toml\n(.*?)^```", DOCS["configuration.md"], re.MULTILINE | re.DOTALL
    )
    assert tomllib.loads(example)
    (tmp_path / "config.toml").write_text(example, encoding="utf-8")
    load_workspace(tmp_path)


# ----------------------------------------------------------------------------------------- problems


@pytest.mark.parametrize("name", sorted(DOCS))
def test_links_between_the_pages_lead_somewhere(name: str) -> None:
    folder = ROOT if name == "README.md" else ROOT / "docs"
    links = re.findall(r"\]\((?!https?:|mailto:)([^)#\s]+)", DOCS[name])
    assert [link for link in links if not (folder / link).exists()] == []


def test_every_problem_code_stands_in_the_table_and_is_used() -> None:
    text = "\n".join(path.read_text("utf-8") for path in (ROOT / "mailer").rglob("*.py"))
    used = set(re.findall(r'"([CLKS]\d{3})"', text))
    assert sorted(used - codes().keys()) == [], "say in base/problems.toml what these mean"
    assert sorted(codes().keys() - used) == [], "these are explained and never used"


@pytest.mark.parametrize("name", ["problems", "modules"])
def test_page_that_is_made_from_the_code_is_up_to_date(name: str) -> None:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    spec.loader.exec_module(module := importlib.util.module_from_spec(spec))
    assert DOCS[f"{name}.md"] == module.page(), "make docs"


def test_manual_page_has_every_command_and_reads_well(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("man", ROOT / "docs" / "man.py")
    assert spec is not None and spec.loader is not None
    spec.loader.exec_module(module := importlib.util.module_from_spec(spec))
    (page := tmp_path / "mailer.1").write_text(module.page(), encoding="utf-8")
    reader = shutil.which("groff")
    if reader is None:
        pytest.skip("groff is not installed: the page is not set")
    command = [reader, "-Kutf8", "-man", "-Tutf8", "-ww", "-z", str(page)]
    set_ = subprocess.run(command, capture_output=True, text=True, check=True)
    assert set_.stderr == ""
    command.remove("-z")
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for words in ("mailer log forget", "--because", "mailer plan"):
        assert words in re.sub(r"\x1b\[\d*m|.\x08", "", text)
