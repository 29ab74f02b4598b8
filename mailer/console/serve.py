"""Running the console: on this computer's own address, until Ctrl-C."""

from __future__ import annotations

import contextlib
import html
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import uvicorn

from mailer.base.errors import UsageError
from mailer.console.access.line import PatientProtocol
from mailer.console.access.sessions import DAY, BrowserSessions
from mailer.console.app import application
from mailer.console.ready import get_ready
from mailer.console.request import Console, WorkspaceCache
from mailer.console.views.live import end_streams
from mailer.ledger.ledger import Ledger

HOST = "127.0.0.1"
WAY_IN = "open-console.html"
"""In the workspace itself: browsers that are kept in a box (snap, flatpak) read no hidden folders.
"""


class _ConsoleServer(uvicorn.Server):
    """Ends in the same way for a service manager (SIGTERM) as for Ctrl-C: whatever follows the
    server is done, while uvicorn itself would be killed by the signal that it has obeyed.
    """

    def handle_exit(self, sig: int, frame: object) -> None:
        end_streams()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def listen(port: int) -> socket.socket:
    """Take the port, of this computer's own address alone. Raises UsageError where
    somebody has it.
    """
    try:
        return socket.create_server((HOST, port))
    except OSError as fault:
        raise UsageError(
            f"Port {port} of this computer cannot be used: {fault.strerror}.",
            hint="Perhaps a console runs already. Another port: mailer console --port 8026",
        ) from fault


def console(
    root: Path,
    ledger: Ledger,
    owner: str,
    listener: socket.socket,
    announce: Callable[[str], None],
    behind: str = "",
) -> tuple[Console, set[str]]:
    """Return a console for a workspace, and the names it goes by.

    `behind` is the public address of a server that speaks TLS and hands requests on:
    "https://mailer.rights.example". Then only accounts open it, and cookies are for TLS alone.
    """
    port = listener.getsockname()[1]
    names = {f"{HOST}:{port}", f"localhost:{port}"}
    origins = {f"http://{name}" for name in names}
    if behind:
        place = urlsplit(behind)
        if place.scheme != "https" or not place.netloc or place.path not in ("", "/"):
            raise UsageError(
                f"{behind} is no address of a server with TLS.",
                hint="https://mailer.rights.example",
            )
        names, origins = {place.netloc.lower()}, {f"https://{place.netloc.lower()}"}
    cache = WorkspaceCache(root)
    made = Console(
        cache=cache,
        ledger=ledger,
        sessions=BrowserSessions(
            ledger,
            now=ledger.now,
            file=_sign_ins(cache.workspace().make_state_dir(), port),
            owner="" if behind else owner,
        ),
        owner=owner,
        announce=announce,
        address=f"https://{urlsplit(behind).netloc}" if behind else f"http://{HOST}:{port}",
        origins=frozenset(origins),
        https=bool(behind),
    )
    return made, names


def _sign_ins(folder: Path, port: int) -> Path:
    """Return the file that keeps who is signed in, for a port; those of other ports in which
    nobody can be signed in any more go.
    """
    oldest = time.time() - DAY.total_seconds()
    for one in folder.glob("sign-ins-*.json"):
        with contextlib.suppress(OSError):
            if one.stat().st_mtime < oldest:
                one.unlink()
    return folder / f"sign-ins-{port}.json"


def link(made: Console) -> str:
    """Return the address that opens the console once."""
    return (
        made.address
        if made.https
        else f"{made.address}/sign-in?key={quote(made.sessions.new_key())}"
    )


@contextlib.contextmanager
def way_in(root: Path, address: str) -> Iterator[str]:
    """Write a page that leads to an address with its key, for its owner alone; yields the page's
    own address. A browser is given this one: everybody on a computer can read each other's command
    lines. The page goes with the block.
    """
    page = root / WAY_IN
    page.unlink(missing_ok=True)
    text = f'<!doctype html><meta http-equiv="refresh" content="0; url={html.escape(address)}">'
    with os.fdopen(os.open(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    try:
        yield page.as_uri()
    finally:
        page.unlink(missing_ok=True)


def serve(made: Console, names: set[str], listener: socket.socket) -> None:
    """Answer until Ctrl-C. What is being sent goes on: it is another process."""
    threading.Thread(target=get_ready, args=(made,), daemon=True).start()
    server = _ConsoleServer(configured(made, names))
    server.run(sockets=[listener])
    made.sessions.keep()


def configured(made: Console, names: set[str]) -> uvicorn.Config:
    """Return how the console is served: no headers are trusted, and nothing waits for ever."""
    return uvicorn.Config(
        application(made, names),
        http=PatientProtocol,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
