"""The command line: the table of commands, and the one place where errors become words and exit
codes.

    0 done · 1 problems found, some people not reached · 2 wrong usage · 3 refused for safety,
    nothing sent 4 stopped part-way, can be resumed · 5 server unreachable or login refused · 130
    Ctrl-C, can be resumed

A command lives in a module of its own that is imported when it runs; its line in the table is a
literal, so that `mailer --help` imports none of them. A command returns its exit code, or None for
0.
"""

from __future__ import annotations

import errno
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click
from click.exceptions import NoSuchCommand

from mailer import __version__
from mailer.base.errors import Interrupted, MailerError, Refused, UsageError
from mailer.cli.context import Command, CommandGroup, Context, printable, speak_plainly_where_needed

COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "everyday": {
        "demo": (
            "mailer.cli.everyday.demo:demo",
            "See it work on made-up people; nothing leaves this computer.",
        ),
        "init": ("mailer.cli.everyday.init:init", "Make a new workspace for real work."),
        "check": (
            "mailer.cli.everyday.check:check",
            "Everything that could go wrong, before it does.",
        ),
        "preview": (
            "mailer.cli.everyday.preview:preview",
            "One person's letter, as it would be sent.",
        ),
        "rehearse": (
            "mailer.cli.everyday.rehearse:rehearse",
            "The most different letters, sent to yourself.",
        ),
        "plan": (
            "mailer.cli.everyday.plan:plan",
            "Freeze who gets what; prints M-0001, sends nothing.",
        ),
        "send": ("mailer.cli.everyday.send:send", "Send a planned mail-out, or go on with it."),
        "draft": (
            "mailer.cli.everyday.draft:draft",
            "Letters as drafts in your own mailbox, for you to send.",
        ),
        "status": (
            "mailer.cli.everyday.status:status",
            "Where things stand, and what to type next.",
        ),
        "pause": ("mailer.cli.everyday.send:pause", "Pause a mail-out that is being sent."),
        "resume": ("mailer.cli.everyday.send:resume", "Go on with a paused mail-out."),
        "stop": ("mailer.cli.everyday.send:stop", "Give a mail-out up for good."),
        "resolve": (
            "mailer.cli.everyday.resolve:resolve",
            "Say what became of an unknown delivery, or release it.",
        ),
        "retry": (
            "mailer.cli.everyday.plan:retry",
            "Plan the rest of a mail-out anew; sends nothing.",
        ),
    },
    "contacts": {
        "contacts": (
            "mailer.cli.contacts:contacts",
            "The sheets: check, fix, accept, diff, new, import, show, hold.",
        ),
    },
    "letters": {
        "letters": ("mailer.cli.letters:letters", "Help for those who write letters: words."),
    },
    "log": {
        "log": (
            "mailer.cli.log:log",
            "The send log: people, find, show, export, verify, person, forget, adopt.",
        ),
    },
    "inbox": {
        "inbox": (
            "mailer.cli.inbox:inbox",
            "What comes back: scan, import, list, show, sort, try.",
        ),
    },
    "the members": {
        "audience": (
            "mailer.cli.campaign.audience:audience",
            "Saved audiences: a condition under a name.",
        ),
        "position": (
            "mailer.cli.campaign.position:position",
            "Where one member stands: set, show, clear.",
        ),
        "positions": (
            "mailer.cli.campaign.position:positions",
            "Where they all stand, and how far a challenge is.",
        ),
        "votes": (
            "mailer.cli.campaign.votes:votes",
            "How they voted in the past: import a roll call.",
        ),
        "calendar": (
            "mailer.cli.campaign.calendar:calendar",
            "What to do by when before a session, also as .ics.",
        ),
        "report": (
            "mailer.cli.campaign.report:report",
            "What an appeal has brought: one page, HTML or PDF.",
        ),
    },
    "running it": {
        "work": (
            "mailer.cli.running.work:work",
            "Help with whatever is being sent, also from another machine.",
        ),
        "console": (
            "mailer.cli.running.console:console",
            "The send log, sheets and letters in a browser.",
        ),
        "account": (
            "mailer.cli.running.account:account",
            "Who may use the console: add, link, role, close, list.",
        ),
        "doctor": (
            "mailer.cli.running.doctor:doctor",
            "Settings, files, clock, log, mail server: is all well?",
        ),
        "config": ("mailer.cli.running.config:config", "The settings in force: show."),
        "completion": (
            "mailer.cli.running.completion:completion",
            "Commands and options by the Tab key: bash, zsh, fish.",
        ),
        "explain": (
            "mailer.cli.running.explain:explain",
            "The long version of a message: explain C104.",
        ),
    },
}
"""Section → command → where it lives, and its one line in the help."""

READ_SHEETS = frozenset(
    {
        *("demo", "check", "preview", "rehearse", "plan", "send", "draft", "resume", "retry"),
        *("contacts", "audience", "position", "positions", "votes", "report"),
    }
)
"""Commands that read sheets or the hold list: the process that does so starts while
they are loaded, on another core.
"""


HELP = ("-h", "--help")


class Root(CommandGroup):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for section in COMMANDS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for section in COMMANDS.values():
            if cmd_name in section:
                module, _, attribute = section[cmd_name][0].partition(":")
                command = getattr(importlib.import_module(module), attribute)
                if not gc.isenabled():  # a process of our own (`__main__`): modules stay
                    gc.freeze()
                    gc.enable()
                assert isinstance(command, Command)
                return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in READ_SHEETS and not set(HELP).intersection(args):
            from mailer.actions import sheets

            sheets.get_ready()
        try:
            return super().resolve_command(ctx, args)
        except NoSuchCommand as error:
            for name in ("contacts", "log", "letters", "config"):
                group = self.get_command(ctx, name)
                if isinstance(group, click.Group) and error.command_name in group.commands:
                    raise UsageError(
                        f'"{error.command_name}" is a command of "mailer {name}".',
                        hint=f"mailer {name} {error.command_name} …",
                    ) from None
            raise NoSuchCommand(
                error.command_name, possibilities=self.list_commands(ctx), ctx=ctx
            ) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, section in COMMANDS.items():
            if section:
                with formatter.section(heading):
                    formatter.write_dl([(name, words) for name, (_, words) in section.items()])

    def main(
        self, args: Sequence[str] | None = None, prog_name: str | None = None, *_: Any, **extra: Any
    ) -> NoReturn:
        """Run one command and leave the process with its exit code."""
        if "_MAILER_COMPLETE" in os.environ:
            from click.shell_completion import shell_complete

            asked = os.environ["_MAILER_COMPLETE"]
            sys.exit(shell_complete(self, {}, "mailer", "_MAILER_COMPLETE", asked))
        speak_plainly_where_needed()
        context = Context()
        sys.exit(self._run(context, list(sys.argv[1:] if args is None else args)))

    def _run(self, context: Context, args: list[str]) -> int:
        try:
            with self.make_context("mailer", args, obj=context) as click_context:
                code: int | None = self.invoke(click_context)
            sys.stdout.flush()
        except click.exceptions.Exit as end:
            return end.exit_code
        except click.exceptions.NoArgsIsHelpError as error:
            context.out.print(error.format_message(), markup=False, highlight=False)
            return 0
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "mailer"
            context.json = context.json or "--json" in args  # the mistake may stand before the flag
            return _fail(
                context,
                MailerError(error.format_message(), hint=f"{command} -h"),
                click.UsageError.exit_code,
            )
        except MailerError as error:
            return _fail(context, error, error.exit_code)
        except (KeyboardInterrupt, click.Abort):
            context.say("\nStopped.")
            return 130
        except BrokenPipeError:  # the reader, `head` say, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except Exception as error:
            return _fail(context, _about_the_disk(error) or _mistake(context, error), 1)
        return code or 0


def _fail(context: Context, error: MailerError, exit_code: int) -> int:
    """Say what went wrong: the problems first, since the important line is the last."""
    from mailer.cli.screen.problems import show_problems

    if context.json:
        said = {"error": error.message, "code": error.code, "hint": error.hint, "exit": exit_code}
        context.data(said | {"problems": error.problems})
        return exit_code
    if error.problems:
        show_problems(context.err, error.problems, context.folder, everything=context.verbose > 0)
    word = (
        "refused"
        if isinstance(error, Refused)
        else "stopped"
        if isinstance(error, Interrupted)
        else "error"
    )
    context.err.print(f"{word}[{error.code}]" if error.code else word, style="bold red", end="")
    context.err.print(f": {printable(error.message)}", soft_wrap=True)
    if error.hint:
        context.err.print(
            f"  = {printable(context.typed(error.hint))}", style="cyan", soft_wrap=True
        )
    return exit_code


OF_THE_DISK = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT})


def _about_the_disk(error: Exception) -> MailerError | None:
    """Word what is nobody's mistake: a file that may not be read or written, a disk without room.
    None: it is another.
    """
    if not isinstance(error, OSError) or error.errno not in OF_THE_DISK or error.filename is None:
        return None
    hint = (
        "make room on the disk"
        if error.errno in (errno.ENOSPC, errno.EDQUOT)
        else "look who owns it, and who may write"
    )
    return MailerError(
        f"{error.filename} cannot be used: {error.strerror}. Nothing more was done.", hint=hint
    )


def _mistake(context: Context, error: Exception) -> MailerError:
    """Write the traceback to a file of its owner's alone, without what the mistake says, which may
    be a name or an address; and word the rest for people.
    """
    import tempfile
    import traceback

    if context.verbose > 1 or os.environ.get("MAILER_DEBUG") == "1":
        sys.stderr.write("".join(traceback.format_exception(error)))
    chain: list[BaseException] = [error]
    while more := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(more)
    story = "\nwhich came from\n\n".join(
        f"{type(one).__qualname__}, at\n{''.join(traceback.format_tb(one.__traceback__))}"
        for one in chain
    )
    folder = context.folder / ".mailer"
    try:
        file, path = tempfile.mkstemp(
            ".log", "mistake-", folder if folder.is_dir() else None
        )  # mode 0600
        with os.fdopen(file, "w", encoding="utf-8") as log:
            log.write(f"mailer {__version__}, Python {sys.version}\n{story}")
        kept = f"The details are in {Path(path).absolute()}."
    except OSError as full:
        kept = f"The details could not be kept ({full.strerror}); MAILER_DEBUG=1 shows them."
    return MailerError(
        f"This is a mistake in the mailer ({type(error).__name__}), nothing more was sent. {kept}",
        hint=(
            "mailer status shows where things stand; please send that file to whoever looks after"
            " the mailer"
        ),
    )


@click.group(cls=Root, invoke_without_command=True, context_settings={"help_option_names": [*HELP]})
@click.version_option(__version__, prog_name="mailer", message="%(prog)s %(version)s")
@click.pass_context
def cli(click_context: click.Context) -> None:
    """Write to every member of the Assembly, and know what became of each letter."""
    if click_context.invoked_subcommand is None:
        from mailer.cli.screen.where import say_where

        click.echo(click_context.get_help())
        say_where(click_context.ensure_object(Context))
