"""`mailer console`: the same functions in a browser, on this computer alone."""

from __future__ import annotations

import getpass
import sys
import webbrowser

import click

from mailer.cli.context import Command, Desk


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
    help="The https address of a server in front, for a team.",
)
@click.pass_obj
def console(desk: Desk, open_: bool | None, port: int, behind: str) -> None:
    """See the send log, the sheets and the letters in a browser; send, pause and stop.

    The address that is printed opens the console once. It listens on this computer alone.
    """
    from mailer.console import serve

    desk.workspace.make_state_dir()
    with serve.listen(port) as listener, desk.ledger() as ledger:
        made, names = serve.console(
            desk.workspace.root,
            ledger,
            getpass.getuser(),
            listener,
            lambda link: desk.say(f"  {link}"),
            behind,
        )
        link = serve.link(made)
        if desk.json:
            desk.data({"event": "listening", "url": link, "workspace": desk.workspace.root})
        else:
            desk.out.print(link, soft_wrap=True)
            desk.say(
                "This address opens the console once. Ctrl-C ends it; what is being sent goes on."
            )
        if open_ if open_ is not None else sys.stderr.isatty() and not behind:
            webbrowser.open(link)
        serve.serve(made, names, listener)
        desk.say("\nThe console is closed.")
