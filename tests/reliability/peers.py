"""Real mail servers on loopback, each with a configuration, a queue and a log of its own in a
folder that is deleted.

The log is the server's record. None of them delivers anything: what they take they throw away.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.helpers.children import Child

PATH = (
    os.environ.get("MAILER_TEST_PEERS", "")
    + ":/usr/sbin:/usr/bin:/usr/lib/postfix/sbin:/usr/lib/dovecot"
)
"""Where the servers' programs are; `MAILER_TEST_PEERS` names a folder to look in first."""


def program(name: str) -> str | None:
    return shutil.which(name, path=PATH)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_for_port(port: int) -> None:
    for _ in range(400):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.025)
    raise AssertionError(f"nothing listens at port {port}")


def open_folder() -> Path:
    """Make a folder that servers running as another user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="peer-"))
    folder.chmod(0o755)
    return folder


MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.parliament.example
mydestination =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject
smtpd_recipient_restrictions = {restrictions}
default_transport = discard
local_transport = discard
message_size_limit = 5000000
smtpd_client_connection_rate_limit = 0
{more}
"""
MASTER = """\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
127.0.0.1:{port} inet n - n - - smtpd
"""


class Postfix:
    """A Postfix that takes everything from this computer and throws it away."""

    def __init__(
        self, *, restrictions: str = "permit_mynetworks", more: str = "", services: str = ""
    ) -> None:
        self.restrictions, self.more, self.services = restrictions, more, services
        self.port = free_port()

    def __enter__(self) -> Postfix:
        self.folder = open_folder()
        for name, owner in (("conf", "root"), ("queue", "root"), ("data", "postfix")):
            (self.folder / name).mkdir()
            shutil.chown(self.folder / name, owner)
        values = {"folder": self.folder, "port": self.port}
        more = self.more.format(**values)
        main = MAIN.format(restrictions=self.restrictions, more=more, **values)
        (self.folder / "conf" / "main.cf").write_text(main)
        (self.folder / "conf" / "master.cf").write_text((MASTER + self.services).format(**values))
        self._do("start")
        wait_for_port(self.port)
        return self

    def __exit__(self, *_: object) -> None:
        self._do("stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _do(self, what: str) -> None:
        command = [program("postfix") or "postfix", "-c", str(self.folder / "conf"), what]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("MAIL_")
        }
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, env=environment
        )
        assert done.returncode == 0, done.stdout + done.stderr

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def settled(self) -> Counter[str]:
        """Return how often each recipient's letter was taken, once everything in the
        queue is done.
        """
        for _ in range(400):
            queued = [
                one for folder in ("incoming", "active", "maildrop") for one in self._files(folder)
            ]
            if not queued:
                break
            time.sleep(0.025)
        assert not queued, queued
        return Counter(re.findall(r"to=<([^>]+)>.* status=sent", self.log))

    def _files(self, folder: str) -> list[Path]:
        with contextlib.suppress(FileNotFoundError):
            return [one for one in (self.folder / "queue" / folder).rglob("*") if one.is_file()]
        return []


class Exim:
    """An Exim that takes everything for `parliament.example` and throws it away."""

    MORE: tuple[str, ...] = ()  # arguments

    CONFIG = """\
exim_path = {program}
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
pid_file_path = {folder}/pid
primary_hostname = mx.parliament.example
tls_advertise_hosts =
acl_smtp_rcpt = accept
acl_smtp_data = accept
never_users =
exim_user = {user}
exim_group = {group}
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
pipelining_advertise_hosts = *
message_size_limit = 5M
smtp_accept_max = 100
smtp_accept_max_per_host = 100
smtp_accept_queue_per_connection = 0
log_selector = +received_recipients
begin routers
all:
  driver = accept
  transport = gone
begin transports
gone:
  driver = appendfile
  file = /dev/null
  user = {user}
"""

    def __enter__(self) -> Exim:
        self.folder, self.port = open_folder(), free_port()
        (self.folder / "spool").mkdir()
        user, group = (
            ("Debian-exim", "Debian-exim") if _user("Debian-exim") else ("nobody", "nogroup")
        )
        for path in (self.folder, self.folder / "spool"):
            shutil.chown(path, user, group)
        exim = program("exim4")
        assert exim
        config = self.folder / "exim.conf"
        text = self.CONFIG.format(
            program=exim, folder=self.folder, user=user, group=group, port=self.port
        )
        config.write_text(text)
        command = [exim, "-C", str(config), "-bdf", *self.MORE]
        self._process = Child(command, stderr=subprocess.DEVNULL)
        wait_for_port(self.port)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def taken(self) -> Counter[str]:
        """Return how often each recipient's letter was taken (`<=` in the main log)."""
        log = (self.folder / "mainlog").read_text(errors="replace")
        return Counter(re.findall(r" <= .* for (\S+)$", log, re.MULTILINE))


class OpenSmtpd:
    """An OpenSMTPD, which knows no PIPELINING. It hands on what it takes to smtp-sink; its own log
    is the record.
    """

    CONFIG = """\
listen on 127.0.0.1 port {port} hostname mx.parliament.example
action "on" relay host smtp://127.0.0.1:{sink}
match from any for any action "on"
"""

    @staticmethod
    def is_here() -> bool:
        return bool(program("smtpd-opensmtpd") and program("smtp-sink")) and os.geteuid() == 0

    def __enter__(self) -> OpenSmtpd:
        self.folder, self.port, sink = open_folder(), free_port(), free_port()
        config = self.folder / "smtpd.conf"
        config.write_text(self.CONFIG.format(port=self.port, sink=sink))
        self._log = (self.folder / "log").open("wb")
        commands = (
            [str(program("smtp-sink")), "-u", "nobody", f"127.0.0.1:{sink}", "100"],
            [str(program("smtpd-opensmtpd")), "-d", "-f", str(config)],
        )
        self._processes = [Child(one, stdout=self._log, stderr=self._log) for one in commands]
        wait_for_port(self.port)
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            process.terminate()
            process.wait(20)
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def taken(self) -> Counter[str]:
        """Return how often each recipient's letter was taken (`smtp envelope` in the log)."""
        log = (self.folder / "log").read_text(errors="replace")
        return Counter(re.findall(r" smtp envelope .*to=<([^>]+)>", log))


def _user(name: str) -> bool:
    import pwd

    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


# ---------------------------------------------------------------------- what Postfix asks of others


@contextlib.contextmanager
def policy(answer: Callable[[dict[str, str]], str]) -> Iterator[int]:
    """Answer Postfix's questions about a recipient (its policy protocol). Yields the port."""

    class Talk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            question: dict[str, str] = {}
            for line in self.rfile:
                name, _, value = line.decode().strip().partition("=")
                if name:
                    question[name] = value
                    continue
                self.wfile.write(f"action={answer(question)}\n\n".encode())
                question = {}

    class Threads(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Threads(("127.0.0.1", 0), Talk) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


DOVECOT = """\
base_dir = {folder}/dovecot
log_path = {folder}/dovecot.log
protocols =
ssl = no
auth_mechanisms = plain login
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service auth {{
  unix_listener {socket} {{
    mode = 0666
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@contextlib.contextmanager
def logins(socket_path: Path, password: str) -> Iterator[None]:
    """Check logins for Postfix, with Dovecot's authentication service at a socket."""
    folder = open_folder()
    dovecot = program("dovecot")
    assert dovecot
    config = folder / "dovecot.conf"
    config.write_text(DOVECOT.format(folder=folder, socket=socket_path, password=password))
    process = Child([dovecot, "-F", "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(400):
            if socket_path.exists():
                break
            time.sleep(0.025)
        assert socket_path.exists(), (folder / "dovecot.log").read_text(errors="replace")
        yield
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)
