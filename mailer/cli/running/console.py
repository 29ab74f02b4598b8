"""`mailer console`: the same functions in a browser, on this computer alone."""

from __future__ import annotations

import contextlib
import getpass
import sys
import webbrowser

import click

from mailer.cli.context import Command, Context


@click.command(cls=Command)
@click.option("--open/--no-open", "open_", default=None, help="Open the browser, or do not.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8025,
    show_default=True,
    help="On this computer.",
)
@click.option(
    "--behind",
    metavar="URL",
    default="",
    help="The https address of a server in front, for a team; else [console] address.",
)
@click.pass_obj
def console(context: Context, open_: bool | None, port: int, behind: str) -> None:
    """See the send log, the sheets and the letters in a browser; send, pause and stop.

    The address that is printed opens the console once. It listens on this computer alone.
    """
    from mailer.actions.mail_outs.beside import read_beside
    from mailer.actions.team import members as team
    from mailer.console import serve

    behind = behind or context.workspace.settings.console.address or ""
    context.workspace.make_state_dir()
    with serve.listen(port) as listener, context.ledger() as ledger:
        made, names = serve.console(
            context.workspace.root,
            ledger,
            getpass.getuser(),
            listener,
            lambda link: context.say(f"  {link}"),
            behind,
        )
        link = serve.link(made)
        if context.json:
            context.data({"event": "listening", "url": link, "workspace": context.workspace.root})
        else:
            context.out.print(link, soft_wrap=True)
            opens = "Accounts open it." if behind else "This address opens the console once."
            context.say(f"{opens} Ctrl-C ends it; what is being sent goes on.")
            with ledger.reading() as connection:
                nobody = not team.members(connection, ledger.now())
            if behind and nobody:
                context.say(
                    "Nobody has an account yet: mailer account add NAME --role admin", "yellow"
                )
        with contextlib.ExitStack() as until_the_end:
            until_the_end.enter_context(read_beside(context.workspace, context.say))
            if open_ if open_ is not None else sys.stderr.isatty() and not behind:
                page = serve.way_in(context.workspace.root, link)
                webbrowser.open(link if behind else until_the_end.enter_context(page))
            serve.serve(made, names, listener)
        context.say("\nThe console is closed.")
